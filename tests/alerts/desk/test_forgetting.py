"""What is over is forgotten when there is too much of it; nothing else is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk.fold import UNKNOWN_MAX, Desk, sections
from schemas.alert import Action, Event, Severity, Transition
from tests.alert_records import acknowledgement, transition
from tests.alerts.desk.cases import take
from tests.alerts.desk.happenings import Log, logs


def closing(alert_id: str, event_id: str, at_ms: int = 0) -> Action:
    return Action(
        f"x{alert_id}",
        [alert_id],
        "resolve",
        "Anna",
        at_ms,
        "p",
        event_ids=[event_id],
        outcome="advised",
    )


def finish(desk: Desk, alert_id: str, at_ms: int) -> None:
    """Let an alert begin, be closed and return."""
    desk.found(transition(f"{alert_id}-1", "onset", "high", at_ms, alert_id))
    desk.done(closing(alert_id, f"{alert_id}-1", at_ms))
    desk.found(transition(f"{alert_id}-2", "returned", "high", at_ms, alert_id))


def finish_others(desk: Desk, count: int, at_ms: int = 100) -> None:
    for number in range(count):
        finish(desk, f"other-{at_ms}-{number}", at_ms)


def test_memory_is_bounded_but_nothing_open_is_forgotten() -> None:
    desk = Desk(kept_max=10)
    for number in range(50):
        alert_id = f"alert-{number}"
        desk.found(transition(f"{number}-1", severity="high", at_ms=number, alert_id=alert_id))
        if number % 2:
            desk.done(acknowledgement(f"{number}-1", alert_ids=(alert_id,), action_id=f"{number}"))
            event = transition(f"{number}-2", "returned", "high", number, alert_id)
            desk.found(event)
    open_ids = {case.alert_id for case in desk.cases() if not case.settled}
    assert open_ids == {f"alert-{number}" for number in range(0, 50, 2)}
    assert len(desk.cases()) <= 25 + 10 + 4


class Watched(Desk):
    """Counts the passes over all alerts."""

    passes = 0

    def _forget(self) -> None:
        self.passes += 1
        super()._forget()


def test_alerts_that_are_read_ahead_of_their_answers_cost_no_pass_each() -> None:
    desk = Watched(kept_max=100)
    for number in range(2_000):
        desk.found(transition(f"{number}", alert_id=f"{number}"))
    assert desk.passes < 50
    for number in range(2_000):
        desk.done(Action(f"x{number}", [f"{number}"], "resolve", "Anna", 0, "p", outcome="advised"))
        desk.found(transition(f"{number}-2", "returned", alert_id=f"{number}"))
    desk.forget()
    assert len(desk.cases()) == 100, "both topics have been read: of what is settled a hundred stay"
    for number in range(2_000, 2_300):
        desk.found(transition(f"{number}", alert_id=f"{number}"))
    assert len(desk.cases()) <= 110 + 300, "what is open stays, and of the others a hundred"


def test_answers_to_what_is_forgotten_drive_out_nothing() -> None:
    desk = Desk(kept_max=10)
    for number in range(50):
        finish(desk, f"{number}", 0)
    for number in range(30):
        desk.done(Action(f"n{number}", [f"{number}"], "note", "Anna", 0, "p", note="late"))
    desk.forget()
    assert len(desk.cases()) == 10


def test_answers_to_what_is_not_known_wait_while_the_log_is_read_and_are_bounded_then() -> None:
    desk = Desk(kept_max=10)
    answers = [
        Action(f"x{number}", [f"{number}"], "resolve", "Anna", 0, "p", outcome="advised")
        for number in range(9_000)
    ]
    for one in answers[:4_000]:
        desk.done(one)
    desk.found(transition("0", alert_id="0"))
    assert desk.case("0").attention == "resolved", "its answer was read long before it"  # type: ignore[union-attr]
    desk.forget()
    assert [desk.knows(one) for one in answers[:4_000]].count(True) == UNKNOWN_MAX + 1
    for one in answers[4_000:]:
        desk.done(one)
    assert sum(map(desk.knows, answers)) <= 1.1 * (UNKNOWN_MAX + 1) + 1
    assert all(map(desk.knows, answers[-UNKNOWN_MAX:])), "what came last may be ahead of its alert"


def test_of_what_is_over_the_newest_stays() -> None:
    desk = Desk(kept_max=10)
    for number in range(30):
        finish(desk, f"{number}", number)
    desk.forget()
    assert {case.alert_id for case in desk.cases()} == {f"{number}" for number in range(20, 30)}


@pytest.mark.parametrize("at_hand_max", [None, 2])
@pytest.mark.parametrize("severity", ["critical", "high", "medium", "info"])
def test_what_was_closed_while_it_holds_opens_nothing_by_its_return_however_late(
    severity: Severity, at_hand_max: int | None
) -> None:
    desk = Desk(10, at_hand_max)
    desk.found(transition("1", severity=severity))
    desk.done(closing("a", "1"))
    finish_others(desk, 100)
    desk = Desk(10, at_hand_max).restore(desk.kept())
    desk.forget()
    desk.found(transition("2", "returned", severity, 200))
    assert desk.open_cases() == []
    case = desk.case("a")
    assert case is not None
    assert (case.condition, case.attention, case.opened_ms) == ("returned", "resolved", 0)
    finish_others(desk, 20, 300)
    assert desk.case("a") is None, "it is over, and the oldest"
    assert len(desk.cases()) <= 11


def test_what_was_closed_while_it_holds_drives_out_nothing_that_has_just_finished() -> None:
    """Else nobody could take back an answer, or add to it."""
    desk = Desk(kept_max=10)
    for number in range(50):
        desk.found(transition(f"{number}", alert_id=f"{number}"))
        desk.done(closing(f"{number}", f"{number}"))
    finish_others(desk, 20)
    desk.forget()
    assert len(desk.cases_of("patient-of-other-100-19")) == 1
    assert len(desk.cases()) == 50 + 10


ALONE: list[tuple[Event, bool]] = [
    ("returned", False),
    ("not-confirmed", False),
    ("retired", False),
    ("corrected", False),
    ("cause", False),
    ("retracted", True),
    ("again", True),
    ("reopened", True),
    ("worsened", True),
]


@pytest.mark.parametrize(("event", "shown"), ALONE)
def test_of_what_was_forgotten_only_that_is_shown_which_asks_or_warns_somebody(
    event: Event, shown: bool
) -> None:
    desk = Desk(kept_max=0)
    desk.found(transition("1", severity="high"))
    desk.done(acknowledgement("1"))
    desk.found(transition("2", "returned", "high", at_ms=1))
    desk.forget()
    assert desk.case("a") is None
    desk.found(transition("3", event, "high", at_ms=2))
    assert [case.alert_id for case in desk.open_cases()] == ["a"] * shown
    desk.found(transition("4", "again", "high", at_ms=9))
    case = desk.case("a")
    assert case is not None
    assert (case.attention, case.opened_ms) == ("unacknowledged", 2 if shown else 9)
    assert desk.cases_of("patient-of-a") == [case]


def test_what_says_nothing_of_what_was_forgotten_is_bounded() -> None:
    desk = Desk(kept_max=10)
    for number in range(2 * UNKNOWN_MAX):
        desk.found(transition(f"{number}", "corrected", alert_id=f"{number}"))
    desk.forget()
    assert len(desk.kept()) == UNKNOWN_MAX
    assert desk.cases() == desk.cases_of("patient-of-0") == []


@settings(max_examples=60)
@given(logs(), st.integers(0, 2), st.sampled_from([None, 1]))
def test_a_desk_that_forgets_shows_what_is_open_as_one_that_does_not(
    log: Log, kept_max: int, at_hand_max: int | None
) -> None:
    """An answer that is taken back is one that the page still shows."""
    whole, forgetful = Desk(), Desk(kept_max, at_hand_max)
    for record in log:
        if isinstance(record, Transition) or record.kind not in ("undo", "shelve"):
            take(whole, record)
            take(forgetful, record)
    forgetful.forget()
    assert sections(forgetful.open_cases()) == sections(whole.open_cases())


def retired(desk: Desk, number: int, patient_id: str = "p") -> None:
    name = f"alert-{number:02}"
    for event_id, event in ((name, "onset"), (f"{name}-2", "retired")):
        desk.found(transition(event_id, event, "high", number, name, patient_id=patient_id))  # type: ignore[arg-type]


def test_the_oldest_that_are_over_are_forgotten_when_a_tenth_too_many_are_there() -> None:
    desk = Desk(kept_max=10)
    for number in range(11):
        retired(desk, 10 - number)  # the oldest came last
    assert len(desk.cases()) == 11, "a sweep passes over all: it waits"
    retired(desk, 11)
    kept = sorted(case.alert_id for case in desk.cases())
    assert kept == [f"alert-{number:02}" for number in range(1, 12)], "the last was open then"
    assert [case.alert_id for case in desk.cases_of("p")] == kept
    assert sum(map(len, desk._by_patient.values())) == 11, "nothing is left of what is forgotten"


def test_an_alert_that_nobody_has_answered_is_never_forgotten() -> None:
    desk = Desk(kept_max=3)
    for number in range(9):
        desk.found(transition(f"{number}", severity="high", at_ms=number, alert_id=f"{number}"))
    assert len(desk.cases()) == 9
    for number in range(10, 15):
        retired(desk, number)
    desk.forget()
    assert len(desk.open_cases()) == 9
    assert len(desk.cases()) == 9 + 3, "what is open takes no room from what has just ended"
