"""Canaries in the engine: the very rules find them, and what is said of them is about nobody."""

import gc

from alerts.engine.canaries import CANARY_BOOK, judge_canaries
from alerts.engine.ladders.ladder import Ladder, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.rules.load import load_books
from schemas.alert import CANARY
from schemas.kafka import Canary
from tests.alerts.readings import HOUR, NOON, Measured, glucose, stamped

RULES = arrange([book for book in load_books() if book.name == CANARY_BOOK])


def canary(name: str, measured: Measured, received_ms: int = NOON) -> Canary:
    return Canary(name, received_ms, stamped(measured, received_ms))


def test_what_is_critical_is_found_and_said_of_nobody() -> None:
    one, other = judge_canaries(
        [canary("s-1", glucose(NOON, 40)), canary("s-2", glucose(NOON, "LO"))], RULES
    )
    assert (one.alert_id, other.alert_id) == (f"{CANARY}s-1", f"{CANARY}s-2")
    assert one.alert_id == one.event_id == one.subject
    assert (one.patient_id, one.severity, one.notify, one.event) == ("", "info", False, "onset")
    assert (one.book, one.rule, one.at_ms) == (CANARY_BOOK, "glucose-below-54", NOON)
    assert "40" not in one.title + one.reason + one.advice
    assert (other.rule, other.title) == ("glucose-lo", "Canary")


def test_what_the_rules_do_not_find_critical_does_not_come_back() -> None:
    dull = [glucose(NOON, 100), glucose(NOON, 60), glucose(NOON, 400)]
    assert judge_canaries([canary(str(n), one) for n, one in enumerate(dull)], RULES) == []
    assert judge_canaries([], RULES) == []


def test_no_canary_knows_of_another() -> None:
    """The second would be a further match of one patient; here it is as new as the first."""
    twice = [canary("a", glucose(NOON, 40)), canary("b", glucose(NOON + 1, 40), NOON + HOUR)]
    assert [one.event for one in judge_canaries(twice, RULES)] == ["onset", "onset"]


def kept() -> int:
    gc.collect()
    return sum(isinstance(one, Ladder | PartitionState) for one in gc.get_objects())


def test_nothing_of_a_canary_stays() -> None:
    """One a minute is half a million a year."""
    judge_canaries([canary("first", glucose(NOON, 40))], RULES)
    before = kept()
    many = [canary(str(number), glucose(NOON, 40)) for number in range(10)]
    assert len(judge_canaries(many, RULES)) == len(many)
    assert kept() == before
