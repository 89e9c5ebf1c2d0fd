"""Absences of a log: a plain reference says record by record what must come, however it is cut."""

from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.absence.attendance import Attendance
from alerts.engine.absence.contacts import Contacts
from alerts.engine.absence.expectation import Expectation
from alerts.engine.absence.gaps import Gap
from alerts.engine.absence.keep import (
    KeptSilence,
    encode_away,
    keep_rows,
    restore_away,
    restore_rows,
)
from alerts.engine.absence.noticed import Noticed
from alerts.engine.absence.silence import step
from alerts.engine.absence.surroundings import AFRESH_AFTER_MS, REPORT_LATE_MS, Surroundings
from schemas.kafka import GatewayReport
from schemas.wire import DeviceState, Health
from tests.alerts.engine.absence.silence_reference import (
    ADDRESS,
    ALONE,
    BEGIN_MS,
    DAY_MS,
    GATEWAY,
    HOUR_MS,
    LONG_AGO_MS,
    PATIENTS,
    RUNGS,
    VITAL_OF,
    Entry,
    Reference,
    attending,
    expect,
    fresh,
    plan,
    run,
    told,
)

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
    again = attending(RUNGS, VITAL_OF, expect, attendance.surroundings)
    plan(again)
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
        before_ms = entries[begin - 1][0] if begin else LONG_AGO_MS
        found += run(attendance, entries[begin:end], before_ms)
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
    surroundings.take(report(BEGIN_MS + 50 * HOUR_MS, heard_ago_s=51 * 3600))
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
    attendance.gaps.known = [Gap(BEGIN_MS + HOUR_MS, back_ms)]
    noticed = step(attendance, none, log_ms)
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


@pytest.mark.parametrize("restarts", [True, False])
def test_a_restart_explains_nothing_anew_by_a_gateway_that_is_still_away(*, restarts: bool) -> None:
    """It stopped reporting, after one absence and before another one was due."""
    surroundings = Surroundings()
    attendance = fresh(surroundings)
    run(attendance, [(BEGIN_MS + HOUR_MS, [(1, 0, 0)])])
    there(surroundings, 1, 30)
    noticed = run(attendance, [(BEGIN_MS + 30 * HOUR_MS, [])])
    assert ("onset", 1, 1) in [(one.event, one.row, one.rule) for one in noticed]
    noticed = run(attendance, [(BEGIN_MS + 60 * HOUR_MS, [])])
    assert ("onset", -1) in [(one.event, one.row) for one in noticed]
    attendance = restarted(attendance) if restarts else attendance
    assert run(attendance, [(BEGIN_MS + 61 * HOUR_MS, [])]) == []


def test_a_gateway_that_stopped_reporting_is_away_though_its_will_was_lost() -> None:
    surroundings = Surroundings()
    surroundings.take(report(BEGIN_MS))
    assert surroundings.away_since(GATEWAY, BEGIN_MS + REPORT_LATE_MS) is None
    assert surroundings.away_since(GATEWAY, BEGIN_MS + REPORT_LATE_MS + 1) == BEGIN_MS
    assert surroundings.take(report(BEGIN_MS + 3 * REPORT_LATE_MS))
    assert (
        surroundings.back_since(GATEWAY, BEGIN_MS + 3 * REPORT_LATE_MS)
        == BEGIN_MS + 3 * REPORT_LATE_MS
    )


def test_a_report_that_comes_late_changes_nothing() -> None:
    surroundings = Surroundings()
    surroundings.take(report(BEGIN_MS + 10))
    assert not surroundings.take(report(BEGIN_MS, online=False))
    assert surroundings.away_since(GATEWAY, BEGIN_MS + 10) is None


def test_a_changed_plan_ends_what_is_no_longer_expected() -> None:
    wanted: list[Expectation | None] = [
        Expectation(DAY_MS, BEGIN_MS, ((LONG_AGO_MS, ZoneInfo("UTC")),))
    ]
    attendance = attending(ALONE, (0,), lambda _row, _rule: wanted[0], Surroundings())
    plan(attendance, 1)
    assert [one.event for one in run(attendance, [(BEGIN_MS + 2 * DAY_MS, [])])] == ["onset"]
    wanted[0] = None
    plan(attendance, 1)
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
    attendance = attending(ALONE, (0,), lambda _row, _rule: expected, Surroundings())
    plan(attendance, 1)
    assert run(attendance, [(BEGIN_MS, [])]) == []
    assert run(attendance, [contact(BEGIN_MS + HOUR_MS)]) == []
    (onset,) = run(attendance, [(BEGIN_MS + 2 * DAY_MS, [])])
    assert (onset.event, onset.at_ms) == ("onset", BEGIN_MS + HOUR_MS + DAY_MS)
    (returned,) = run(attendance, [contact(BEGIN_MS + 2 * DAY_MS)])
    assert returned.event == "returned"


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize(("ago_h", "events"), [(25, ["onset", "returned"]), (23, [])])
def test_a_first_contact_whose_silence_is_over_already_is_told_before_the_next_one(
    *, cut: bool, ago_h: int, events: list[str]
) -> None:
    entries = [
        (BEGIN_MS + HOUR_MS, [(0, 1, ago_h * HOUR_MS)]),
        (BEGIN_MS + HOUR_MS + 1, [(0, 1, 0)]),
    ]
    attendance = fresh()
    found = run(attendance, [(BEGIN_MS, [])])
    for batch in [entries[:1], entries[1:]] if cut else [entries]:
        found += run(attendance, batch, BEGIN_MS)
    assert [one.event for one in found] == events


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
    attendance = attending(ALONE, (0,), lambda _row, _rule: expected[0], Surroundings())
    nobody = np.empty(0, np.int64)
    none = Contacts(nobody, nobody, nobody, nobody, nobody, nobody, nobody)
    noticed = list[Noticed]()
    before_ms = BEGIN_MS
    for hours, other in ((25, expected[0]), (26, None), (27, expected[0]), (28, expected[0])):
        expected[0] = other
        plan(attendance, 1)
        log_ms = np.array([BEGIN_MS + hours * HOUR_MS])
        noticed += step(attendance, none, log_ms, before_ms)
        before_ms = int(log_ms[0])
    assert [(one.event, (one.absence.origin_ms - BEGIN_MS) // HOUR_MS) for one in noticed] == [
        ("onset", 24),
        ("returned", 24),
        ("onset", 26),
    ]
