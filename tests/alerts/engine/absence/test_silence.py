"""Absences of a log: a plain reference says record by record what must come, however it is cut."""

from dataclasses import dataclass, field
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.absence.attendance import Attendance, Contacts, Noticed
from alerts.engine.absence.expectation import Expectation, deadline_ms
from alerts.engine.absence.keep import (
    KeptSilence,
    encode_away,
    keep_rows,
    restore_away,
    restore_rows,
)
from alerts.engine.absence.rungs import Rungs
from alerts.engine.absence.silence import AFRESH_AFTER_MS, step
from alerts.engine.absence.surroundings import REPORT_LATE_MS, Surroundings, device_number
from schemas.kafka import GatewayReport
from schemas.wire import DeviceState, Health

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LONG_AGO_MS = -(2**62)
BEGIN_MS = 1_793_527_200_000  # 2026-11-01T10:00Z, a Sunday
PATIENTS, VITAL_OF = 3, (0, 1, 0)
RANKS = ((1, True), (1, True), (0, False))
RUNGS = Rungs(("a", "b", "c"), RANKS, ((0, 2), (1,), (0, 2)))
"""The last rule is graver than the first, and of one ladder with it."""
ALONE = Rungs(("a",), ((2, True),), ((0,),))
ADDRESS = "AA:BB:CC:DD:EE:01"
DEVICE = device_number(ADDRESS)
GATEWAY = "home-1"

Entry = tuple[int, list[tuple[int, int, int]]]
"""Stamp; (row, vital, how long ago it was measured)."""


def expect(row: int, rule: int) -> Expectation | None:
    """Expect nothing of the last patient by the last rule."""
    if (row, rule) == (PATIENTS - 1, 2):
        return None
    days = (2, 1, 3)[rule]
    return Expectation(
        days * DAY_MS, BEGIN_MS, ((LONG_AGO_MS, ZoneInfo("Europe/Berlin")),), at_once=rule == 1
    )


def fresh(surroundings: Surroundings | None = None) -> Attendance:
    """Begin with every patient known and nobody heard of."""
    attendance = Attendance(RUNGS, VITAL_OF, 2, expect, surroundings or Surroundings())
    attendance.grow(PATIENTS)
    for row in range(PATIENTS):
        attendance.look_again([row])
    return attendance


def run(attendance: Attendance, entries: list[Entry]) -> list[Noticed]:
    """Give the attendance one call's records."""
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
    return step(attendance, contacts, log_ms, np.full(len(log_ms), attendance.held_until_ms))


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
            voice = self._voice(row, vital)
            for rule, other in enumerate(VITAL_OF):
                if other == vital and (row, rule) in self.open and self._due(row, rule) > stamp:
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
        if left is None or self._due(row, left) > stamp:
            self.found.append((stamp, row, rule, "returned", *ended))
        else:
            self.found.append((stamp, row, left, "eased", *self.open[row, left]))

    def _due(self, row: int, rule: int) -> int:
        expectation = expect(row, rule)
        if expectation is None:
            return 2**62
        since = max(self.contact_ms.get((row, VITAL_OF[rule]), 0), expectation.from_ms)
        due = deadline_ms(expectation, since)
        assert due is not None
        return due


entries_of = st.lists(
    st.tuples(
        st.integers(1, 20),
        st.lists(
            st.tuples(
                st.integers(0, PATIENTS - 1), st.integers(0, 1), st.integers(0, 80 * HOUR_MS)
            ),
            max_size=3,
        ),
    ),
    min_size=1,
    max_size=30,
)


def stamped(raw: list[tuple[int, list[tuple[int, int, int]]]]) -> list[Entry]:
    """Turn hours between records into stamps."""
    stamp, entries = BEGIN_MS, []
    for hours, contacts in raw:
        stamp += hours * HOUR_MS
        entries.append((stamp, contacts))
    return entries


def restarted(attendance: Attendance) -> Attendance:
    """Restore what was kept, as a new process does."""
    vitals, rules = {"blood_pressure": 0, "glucose": 1}, ("a", "b", "c")
    again = Attendance(RUNGS, VITAL_OF, 2, expect, attendance.surroundings)
    again.grow(PATIENTS)
    written = [
        msgspec.msgpack.decode(msgspec.msgpack.encode(silence), type=KeptSilence)
        for silence in keep_rows(attendance, range(PATIENTS), tuple(vitals), rules)
    ]
    restore_rows(again, range(PATIENTS), written, vitals, rules)
    restore_away(again, encode_away(attendance))
    return again


