"""What answers an alert and what does not; what is listed, forgotten, delivered again."""

import msgspec
import pytest

from alerts.desk.core import Core
from alerts.desk.fold import Desk, is_listed, sections
from alerts.desk.notices import Notices, Places, notices_of
from schemas.alert import Action, Decision, Deed, Event
from schemas.rota import RotaEntry, Shift
from tests.alert_records import acknowledgement, transition
from tests.alerts.desk.cases import case_of
from tests.alerts.desk.stories import acknowledged
from tests.alerts.desk.virtual_desk import (
    HOUR_MS,
    MINUTE_MS,
    MONDAY_MS,
    NIGHT_MS,
    ROTA,
    VirtualDesk,
)

DAY_MS = 24 * HOUR_MS


# -- answers ---------------------------------------------------------------------------------------


def test_an_answer_to_what_the_desk_has_not_read_yet_answers_nothing() -> None:
    """The topics interleave: the click names an event that comes later, and covers none before."""
    events = transition("1"), transition("2", "eased", "high", at_ms=5)
    early = acknowledgement("3", at_ms=6)
    case = case_of(*events, early)
    assert (case.attention, case.severity) == ("unacknowledged", "critical")
    later = case_of(*events, early, transition("3", "worsened", at_ms=6))
    assert (later.attention, later.severity) == ("acknowledged", "critical")


def test_a_click_without_ids_before_anything_was_found_answers_nothing() -> None:
    case = case_of(transition("1", at_ms=10), transition("2", "again", at_ms=20))
    before = acknowledgement(at_ms=9)
    assert case_of(transition("1", at_ms=10), before).attention == "unacknowledged"
    assert case.attention == "unacknowledged"


def test_the_shown_severity_is_the_worst_that_nobody_has_seen() -> None:
    """Seen as critical, eased to medium, then high: what is new to people is high."""
    seen = transition("1"), acknowledgement("1", at_ms=1)
    eased = transition("2", "eased", "medium", at_ms=2)
    case = case_of(*seen, eased, transition("3", "worsened", "high", at_ms=3))
    assert (case.attention, case.severity) == ("unacknowledged", "high")


def test_a_closing_outweighs_an_acknowledgement_and_says_who() -> None:
    closing = Action(
        "z", ["a"], "resolve", "Bea", 5, "p", note="called", event_ids=["1"], outcome="advised"
    )
    case = case_of(transition("1"), acknowledgement("1", at_ms=1), closing)
    assert (case.attention, case.answer) == ("resolved", closing)


def test_each_task_asks_anew_as_long_as_there_is_no_alert() -> None:
    task, answer = transition("1", "repeat-asked", "high"), acknowledgement("1", at_ms=1)
    again = transition("2", "repeat-asked", "high", at_ms=2)
    assert case_of(task, answer).attention == "acknowledged"
    assert case_of(task, answer, again).attention == "unacknowledged"


def test_a_task_beside_an_open_alert_asks_for_nothing() -> None:
    case = case_of(
        transition("1"), acknowledgement("1", at_ms=1), transition("2", "repeat-asked", at_ms=2)
    )
    assert (case.kind, case.attention) == ("alert", "acknowledged")


def test_info_is_for_the_record_and_settles_itself() -> None:
    assert case_of(transition("1", severity="info")).settled is True
    eased = case_of(transition("1"), transition("2", "eased", "info", at_ms=1))
    assert eased.settled is False, "it was critical once: a person closes it"


@pytest.mark.parametrize("event", ["retracted", "not-confirmed"])
def test_what_was_taken_back_settles_when_somebody_has_seen_it(event: Event) -> None:
    taken_back = transition("1"), transition("2", event, at_ms=1)
    assert not case_of(*taken_back).settled
    assert case_of(*taken_back, acknowledgement("2", at_ms=2)).settled


def test_a_further_match_that_attached_leaves_the_answer_in_place() -> None:
    desk = VirtualDesk()
    acknowledged(desk)
    desk.after(MINUTE_MS)
    desk.find("2", "again")
    desk.after(MINUTE_MS)
    assert desk.said("withhold") == [("withhold", "attached")]
    assert desk.case().attention == "acknowledged"


