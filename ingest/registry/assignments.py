"""Who has a device when: the assignment that a new one repeats, ends, or would overlap."""

from dataclasses import dataclass

from ingest.instants import from_ms
from ingest.registry.care_plan import RefusedEdit
from schemas.registry import Assignment, DeviceEntry


@dataclass(frozen=True, slots=True)
class NewAssignment:
    """A device, or one of its user slots, to a patient from (inclusive) until (exclusive)."""

    device_id: str
    patient_id: str
    from_ms: int
    until_ms: int | None = None
    user_slot: int | None = None


def find_same(device: DeviceEntry, new: NewAssignment) -> Assignment | None:
    """Find the assignment that says the same already."""
    for known in device.assignments:
        wanted = Assignment(
            known.assignment_id, new.patient_id, new.from_ms, new.until_ms, new.user_slot
        )
        if known == wanted:
            return known
    return None


def find_current(device: DeviceEntry, at_ms: int, user_slot: int | None) -> Assignment:
    """Find the one assignment that holds at an instant."""
    current = [
        assignment
        for assignment in device.assignments
        if assignment.valid_from_ms <= at_ms
        and (assignment.valid_until_ms is None or at_ms < assignment.valid_until_ms)
        and user_slot in (None, assignment.user_slot)
    ]
    if len(current) > 1:
        slots = ", ".join(str(assignment.user_slot) for assignment in current)
        raise RefusedEdit(
            f"Device {device.device_id} has patients in slots {slots}.", "Name one with --slot."
        )
    if not current:
        raise RefusedEdit(
            f"Device {device.device_id} is not assigned at {_instant(at_ms)}.",
            "See `vitalwire registry list`.",
        )
    return current[0]


def overlap(device: DeviceEntry, new: NewAssignment) -> RefusedEdit:
    """Say which patient has the device, and until when."""
    until_ms = new.until_ms
    for known in device.assignments:
        ends_before = known.valid_until_ms is not None and known.valid_until_ms <= new.from_ms
        begins_after = until_ms is not None and until_ms <= known.valid_from_ms
        other_slot = (
            None not in (known.user_slot, new.user_slot) and known.user_slot != new.user_slot
        )
        if not (ends_before or begins_after or other_slot):
            until = (
                "without end"
                if known.valid_until_ms is None
                else f"until {_instant(known.valid_until_ms)}"
            )
            slot = "" if known.user_slot is None else f" (slot {known.user_slot})"
            return RefusedEdit(
                f"Device {device.device_id}{slot} is patient {known.patient_id}'s"
                f" from {_instant(known.valid_from_ms)} {until}.",
                f"End that with `vitalwire registry unassign {device.device_id} --at TIME`,"
                " or choose another --from.",
            )
    return RefusedEdit("The assignment overlaps another one.", "See `vitalwire registry list`.")


def _instant(instant_ms: int) -> str:
    return from_ms(instant_ms).isoformat(timespec="seconds")
