"""What waits, what was seen already, what comes into force: who is told, and who is not."""

import json

import msgspec
import pytest

from alerts.engine.ladders.ladder import arrange
from alerts.engine.partitions.partition import Partition
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.engine.step import step
from alerts.judge.lines import LogLines
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.errors import InvalidInput
from schemas.kafka import ReadingsRecord, Tick
from schemas.registry import PatientEntry
from tests.alerts.book_text import rule
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.engine.dated_rules import of, started, under
from tests.alerts.engine.dated_rules import rules as dated_rules
from tests.alerts.engine.window_rules import HEAD, HIGH_TWICE, LOW_TWICE, RISE, ROBIN, rules
from tests.alerts.readings import (
    BOTH,
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
    trial,
)

# -- a flagged match that comes late ---------------------------------------------------------------


def test_a_late_flagged_match_that_a_later_reading_contradicts_is_filed() -> None:
    """Both come at once: nobody could have repeated it in time, and the newest is within limits."""

    def story(newest: int) -> list[tuple[str, str]]:
        late_ms = NOON + HOUR
        log: list[ReadingsRecord] = [
            record(late_ms, [pressure(NOON, 190, 80, "body-moved")]),
            record(late_ms, [pressure(NOON + 30 * MINUTE, newest)]),
            Tick(late_ms + 1),
        ]
        found = by_cuts(log, PatientEntry("p1", "Robin", BOTH))
        return [(one.event, one.severity) for one in found]

    assert story(120) == [("repeat-asked", "critical"), ("resolved-before-seen", "medium")]
    assert story(178) == [("repeat-asked", "critical"), ("onset", "high")]


# -- what comes into force -------------------------------------------------------------------------


def standing(*measured: Measured, text: tuple[str, ...], entry: PatientEntry = ROBIN) -> list[str]:
    """Measure under no book, then switch the books on."""
    state = fresh_state(msgspec.structs.replace(entry, books=[]), rules=rules(*text))
    assert step(state, at_once(*measured)).transitions == []
    state.plans.put(entry)
    state.replan(entry.patient_id)
    found = step(state, [Tick(state.log_ms)]).transitions
    assert {one.event for one in found} <= {"standing", "onset"}
    return [one.rule for one in found]


def after(minutes: float, value: object) -> Measured:
    return pressure(NOON + int(minutes * MINUTE), value)


def test_of_windows_what_is_true_at_the_newest_reading_stands() -> None:
    assert standing(after(0, 150), after(1, 150), text=(LOW_TWICE, HIGH_TWICE)) == ["high"]
    assert standing(after(0, 150), after(1, 120), after(2, 150), text=(HIGH_TWICE,)) == ["high"]
    assert standing(after(0, 150), after(1, 150), after(2, 120), text=(HIGH_TWICE,)) == []
    assert standing(after(0, 120), after(1, 150), text=(HIGH_TWICE, LOW_TWICE)) == []


def test_of_a_rise_what_is_true_at_the_newest_reading_stands() -> None:
    entry = msgspec.structs.replace(ROBIN, therapy_start_ms=NOON + 2 * MINUTE)
    before = after(0, 120), after(1, 121)
    assert standing(*before, after(3, 141), text=(RISE,), entry=entry) == ["rise"]
    assert standing(*before, after(3, 140), text=(RISE,), entry=entry) == []
    assert standing(after(0, 120), after(3, 200), text=(RISE,), entry=entry) == []


EIGHT = rule("mean", "systolic >= 135 mmHg", "window = { mean_days = 8, readings = 8, days = 8 }")


@pytest.mark.parametrize(("gap_days", "expected"), [(28, ["mean"]), (29, []), (30, []), (31, [])])
def test_a_mean_that_stands_leaves_out_the_day_after_a_long_gap(
    gap_days: int, expected: list[str]
) -> None:
    """Eight days are kept, and of the one before them only its number."""
    days = [0, *range(gap_days, gap_days + 8)]
    measured = [pressure(NOON + day * DAY, 140) for day in days]
    assert standing(*measured, text=(EIGHT,)) == expected
    told = by_cuts(at_once(*measured), ROBIN, rules=rules(EIGHT))
    assert [one.rule for one in told] == expected, "as it is told in time"
    twice = [one for each in at_once(*measured) for one in (each, each)]
    told = step(fresh_state(ROBIN, rules=rules(EIGHT)), twice).transitions
    assert [one.rule for one in told] == expected, "and one by one"


def test_readings_from_before_the_plan_stand_for_nothing() -> None:
    entry = msgspec.structs.replace(ROBIN, care_plan_from_ms=NOON + 1)
    plain = rule("plain", "systolic > 150 mmHg")
    assert standing(after(0, 160), text=(plain,), entry=entry) == []
    in_time = msgspec.structs.replace(ROBIN, care_plan_from_ms=NOON)
    assert standing(after(0, 160), text=(plain,), entry=in_time) == ["plain"]


def test_an_alert_that_stood_rests_on_its_reading_and_returns_by_a_later_one() -> None:
    plain = rule("plain", "systolic > 150 mmHg")
    state = fresh_state(msgspec.structs.replace(ROBIN, books=[]), rules=rules(plain))
    step(state, at_once(after(0, 160)))
    state.plans.put(ROBIN)
    state.replan("p1")
    (stood,) = step(state, [Tick(NOON + MINUTE)]).transitions
    assert (stood.event, stood.severity, stood.at_ms) == ("standing", "medium", NOON)
    assert stood.held_before == []
    (over,) = step(state, at_once(after(2, 120))).transitions
    assert (over.event, over.alert_id) == ("returned", stood.alert_id)


# -- dates -----------------------------------------------------------------------------------------