@given(entries_of, st.sets(st.integers(1, 29)), st.booleans())
def test_however_it_is_cut_or_restarted_the_reference_is_right(
    raw: list[tuple[int, list[tuple[int, int, int]]]], cuts: set[int], restarts: bool
) -> None:
    entries = stamped(raw)
    reference = Reference()
    for stamp, contacts in entries:
        reference.take(stamp, contacts)
    attendance, found = fresh(), []
    places = [0, *sorted(cut for cut in cuts if cut < len(entries)), len(entries)]
    for begin, end in pairwise(places):
        found += run(attendance, entries[begin:end])
        attendance = restarted(attendance) if restarts else attendance
    assert told(found) == sorted(reference.found)


def report(at_ms: int, *, online: bool = True, heard_ago_s: int | None = None) -> GatewayReport:
    """Report for the home."""
    devices = [DeviceState(ADDRESS, last_seen_s=heard_ago_s)] if heard_ago_s is not None else []
    health = Health(state="online" if online else "offline", devices=devices)
    return GatewayReport(GATEWAY, at_ms, health)


def there(surroundings: Surroundings, from_h: int, until_h: int) -> None:
    """Let the gateway report every hour."""
    for hours in range(from_h, until_h + 1):
        surroundings.take(report(BEGIN_MS + hours * HOUR_MS))


def contact(at_ms: int) -> Entry:
    """Give the first patient's first vital."""
    return (at_ms, [(0, 0, 0)])


def of_first(noticed: list[Noticed]) -> list[Noticed]:
    """Give what concerns the first patient's first ladder."""
    return [one for one in noticed if one.row == 0 and one.rule in {0, 2}]


def test_a_gateway_that_is_away_is_one_alert_and_its_patients_are_judged_after_it_is_back() -> None:
    surroundings = Surroundings()
    attendance = fresh(surroundings)
    run(attendance, [(BEGIN_MS + HOUR_MS, [(0, 0, 0), (1, 0, 0)])])
    gone_ms = BEGIN_MS + 20 * HOUR_MS
    surroundings.take(report(gone_ms, online=False))
    due_ms = BEGIN_MS + DAY_MS  # of the vital that never came
    noticed = [
        one
        for hours in range(2, 80)
        for one in run(attendance, [(BEGIN_MS + hours * HOUR_MS, [])])
        if one.rule in {-1, 0} and one.row < 2
    ]
    assert [(one.event, one.row, one.absence.origin_ms) for one in noticed] == [
        ("onset", -1, gone_ms)
    ]
    assert noticed[0].at_ms == due_ms

    back_ms = BEGIN_MS + 80 * HOUR_MS
    assert surroundings.take(report(back_ms))
    attendance.turned.add(attendance.number_of(GATEWAY))
    noticed = run(attendance, [(back_ms + 1, [])])
    assert [(one.event, one.row) for one in noticed if one.row == -1] == [("returned", -1)]
    noticed = run(attendance, [(back_ms + AFRESH_AFTER_MS, [])])
    assert not of_first(noticed)
    there(surroundings, 81, 100)
    noticed = run(attendance, [(back_ms + 20 * HOUR_MS, [])])
    assert [one.event for one in of_first(noticed)] == ["onset"]
    assert of_first(noticed)[0].at_ms >= back_ms + AFRESH_AFTER_MS


@pytest.mark.parametrize(
    ("heard_ago_h", "cause"), [(60, "device-silent"), (1, "not-measured"), (None, "not-measured")]
)
def test_the_cause_is_what_the_gateway_heard(heard_ago_h: int | None, cause: str) -> None:
    surroundings = Surroundings()
    attendance = fresh(surroundings)
    run(attendance, [contact(BEGIN_MS + HOUR_MS)])
    heard = None if heard_ago_h is None else heard_ago_h * 3600
    there(surroundings, 1, 48)
    surroundings.take(report(BEGIN_MS + 49 * HOUR_MS, heard_ago_s=heard))
    noticed = of_first(run(attendance, [(BEGIN_MS + 50 * HOUR_MS, [])]))
    assert [(one.event, one.absence.cause) for one in noticed] == [("onset", cause)]


