"""Rules about absence come and go with versions of their book."""

import msgspec

from alerts.engine.absence.keep import KeptOpen
from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.kafka import GatewayReport, Tick
from schemas.registry import PatientEntry
from schemas.wire import Health
from tests.alerts.book_text import GLUCOSE, PRESSURE, head
from tests.alerts.engine.absence.silence_book import BOOK
from tests.alerts.engine.histories import reborn
from tests.alerts.readings import DAY, HOUR, NOON, at_once, fresh_state, glucose, pressure

ROBIN = PatientEntry("p1", "Robin", ["silence"], care_plan_from_ms=NOON - 30 * DAY)
WITHOUT = BOOK[: BOOK.rindex("[[rule]]")]


def book(text: str) -> RuleSet:
    return arrange([read_book("silence.toml", text)])


def under(state: PartitionState, text: str) -> PartitionState:
    return reborn(state, book(text), [ROBIN])


def test_what_a_rule_told_is_closed_when_a_version_leaves_it_out() -> None:
    state = fresh_state(ROBIN, rules=book(BOOK))
    step(state, at_once(pressure(NOON, 120)))
    (onset,) = step(state, [Tick(NOON + 4 * DAY)]).transitions
    state = under(state, WITHOUT)
    (over,) = step(state, [Tick(NOON + 4 * DAY + HOUR)]).transitions
    assert (over.event, over.alert_id, over.rule) == ("retired", onset.alert_id, "bp-silent")
    assert (over.severity, over.ladder) == (onset.severity, onset.ladder)
    assert over.evidence.reading_id == ""
    assert step(under(state, WITHOUT), [Tick(NOON + 5 * DAY)]).transitions == []


def test_of_rules_equally_grave_the_one_that_notified_is_named_as_closed() -> None:
    rule = BOOK[len(WITHOUT) :]
    quiet = rule.replace("bp-silent", "bp-a-quiet").replace('"3d"', '"1d"')
    both = f"{WITHOUT}{quiet}{rule}notify = true\n"
    state = fresh_state(ROBIN, rules=book(both))
    step(state, at_once(pressure(NOON, 120)))
    *_, told = step(state, [Tick(NOON + 9 * DAY)]).transitions
    (over,) = step(under(state, WITHOUT), [Tick(NOON + 9 * DAY + HOUR)]).transitions
    assert told.notify
    assert (over.event, over.rule) == ("retired", told.rule)


def test_what_does_not_say_that_it_notified_did_not() -> None:
    """So it stands in alerts.state.v1 of most: what is as usual is left out."""
    said = {"origin_ms": 1, "since_ms": 0, "cause": "not-measured", "gateway": "home-1"}
    assert not msgspec.msgpack.decode(msgspec.msgpack.encode(said), type=KeptOpen).notify


def test_a_rule_that_comes_knows_who_has_sent_something_since_before() -> None:
    """Else each patient of a programme were missed since the plan began."""
    state = fresh_state(ROBIN, rules=book(WITHOUT))
    step(state, at_once(pressure(NOON, 120), glucose(NOON + HOUR, 100)))
    state = under(under(state, BOOK), BOOK)
    assert step(state, [Tick(NOON + DAY)]).transitions == []
    (onset,) = step(state, [Tick(NOON + 4 * DAY)]).transitions
    assert onset.evidence.measured_at_ms == NOON


def test_a_gateway_that_was_told_of_comes_back_also_when_no_rule_is_left() -> None:
    state = fresh_state(ROBIN, rules=book(BOOK))
    step(state, at_once(pressure(NOON, 120)))
    home = state.plans.surroundings
    home.take(GatewayReport("home-1", NOON + HOUR, Health(state="offline")))
    (gone,) = step(state, [Tick(NOON + 4 * DAY)]).transitions
    state = under(state, WITHOUT)
    home.take(GatewayReport("home-1", NOON + 4 * DAY, Health(state="online")))
    state.absences.gateway_changed("home-1")
    (back,) = step(state, [Tick(NOON + 4 * DAY + HOUR)]).transitions
    assert (back.event, back.alert_id) == ("returned", gone.alert_id)


SUGAR = (
    BOOK[len(WITHOUT) :].replace("blood_pressure", "glucose").replace("-blood-pressure", "-glucose")
)
BOTH_VITALS = WITHOUT.replace(head("silence", PRESSURE), head("silence", PRESSURE, GLUCOSE))


def test_what_a_rule_told_is_closed_when_a_version_lets_it_wait_for_something_else() -> None:
    """It went on under the name of the other: the alert that was seen never ended."""
    state = fresh_state(ROBIN, rules=book(BOOK))
    step(state, at_once(pressure(NOON, 120), glucose(NOON + DAY, 100)))
    (onset,) = step(state, [Tick(NOON + 3 * DAY + 1)]).transitions
    state = under(under(state, BOTH_VITALS + SUGAR), BOTH_VITALS + SUGAR)
    (over,) = step(state, [Tick(NOON + 3 * DAY + HOUR)]).transitions
    assert (over.event, over.ladder, over.alert_id) == ("retired", onset.ladder, onset.alert_id)
    (anew,) = step(state, [Tick(NOON + 5 * DAY)]).transitions
    assert (anew.event, anew.ladder) == ("onset", "absence-glucose")
    (back,) = step(state, at_once(glucose(NOON + 5 * DAY, 100))).transitions
    assert (back.event, back.alert_id) == ("returned", anew.alert_id)
