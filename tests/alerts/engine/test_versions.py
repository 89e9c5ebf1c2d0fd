"""A new version of a book: what it leaves out is closed or eased, what it asks anew may stand."""

import msgspec

from alerts.desk.case import judge
from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.archive import Source, decode_patient
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.engine.transitions.ladder_state import BASIS_MAX
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord, Tick
from schemas.registry import PatientEntry
from tests.alerts.book_text import rule
from tests.alerts.engine.histories import reborn
from tests.alerts.engine.one_patient import encode_patient, restore_patient
from tests.alerts.engine.window_rules import GATED
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, at_once, fresh_state, pressure, record

ROBIN = PatientEntry("p1", "Robin", ["edges"])
HIGH = rule("high", "systolic >= 145 mmHg", ladder="bp", severity="medium")
SEVERE = rule("severe", "systolic >= 180 mmHg", ladder="bp", severity="critical")
LOW = rule("low", "systolic < 90 mmHg", ladder="bp-low")


def book(*rules: str) -> RuleSet:
    return arrange([read_book("edges.toml", GATED + "".join(rules))])


def under(state: PartitionState, *rules: str) -> PartitionState:
    return reborn(state, book(*rules), [ROBIN])


def judged(state: PartitionState, *log: ReadingsRecord) -> list[Transition]:
    return step(state, log or [Tick(state.log_ms)]).transitions


def begun(*rules: str) -> PartitionState:
    return fresh_state(ROBIN, rules=book(*rules))


def test_an_alert_eases_if_a_version_leaves_out_the_rule_that_spoke() -> None:
    state = begun(HIGH, SEVERE)
    (onset,) = judged(state, *at_once(pressure(NOON, 190)))
    state = under(state, HIGH)
    (eased,) = judged(state)
    assert (eased.event, eased.severity, eased.rule) == ("eased", "medium", "high")
    assert eased.alert_id == onset.alert_id
    assert eased.held_before == ["edges/severe", "edges/high"]
    assert eased.reason == (
        "The rule severe of edges is no longer in force; the rule high of edges holds"
    )
    assert judged(under(state, HIGH)) == []
    assert judged(under(state, HIGH, LOW)) == []


def test_what_a_version_leaves_out_is_told_also_if_another_follows_before_any_record() -> None:
    state = begun(HIGH, LOW)
    (onset,) = judged(state, *at_once(pressure(NOON, 150)))
    state = under(under(under(state, LOW), LOW), LOW, SEVERE)
    (retired,) = judged(state)
    assert (retired.event, retired.alert_id) == ("retired", onset.alert_id)
    assert judged(under(state, LOW)) == []


def test_what_another_rule_keeps_as_grave_is_not_told() -> None:
    state = begun(HIGH, SEVERE)
    judged(state, *at_once(pressure(NOON, 190)))
    assert judged(under(state, SEVERE)) == []


def test_an_alert_is_closed_as_grave_as_it_was_and_each_time_under_a_name_of_its_own() -> None:
    state = begun(HIGH, SEVERE)
    judged(state, *at_once(pressure(NOON, 150)))
    found = []
    for minute, rules in enumerate([(LOW,), (LOW, HIGH), (LOW,)], start=1):
        state = under(state, *rules)
        found += judged(state, Tick(NOON + minute * MINUTE))
    assert [(one.event, one.severity, one.rule) for one in found] == [
        ("retired", "medium", "high"),
        ("standing", "medium", "high"),
        ("retired", "medium", "high"),
    ]
    assert len({one.alert_id for one in found}) == 1
    assert len({one.event_id for one in found}) == 3


def test_a_rule_that_asks_for_less_stands_where_that_is_true_already_and_once() -> None:
    state = begun(HIGH)
    assert judged(state, *at_once(pressure(NOON, 140))) == []
    lower = HIGH.replace("145", "135")
    state = under(state, lower)
    (standing,) = judged(state)
    assert (standing.event, standing.severity, standing.rule) == ("standing", "medium", "high")
    assert judged(under(state, lower)) == []
    assert judged(under(state, HIGH)) == [], "what is open stays so until a reading ends it"


