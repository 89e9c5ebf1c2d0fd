"""Who wore a device when: registry records in, attribution out. No I/O.

A reading is attributed only if its whole uncertainty interval lies inside one assignment; otherwise
the reason says what a person has to do about it. The same lookup serves the bridge (fed from
registry.v1), the sink (fed from the tables, inside its transaction) and the registry itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from schemas.errors import UNREADABLE, InvalidInput
from schemas.kafka import StampedReading, UnassignedReason
from schemas.registry import (
    Assignment,
    DeviceEntry,
    PatientEntry,
    RegistryEntry,
    read_entry,
)
from schemas.time_zone import zone_named
from schemas.wire import refuse_other_major

UNKNOWN_SLOT = 255
"""The Bluetooth profile's "unknown user"; never a slot that somebody was given."""


@dataclass(frozen=True, slots=True)
class Attributed:
    """The reading is this patient's."""

    device_id: str
    patient_id: str
    assignment_id: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The reading has no patient yet; ``device_id`` None: nobody registered the device."""

    reason: UnassignedReason
    device_id: str | None = None


class RegistryView:
    """Devices by address. Entries are only ever replaced: nothing is taken out of the registry."""

    def __init__(self, devices: Iterable[DeviceEntry] = ()) -> None:
        """Start with these devices."""
        self._by_address: dict[str, DeviceEntry] = {}
        self._addresses: dict[str, str] = {}
        self._patients: dict[str, PatientEntry] = {}
        for device in devices:
            self.put(device)

    def put(self, device: DeviceEntry) -> None:
        """Add a device, or replace what was known of it (its address too)."""
        former = self._addresses.get(device.device_id)
        if former is not None and former != device.address:
            self._by_address.pop(former, None)
        self._addresses[device.device_id] = device.address
        self._by_address[device.address] = device

    def apply(self, value: bytes | None) -> RegistryEntry | None:
        """Take a record of registry.v1; raise ``InvalidInput`` for one that cannot be read.

        Gives the entry; None for an empty value, which removes: nothing is ever removed yet, and a
        device that vanished would only turn its readings away.
        """
        if not value:
            return None
        try:
            entry = read_entry(value)
        except UNREADABLE as error:
            raise InvalidInput("registry", str(error)) from error
        refuse_other_major(entry.version)
        if isinstance(entry, DeviceEntry):
            self.put(entry)
        elif isinstance(entry, PatientEntry):
            self._patients[entry.patient_id] = entry
        return entry

    def zone_of(self, address: str, at_ms: int) -> ZoneInfo | None:
        """Give the zone of whoever wears a device at an instant; None if unknown, or not one."""
        device = self._by_address.get(address)
        if device is None:
            return None
        wearers = {
            assignment.patient_id
            for assignment in device.assignments
            if _touches(assignment, at_ms, at_ms)
        }
        known = [self._patients[one] for one in wearers if one in self._patients]
        zones = {entry.zone_at(at_ms) for entry in known}
        return zone_named(zones.pop()) if len(zones) == 1 and len(known) == len(wearers) else None

    def attribute(self, stamped: StampedReading) -> Attributed | Waiting:
        """Find whose reading this is, by device, user slot and the interval of its time."""
        reading, stamp = stamped.reading, stamped.stamp
        return self.owner(
            reading.device.address, reading.user_slot, (stamp.earliest_ms, stamp.latest_ms)
        )

    def owner(
        self, address: str, user_slot: int | None, interval_ms: tuple[int, int]
    ) -> Attributed | Waiting:
        """Find to whom a device's slot belonged all through an interval."""
        device = self._by_address.get(address)
        if device is None:
            return Waiting("unknown-device")
        slot = None if user_slot == UNKNOWN_SLOT else user_slot
        touching = [
            assignment for assignment in device.assignments if _touches(assignment, *interval_ms)
        ]
        if not touching:
            return Waiting("no-assignment", device.device_id)
        of_slot = [assignment for assignment in touching if assignment.user_slot in (None, slot)]
        if not of_slot:
            return Waiting("unknown-user-slot", device.device_id)
        if len(of_slot) > 1 or not _contains(of_slot[0], *interval_ms):
            return Waiting("ambiguous-time", device.device_id)
        return Attributed(device.device_id, of_slot[0].patient_id, of_slot[0].assignment_id)

    def __len__(self) -> int:
        return len(self._by_address)


def _touches(assignment: Assignment, earliest_ms: int, latest_ms: int) -> bool:
    until_ms = assignment.valid_until_ms
    return assignment.valid_from_ms <= latest_ms and (until_ms is None or earliest_ms < until_ms)


def _contains(assignment: Assignment, earliest_ms: int, latest_ms: int) -> bool:
    until_ms = assignment.valid_until_ms
    return assignment.valid_from_ms <= earliest_ms and (until_ms is None or latest_ms < until_ms)
