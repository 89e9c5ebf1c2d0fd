"""Canaries at the desk: decided once, by the table of everybody's alerts, while somebody waits."""

import pytest

from alerts.desk.canaries import Canaries
from alerts.desk.technical import identity
from schemas.alert import CANARY, Action, Event, Transition
from tests.alert_records import transition

SENT_MS = 1_000_000


def canary(number: int = 1, at_ms: int = SENT_MS, event: Event = "onset") -> Transition:
    name = f"{CANARY}{number}"
    return transition(name, event, "info", at_ms, name, patient_id="", subject=name, notify=False)


def decisions(canaries: Canaries, now_ms: int = SENT_MS) -> list[str]:
    return [one.answers for one in canaries.decide(now_ms)]


def test_a_decision_goes_back_with_the_reason_that_the_table_gives() -> None:
    canaries = Canaries()
    canaries.found(canary())
    (one,) = canaries.decide(SENT_MS + 7)
    assert one == Action(
        action_id=identity("canary", f"{CANARY}1"),
        alert_ids=[],
        kind="canary",
        who="desk",
        at_ms=SENT_MS + 7,
        patient_id="",
        answers=f"{CANARY}1",
        reason="not-notifying",
    )


def test_a_canary_is_the_first_of_its_alert_and_the_table_decides_on_it_as_such() -> None:
    loud = transition("1", "onset", "critical", SENT_MS, notify=True)
    canaries = Canaries()
    canaries.found(loud)
    assert [one.reason for one in canaries.decide(SENT_MS)] == ["onset"]


def test_it_is_decided_until_the_decision_is_in_the_log_and_never_again() -> None:
    canaries = Canaries()
    canaries.found(canary())
    (one,) = canaries.decide(SENT_MS)
    assert canaries.decide(SENT_MS) == [one], "it was not written yet"
    canaries.decided(one)
    assert canaries.decide(SENT_MS) == []
    canaries.found(canary())
    assert canaries.decide(SENT_MS) == [], "it was read twice"
    early = Canaries()
    early.decided(one)  # the topics may be read in whichever order
    early.found(canary())
    assert early.decide(SENT_MS) == []


@pytest.mark.parametrize(("age_ms", "answered"), [(180_000, True), (180_001, False)])
def test_an_old_one_nobody_waits_for(age_ms: int, answered: bool) -> None:
    canaries = Canaries()
    canaries.found(canary(1))
    canaries.found(canary(2, SENT_MS + age_ms))
    expected = [f"{CANARY}1", f"{CANARY}2"] if answered else [f"{CANARY}2"]
    assert decisions(canaries, SENT_MS + age_ms) == expected
    assert decisions(canaries, SENT_MS) == expected, "what was too old is forgotten"


def test_a_thousand_are_remembered_of_each_kind_and_the_oldest_goes_first() -> None:
    canaries = Canaries()
    for number in range(1_001):
        canaries.found(canary(number))
    waiting = decisions(canaries)
    assert waiting == [f"{CANARY}{number}" for number in range(1, 1_001)]
    answered = Canaries()
    for number in range(1_001):
        answered.decided(Action("x", [], "canary", "desk", 0, "", answers=f"{CANARY}{number}"))
    answered.found(canary(0))
    answered.found(canary(1))
    assert decisions(answered) == [f"{CANARY}0"]