def test_what_is_open_by_a_rule_that_becomes_critical_asks_anew_with_the_next_match() -> None:
    """No activation pages for what somebody was told of; the desk tells of the match (``case``)."""
    high, critical = HIGH.replace("medium", "high"), HIGH.replace("medium", "critical")
    state = begun(high)
    (onset,) = judged(state, *at_once(pressure(NOON, 150)))
    state = under(state, critical)
    assert judged(state, Tick(NOON + MINUTE)) == []
    (again,) = judged(state, *at_once(pressure(NOON + HOUR, 150)))
    assert (again.event, again.severity, again.alert_id) == ("again", "critical", onset.alert_id)
    assert judge([onset, again], []).reopening == {again.event_id}
    (more,) = judged(state, *at_once(pressure(NOON + 2 * HOUR, 150)))
    assert judge([onset, again, more], []).reopening == {again.event_id}


def test_a_delayed_match_of_it_speaks_for_what_holds_and_is_marked() -> None:
    """It makes no alert milder that holds by a fresh reading (design/024)."""
    state = begun(HIGH)
    (onset,) = judged(state, *at_once(pressure(NOON, 150)))
    state = under(state, HIGH.replace("medium", "critical"))
    (again,) = judged(state, record(NOON + 6 * HOUR, [pressure(NOON + HOUR, 150)]))
    assert (again.event, again.severity, again.alert_id) == ("again", "critical", onset.alert_id)
    assert again.marks == ["delayed"]
    assert judge([onset, again], []).reopening == {again.event_id}


def test_words_alone_make_no_rule_a_new_one() -> None:
    """A flagged match stood in no window, an ended one may be true: neither opens by an advice."""
    state = begun(HIGH)
    judged(state, *at_once(pressure(NOON, 150), pressure(NOON + MINUTE, 190)))
    state.ladders.clear()
    state.latched[:] = 0
    other = HIGH.replace('advice = "', 'advice = "Sit. ').replace(">= 145", ">=  145")
    assert other != HIGH
    assert judged(under(state, other)) == []


def test_a_former_release_named_rules_by_their_names_alone() -> None:
    state = begun(HIGH)
    judged(state, *at_once(pressure(NOON, 140)))
    kept = msgspec.msgpack.decode(encode_patient(state, 0, Source("topic", 7)))
    inactive = begun(HIGH)
    inactive.row("p1")
    inactive.inactive[0] = inactive.in_force[0]
    named = msgspec.msgpack.decode(encode_patient(inactive, 0, Source("topic", 7)))["inactive"]
    assert kept["known"] != named
    other = fresh_state(ROBIN, rules=book(HIGH.replace("145", "135")))
    patient = decode_patient(msgspec.msgpack.encode(kept | {"known": named}))
    assert patient is not None
    restore_patient(other, "p1", patient)
    other.log_ms = state.log_ms
    assert judged(other) == []


def test_the_count_of_old_readings_goes_on_when_the_rule_of_the_worst_is_gone() -> None:
    """Begun anew, the next item had the name of the first, and was dropped for it."""
    state = begun(HIGH, SEVERE)
    old = NOON - 3 * DAY
    (first,) = judged(state, record(NOON, [pressure(old, 190)]))
    state = under(under(state, HIGH), HIGH)
    (second,) = judged(state, record(NOON + HOUR, [pressure(old + MINUTE, 150)]))
    assert (first.event, second.event) == ("stale", "stale")
    assert second.evidence.quantities["systolic"] == "150 mmHg"
    assert second.reason.startswith("Systolic 150 mmHg")
    assert second.alert_id == first.alert_id
    assert second.event_id != first.event_id
    assert state.arrivals[0, state.rule_set.ladders[0].index].count == 2


def test_matches_of_a_rule_that_is_gone_take_no_place_among_the_last() -> None:
    """Else what rests on few is taken for resting on more than is known, and never retracted."""
    state = begun(HIGH, SEVERE)
    judged(state, *at_once(*(pressure(NOON + n * MINUTE, 190) for n in range(3))))
    (held,) = under(state, SEVERE.replace("severe", "gravest"), HIGH).ladders.values()
    assert [match.rungs for match in held.basis] == [2, 2, 2]
    judged(state, *at_once(*(pressure(NOON + n * MINUTE, 190) for n in range(3, BASIS_MAX))))
    only = rule("other", "systolic >= 180 mmHg", ladder="bp", severity="critical")
    assert under(state, only).ladders == {}
