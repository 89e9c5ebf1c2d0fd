"""What a reading had ended holds again when it proves to be wrong, or another patient's."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk.fold import Desk
from alerts.engine.ladders.ladder import RuleSet
from alerts.engine.state.archive import decode_patient
from alerts.engine.step import step
from alerts.engine.transitions.ended import KEPT_MS
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord, Tick
from schemas.registry import PatientEntry
from tests.alerts.engine.confirming import rules as confirming
from tests.alerts.engine.correcting import correction, events, kept, logs, withdrawal
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.engine.one_patient import restore_patient
from tests.alerts.engine.window_book import days
from tests.alerts.engine.window_book import rules as windows
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    fresh_state,
    glucose,
    pressure,
    record,
)

SEVERE = pressure(NOON, 200, 125)
FOREIGN = pressure(NOON + 5 * MINUTE, 120, 80)
LATER = NOON + 7 * MINUTE


def judged(*log: ReadingsRecord, rules: RuleSet | None = None) -> list[Transition]:
    return by_cuts(log, rules=rules)


def test_what_waited_for_a_repeat_waits_on_until_its_time() -> None:
    """Nobody was paged, for a reading of another patient stood for the repeat."""
    log = [*at_once(SEVERE, FOREIGN), withdrawal(FOREIGN, at_ms=LATER), Tick(NOON + HOUR)]
    onset, denied, again, paged = judged(*log, rules=confirming())
    assert (denied.event, again.event, paged.event) == ("not-confirmed", "reopened", "confirmed")
    assert {one.alert_id for one in (denied, again, paged)} == {onset.alert_id}
    assert (again.severity, again.at_ms) == ("critical", LATER)
    assert again.marks == ["awaiting-confirmation"]
    assert again.confirm_by_ms == onset.confirm_by_ms
    assert again.evidence == onset.evidence
    assert paged.at_ms == onset.confirm_by_ms
    assert again.reason == (
        "Open again: severe blood pressure, systolic 200 mmHg and diastolic 125 mmHg "
        "(adult-standard, bp-severe), to be confirmed by a repeat within 10 min; "
        "the reading that had ended it is another patient's"
    )


def test_after_its_time_the_page_comes_at_once() -> None:
    late = NOON + 30 * MINUTE
    log = [*at_once(SEVERE, FOREIGN), withdrawal(FOREIGN, at_ms=late), Tick(NOON + HOUR)]
    *_, again = judged(*log, rules=confirming())
    assert (again.event, again.severity, again.marks) == ("reopened", "critical", [])
    assert again.confirm_by_ms is None
    assert "waits" not in again.reason


def test_what_had_returned_is_open_again_and_returns_by_a_reading_of_its_own() -> None:
    own = pressure(NOON + HOUR, 120, 80)
    log = [*at_once(SEVERE, FOREIGN), withdrawal(FOREIGN, at_ms=LATER), *at_once(own)]
    assert events(judged(*log)) == ["onset", "returned", "reopened", "returned"]


def test_a_corrected_reading_that_ended_an_alert_opens_it_again() -> None:
    still = pressure(FOREIGN.at_ms, 178, 80)
    *_, again = judged(*at_once(SEVERE, FOREIGN), correction(FOREIGN, still, LATER))
    assert (again.event, again.severity) == ("reopened", "critical")
    assert again.reason.endswith(
        "; the reading that had ended it says otherwise now: its device's bytes were misread: "
        "systolic 178 mmHg (before: 120 mmHg)"
    )
    normal = pressure(FOREIGN.at_ms, 130, 80)
    log = [*at_once(SEVERE, FOREIGN), correction(FOREIGN, normal, LATER)]
    assert events(judged(*log)) == ["onset", "returned"]
    worse = pressure(FOREIGN.at_ms, 210, 130)  # what it says itself is no news beside the alert
    log = [*at_once(SEVERE, FOREIGN), correction(FOREIGN, worse, LATER)]
    assert events(judged(*log)) == ["onset", "returned", "reopened"]


@pytest.mark.parametrize(
    ("hours", "value", "event", "severity", "marks"),
    [
        (3, 60, "reopened", "medium", []),
        (6, 50, "reopened", "critical", ["delayed"]),
        (6, 60, "reopened", "info", ["delayed"]),
        (25, 50, "wrongly-ended", "medium", []),
    ],
)
def test_it_is_judged_by_the_age_of_what_it_rests_on(
    hours: int, value: int, event: str, severity: str, marks: list[str]
) -> None:
    low, foreign = glucose(NOON, value), glucose(NOON + MINUTE, 120)
    fresh = 0 if hours > 3 else 150 * MINUTE
    at_ms = NOON + hours * HOUR - fresh
    *_, again = judged(*at_once(low, foreign), withdrawal(foreign, at_ms=at_ms))
    assert (again.event, again.severity, again.marks) == (event, severity, marks)
    assert ("measured 6 h ago: call the patient" in again.reason) == ("delayed" in marks)


def test_a_newer_reading_of_the_patient_makes_what_is_not_fresh_stale() -> None:
    between = pressure(NOON + HOUR, 178, 118)  # neither beyond the limit nor back within it
    log = [*at_once(SEVERE, FOREIGN, between), withdrawal(FOREIGN, at_ms=NOON + 6 * HOUR)]
    onset, _, task = judged(*log)
    assert (task.event, task.severity) == ("wrongly-ended", "medium")
    assert task.alert_id != onset.alert_id
    assert task.reason.startswith("Ended by mistake: severe blood pressure, systolic 200 mmHg")
    desk = Desk()
    desk.found(task)
    case = desk.case(task.alert_id)
    assert case is not None
    assert case.kind == "work"


def test_another_reading_that_ends_it_too_takes_the_place_of_the_withdrawn_one() -> None:
    own = pressure(NOON + 6 * MINUTE, 122, 80)
    log = [*at_once(SEVERE, FOREIGN, own), withdrawal(FOREIGN, at_ms=LATER)]
    assert events(judged(*log)) == ["onset", "returned"]
    both = [*at_once(SEVERE, FOREIGN, own), withdrawal(FOREIGN, own, at_ms=LATER)]
    assert events(judged(*both)) == ["onset", "returned", "reopened"]
    one_by_one = [*log, withdrawal(own, at_ms=LATER)]
    assert events(judged(*one_by_one)) == ["onset", "returned", "reopened"]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(10, ["onset", "returned", "wrongly-ended"]), (4, ["onset", "returned"])],
)
def test_a_reading_that_came_late_takes_nobodys_place(hours: int, expected: list[str]) -> None:
    """Delayed, it could not have ended the alert itself: that would have stayed open."""
    own, came_ms = pressure(NOON + 6 * MINUTE, 122, 80), NOON + 6 * MINUTE + hours * HOUR
    late = record(came_ms, [own])
    assert events(judged(*at_once(SEVERE), late)) == ["onset", "returned"][: 1 + (hours == 4)]
    log = [*at_once(SEVERE, FOREIGN), late, withdrawal(FOREIGN, at_ms=came_ms)]
    assert events(judged(*log)) == expected


def test_a_late_reading_that_is_corrected_came_no_earlier_for_it() -> None:
    own, came_ms = pressure(NOON + 6 * MINUTE, 122, 80), NOON + 10 * HOUR
    mended = correction(own, pressure(own.at_ms, 121, 80), came_ms)
    log = [*at_once(SEVERE, FOREIGN), record(came_ms, [own]), mended]
    log.append(withdrawal(FOREIGN, at_ms=came_ms))
    assert events(judged(*log)) == ["onset", "returned", "wrongly-ended"]


def test_a_page_that_should_have_come_before_it_was_over_is_told() -> None:
    own = pressure(NOON + HOUR, 122, 80)
    log = [*at_once(SEVERE, FOREIGN, own), withdrawal(FOREIGN, at_ms=NOON + 2 * HOUR)]
    assert events(judged(*log, rules=confirming())) == ["onset", "not-confirmed", "wrongly-ended"]
    repeat = pressure(NOON + 6 * MINUTE, 122, 80)
    log = [*at_once(SEVERE, FOREIGN, repeat), withdrawal(FOREIGN, at_ms=NOON + 2 * HOUR)]
    assert events(judged(*log, rules=confirming())) == ["onset", "not-confirmed"]


def test_what_rested_on_a_withdrawn_reading_itself_stays_over() -> None:
    log = [*at_once(SEVERE, FOREIGN), withdrawal(SEVERE, FOREIGN, at_ms=LATER)]
    assert events(judged(*log)) == ["onset", "returned", "retracted"]


def test_rungs_join_the_alert_that_is_open_meanwhile() -> None:
    low, foreign, lower = glucose(NOON, 50), glucose(NOON + 1, 120), glucose(NOON + MINUTE, 62)
    log = [*at_once(low, foreign, lower), withdrawal(foreign, at_ms=LATER)]
    first, _, second, worse = judged(*log)
    assert first.alert_id != second.alert_id
    assert (worse.event, worse.severity, worse.alert_id) == (
        "worsened",
        "critical",
        second.alert_id,
    )
    assert "is another patient's" in worse.reason
    eased = glucose(NOON + 1, 66)
    found = judged(*at_once(low, eased), withdrawal(eased, at_ms=LATER))
    assert events(found) == ["onset", "eased", "worsened"]
    assert len({one.alert_id for one in found}) == 1


HIGH = [pressure(NOON + n * HOUR, 150) for n in range(2)]


def told_of_windows(*log: ReadingsRecord) -> list[str]:
    patient = PatientEntry("p1", "Robin", ["windows"], therapy_start_ms=NOON + 9 * DAY)
    return events(by_cuts(log, patient, rules=windows()))


def test_a_window_that_returned_only_thanks_to_it_is_open_again() -> None:
    """Two of the last three are enough; the reading that ended it is not the one that goes."""
    foreign, own = pressure(NOON + 2 * HOUR, 120), pressure(NOON + 3 * HOUR, 120)
    log = at_once(*HIGH, foreign, own)
    assert told_of_windows(*log) == ["onset", "returned"]
    for one in (foreign, own):
        assert told_of_windows(*log, withdrawal(one, at_ms=own.at_ms))[2:] == ["reopened"]
    once_more = pressure(NOON + 4 * HOUR, 120)
    log = [*at_once(*HIGH, foreign, own, once_more), withdrawal(foreign, at_ms=once_more.at_ms)]
    assert told_of_windows(*log) == ["onset", "returned"]


def test_a_mean_that_returned_only_thanks_to_it_is_open_again() -> None:
    readings = days(136)
    foreign = pressure(readings[-1].at_ms + HOUR, 90)
    own = pressure(foreign.at_ms + HOUR, 134)
    log = at_once(*readings, foreign)
    for log_ in (log, [*log, *at_once(own)]):
        told = told_of_windows(*log_, withdrawal(foreign, at_ms=own.at_ms))
        assert told == ["onset", "returned", "reopened"]
    last = readings[-1]
    log = [*log, correction(last, pressure(last.at_ms, 138), foreign.at_ms)]
    assert told_of_windows(*log) == ["onset", "returned"]


FLAGGED = pressure(NOON, 200, 80, "body-moved")


def test_a_flagged_match_that_a_foreign_repeat_denied_waits_on_or_opens_unverified() -> None:
    log = [*at_once(FLAGGED, FOREIGN), withdrawal(FOREIGN, at_ms=LATER), Tick(NOON + HOUR)]
    asked, onset = judged(*log)
    assert (asked.event, onset.event, onset.severity) == ("repeat-asked", "onset", "high")
    assert "unverified" in onset.marks
    assert onset.alert_id == asked.alert_id
    log[2] = withdrawal(FOREIGN, at_ms=NOON + HOUR)
    _, again = judged(*log)
    assert (again.event, again.severity, again.at_ms) == ("reopened", "high", NOON + HOUR)
    assert "which no repeat has confirmed" in again.reason
    log[2] = withdrawal(FOREIGN, at_ms=NOON + 30 * HOUR)
    assert events(judged(*log)) == ["repeat-asked", "wrongly-ended"]
    assert events(judged(*log[:2], Tick(NOON + DAY))) == ["repeat-asked"]


def test_what_a_foreign_repeat_confirmed_rests_on_the_flagged_match_still() -> None:
    foreign = pressure(FOREIGN.at_ms, 200, 80)
    log = [*at_once(FLAGGED, foreign), withdrawal(foreign, at_ms=LATER)]
    assert events(judged(*log)) == ["repeat-asked", "onset", "corrected"]
    both = [*at_once(FLAGGED, foreign), withdrawal(FLAGGED, foreign, at_ms=LATER)]
    assert events(judged(*both))[-1] == "retracted"


def test_a_late_match_that_a_foreign_reading_had_resolved_is_open() -> None:
    late = record(LATER, [SEVERE])
    log = [*at_once(FOREIGN), late, withdrawal(FOREIGN, at_ms=LATER)]
    over, again = judged(*log)
    assert (over.event, again.event, again.severity) == (
        "resolved-before-seen",
        "reopened",
        "critical",
    )
    assert over.alert_id == again.alert_id
    own = pressure(FOREIGN.at_ms + 1, 121, 80)
    assert events(judged(*at_once(own), *log)) == ["resolved-before-seen"]
    assert events(judged(*at_once(own), *log, withdrawal(own, at_ms=LATER)))[1:] == ["reopened"]


def test_too_long_ago_is_forgotten() -> None:
    log = [*at_once(SEVERE, FOREIGN), withdrawal(FOREIGN, at_ms=NOON + KEPT_MS)]
    assert events(judged(*log))[-1] == "wrongly-ended"
    log[-1] = withdrawal(FOREIGN, at_ms=FOREIGN.at_ms + KEPT_MS + 1)
    assert events(judged(*log)) == ["onset", "returned"]


def test_the_desk_asks_for_attention_again() -> None:
    onset, denied, again = judged(
        *at_once(SEVERE, FOREIGN), withdrawal(FOREIGN, at_ms=LATER), rules=confirming()
    )
    desk = Desk()
    for one in (onset, denied, again):
        desk.found(one)
    case = desk.case(onset.alert_id)
    assert case is not None
    assert (case.kind, case.condition, case.attention) == ("alert", "active", "unacknowledged")
    assert (case.demand, case.severity) == (again, "critical")
    assert again in case.undecided


def test_the_same_withdrawal_again_changes_nothing() -> None:
    one = withdrawal(FOREIGN, at_ms=LATER)
    assert events(judged(*at_once(SEVERE, FOREIGN), one, one)) == ["onset", "returned", "reopened"]


moments = st.integers(0, 6).map(lambda n: NOON + n * 4 * MINUTE)


@st.composite
def mixed(draw: st.DrawFn, *flags: str) -> tuple[list[Measured], list[Measured]]:
    """Own readings, and others' among them, in the order of measurement."""
    times = sorted(draw(st.sets(moments, min_size=2, max_size=6)))
    values = st.sampled_from([85, 120, 178, 182, 192, 230])
    flagged = st.sampled_from([(), (), (), flags])
    readings = [pressure(at_ms, draw(values), 80, *draw(flagged)) for at_ms in times]
    foreign = [one for one in readings if draw(st.booleans())]
    return [one for one in readings if one not in foreign], foreign


