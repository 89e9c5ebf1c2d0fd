"""Edits of the registry in PostgreSQL: each with its audit and its outbox row in one transaction.

Adding what is there already, word for word, changes nothing and leaves no trace; anything that
contradicts what is there is refused with the reason and the way out.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import msgspec
import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.range import Range

from ingest.instants import from_ms
from ingest.registry import entries, outbox
from ingest.registry.assignments import NewAssignment, find_current, find_same, overlap
from ingest.registry.care_plan import RefusedEdit, details_of, refuse_adult_books, require_zone
from ingest.registry.reattribution import Edit, reattribute
from ingest.registry.release import release
from schemas.registry import (
    ENTRY_BYTES_MAX,
    Assignment,
    BookEntry,
    DeviceEntry,
    PatientEntry,
)

_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ADDRESS = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}")
_SLOTS = 256


@dataclass(frozen=True, slots=True)
class Assigned:
    """What an assignment did.

    ``released``: readings that had waited for it; ``moved``: stored ones, the patient's now.
    """

    assignment: Assignment
    released: int
    moved: int = 0


@dataclass(frozen=True, slots=True)
class Unassigned:
    """What ended. ``moved``: stored readings of after the end, which are nobody's now."""

    assignment: Assignment
    moved: int


class RegistryStore:
    """The registry as one person edits it, over one connection."""

    def __init__(self, connection: Connection[TupleRow], who: str, now: datetime) -> None:
        """``who`` goes into the audit log, ``now`` is the time of the edits."""
        self._connection = connection
        self._who = who
        self._now = now

    def add_patient(self, entry: PatientEntry) -> bool:
        """Add a patient with the care plan; False if this very entry was there already."""
        _require(_IDENTIFIER, entry.patient_id, "patient id", "letters, digits, dots and dashes")
        require_zone(entry.zone)
        with self._edit():
            refuse_adult_books(entry, entries.books(self._connection))
            known = entries.patient(self._connection, entry.patient_id)
            if known is not None:
                return _same(known, entry, f"Patient {entry.patient_id}")
            self._connection.execute(
                "INSERT INTO vitalwire.patients (patient_id, pseudonym, zone, simulated, under_13)"
                " VALUES (%s, %s, %s, %s, %s)",
                [entry.patient_id, entry.pseudonym, entry.zone, entry.simulated, entry.under_13],
            )
            self._connection.execute(
                "INSERT INTO vitalwire.care_plans (patient_id, books, starts_at, details)"
                " VALUES (%s, %s, %s, %s)",
                [
                    entry.patient_id,
                    entry.books,
                    from_ms(entry.care_plan_from_ms),
                    _document(entry),
                ],
            )
            self._record("patient.add", None, entry)
        return True

    def change_plan(
        self, patient_id: str, action: str, change: Callable[[PatientEntry], PatientEntry]
    ) -> PatientEntry:
        """Change a care plan as ``change`` says, which may refuse; give the patient's new entry."""
        with self._edit():
            before = entries.patient(self._connection, patient_id)
            if before is None:
                raise RefusedEdit(
                    f"There is no patient {patient_id}.", "See `vitalwire registry patient list`."
                )
            after = change(before)
            if after == before:
                return before
            self._connection.execute(
                "INSERT INTO vitalwire.care_plans (patient_id, books, starts_at, details)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT (patient_id) DO UPDATE"
                " SET books = EXCLUDED.books, details = EXCLUDED.details",
                [patient_id, after.books, from_ms(after.care_plan_from_ms), _document(after)],
            )
            self._record(f"plan.{action}", before, after)
        return after

    def active_books(self) -> list[BookEntry]:
        """Give the rule books in force."""
        return entries.books(self._connection)

    def add_device(self, device_id: str, address: str, model: str = "") -> bool:
        """Add a device; False if this very one was there already."""
        _require(_IDENTIFIER, device_id, "device id", "letters, digits, dots and dashes")
        _require(_ADDRESS, address, "Bluetooth address", "six pairs such as C0:FF:EE:00:00:01")
        entry = DeviceEntry(device_id, address, model)
        with self._edit():
            known = entries.device(self._connection, device_id)
            if known is not None:
                bare = msgspec.structs.replace(known, assignments=[])
                return _same(bare, entry, f"Device {device_id}")
            self._connection.execute(
                "INSERT INTO vitalwire.devices (device_id, address, model) VALUES (%s, %s, %s)",
                [device_id, address, model],
            )
            self._record("device.add", None, entry)
        return True

    def assign(self, new: NewAssignment) -> Assigned:
        """Give a device to a patient; the readings that waited for it start to flow."""
        with self._edit():
            before = self._locked_device(new.device_id)
            if entries.patient(self._connection, new.patient_id) is None:
                raise RefusedEdit(
                    f"There is no patient {new.patient_id}.",
                    "Add one with `vitalwire registry patient add`.",
                )
            same = find_same(before, new)
            if same is not None:
                return Assigned(same, 0)
            self._insert(before, new)
            after = self._locked_device(new.device_id)
            self._record("assign", before, after)
            moved = self._reattribute(after, new.from_ms, "assigned", held_by=new.patient_id)
            released = release(self._connection, [after.address], self._now)
        (assignment,) = [entry for entry in after.assignments if entry not in before.assignments]
        return Assigned(assignment, released, moved)

    def unassign(self, device_id: str, at_ms: int, user_slot: int | None = None) -> Unassigned:
        """End the assignment that holds at ``at_ms``; what was measured later is withdrawn.

        One that ends with its first instant never was: it is removed, and the audit log keeps it.
        """
        with self._edit():
            before = self._locked_device(device_id)
            assignment = find_current(before, at_ms, user_slot)
            if at_ms == assignment.valid_from_ms:
                self._connection.execute(
                    "DELETE FROM vitalwire.assignments WHERE assignment_id = %s",
                    [assignment.assignment_id],
                )
            else:
                self._connection.execute(
                    "UPDATE vitalwire.assignments SET validity = tstzrange(lower(validity), %s)"
                    " WHERE assignment_id = %s",
                    [from_ms(at_ms), assignment.assignment_id],
                )
            after = self._locked_device(device_id)
            self._record("unassign", before, after)
            moved = self._reattribute(
                after, at_ms, "assignment ended", held_by=assignment.patient_id
            )
        return Unassigned(msgspec.structs.replace(assignment, valid_until_ms=at_ms), moved)

    @contextmanager
    def _edit(self) -> Iterator[None]:
        """Make one transaction of an edit; say in plain words what the database refused.

        The lock keeps the sink's batches apart from edits: a reading is either in the table of
        those that wait when an assignment looks for them, or meets the new assignment.
        """
        try:
            with self._connection.transaction():
                self._connection.execute(
                    "LOCK TABLE vitalwire.assignments IN SHARE ROW EXCLUSIVE MODE"
                )
                yield
        except psycopg.errors.UniqueViolation as error:
            raise RefusedEdit(
                f"Already taken: {error.diag.message_detail}", "Choose another, or list them."
            ) from error

    def _locked_device(self, device_id: str) -> DeviceEntry:
        entry = entries.device(self._connection, device_id)
        if entry is None:
            raise RefusedEdit(
                f"There is no device {device_id}.", "Add one with `vitalwire registry device add`."
            )
        return entry

    def _insert(self, device: DeviceEntry, new: NewAssignment) -> None:
        if new.user_slot is not None and not 0 <= new.user_slot < _SLOTS - 1:
            raise RefusedEdit(f"{new.user_slot} is no user slot.", "Slots are 0 to 254.")
        if new.until_ms is not None and new.until_ms <= new.from_ms:
            raise RefusedEdit("The assignment would end before it begins.", "Check --until.")
        whole = new.user_slot is None
        first = new.user_slot or 0
        until = None if new.until_ms is None else from_ms(new.until_ms)
        try:
            with self._connection.transaction():
                self._connection.execute(
                    "INSERT INTO vitalwire.assignments"
                    " (assignment_id, device_id, patient_id, user_slots, validity)"
                    " VALUES (gen_random_uuid(), %s, %s, %s::int4range, %s::tstzrange)",
                    [
                        new.device_id,
                        new.patient_id,
                        Range(first, _SLOTS if whole else first + 1),
                        Range(from_ms(new.from_ms), until),
                    ],
                )
        except psycopg.errors.ExclusionViolation as error:
            raise overlap(device, new) from error

    def _record(
        self,
        action: str,
        before: DeviceEntry | PatientEntry | None,
        after: DeviceEntry | PatientEntry,
    ) -> None:
        """Write the audit row and the outbox row of an edit; refuse what nobody would read."""
        written = msgspec.json.encode(after)
        if len(written) > ENTRY_BYTES_MAX:
            raise RefusedEdit(
                f"{outbox.entry_key(after)} would have {len(written):,} bytes, and may have"
                f" {ENTRY_BYTES_MAX:,}.",
                "Write shorter reasons.",
            )
        self._connection.execute(
            "INSERT INTO vitalwire.audit_log (at, who, action, subject, before, after)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [
                self._now,
                self._who,
                action,
                outbox.entry_key(after),
                None if before is None else msgspec.json.encode(before).decode(),
                written.decode(),
            ],
        )
        outbox.put_entry(self._connection, after)

    def _reattribute(self, device: DeviceEntry, since_ms: int, reason: str, *, held_by: str) -> int:
        """Let what is stored of a device follow its assignments; give how many readings moved.

        ``held_by`` may hold some of it, even if no assignment says so any more.
        """
        patients = {held_by, *(assignment.patient_id for assignment in device.assignments)}
        edit = Edit(self._who, self._now, reason, from_ms(since_ms))
        return reattribute(self._connection, device, patients, edit)


def _require(pattern: re.Pattern[str], text: str, what: str, example: str) -> None:
    if not pattern.fullmatch(text):
        raise RefusedEdit(f"{text!r} is no {what}.", f"Use {example}.")


def _document(entry: PatientEntry) -> str:
    return msgspec.json.encode(details_of(entry)).decode()


def _same(known: object, wanted: object, what: str) -> bool:
    """Accept a repetition (giving False: nothing was added), refuse a contradiction."""
    if known != wanted:
        raise RefusedEdit(f"{what} exists with other data.", "List it, or choose another id.")
    return False
