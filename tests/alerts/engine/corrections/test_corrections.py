"""A correction of a stored reading pages nobody for what the reading itself says now."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.desk.fold import Desk
from alerts.engine.partitions.partition import Partition
from alerts.engine.state.archive import decode_patient
from alerts.engine.step import step
from alerts.engine.transitions.ladder_state import BASIS_MAX
from schemas.alert import ENDING
from schemas.kafka import (
    Corrections,
    PatientReadings,
    ReadingsRecord,
    Tick,
    Withdrawals,
)
from schemas.registry import PatientEntry
from tests.alerts.engine.confirming import rules as confirming
from tests.alerts.engine.correcting import (
    LATER,
    NORMAL,
    SEVERE,
    correction,
    events,
    judged,
    kept,
    logs,
)
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.engine.one_patient import restore_patient
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    encoded,
    fresh_state,
    glucose,
    pressure,
    record,
)

TOLD = {"corrected", "eased", "retracted", "corrected-match", "wrongly-ended"}


@pytest.mark.parametrize(
    ("was", "now", "rule"),
    [
        (NORMAL, SEVERE, "bp-severe"),
        (glucose(NOON, 100), glucose(NOON, 50), "glucose-below-54"),
        (glucose(NOON, 100), glucose(NOON, "LO"), "glucose-lo"),
        (glucose(NOON, 100), glucose(NOON, "HI"), "glucose-hi"),
        (glucose(NOON, 60), glucose(NOON, 50), "glucose-below-54"),
    ],
)
def test_a_corrected_value_beyond_a_critical_limit_is_work_and_pages_nobody(
    was: Measured, now: Measured, rule: str
) -> None:
    *_, found = judged(*at_once(was), correction(was, now))
    assert (found.event, found.severity, found.rule) == ("corrected-match", "medium", rule)
    assert "; its device's bytes were misread: " in found.reason
    assert events(judged(*at_once(now))) == ["onset"]  # as an arrival it would have


def test_corrections_of_a_day_are_one_item_of_a_ladder() -> None:
    others = [pressure(NOON - n * MINUTE, 120) for n in range(3)]
    records = [correction(one, pressure(one.at_ms, 190 + n)) for n, one in enumerate(others)]
    found = judged(*at_once(*reversed(others)), *records)
    assert events(found) == ["corrected-match"] * 3
    assert len({one.alert_id for one in found}) == 1
    assert len({one.event_id for one in found}) == 3


def test_what_is_not_judged_is_not_judged_when_it_is_corrected() -> None:
    before_plan = pressure(NOON, 120)
    patient = PatientEntry("p1", "Robin", ["adult-standard"], care_plan_from_ms=NOON + 1)
    later = pressure(NOON + MINUTE, 120)
    log = [*at_once(before_plan, later), correction(before_plan, SEVERE)]
    assert by_cuts(log, patient) == []


def test_an_alert_that_rests_on_nothing_else_is_retracted() -> None:
    onset, over = judged(*at_once(SEVERE), correction(SEVERE, NORMAL))
    assert (onset.event, over.event) == ("onset", "retracted")
    assert (over.alert_id, over.severity, over.at_ms) == (onset.alert_id, onset.severity, LATER)
    assert over.evidence.quantities == {"systolic": "120 mmHg", "diastolic": "80 mmHg"}
    assert over.reason == (
        "Retracted: its device's bytes were misread: systolic 120 mmHg (before: 192 mmHg); "
        "diastolic 80 mmHg (before: 124 mmHg)"
    )
    again = pressure(NOON + HOUR, 192)
    assert events(judged(*at_once(SEVERE), correction(SEVERE, NORMAL), *at_once(again))) == [
        "onset",
        "retracted",
        "onset",
    ]


def test_an_alert_that_rests_on_another_match_too_is_told() -> None:
    again = pressure(NOON + MINUTE, 195, 124)
    for one in (SEVERE, again):
        told = judged(*at_once(SEVERE, again), correction(one, pressure(one.at_ms, 120)))[-1]
        assert told.event == "corrected"
        assert told.reason.startswith("Corrected: its device's bytes were misread: systolic 120")
    both = [correction(one, pressure(one.at_ms, 120)) for one in (SEVERE, again)]
    assert events(judged(*at_once(SEVERE, again), *both)) == [
        "onset",
        "again",
        "corrected",
        "retracted",
    ]


def test_an_alert_that_rests_on_more_matches_than_are_known_is_not_retracted() -> None:
    many = [pressure(NOON + n, 190) for n in range(BASIS_MAX + 1)]
    records = [correction(one, pressure(one.at_ms, 120)) for one in many]
    found = judged(*at_once(*many), *records)
    assert "retracted" not in events(found)
    assert events(judged(*at_once(*many[1:]), *records))[-1] == "retracted"


def test_the_worse_of_two_rungs_is_taken_back_alone() -> None:
    low, lower = glucose(NOON, 60), glucose(NOON + MINUTE, 50)
    found = judged(*at_once(low, lower), correction(lower, glucose(lower.at_ms, 100)))
    assert [(one.event, one.severity) for one in found] == [
        ("onset", "medium"),
        ("worsened", "critical"),
        ("eased", "medium"),
    ]
    assert found[-1].reason.startswith("Low glucose remains: its device's bytes were misread")


def test_a_task_and_a_page_that_wait_for_a_repeat_end_with_their_reading() -> None:
    flagged = pressure(NOON, 200, 80, "body-moved")
    end = Tick(NOON + DAY)
    log = [*at_once(flagged), correction(flagged, NORMAL, NOON), end]
    assert events(judged(*log)) == ["repeat-asked"]
    log[1] = correction(flagged, pressure(NOON, 190), NOON)
    *_, onset = judged(*log)
    assert (onset.event, onset.evidence.quantities["systolic"]) == ("onset", "190 mmHg")
    assert onset.reason.endswith("; no repeat came within 15 min")  # of no flag any more
    waiting = step(fresh_state(rules=confirming()), [*at_once(SEVERE)]).transitions
    assert waiting[0].marks == ["awaiting-confirmation"]
    log = [*at_once(SEVERE), correction(SEVERE, NORMAL, NOON), end]
    assert events(by_cuts(log, rules=confirming())) == ["onset", "retracted"]


def test_a_reading_that_is_no_measurement_is_taken_back() -> None:
    record_ = correction(SEVERE, SEVERE)
    failed = msgspec.structs.replace(record_.readings[0], outcome="failed")
    log = [*at_once(SEVERE), msgspec.structs.replace(record_, readings=[failed])]
    assert events(judged(*log)) == ["onset", "retracted"]


# -- re-attribution -------------------------------------------------------------------------------


def test_the_reading_that_matched_last_is_one_that_an_alert_rests_on() -> None:
    again = pressure(NOON + MINUTE, 195, 124)
    records = [*at_once(SEVERE, again), correction(again, pressure(again.at_ms, 220, 130))]
    assert events(judged(*records)) == ["onset", "again", "corrected"]


def test_an_alert_that_rests_on_another_reading_is_left_alone() -> None:
    before = pressure(NOON - MINUTE, 120, 80)
    assert events(judged(*at_once(before, SEVERE), correction(before, SEVERE))) == ["onset"]


def test_an_alert_that_is_over_is_taken_back_too_for_its_card_is_still_there() -> None:
    over = pressure(NOON + MINUTE, 120, 80)
    onset, returned, told = judged(*at_once(SEVERE, over), correction(SEVERE, NORMAL))
    assert (returned.event, told.event, told.alert_id) == ("returned", "retracted", onset.alert_id)
    desk = Desk()
    for one in (onset, returned, told):
        desk.found(one)
    case = desk.case(onset.alert_id)
    assert case is not None
    assert case.condition == "retracted"


def test_what_is_over_and_rests_on_another_match_as_well_was_an_alert_all_the_same() -> None:
    readings = SEVERE, pressure(NOON + MINUTE, 195, 124), pressure(NOON + 2 * MINUTE, 120, 80)
    assert events(judged(*at_once(*readings), correction(SEVERE, NORMAL))) == [
        "onset",
        "again",
        "returned",
    ]


def test_the_alert_list_shows_it_and_asks_nobody_for_attention_again() -> None:
    onset, told = judged(*at_once(SEVERE), correction(SEVERE, pressure(NOON, 230, 140)))
    desk = Desk()
    desk.found(onset)
    before = desk.case(onset.alert_id)
    desk.found(told)
    after = desk.case(onset.alert_id)
    assert before is not None
    assert after is not None
    assert after.demand == before.demand == onset
    assert after.latest == told
    assert (after.condition, after.attention, after.severity, after.kind) == (
        before.condition,
        before.attention,
        before.severity,
        before.kind,
    )


def test_nobody_known_and_vitals_without_rules_are_left_alone() -> None:
    state = fresh_state()
    assert step(state, [correction(SEVERE, NORMAL, patient_id="stranger")]).transitions == []
    assert state.patients == []
    context = Measured("glucose_context", {}, NOON)
    assert judged(*at_once(SEVERE), correction(context, context))[1:] == []


def test_what_was_corrected_no_longer_ends_what_came_late() -> None:
    """A normal newest reading makes an older match work only; once it is corrected, a page."""
    late = record(LATER + MINUTE, [pressure(NOON - MINUTE, 192, 124)])
    assert events(judged(*at_once(NORMAL), late)) == ["resolved-before-seen"]
    assert events(judged(*at_once(NORMAL), correction(NORMAL, SEVERE), late)) == [
        "corrected-match",
        "onset",
    ]


def test_the_same_correction_again_is_the_same_event() -> None:
    worse = pressure(NOON, 230, 140)
    first = correction(SEVERE, worse)
    _, told, repeated = judged(*at_once(SEVERE), first, first)
    assert told == repeated
    _, _, other = judged(*at_once(SEVERE), first, correction(SEVERE, worse, revision=3))
    assert other.event_id != told.event_id


def test_a_partition_reads_corrections_and_skips_those_it_has_seen() -> None:
    state = fresh_state()
    partition = Partition(state.rule_set, state.plans, "topic")
    log = [*at_once(SEVERE), correction(SEVERE, NORMAL)]
    values: list[tuple[int, bytes | None]] = [
        (offset, encoded(one)) for offset, one in enumerate(log)
    ]
    entries = partition.read(values)
    assert entries.rejected == []
    assert entries.patients == {"p1"}
    batch = partition.judge(entries)
    assert events(batch.outcome.transitions) == ["onset", "retracted"]
    assert batch.outcome.corrected == 1
    restarted = Partition(state.rule_set, state.plans, "topic")
    ((name, kept),) = batch.patients
    found = decode_patient(kept)
    assert found is not None
    restore_patient(restarted.state, name, found)
    restarted.resume(0, 0, held={name: found.next_offset})
    assert restarted.judge(restarted.read(values)).outcome.transitions == []


def test_a_correction_with_a_time_that_no_calendar_has_is_left_out() -> None:
    state = fresh_state()
    partition = Partition(state.rule_set, state.plans, "topic")
    odd = correction(pressure(1 << 62, 120), NORMAL)
    entries = partition.read([(0, encoded(odd))])
    assert entries.rejected == [0]
    assert partition.judge(entries).outcome.corrected == 0


@given(log=logs(), cut=st.integers(0, 14))
def test_however_the_log_is_cut_corrections_are_told_the_same(
    log: list[ReadingsRecord], cut: int
) -> None:
    state = fresh_state(rules=confirming())
    parts = step(state, log[:cut]).transitions if log[:cut] else []
    parts += step(state, log[cut:]).transitions if log[cut:] else []
    whole = fresh_state(rules=confirming())
    assert step(whole, log).transitions == parts
    assert kept(whole) == kept(state)
    found = decode_patient(kept(state)[0])
    assert found is not None
    restarted = fresh_state(rules=confirming())
    restarted.log_ms = state.log_ms
    restore_patient(restarted, "p1", found)
    later = [*at_once(pressure(NOON + DAY, 120)), Tick(NOON + 2 * DAY)]
    assert step(restarted, later).transitions == step(state, later).transitions


@given(log=logs())
def test_a_reading_older_than_the_newest_ends_nothing(log: list[ReadingsRecord]) -> None:
    state = fresh_state(rules=confirming())
    for one in log:
        newest_ms = int(state.newest_ms[0, 0]) if state.patients else 0
        found = step(state, [one]).transitions
        if isinstance(one, PatientReadings):
            ended = [event for event in found if event.event in {"returned", "not-confirmed"}]
            assert all(event.evidence.measured_at_ms >= newest_ms for event in ended)
    assert not [held for held in state.ladders.values() if held.awaiting or held.pending]


@given(log=logs())
def test_a_correction_asks_for_attention_only_where_another_reading_had_ended_an_alert(
    log: list[ReadingsRecord],
) -> None:
    """Else it tells, takes back or lists; no alert ends twice, or is taken back twice."""
    state = fresh_state(rules=confirming())
    over, taken_back = set[str](), set[str]()
    for one in log:
        ended = any(held.ended for held in state.ladders.values())
        found = step(state, [one]).transitions
        if isinstance(one, Corrections | Withdrawals):
            told = TOLD | {"reopened", "worsened"} if ended else TOLD
            assert {event.event for event in found} <= told
        else:
            assert not {*events(found)} & {"corrected", "retracted", "corrected-match", "reopened"}
        # A reading that comes back to its patient opens the alert of its name once more.
        opened = {event.alert_id for event in found if event.event in {"reopened", "onset"}}
        over, taken_back = over - opened, taken_back - opened
        for event in found:
            if event.event in ENDING:
                assert event.alert_id not in (taken_back if event.event == "retracted" else over)
                over.add(event.alert_id)
            if event.event == "retracted":
                taken_back.add(event.alert_id)


def test_what_a_correction_changes_survives_a_restart() -> None:
    state = fresh_state()
    step(state, [*at_once(NORMAL), correction(NORMAL, SEVERE)])
    found = decode_patient(kept(state)[0])
    assert found is not None
    restarted = fresh_state()
    restore_patient(restarted, "p1", found)
    late = record(LATER + MINUTE, [pressure(NOON - MINUTE, 192, 124)])
    assert events(step(restarted, [late]).transitions) == ["onset"]