def in_the_end(own: list[Measured], foreign: list[Measured], wait: int) -> tuple[int, int]:
    """What holds on the ladder of a high pressure, and what would without the others' readings."""
    every = sorted([*own, *foreign], key=lambda one: one.at_ms)
    end = every[-1].at_ms + wait * 10 * MINUTE
    state, other = (fresh_state(rules=confirming()) for _ in range(2))
    log = [*at_once(*every), *([withdrawal(*foreign, at_ms=end)] if foreign else [])]
    step(state, [*log, Tick(end + HOUR)])
    if own:
        step(other, [*at_once(*own), Tick(end + HOUR)])
    held, would = (
        sum(int(rungs) << 8 * n for n, rungs in enumerate(one.latched[0])) for one in (state, other)
    )
    return held, would


@settings(max_examples=60)
@given(mixed(), st.integers(0, 3))
def test_what_holds_in_the_end_is_what_would_have_held_without_them(
    readings: tuple[list[Measured], list[Measured]], wait: int
) -> None:
    """While all is fresh: whoever ended, confirmed or opened what."""
    held, would = in_the_end(*readings, wait)
    assert held == would


@settings(max_examples=60)
@given(mixed("body-moved"), st.integers(0, 3))
def test_nothing_is_missed_that_would_have_held_without_them(
    readings: tuple[list[Measured], list[Measured]], wait: int
) -> None:
    """A flagged match on which an alert of others rested too may stay open; none is lost."""
    held, would = in_the_end(*readings, wait)
    assert would & ~held == 0


@given(log=logs(), cut=st.integers(0, 14))
def test_a_restart_between_forgets_nothing(log: list[ReadingsRecord], cut: int) -> None:
    rules = confirming()
    whole = step(fresh_state(rules=rules), log).transitions
    state, restarted = fresh_state(rules=rules), fresh_state(rules=rules)
    parts = step(state, log[:cut]).transitions if log[:cut] else []
    if state.patients:
        found = decode_patient(kept(state)[0])
        assert found is not None
        restore_patient(restarted, "p1", msgspec.structs.replace(found))
    restarted.log_ms = state.log_ms
    parts += step(restarted, log[cut:]).transitions if log[cut:] else []
    assert parts == whole


def test_a_late_record_of_the_old_patient_is_not_needed() -> None:
    """The withdrawal alone opens the alert, in whatever order the new patient's record comes."""
    moved = record(LATER, [FOREIGN], "p2")
    patients = [PatientEntry(name, name, ["adult-standard"]) for name in ("p1", "p2")]
    log = [*at_once(SEVERE, FOREIGN), moved, withdrawal(FOREIGN, at_ms=LATER), Tick(NOON + DAY)]
    assert events(by_cuts(log, *patients))[:3] == [
        "onset",
        "returned",
        "reopened",
    ]
