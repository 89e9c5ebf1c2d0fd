from itertools import count

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alerts.desk.case import RECURS_AFTER_MS, Case
from alerts.desk.fold import Desk, sections
from schemas.alert import Action, Event, Severity, Transition
from tests.alert_records import acknowledgement, transition
from tests.alerts.desk.cases import case_of, fold, take

MINUTE_MS = 60_000


def test_an_onset_waits_for_a_person() -> None:
    case = case_of(transition("1"))
    assert (case.condition, case.attention, case.severity) == (
        "active",
        "unacknowledged",
        "critical",
    )


def test_an_acknowledgement_says_who_was_first() -> None:
    late = acknowledgement("1", action_id="b", at_ms=9)
    early = acknowledgement("1", action_id="c", at_ms=8)
    case = case_of(transition("1"), late, early)
    assert case.attention == "acknowledged"
    assert case.answer == early


def test_acknowledging_acknowledges_exactly_the_ids_shown() -> None:
    desk = fold(
        transition("1", alert_id="a"),
        transition("2", alert_id="b"),
        transition("3", alert_id="c"),
        acknowledgement("1", "2", alert_ids=("a", "b")),
    )
    attention = {case.alert_id: case.attention for case in desk.cases()}
    assert attention == {"a": "acknowledged", "b": "acknowledged", "c": "unacknowledged"}


def test_worsened_needs_a_new_acknowledgement() -> None:
    seen, worse = transition("1", severity="high"), transition("2", "worsened", at_ms=5)
    stale_click = acknowledgement("1", at_ms=6)  # clicked after, but saw the state before
    assert case_of(seen, worse, stale_click).attention == "unacknowledged"
    assert case_of(seen, worse, stale_click).severity == "critical"
    assert case_of(seen, worse, acknowledgement("2", at_ms=6)).attention == "acknowledged"


def test_without_event_ids_an_action_covers_what_was_stamped_before_it() -> None:
    events = transition("1", at_ms=10), transition("2", "worsened", at_ms=20)
    assert case_of(*events, acknowledgement(at_ms=15)).attention == "unacknowledged"
    assert case_of(*events, acknowledgement(at_ms=20)).attention == "acknowledged"


def test_a_further_match_and_a_step_down_ask_for_nothing() -> None:
    case = case_of(
        transition("1"),
        acknowledgement("1"),
        transition("2", "again", at_ms=MINUTE_MS),
        transition("3", "eased", "high", at_ms=2 * MINUTE_MS),
    )
    assert (case.attention, case.severity) == ("acknowledged", "high")


def test_a_critical_match_long_after_the_last_notification_asks_again() -> None:
    first, answer = transition("1"), acknowledgement("1")
    soon = transition("2", "again", at_ms=RECURS_AFTER_MS)
    late = transition("3", "again", at_ms=RECURS_AFTER_MS + 1)
    assert case_of(first, answer, soon).attention == "acknowledged"
    assert case_of(first, answer, soon, late).attention == "unacknowledged"


def test_a_match_after_return_asks_again() -> None:
    case = case_of(
        transition("1", severity="high"),
        acknowledgement("1"),
        transition("2", "returned", "high"),
        transition("3", "again", "medium"),
    )
    assert (case.condition, case.attention, case.severity) == ("active", "unacknowledged", "medium")


def test_until_acknowledged_the_worst_is_shown() -> None:
    case = case_of(transition("1"), transition("2", "eased", "high"), transition("3", "returned"))
    assert (case.condition, case.attention, case.severity) == (
        "returned",
        "unacknowledged",
        "critical",
    )


def test_return_and_acknowledgement_settle_all_but_the_critical() -> None:
    def returned(severity: Severity) -> Case:
        return case_of(
            transition("1", severity=severity),
            acknowledgement("1"),
            transition("2", "returned", severity),
        )

    assert returned("high").settled
    assert not returned("critical").settled


def test_a_person_closes_a_critical_alert_and_a_worsening_reopens_it() -> None:
    closing = Action(
        "x", ["a"], "resolve", "Anna", 5, "p", note="called", event_ids=["1"], outcome="advised"
    )
    assert case_of(transition("1"), closing).settled
    reopened = case_of(transition("1"), closing, transition("2", "worsened"))
    assert reopened.attention == "unacknowledged"


def test_work_list_items_stay_apart_until_an_alert_opens() -> None:
    task = transition("1", "repeat-asked", "high")
    assert case_of(task).kind == "work"
    assert case_of(task, acknowledgement("1")).settled
    opened = case_of(task, acknowledgement("1"), transition("2", "onset", "medium"))
    assert (opened.kind, opened.attention) == ("alert", "unacknowledged")


