"""Absence in the engine of one partition: what readings say of contact, what is told of silence."""

from collections.abc import Sequence

import msgspec
import numpy as np

from alerts.engine.absence.attendance import Attendance, Expect
from alerts.engine.absence.contacts import Contacts, Integers, contacts_of
from alerts.engine.absence.expectation import Expectation
from alerts.engine.absence.explained import gateway_transition, patient_transition
from alerts.engine.absence.keep import (
    KeptSilence,
    encode_away,
    keep_rows,
    restore_away,
    restore_rows,
)
from alerts.engine.absence.noticed import Noticed
from alerts.engine.absence.rules import AbsenceRule
from alerts.engine.absence.rungs import rungs_of
from alerts.engine.absence.silence import step
from alerts.engine.absence.surroundings import Surroundings, device_number
from alerts.engine.transitions.found import Found
from schemas.alert import Severity, Transition
from schemas.kafka import PatientReadings, ReadingsRecord
from schemas.vitals import VITALS

_CONTACT = frozenset({"measured", "failed"})
"""Who tried was there; a control solution tests the meter, not the patient."""

_BEHIND_LADDERS = 1_000_000
"""Of events at one place in the log those of absence come last."""


class AbsenceWatch:
    """Rules about absence over one partition's patients, by their rows.

    ``gap_ms``: how far apart stamps are if the pipeline was late; None: the log has no ticks.
    """

    def __init__(self, rules: Sequence[AbsenceRule], surroundings: Surroundings) -> None:
        """Start with nobody."""
        self.rules = tuple(rules)
        self.keys = tuple(rule.key for rule in rules)
        """The rules' names for ever: state is kept by them."""
        self.vitals = tuple(name for name, vital in VITALS.items() if vital.amends is None)
        """All: a rule about one that no rule waited for finds who has been in contact."""
        self.gap_ms: int | None = None
        self._numbers = {vital: number for number, vital in enumerate(self.vitals)}
        self._expected: list[tuple[Expectation | None, ...]] = []
        self.attendance = Attendance(
            rungs_of(rules),
            [self._numbers[rule.rule.vital] for rule in rules],
            [rule.rule.absent_for_ms for rule in rules],
            len(self.vitals),
            _asks(self._expected),
            surroundings,
        )

    def keep(self, rows: Sequence[int]) -> list[KeptSilence]:
        """Write down what is known of patients."""
        kept = keep_rows(self.attendance, rows, self.vitals, self.keys)
        return [self._with_ladders(one) if one.open else one for one in kept]

    def _with_ladders(self, kept: KeptSilence) -> KeptSilence:
        rules = {rule.key: rule.rule for rule in self.rules}
        told = {
            key: msgspec.structs.replace(
                one,
                ladder=rules[key].ladder,
                severity=rules[key].severity,
                notify=rules[key].notify,
            )
            for key, one in kept.open.items()
        }
        return msgspec.structs.replace(kept, open=told)

    def go_on_like(self, other: "AbsenceWatch") -> None:
        """Take over what is not one patient's."""
        self.gap_ms = other.gap_ms
        self.restore_away(other.keep_away())
        for number in other.attendance.turned:
            self.gateway_changed(other.attendance.gateways[number])

    def restore(self, rows: Sequence[int], kept: Sequence[KeptSilence]) -> None:
        """Put patients back."""
        restore_rows(self.attendance, rows, kept, self._numbers, self.keys)

    def keep_away(self) -> bytes:
        """Write down what is not one patient's."""
        return encode_away(self.attendance)

    def restore_away(self, kept: bytes) -> None:
        """Put it back, if there is anything."""
        restore_away(self.attendance, kept)

    def replan(
        self,
        rows: Sequence[int],
        expected: Sequence[tuple[Expectation | None, ...]],
        begins_ms: Integers,
    ) -> None:
        """Take what is expected of patients from now on: nothing, or one entry a rule.

        ``begins_ms``: since when, by patient and rule, as columns.
        """
        more = max(rows) + 1 - len(self._expected)
        self._expected += [()] * more
        self.attendance.grow(len(self._expected))
        self.attendance.begins_ms[np.array(rows)] = begins_ms
        others = [
            row for row, one in zip(rows, expected, strict=True) if self._expected[row] != one
        ]
        self.attendance.look_again(others)
        for row, one in zip(rows, expected, strict=True):
            self._expected[row] = one

    def gateway_changed(self, gateway_id: str) -> None:
        """Say in the next step what the gateway's last report changes."""
        self.attendance.turned.add(self.attendance.number_of(gateway_id))

    def step(
        self,
        patients: Sequence[str],
        contacts: Contacts | None,
        log_ms: Integers,
        before_ms: int,
    ) -> list[Found]:
        """Move to the end of a batch; ``before_ms``: log time before its first record."""
        attendance, came = self.attendance, contacts or contacts_of(())
        attendance.moved.clear()
        if self.gap_ms is not None:
            attendance.gaps.note(log_ms, before_ms, self.gap_ms)
        noticed = list[Noticed]()
        if self.rules or attendance.away:
            noticed = step(attendance, came, log_ms, before_ms)
        else:
            attendance.remember(came, np.arange(len(came.row)))
        attendance.gaps.forget()
        return [self._found(patients, one) for one in noticed]

    def gather(self, records: Sequence[tuple[int, ReadingsRecord]]) -> Contacts:
        """Find the contacts in records, each with its patient's row."""
        number_of = self.attendance.number_of
        return contacts_of(
            [
                (
                    entry,
                    place,
                    row,
                    self._numbers[one.reading.vital],
                    one.stamp.measured_at_ms,
                    number_of(record.gateway_id),
                    device_number(one.reading.device.address),
                )
                for entry, (row, record) in enumerate(records)
                if isinstance(record, PatientReadings)
                for place, one in enumerate(record.readings)
                if one.reading.outcome in _CONTACT and one.reading.vital in self._numbers
            ]
        )

    def voice(self, row: int, alert: str) -> tuple[Severity, int] | None:
        """Tell how grave an open alert is, and by which rule (its number); None: nothing holds."""
        key = self.attendance.voices(row).get(alert)
        return None if key is None else (self.rules[key[1]].rule.severity, key[1])

    def eased(self, patient_id: str, row: int, rule: int, log_ms: int) -> Transition:
        """Say that a version took a graver rule from an alert that this one keeps open."""
        absence, occasion = self.attendance.open[row, rule], f"{self.keys[rule]}/{log_ms}/version"
        noticed = Noticed("eased", row, rule, absence, log_ms, 0, -1, occasion)
        return self._transition(patient_id, noticed)

    def _found(self, patients: Sequence[str], noticed: Noticed) -> Found:
        patient_id = patients[noticed.row] if noticed.row >= 0 else ""
        in_record = noticed.place >= 0
        order = (
            noticed.entry,
            int(in_record),
            noticed.place if in_record else noticed.at_ms,
            patient_id,
            _BEHIND_LADDERS + noticed.rule,
        )
        return Found(order, noticed.row, self._transition(patient_id, noticed))

    def _transition(self, patient_id: str, noticed: Noticed) -> Transition:
        if noticed.row < 0:
            name = self.attendance.gateways[noticed.absence.gateway]
            return gateway_transition(name, noticed)
        return patient_transition(patient_id, self.rules[noticed.rule], noticed)


def _asks(expected: Sequence[tuple[Expectation | None, ...]]) -> Expect:
    """Ask a list, whose owner the attendance must not hold: of a ring of objects nothing is freed.

    What stays in memory is left out of every collection (see ``process/cli.py``), and books change.
    """

    def expect(row: int, rule: int) -> Expectation | None:
        of_patient = expected[row]
        return of_patient[rule] if of_patient else None

    return expect
