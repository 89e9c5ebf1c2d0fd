"""A correction of a stored reading pages nobody, whatever the reading says now."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.desk.fold import Desk
from alerts.engine.archive import Source, decode_patient, encode_patient, restore_patient
from alerts.engine.partition import Partition
from alerts.engine.state import PartitionState
from alerts.engine.step import step
from schemas.alert import Transition
from schemas.kafka import CorrectedReading, Corrections, ReadingsRecord
from tests.alerts.readings import (
    MINUTE,
    NOON,
    Measured,
    at_once,
    encoded,
    fresh_state,
    glucose,
    pressure,
    record,
    stamped,
)

NORMAL, SEVERE = pressure(NOON, 120, 80), pressure(NOON, 192, 124)
LATER = NOON + 10 * MINUTE
NOTIFYING = {"onset", "again", "worsened"}


def correction(
    was: Measured, now: Measured, at_ms: int = LATER, patient_id: str = "p1", revision: int = 2
) -> Corrections:
    reading = CorrectedReading(
        reading_id=stamped(was, was.at_ms).reading.reading_id,
        revision=revision,
        vital=was.vital,
        measured_at_ms=was.at_ms,
        time_quality=was.time,
        quantities=now.quantities,
        before=was.quantities,
    )
    return Corrections(patient_id, at_ms, "a decoder was mended", [reading])


def events(transitions: Sequence[Transition]) -> list[str]:
    return [one.event for one in transitions]


def judged(*records: ReadingsRecord) -> list[Transition]:
    return step(fresh_state(), records).transitions


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (NORMAL, SEVERE),
        (glucose(NOON, 100), glucose(NOON, 50)),
        (glucose(NOON, 100), glucose(NOON, "LO")),
        (glucose(NOON, 100), glucose(NOON, "HI")),
    ],
)
def test_a_corrected_value_beyond_a_critical_limit_pages_nobody(
    was: Measured, now: Measured
) -> None:
    assert judged(*at_once(was), correction(was, now)) == []
    assert events(judged(*at_once(now))) == ["onset"]  # as an arrival it would have


def test_an_open_alert_is_told_what_its_reading_says_now() -> None:
    onset, told = judged(*at_once(SEVERE), correction(SEVERE, NORMAL))
    assert (onset.event, told.event) == ("onset", "corrected")
    assert (told.alert_id, told.severity) == (onset.alert_id, onset.severity)
    assert told.at_ms == LATER
    assert told.evidence.quantities == {"systolic": "120 mmHg", "diastolic": "80 mmHg"}
    assert told.reason == (
        "Corrected, its device's bytes were misread: systolic 120 mmHg (before: 192 mmHg); "
        "diastolic 80 mmHg (before: 124 mmHg)"
    )


def test_the_reading_that_matched_last_is_one_that_an_alert_rests_on() -> None:
    again = pressure(NOON + MINUTE, 195, 124)
    records = [*at_once(SEVERE, again), correction(again, pressure(again.at_ms, 220, 130))]
    assert events(judged(*records)) == ["onset", "again", "corrected"]


def test_an_alert_that_is_over_or_rests_on_another_reading_is_left_alone() -> None:
    over = pressure(NOON + MINUTE, 120, 80)
    assert events(judged(*at_once(SEVERE, over), correction(SEVERE, NORMAL))) == [
        "onset",
        "returned",
    ]
    before = pressure(NOON - MINUTE, 120, 80)
    assert events(judged(*at_once(before, SEVERE), correction(before, SEVERE))) == ["onset"]


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
    assert events(judged(*at_once(NORMAL), correction(NORMAL, SEVERE), late)) == ["onset"]


def test_the_same_correction_again_is_the_same_event() -> None:
    first = correction(SEVERE, NORMAL)
    _, told, repeated = judged(*at_once(SEVERE), first, first)
    assert told == repeated
    _, _, other = judged(*at_once(SEVERE), first, correction(SEVERE, NORMAL, revision=3))
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
    assert events(batch.outcome.transitions) == ["onset", "corrected"]
    assert batch.outcome.corrected == 1
    restarted = Partition(state.rule_set, state.plans, "topic")
    ((name, kept),) = batch.patients
    found = decode_patient(kept)
    assert found is not None
    restarted.restore(name, found)
    restarted.resume(0, 0, held={name: found.next_offset})
    assert restarted.judge(restarted.read(values)).outcome.transitions == []


def test_a_correction_with_a_time_that_no_calendar_has_is_left_out() -> None:
    state = fresh_state()
    partition = Partition(state.rule_set, state.plans, "topic")
    odd = correction(pressure(1 << 62, 120), NORMAL)
    entries = partition.read([(0, encoded(odd))])
    assert entries.rejected == [0]
    assert partition.judge(entries).outcome.corrected == 0


values = st.sampled_from([60, 85, 95, 120, 150, 182, 192, 230])
moments = st.integers(0, 20).map(lambda minutes: NOON + minutes * MINUTE)


@st.composite
def logs(draw: st.DrawFn) -> list[ReadingsRecord]:
    """Readings and corrections of them and of others, in an order of their own."""
    known = [pressure(draw(moments), draw(values)) for _ in range(draw(st.integers(1, 6)))]
    log: list[ReadingsRecord] = []
    at_ms = NOON
    for measured in known:
        at_ms = max(at_ms, measured.at_ms) + MINUTE
        log.append(record(at_ms, [measured]))
        if draw(st.booleans()):
            was = draw(st.sampled_from(known))
            log.append(correction(was, pressure(was.at_ms, draw(values)), at_ms))
    return log


@given(log=logs(), cut=st.integers(0, 12))
def test_however_the_log_is_cut_corrections_are_told_the_same(
    log: list[ReadingsRecord], cut: int
) -> None:
    state = fresh_state()
    parts = step(state, log[:cut]).transitions + step(state, log[cut:]).transitions
    whole = fresh_state()
    assert step(whole, log).transitions == parts
    assert kept(whole) == kept(state)


@given(log=logs())
def test_a_correction_says_nothing_but_that(log: list[ReadingsRecord]) -> None:
    """Whatever its values: the transitions of its own record are corrections, no others."""
    state = fresh_state()
    for one in log:
        found = step(state, [one]).transitions
        if isinstance(one, Corrections):
            assert {event.event for event in found} <= {"corrected"}
        else:
            assert "corrected" not in events(found)


def kept(state: PartitionState) -> list[bytes]:
    source = Source("topic", 1)
    return [encode_patient(state, row, source) for row in range(len(state.patients))]


def test_what_a_correction_changes_survives_a_restart() -> None:
    state = fresh_state()
    step(state, [*at_once(NORMAL), correction(NORMAL, SEVERE)])
    found = decode_patient(kept(state)[0])
    assert found is not None
    restarted = fresh_state()
    restore_patient(restarted, "p1", found)
    late = record(LATER + MINUTE, [pressure(NOON - MINUTE, 192, 124)])
    assert events(step(restarted, [late]).transitions) == ["onset"]