def test_the_cause_is_kept_up_to_date_and_said_once() -> None:
    surroundings = Surroundings()
    attendance = fresh(surroundings)
    run(attendance, [contact(BEGIN_MS + HOUR_MS)])
    there(surroundings, 1, 48)
    surroundings.take(report(BEGIN_MS + 49 * HOUR_MS, heard_ago_s=50 * 3600))
    assert of_first(run(attendance, [(BEGIN_MS + 50 * HOUR_MS, [])]))[0].absence.cause == (
        "device-silent"
    )
    changes = []
    for hours, heard_ago_s in ((51, 60), (52, 120)):
        if surroundings.take(report(BEGIN_MS + hours * HOUR_MS, heard_ago_s=heard_ago_s)):
            attendance.turned.add(attendance.number_of(GATEWAY))
        changes += run(attendance, [(BEGIN_MS + hours * HOUR_MS + 1, [])])
    assert [(one.event, one.absence.cause) for one in of_first(changes)] == [
        ("cause", "not-measured")
    ]


def test_a_log_that_was_away_explains_the_silence_for_two_hours_more() -> None:
    attendance = fresh()
    run(attendance, [contact(BEGIN_MS + HOUR_MS)])
    back_ms = BEGIN_MS + 52 * HOUR_MS
    log_ms = np.array([back_ms, back_ms + 3 * HOUR_MS])
    nobody = np.empty(0, np.int64)
    none = Contacts(nobody, nobody, nobody, nobody, nobody, nobody, nobody)
    noticed = step(attendance, none, log_ms, np.full(2, back_ms + AFRESH_AFTER_MS))
    assert [one.at_ms for one in of_first(noticed)] == [back_ms + AFRESH_AFTER_MS]


def test_a_gateway_that_is_away_is_not_said_twice_after_a_restart() -> None:
    surroundings = Surroundings()
    attendance = fresh(surroundings)
    run(attendance, [(BEGIN_MS + HOUR_MS, [(0, 0, 0)])])
    surroundings.take(report(BEGIN_MS + 20 * HOUR_MS, online=False))
    noticed = run(attendance, [(BEGIN_MS + 60 * HOUR_MS, [])])
    assert [one.event for one in noticed if one.row == -1] == ["onset"]
    again = restarted(attendance)
    noticed = run(again, [(BEGIN_MS + 70 * HOUR_MS, [])])
    assert [one.event for one in noticed if one.row == -1] == []
    surroundings.take(report(BEGIN_MS + 71 * HOUR_MS))
    noticed = run(restarted(again), [(BEGIN_MS + 72 * HOUR_MS, [])])
    assert [one.event for one in noticed if one.row == -1] == ["returned"]


def test_a_gateway_that_stopped_reporting_is_away_though_its_will_was_lost() -> None:
    surroundings = Surroundings()
    surroundings.take(report(BEGIN_MS))
    assert surroundings.away_since(GATEWAY, BEGIN_MS + REPORT_LATE_MS) is None
    assert surroundings.away_since(GATEWAY, BEGIN_MS + REPORT_LATE_MS + 1) == BEGIN_MS
    assert surroundings.take(report(BEGIN_MS + 3 * REPORT_LATE_MS))
    assert surroundings.back_since(GATEWAY) == BEGIN_MS + 3 * REPORT_LATE_MS


def test_a_report_that_comes_late_changes_nothing() -> None:
    surroundings = Surroundings()
    surroundings.take(report(BEGIN_MS + 10))
    assert not surroundings.take(report(BEGIN_MS, online=False))
    assert surroundings.away_since(GATEWAY, BEGIN_MS + 10) is None