def test_a_shelf_for_what_nobody_has_found_yet_is_none() -> None:
    shelf = Action("x", ["a"], "shelve", "Anna", 5, "p", event_ids=["9"], until_ms=HOUR_MS)
    assert case_of(transition("1"), shelf).attention == "unacknowledged"


# -- the list --------------------------------------------------------------------------------------


def test_work_comes_in_the_order_in_which_it_is_due() -> None:
    desk = Desk()
    due = {"c": 3, "a": 1, "b": 2, "d": 2}
    desk.found(transition("1", "stale", "medium", at_ms=9, alert_id="c"))
    desk.found(transition("2", "stale", "info", at_ms=1, alert_id="a"))
    desk.found(transition("3", severity="medium", at_ms=2, alert_id="b"))
    desk.found(transition("4", "repeat-asked", "high", at_ms=1, alert_id="d"))
    work = sections(desk.cases(), lambda case: due[case.alert_id]).work
    assert [case.alert_id for case in work] == ["a", "d", "b", "c"]  # equally due: severity
    without = sections(desk.cases()).work
    assert [case.alert_id for case in without] == ["d", "c", "b", "a"]


def test_what_is_settled_comes_newest_first() -> None:
    desk = Desk()
    for number, alert_id in enumerate(["b", "a", "c"]):
        desk.found(transition(f"{number}", at_ms=number // 2, alert_id=alert_id))
        desk.found(transition(f"{number}-2", "retired", at_ms=number // 2, alert_id=alert_id))
    assert [case.alert_id for case in sections(desk.cases()).settled] == ["c", "a", "b"]


def test_tasks_and_what_pages_nobody_are_listed() -> None:
    assert is_listed(case_of(transition("1", "repeat-asked", "high")))
    assert is_listed(case_of(transition("1", severity="medium")))
    assert not is_listed(case_of(transition("1", severity="high")))


# -- delivery --------------------------------------------------------------------------------------


def test_of_an_outcome_that_is_read_before_its_notice_nothing_is_delivered() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(MINUTE_MS)
    said = [one for one in desk.log if isinstance(one, Action)]
    assert [one.kind for one in said] == ["notify", "delivered"]
    core = Core()
    for action in reversed(said):
        core.done(action, desk.now_ms)
    assert core.to_deliver() == [], "nobody knows yet what it is about"
    core.found(transition("1", at_ms=desk.began_ms), desk.now_ms)
    assert core.to_deliver() == []


def test_what_is_delivered_is_let_go() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(6 * MINUTE_MS)
    assert len(desk.delivered) == 2
    assert desk.core._in_flight == {}


def test_a_notice_is_sent_again_after_a_crash_until_its_outcome_is_known() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.decide_only()
    (first,) = desk.core.to_deliver()
    desk.restart()
    assert desk.core.to_deliver() == [first]
    desk.do("acknowledge")
    assert desk.core.to_deliver() == [], "what somebody has answered is no longer news"


def test_what_was_answered_before_it_went_out_is_not_sent_when_the_answer_expires() -> None:
    """The chain begins anew then: two people would be told of one alert at once."""
    desk = VirtualDesk()
    desk.find("1")
    desk.after(MINUTE_MS)
    desk.now_ms += 5 * MINUTE_MS
    (escalation,) = desk.core.decide(desk.now_ms)
    desk.put(escalation)
    desk.do("acknowledge")
    desk.after(61 * MINUTE_MS)
    assert [(reason, people) for _, reason, people in desk.told()] == [
        ("onset", ["nurse"]),
        ("reminder", ["nurse"]),
    ]


def test_what_was_answered_before_it_went_out_goes_out_when_the_answer_is_taken_back() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.decide_only()
    slip = desk.do("acknowledge")
    desk.after(MINUTE_MS)
    assert desk.told() == []
    desk.do("undo", answers=slip.action_id)
    desk.after(0)
    assert [people for _, _, people in desk.told()] == [["nurse"]]


def test_rounds_in_vain_are_counted_since_the_last_notice_that_reached_somebody() -> None:
    def sent(name: str, *people: str) -> Action:
        return Action(name, ["a"], "notify", "desk", 1, "p", to=list(people))

    def vain(*actions: Action) -> tuple[int, set[str]]:
        found = said(*actions).in_vain
        return found.rounds, set(found.tried)

    chain = sent("1", "nurse"), sent("2", "second"), sent("3"), sent("4", "chief")
    assert vain(*chain, *map(undelivered, "24")) == (2, {"chief"}), "3 is for nobody: a new round"
    assert vain(*chain[:2], *map(undelivered, "12")) == (1, {"nurse", "second"})
    assert vain(*chain[:2], sent("5", "nurse"), *map(undelivered, "125")) == (2, {"nurse"})
    assert vain(*chain, undelivered("2")) == (0, set())
    assert vain(*chain[:3]) == (1, set())
    assert vain() == (0, set())


def said(*actions: Action) -> Notices:
    """What the desk has said of an alert of one event."""
    return notices_of(actions, None, Places([0], -1, None, None, lambda _: 0))


def undelivered(name: str, kind: Deed | Decision = "undelivered") -> Action:
    return Action(f"{kind}-{name}", ["a"], kind, "desk", 2, "p", answers=name)


def test_who_was_missed_until_then_and_reached_since() -> None:
    """A page of that very instant was missed then; it proves nothing of what comes after."""

    def sent(at_ms: int, person: str) -> Action:
        return Action(f"{at_ms}", ["a"], "notify", "desk", at_ms, "p", to=[person], step=at_ms)

    missed = said(*(sent(at, who) for at, who in ((4, "x"), (5, "y"), (6, "z"))))
    assert missed.missed(-1, 9) == missed.reached_since(0) == set(), "nothing is known of them"
    chain = [sent(at, who) for at, who in ((4, "x"), (5, "y"), (6, "z"))]
    failed = said(*chain, *(undelivered(one.action_id) for one in chain))
    assert failed.missed(-1, 5) == {"x", "y"}
    assert failed.reached_since(0) == set()
    took = said(*chain, *(undelivered(one.action_id, "delivered") for one in chain))
    assert took.missed(-1, 9) == set()
    assert took.reached_since(5) == {"z"}
    assert took.reached_since(4) == {"y", "z"}


@pytest.mark.parametrize(("told_ms", "waits"), [(9, True), (10, False), (11, False)])
def test_what_is_withheld_until_later_is_over_when_somebody_was_told(
    told_ms: int, waits: bool
) -> None:
    withheld = Action(
        "w", ["a"], "withhold", "desk", 10, "p", reason="off-hours", until_ms=99, event_ids=["1"]
    )
    told = Action("t", ["a"], "notify", "desk", told_ms, "p", to=["nurse"], event_ids=["1"])
    assert said(withheld).withheld == withheld
    assert (said(told, withheld).withheld == withheld) is waits


def test_who_has_taken_it_over_is_said_whatever_comes_after() -> None:
    def given(name: str, at_ms: int, assignee: str) -> Action:
        return Action(name, ["a"], "assign", "Anna", at_ms, "p", assignee=assignee)

    note = Action("n", ["a"], "note", "Anna", 9, "p", note="called", event_ids=["1"])
    assert case_of(transition("1"), given("x", 1, "Bea"), note).assignee == "Bea"
    assert case_of(transition("1"), given("x", 1, "Bea"), given("y", 2, "Carl")).assignee == "Carl"
    thrice = given("x", 1, "Bea"), given("y", 2, "Carl"), given("z", 3, "Dora")
    assert case_of(transition("1"), *thrice).assignee == "Dora"
    assert case_of(transition("1"), note).assignee == ""


def test_what_nobody_has_answered_is_shown_at_its_worst() -> None:
    events = transition("1", at_ms=10), transition("2", "eased", "high", at_ms=20)
    assert case_of(*events).severity == "critical"
    too_early = acknowledgement(at_ms=9)  # of the whole card, before there was anything on it
    assert case_of(*events, too_early).severity == "critical"


def test_a_step_up_breaks_a_shelf_that_did_not_know_it() -> None:
    def shelf(*event_ids: str) -> Action:
        return Action(
            "s", ["a"], "shelve", "Anna", 9, "p", event_ids=list(event_ids), until_ms=HOUR_MS
        )

    events = (
        transition("1", severity="medium", at_ms=1),
        transition("2", "worsened", "high", at_ms=2),
        transition("3", "worsened", "critical", at_ms=3),
    )
    assert case_of(*events, shelf("1")).attention == "unacknowledged"
    assert case_of(*events, shelf("2")).attention == "unacknowledged"
    assert case_of(*events, shelf("3")).attention == "shelved"
    assert case_of(*events[:2], shelf("2")).attention == "shelved"


def test_a_shelf_that_is_taken_away_tells_anew() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(MINUTE_MS)
    shelf = desk.do("shelve", note="in hospital", until_ms=desk.now_ms + 4 * HOUR_MS)
    desk.after(HOUR_MS)
    assert len(desk.told()) == 1
    desk.do("undo", answers=shelf.action_id)
    desk.after(MINUTE_MS)
    assert desk.told()[1:] == [(3_660, "reminder", ["nurse"])]


def test_what_recurred_waits_for_an_answer_and_escalates() -> None:
    desk = VirtualDesk()
    acknowledged(desk)
    desk.after(30 * MINUTE_MS)
    desk.find("2", "again")
    desk.after(6 * MINUTE_MS)
    assert desk.case().attention == "unacknowledged"
    assert [reason for _, reason, _ in desk.told()] == ["onset", "recurred", "escalation"]


def test_a_match_after_the_end_and_one_that_is_worse_than_all_before_ask_anew() -> None:
    desk = VirtualDesk()
    desk.find("1", severity="high")
    desk.after(MINUTE_MS)
    desk.do("acknowledge")
    desk.find("2", "again", "high")
    desk.after(MINUTE_MS)
    assert desk.said("withhold") == [("withhold", "attached")]
    desk.find("3", "again", "critical")
    desk.after(MINUTE_MS)
    assert desk.said("notify")[1:] == [("notify", "recurred")]
    desk.do("acknowledge")
    desk.find("4", "again", "critical")
    desk.after(MINUTE_MS)
    assert desk.said("withhold")[1:] == [("withhold", "attached")]
    desk.find("5", "returned", "critical")
    desk.find("6", "again", "high")
    desk.after(MINUTE_MS)
    assert desk.said("notify")[2:] == [("notify", "recurred")]


def test_one_match_after_the_end_asks_anew_and_those_that_follow_it_do_not() -> None:
    case = case_of(
        transition("1", at_ms=1),
        transition("2", "returned", at_ms=2),
        transition("3", "again", at_ms=3),
        transition("4", "again", at_ms=4),
        transition("5", "eased", "high", at_ms=5),
        transition("6", "again", "high", at_ms=6),
    )
    assert case.reopening == {"3"}


def test_who_is_missing_from_a_rota_is_said_and_whether_anybody_is_left() -> None:
    def sentence(rota: RotaEntry) -> str:
        desk = VirtualDesk(rota=rota)
        desk.find("1")
        desk.after(1_000)
        actions = [one for one in desk.log if isinstance(one, Action)]
        (said,) = [one.note for one in actions if one.kind == "technical"]
        return said

    second = RotaEntry("home", shifts=[Shift("07:00", "19:00", [], ["second"])])
    assert sentence(second) == "Programme home: nobody is on duty now."
    assert sentence(RotaEntry("home")).endswith(
        "nobody is on duty now, nor anywhere else in the chain: alerts reach nobody."
    )


def test_a_shift_that_is_moved_while_an_alert_waits_for_it_is_waited_for_anew() -> None:
    """At seven nobody is there yet: the same alert is withheld a second time, and not for ever."""
    desk = VirtualDesk(NIGHT_MS)
    desk.find("1", severity="high")
    desk.after(MINUTE_MS)
    late = Shift("09:00", "19:00", ["late"], ["second"])
    desk.core.put_rota(msgspec.structs.replace(ROTA, shifts=[late]))
    desk.until(MONDAY_MS + 34 * HOUR_MS)
    assert desk.said("withhold") == [("withhold", "off-hours")] * 2
    assert desk.told()[0] == (10 * 3_600, "onset", ["late"])
