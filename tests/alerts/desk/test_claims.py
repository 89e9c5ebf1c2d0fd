"""Which of two desks sends a notice: the log says so, and neither waits for a dead one for ever."""

from alerts.desk.answers import SENT_WITHIN_MS
from alerts.desk.calls import outcome
from alerts.desk.claims import TAKEN_OVER_AFTER_MS, Claims
from alerts.desk.delivery import WITHIN_MS
from schemas.alert import Action


def notice(writer: str, key: str = "n") -> Action:
    return Action(key, ["a"], "notify", "desk", 1_000, "p", reason="onset", to=["x"], writer=writer)


def test_whose_record_is_first_in_the_log_sends() -> None:
    desks = [Claims("one"), Claims("two")]
    for desk in desks:
        assert not desk.may_send("n", 0), "it has not come back out of the log"
        desk.read(notice("two"), 0)
        desk.read(notice("one"), 1)
    assert [desk.may_send("n", 1) for desk in desks] == [False, True]


def test_what_nothing_is_heard_of_is_taken_over_and_no_sooner() -> None:
    desk = Claims("one")
    desk.read(notice("two"), 500)
    desk.read(notice("one"), 600)
    assert not desk.may_send("n", 500 + TAKEN_OVER_AFTER_MS - 1)
    assert desk.may_send("n", 500 + TAKEN_OVER_AFTER_MS)


def test_what_was_delivered_is_nobodys_and_what_names_no_desk_is_everybodys() -> None:
    desk = Claims("one")
    desk.read(notice("one"), 0)
    desk.read(outcome(notice("one"), 0, delivered=True), 0)
    assert not desk.may_send("n", 2 * TAKEN_OVER_AFTER_MS)
    desk.read(notice("", "before"), 0)
    assert desk.may_send("before", 0)


def test_whoever_was_first_is_done_before_another_begins_or_it_counts_as_held_back() -> None:
    to_write_what_came_ms = 4_000
    assert WITHIN_MS + to_write_what_came_ms < SENT_WITHIN_MS <= TAKEN_OVER_AFTER_MS


def test_what_was_held_back_is_let_go() -> None:
    desk = Claims("one")
    desk.read(notice("one"), 0)
    desk.read(notice("one", "held back"), 0)
    desk.let_go({"n"})
    assert desk.may_send("n", 0)
    assert not desk.may_send("held back", 0)