def test_a_missing_baseline_is_told_when_the_day_after_it_is_over() -> None:
    """Of UTC, to the millisecond; and never before the day on which the first reading came."""
    therapy_ms = NOON + 3 * DAY
    state = started(under(therapy_ms=therapy_ms), *at_once(pressure(NOON + 2 * DAY, 120)))
    due_ms = (therapy_ms // DAY + 2) * DAY - 1
    assert of(step(state, [Tick(due_ms)]).transitions, "inactive") == []
    (told,) = of(step(state, [Tick(due_ms + 1)]).transitions, "inactive")
    assert told.at_ms == due_ms
    late = started(under(therapy_ms=NOON - 9 * DAY), *at_once(pressure(NOON, 120)))
    due_ms = (NOON // DAY + 1) * DAY - 1
    assert of(step(late, [Tick(due_ms)]).transitions, "inactive") == []
    (told,) = of(step(late, [Tick(due_ms + 1)]).transitions, "inactive")
    assert told.at_ms == due_ms


def test_a_patient_of_whom_nothing_has_come_is_told_no_baseline_is_missing() -> None:
    state = fresh_state(under(therapy_ms=NOON), rules=dated_rules())
    step(state, at_once(glucose(NOON, 100)))
    assert of(step(state, [Tick(NOON + 9 * DAY)]).transitions, "inactive") == []


# -- places in the log -----------------------------------------------------------------------------


def partition() -> Partition:
    plans = Plans(trial())
    plans.put(PatientEntry("p1", "Robin", BOTH))
    return Partition(trial(), plans, "topic-1")


def test_of_what_a_patient_has_seen_only_the_time_counts() -> None:
    values = [encoded(one) for one in at_once(*(pressure(NOON + n, 200 + n) for n in range(4)))]
    log = list(enumerate(values))
    one = partition()
    one.resume(0, 0, seen=2, held={"p1": 3})
    found: list[Transition] = []
    written = []
    for entry in log:
        batch = one.judge(one.read([entry]))
        found += batch.outcome.transitions
        written.append([name for name, _ in batch.patients])
    assert [each.evidence.quantities["systolic"] for each in found] == ["203 mmHg"]
    assert written == [[], [], [], ["p1"]], "one restored from further on keeps its record"
    assert one.held == {}
    assert one.state.log_ms == NOON + 3


def test_a_fresh_partition_has_seen_nothing() -> None:
    one = partition()
    assert (one.next_offset, one.seen, one.held) == (0, 0, {})
    batch = one.judge(one.read([(0, encoded(record(NOON, [pressure(NOON, 200)])))]))
    assert [each.event for each in batch.outcome.transitions] == ["onset"]
    one.resume(5, NOON, held={"p1": 9})
    assert one.seen == 5
    other = partition()
    other.go_on_like(one)
    assert (other.next_offset, other.seen, other.held) == (5, 5, {"p1": 9})
    other.begin_again("topic-2")
    assert (other.topic_id, other.next_offset, other.seen, other.held) == ("topic-2", 0, 0, {})
    assert one.held == {"p1": 9}, "they share nothing"


@pytest.mark.parametrize("kind", ["patient", "reading"])
def test_a_line_of_another_major_version_is_refused(kind: str) -> None:
    line: dict[str, object] = {"patient_id": "p1", "books": [], "version": 2}
    if kind == "reading":
        line = {"patient_id": "p1", "received_at": 1, "vital": "glucose", "version": 2}
    with pytest.raises(InvalidInput) as caught:
        LogLines().read(1, json.dumps(line))
    assert caught.value.reason == "version"


def test_ticks_move_the_log_and_nobody() -> None:
    state = PartitionState(trial(), Plans(trial()))
    log: list[ReadingsRecord] = [Tick(NOON), Tick(NOON - HOUR), Tick(NOON + 1)]
    outcome = step(state, log)
    assert (outcome.transitions, set(outcome.touched), state.log_ms) == ([], set(), NOON + 1)
    assert state.patients == []


def test_books_that_share_a_ladder_speak_with_one_voice() -> None:
    """The most severe rung that holds speaks; what else holds is heard when it is over."""
    text = HEAD + "".join(
        rule(name, f"systolic > {limit} mmHg", ladder="bp", severity=severity)
        for name, limit, severity in (
            ("severe", 180, "critical"),
            ("high", 160, "high"),
            ("raised", 140, "medium"),
        )
    )
    rule_set = arrange([read_book("edges.toml", text)])
    values = [150, 170, 190, 177, 174, 150, 154, 140, 135]
    log = at_once(*(after(n, value) for n, value in enumerate(values)))
    found = by_cuts(log, ROBIN, rules=rule_set)
    assert [(one.event, one.rule, (one.at_ms - NOON) // MINUTE) for one in found] == [
        ("onset", "raised", 0),
        ("worsened", "high", 1),
        ("worsened", "severe", 2),
        ("again", "severe", 3),
        ("eased", "high", 4),
        ("eased", "raised", 5),
        ("again", "raised", 6),
        ("returned", "raised", 8),
    ]
    assert len({one.alert_id for one in found}) == 1
    assert found[3].matched == "high", "the reading itself is less than what it attaches to"


def test_what_stands_is_as_severe_as_work_may_be_and_no_more() -> None:
    for severity, expected in (("critical", "medium"), ("medium", "medium"), ("info", "info")):
        plain = rule("plain", "systolic > 150 mmHg", severity=severity)
        state = fresh_state(msgspec.structs.replace(ROBIN, books=[]), rules=rules(plain))
        step(state, at_once(after(0, 160)))
        step(state, [Tick(NOON + 5 * HOUR)])
        state.plans.put(ROBIN)
        state.replan("p1")
        (stood,) = step(state, [Tick(NOON + 5 * HOUR)]).transitions
        assert (stood.event, stood.severity) == ("standing", expected)