def test_the_list_is_ordered_by_severity_then_newest_first() -> None:
    desk = fold(
        transition("1", severity="high", at_ms=9, alert_id="high-new"),
        transition("2", severity="critical", at_ms=1, alert_id="critical-old"),
        transition("3", severity="high", at_ms=3, alert_id="high-old"),
        transition("4", severity="critical", at_ms=2, alert_id="critical-new"),
        transition("5", "stale", "medium", at_ms=99, alert_id="task"),
        transition("6", severity="medium", at_ms=50, alert_id="taken"),
        acknowledgement("6", alert_ids=("taken",)),
    )
    parts = sections(desk.cases())
    assert [case.alert_id for case in parts.waiting] == [
        "critical-new",
        "critical-old",
        "high-new",
        "high-old",
    ]
    assert [case.alert_id for case in parts.work] == ["task"]
    assert [case.alert_id for case in parts.acknowledged] == ["taken"]
    assert parts.settled == []


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[Transition], list[Action]]:
    """A log of transitions of three alerts and actions that saw some event of one of them."""
    numbers = count()
    transitions: list[Transition] = []
    actions: list[Action] = []
    events: list[Event] = ["onset", "again", "worsened", "eased", "returned", "stale"]
    severities: list[Severity] = ["critical", "high", "medium", "info"]
    for _ in range(draw(st.integers(1, 12))):
        transitions.append(
            transition(
                str(next(numbers)),
                draw(st.sampled_from(events)),
                draw(st.sampled_from(severities)),
                draw(st.integers(0, 4)) * RECURS_AFTER_MS,
                draw(st.sampled_from("abc")),
            )
        )
        if draw(st.booleans()):
            seen = draw(st.sampled_from(transitions))
            named = draw(st.booleans())
            actions.append(
                acknowledgement(
                    *([seen.event_id] if named else []),
                    action_id=str(next(numbers)),
                    at_ms=draw(st.integers(0, 4)) * RECURS_AFTER_MS,
                    alert_ids=(seen.alert_id,),
                )
            )
    return transitions, actions


@given(logs(), st.data())
def test_interleaving_of_topics_and_duplicates_change_nothing(
    log: tuple[list[Transition], list[Action]], data: st.DataObject
) -> None:
    transitions, actions = log
    straight = fold(*transitions, *actions)
    mixed = Desk()
    left, right = list(transitions), data.draw(st.permutations(actions))
    taken: list[Transition | Action] = []
    while left or right:
        from_left = bool(left) and (not right or data.draw(st.booleans()))
        record = left.pop(0) if from_left else right.pop(0)
        taken.append(record)
        take(mixed, record)
        if data.draw(st.booleans()):  # a batch comes again, from any earlier point
            for repeated in taken[data.draw(st.integers(0, len(taken) - 1)) :]:
                take(mixed, repeated)
    assert sections(mixed.cases()) == sections(straight.cases())


def test_a_duplicate_is_told_apart_from_news() -> None:
    desk = Desk()
    assert desk.found(transition("1"))
    assert not desk.found(transition("1"))
    assert desk.done(acknowledgement("1")) == {"a"}
    assert desk.done(acknowledgement("1")) == set()


def test_an_alert_never_heard_of_has_no_case() -> None:
    desk = fold(acknowledgement("1", alert_ids=("elsewhere",)))
    assert desk.case("elsewhere") is None
    assert desk.case("nowhere") is None
    assert desk.cases() == []


def test_a_note_answers_nothing() -> None:
    note = Action("x", ["a"], "note", "Anna", 99, "p", note="patient is on the phone")
    assert case_of(transition("1"), note).attention == "unacknowledged"


def test_a_critical_alert_is_not_closed_without_an_outcome() -> None:
    """The page asks for one; whoever writes to the log by another way is refused as well."""
    closing = Action("x", ["a"], "resolve", "Anna", 5, "p", event_ids=["2"])
    events = (transition("1"), transition("2", "returned"))
    case = case_of(*events, closing)
    assert (case.attention, case.answer) == ("unacknowledged", None)
    assert case.refused == frozenset({"x"})
    outcome = msgspec.structs.replace(closing, outcome="advised")
    assert case_of(*events, outcome).refused == frozenset()
    assert case_of(*events, outcome).settled
    milder = (transition("1", severity="high"), transition("2", "worsened"))
    of_the_milder = msgspec.structs.replace(closing, event_ids=["1"])
    assert case_of(milder[0], of_the_milder).settled
    assert case_of(*milder, of_the_milder).refused == frozenset()
