"""A problem that came back before anybody closed it is one card."""

import msgspec

from alerts.feed.answers import Answer, deed
from alerts.feed.board import Board
from schemas.alert import Action, Deed, Event, Transition
from tests.alert_records import SEVERE, acknowledgement, transition
from tests.alerts.desk.virtual_desk import MINUTE_MS, ROTA, VirtualDesk


def bare(alert_id: str, event_id: str, event: Event = "onset", **fields: object) -> Transition:
    return transition(event_id, event, alert_id=alert_id, patient_id="p", **fields)  # type: ignore[arg-type]


def came_back(**fields: object) -> Board:
    """An alert that returned, that nobody closed, and its successor."""
    board = Board()
    board.take([bare("old", "1"), bare("old", "2", "returned", at_ms=10)])
    board.take([msgspec.structs.replace(bare("new", "3", at_ms=20), **fields)])
    return board


def test_a_problem_that_came_back_is_one_card_and_what_is_done_to_it_covers_both() -> None:
    board = came_back()
    (card,) = board.overview().cards
    assert (card.alert_id, card.covers) == ("new", ["old"])
    assert card.marks[-1] == "Came back: not closed since last time"
    answer = Answer("resolve", "Anna", event_id="3", outcome="advised")
    action = deed(board.desk, "new", answer, "x", 30)
    assert isinstance(action, Action)
    assert (action.alert_ids, action.event_ids) == (["new", "old"], ["3", "2"])
    board.take([action])
    assert board.overview().order.settled == ["new", "old"]


def test_a_problem_that_came_back_stays_one_card_when_it_returns_again() -> None:
    """It fell apart into a card for each time, until it came back once more."""
    board = came_back()
    board.take([bare("new", "4", "returned", at_ms=30)])
    (card,) = board.overview().cards
    assert (card.alert_id, card.covers) == ("new", ["old"])
    action = deed(board.desk, "new", Answer("acknowledge", "Anna", event_id="4"), "x", 40)
    assert isinstance(action, Action)
    assert (action.alert_ids, action.event_ids) == (["new", "old"], ["4", "2"])


def test_a_card_names_the_values_of_all_that_is_answered_by_it() -> None:
    """The worst of them may be an earlier one."""
    board = Board()
    values = {"systolic": "231 mm[Hg]", "diastolic": "140 mm[Hg]"}
    worst = msgspec.structs.replace(SEVERE, reading_id="02" * 16, quantities=values)
    for number, (name, evidence) in enumerate([("z", worst), ("y", SEVERE), ("x", SEVERE)]):
        board.take([bare(name, f"{name}1", at_ms=10 * number, evidence=evidence)])
        board.take([bare(name, f"{name}2", "returned", at_ms=10 * number + 5)])
    (card,) = board.overview().cards
    assert (card.alert_id, card.what) == ("x", "192/124 mmHg")
    assert card.beside == "Also critical, unanswered: 231/140 mmHg, 192/124 mmHg"
    board.take([acknowledgement("x2", "y2", "z2", alert_ids=("x", "y", "z"), at_ms=40)])
    (card,) = board.overview().cards
    assert (card.attention, card.beside) == ("acknowledged", "")


def test_a_problem_that_was_retracted_at_last_covers_nothing() -> None:
    board = came_back()
    board.take([bare("new", "4", "retracted", at_ms=30)])
    assert [card.covers for card in board.overview().cards] == [[], []]


def test_what_is_graver_than_its_successor_or_still_waits_stands_for_itself() -> None:
    assert len(came_back(severity="high").overview().cards) == 2
    board = came_back()
    board.take([acknowledgement("3", alert_ids=("new",), at_ms=40)])
    assert board.overview().order.waiting == ["old"]
    update = board.update(["new"])  # a page that had one card gets both
    assert {card.alert_id for card in update.cards} == {"old", "new"}


def test_a_problem_that_never_was_does_not_come_back() -> None:
    board = Board()
    board.take([bare("old", "1"), bare("old", "2", "retracted", at_ms=10)])
    board.take([bare("new", "3", at_ms=20)])
    assert [card.covers for card in board.overview().cards] == [[], []]


def test_another_problem_of_the_patient_has_a_card_of_its_own() -> None:
    assert len(came_back(ladder="glucose-low").overview().cards) == 2


def test_what_is_taken_back_is_taken_back_for_both() -> None:
    board = came_back()
    both: tuple[Deed, ...] = ("acknowledge", "undo")
    for kind in both:
        action = deed(board.desk, "new", Answer(kind, "Anna", event_id="3"), kind, 30)
        assert isinstance(action, Action)
        board.take([action])
    (card,) = board.overview().cards
    assert (card.attention, card.covers) == ("unacknowledged", ["old"])


def test_a_card_says_what_comes_next_of_all_that_is_on_it() -> None:
    """The chain of an earlier alert goes on by itself: it calls sooner than the last one's."""
    desk = VirtualDesk()
    desk.find("1", alert_id="old")
    desk.after(2 * MINUTE_MS)
    desk.find("2", "returned", alert_id="old")
    desk.after(MINUTE_MS)
    desk.find("3", alert_id="new", patient_id=desk.case("old").patient_id)
    desk.after(1_000)
    board = Board(desk.core.desk)
    board.take([ROTA])
    (card,) = board.overview().cards
    assert (card.alert_id, card.next) == ("new", "If nobody answers, the next person is called at")
    told = len(desk.told())
    desk.after(card.next_at_ms - desk.now_ms - 1_000)
    assert len(desk.told()) == told
    desk.after(2_000)
    assert len(desk.told()) == told + 1