def test_a_changed_plan_ends_what_is_no_longer_expected() -> None:
    wanted: list[Expectation | None] = [
        Expectation(DAY_MS, BEGIN_MS, ((LONG_AGO_MS, ZoneInfo("UTC")),))
    ]
    attendance = Attendance(ALONE, (0,), 1, lambda _row, _rule: wanted[0], Surroundings())
    attendance.grow(1)
    attendance.look_again([0])
    assert [one.event for one in run(attendance, [(BEGIN_MS + 2 * DAY_MS, [])])] == ["onset"]
    wanted[0] = None
    attendance.look_again([0])
    after = run(attendance, [(BEGIN_MS + 2 * DAY_MS + 1, []), (BEGIN_MS + 9 * DAY_MS, [])])
    assert [one.event for one in after] == ["returned"]
    assert not attendance.open


def test_a_restored_patient_is_looked_at_when_it_is_due_and_not_before() -> None:
    """Following a million patients would else leave a million looks to the first step."""
    attendance = fresh()
    later_ms = BEGIN_MS + 5 * DAY_MS
    attendance.contact_ms[:] = later_ms
    for row in range(PATIENTS):
        attendance.look_again([row])
    assert not attendance.woken(later_ms + DAY_MS)
    assert attendance.woken(later_ms + DAY_MS + 1) == set(range(PATIENTS))


def test_a_plan_that_does_not_say_when_it_began_counts_from_the_first_contact() -> None:
    """Looked at before anything came, such a patient was never looked at again."""
    expected = Expectation(DAY_MS, 0, ((LONG_AGO_MS, ZoneInfo("UTC")),), at_once=True)
    attendance = Attendance(ALONE, (0,), 1, lambda _row, _rule: expected, Surroundings())
    attendance.grow(1)
    attendance.look_again([0])
    assert run(attendance, [(BEGIN_MS, [])]) == []
    assert run(attendance, [contact(BEGIN_MS + HOUR_MS)]) == []
    (onset,) = run(attendance, [(BEGIN_MS + 2 * DAY_MS, [])])
    assert (onset.event, onset.at_ms) == ("onset", BEGIN_MS + HOUR_MS + DAY_MS)
    (returned,) = run(attendance, [contact(BEGIN_MS + 2 * DAY_MS)])
    assert returned.event == "returned"


@pytest.mark.parametrize("cut", [True, False])
def test_of_all_behind_a_gateway_the_first_whose_silence_is_due_tells_of_it(*, cut: bool) -> None:
    """Not the one whose row is first, else it depended on how the log is cut."""
    surroundings = Surroundings()
    attendance = fresh(surroundings)
    run(attendance, [(BEGIN_MS + 9 * HOUR_MS, [(0, 1, 0)]), (BEGIN_MS + 9 * HOUR_MS, [(1, 1, 60)])])
    surroundings.take(report(BEGIN_MS + 10 * HOUR_MS, online=False))
    due_ms = BEGIN_MS + 9 * HOUR_MS + DAY_MS
    entries: list[Entry] = [(due_ms - 30, []), (due_ms + 1, [])]
    parts = [[one] for one in entries] if cut else [entries]
    noticed = [one for part in parts for one in run(attendance, part)]
    assert [(one.event, one.at_ms) for one in noticed if one.row < 0] == [("onset", due_ms - 60)]


def test_a_silence_that_a_plan_takes_away_and_brings_again_has_a_name_of_its_own() -> None:
    """Under the first one's name the second was dropped, and the patient missed by nobody."""
    expected: list[Expectation | None] = [
        Expectation(DAY_MS, BEGIN_MS, ((LONG_AGO_MS, ZoneInfo("UTC")),))
    ]
    attendance = Attendance(ALONE, (0,), 1, lambda _row, _rule: expected[0], Surroundings())
    attendance.grow(1)
    nobody = np.empty(0, np.int64)
    none = Contacts(nobody, nobody, nobody, nobody, nobody, nobody, nobody)
    noticed = list[Noticed]()
    before_ms = BEGIN_MS
    for hours, plan in ((25, expected[0]), (26, None), (27, expected[0]), (28, expected[0])):
        expected[0] = plan
        attendance.look_again([0])
        log_ms = np.array([BEGIN_MS + hours * HOUR_MS])
        noticed += step(attendance, none, log_ms, np.zeros(1, np.int64), before_ms)
        before_ms = int(log_ms[0])
    assert [(one.event, (one.absence.origin_ms - BEGIN_MS) // HOUR_MS) for one in noticed] == [
        ("onset", 24),
        ("returned", 24),
        ("onset", 26),
    ]
