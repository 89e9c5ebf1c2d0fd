"""Absences of a log: what is expected of three patients, and a plain reference of what is told."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
from msgspec.structs import replace

from alerts.engine.absence.attendance import Attendance, Expect
from alerts.engine.absence.contacts import Contacts
from alerts.engine.absence.expectation import Expectation, deadline_ms
from alerts.engine.absence.noticed import Noticed
from alerts.engine.absence.rungs import Rungs
from alerts.engine.absence.silence import step
from alerts.engine.absence.surroundings import NEVER_MS, Surroundings, device_number
from tests.alerts.oracle_absence import in_hours

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LONG_AGO_MS = -(2**62)
BEGIN_MS = 1_793_527_200_000  # 2026-11-01T10:00Z, a Sunday
PATIENTS, VITAL_OF = 3, (0, 1, 0)
RANKS = ((1, True), (1, True), (0, False))
RUNGS = Rungs(("a", "b", "c"), RANKS, ("first", "second", "first"))
"""The last rule is graver than the first, and of one ladder with it."""
ALONE = Rungs(("a",), ((2, True),), ("first",))
ADDRESS = "AA:BB:CC:DD:EE:01"
DEVICE = device_number(ADDRESS)
GATEWAY = "home-1"

Entry = tuple[int, list[tuple[int, int, int]]]
"""Stamp; (row, vital, how long ago it was measured)."""


def expect(row: int, rule: int) -> Expectation | None:
    """Expect nothing of the last patient by the last rule; the first's plan has no beginning."""
    if (row, rule) == (PATIENTS - 1, 2):
        return None
    days, from_ms = (2, 1, 3)[rule], 0 if row == 0 else BEGIN_MS
    return Expectation(
        days * DAY_MS, from_ms, ((LONG_AGO_MS, ZoneInfo("Europe/Berlin")),), at_once=rule == 1
    )


def attending(
    rungs: Rungs, vital_of: tuple[int, ...], asks: Expect, surroundings: Surroundings
) -> Attendance:
    """Begin with nobody; what is expected is asked one by one."""
    lengths_ms = [(2, 1, 3)[rule] * DAY_MS for rule in range(len(vital_of))]
    if rungs is ALONE:
        lengths_ms = [DAY_MS]
    vitals = max(vital_of) + 1
    return Attendance(rungs, vital_of, lengths_ms, vitals, asks, surroundings)


def plan(attendance: Attendance, patients: int = PATIENTS) -> None:
    """Take what is expected of patients now."""
    attendance.grow(patients)
    for row in range(patients):
        every = [attendance.expect(row, rule) for rule in range(len(attendance.vital_of))]
        attendance.begins_ms[row] = [NEVER_MS if one is None else one.from_ms for one in every]
        attendance.look_again([row])


def fresh(surroundings: Surroundings | None = None) -> Attendance:
    """Begin with every patient known and nobody heard of."""
    attendance = attending(RUNGS, VITAL_OF, expect, surroundings or Surroundings())
    plan(attendance)
    return attendance


def run(
    attendance: Attendance, entries: list[Entry], before_ms: int = LONG_AGO_MS
) -> list[Noticed]:
    """Give the attendance one call's records; ``before_ms``: log time before them."""
    rows = [
        (entry, place, row, vital, stamp - ago_ms)
        for entry, (stamp, contacts) in enumerate(entries)
        for place, (row, vital, ago_ms) in enumerate(contacts)
    ]
    gateway = attendance.number_of(GATEWAY)
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    everywhere = np.full(len(rows), gateway), np.full(len(rows), DEVICE)
    contacts = Contacts(columns[0], columns[1], columns[2], columns[3], columns[4], *everywhere)
    log_ms = np.array([stamp for stamp, _ in entries], np.int64)
    return step(attendance, contacts, log_ms, before_ms)


def told(noticed: list[Noticed]) -> list[tuple[object, ...]]:
    """Give what must be equal, in an order of its own."""
    return sorted(
        (one.at_ms, one.row, one.rule, one.event, one.absence.origin_ms, one.absence.alert)
        for one in noticed
    )


@dataclass
class Reference:
    """Looks at every patient at every record; ``open``: by patient and rule, deadline and alert."""

    contact_ms: dict[tuple[int, int], int] = field(default_factory=dict)
    first_ms: dict[tuple[int, int], int] = field(default_factory=dict)
    """When the first contact came to light: nothing that it tells of was due before."""
    open: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    found: list[tuple[object, ...]] = field(default_factory=list)

    def take(self, stamp: int, contacts: list[tuple[int, int, int]]) -> None:
        due = [(self._due(row, rule), row, rule) for row in range(PATIENTS) for rule in range(3)]
        for due_ms, row, rule in sorted(due, key=lambda one: (one[0], RANKS[one[2]])):
            if due_ms < stamp and (row, rule) not in self.open:
                self._begin(row, rule, due_ms)
        for row, vital, ago_ms in contacts:
            before = self.contact_ms.get((row, vital), -1)
            self.contact_ms[row, vital] = max(before, stamp - ago_ms)
            self.first_ms.setdefault((row, vital), stamp)
            voice = self._voice(row, vital)
            for rule, other in enumerate(VITAL_OF):
                if other == vital and (row, rule) in self.open and self._silent(row, rule) > stamp:
                    ended = self.open.pop((row, rule))
                    if rule == voice:
                        self._end(stamp, row, rule, ended)

    def _voice(self, row: int, vital: int) -> int | None:
        """Who speaks for the one ladder that a vital has."""
        rules = [rule for one, rule in self.open if one == row and VITAL_OF[rule] == vital]
        return min(rules, key=lambda rule: RANKS[rule], default=None)

    def _begin(self, row: int, rule: int, due_ms: int) -> None:
        voice, alert = self._voice(row, VITAL_OF[rule]), f"{'abc'[rule]}/{due_ms}"
        if voice is not None:
            alert = self.open[row, voice][1]
        if voice is None or RANKS[rule] < RANKS[voice]:
            event = "onset" if voice is None else "worsened"
            self.found.append((due_ms, row, rule, event, due_ms, alert))
        self.open[row, rule] = (due_ms, alert)

    def _end(self, stamp: int, row: int, rule: int, ended: tuple[int, str]) -> None:
        """Rules of one ladder go from the mildest, which is the first to come, to the gravest."""
        left = self._voice(row, VITAL_OF[rule])
        if left is None or self._silent(row, left) > stamp:
            self.found.append((stamp, row, rule, "returned", *ended))
        else:
            self.found.append((stamp, row, left, "eased", *self.open[row, left]))

    def _due(self, row: int, rule: int) -> int:
        expectation, due = expect(row, rule), self._silent(row, rule)
        return due if expectation is None or due == 2**62 else in_hours(expectation, due)

    def _silent(self, row: int, rule: int) -> int:
        """Whatever the hour, which only counts for when it is told."""
        expectation = expect(row, rule)
        if expectation is None:
            return 2**62
        contact = row, VITAL_OF[rule]
        since = max(self.contact_ms.get(contact, 0), expectation.from_ms)
        if not since:
            return 2**62
        due = deadline_ms(replace(expectation, at_once=True), since)
        assert due is not None
        return due if expectation.from_ms else max(due, self.first_ms[contact])
