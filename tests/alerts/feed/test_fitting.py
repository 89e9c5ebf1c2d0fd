"""What a page bears of more alerts than anybody answers soon, and what is left out of it."""

from alerts.feed.board import Board
from alerts.feed.order import (
    BEYOND_SHOWN_MAX,
    CRITICAL_SHOWN_MAX,
    SETTLED_SHOWN_MAX,
    SHOWN_MAX,
    Longest,
)
from schemas.alert import Severity, Transition
from tests.alert_records import acknowledgement, transition


def many(severity: Severity, count: int) -> list[Transition]:
    """As many alerts, the one that was opened first first."""
    return [
        transition(f"{severity}-{n}", severity=severity, alert_id=f"{severity}-{n:04}", at_ms=n)
        for n in range(count)
    ]


def test_every_critical_alert_fits_and_of_others_those_that_wait_longest() -> None:
    board = Board()
    board.take([*many("critical", SHOWN_MAX + 50), *many("high", SHOWN_MAX + 1)])
    order = board.overview().order
    newest_first = [f"critical-{n:04}" for n in reversed(range(SHOWN_MAX + 50))]
    newest_first += [f"high-{n:04}" for n in reversed(range(SHOWN_MAX))]
    assert order.waiting == newest_first
    assert order.hidden == 1
    assert order.counts["waiting"] == 2 * SHOWN_MAX + 51  # what the heading and the title say


def test_of_more_critical_alerts_than_a_page_bears_none_that_waits_longer_is_left_out() -> None:
    board = Board()
    board.take(many("critical", CRITICAL_SHOWN_MAX + 2))
    order = board.overview().order
    assert (len(order.waiting), order.hidden) == (CRITICAL_SHOWN_MAX, 2)
    assert order.waiting[-1] == "critical-0000"
    assert order.waiting[0] == f"critical-{CRITICAL_SHOWN_MAX - 1:04}"


def test_a_heading_tells_since_when_the_one_at_the_bottom_waits() -> None:
    board = Board()
    board.take([*many("critical", 3), *many("high", 3)])
    assert board.overview().order.longest == Longest("critical-0000", "critical", 3, since_ms=0)
    board.take([transition("w", "worsened", alert_id="high-0001", at_ms=9)])
    board.take(
        acknowledgement(f"critical-{n}", alert_ids=(f"critical-{n:04}",), action_id=f"x{n}")
        for n in (0, 2)
    )
    # both are critical now, and one of them had waited before it was
    assert board.overview().order.longest == Longest("critical-0001", "critical", 2, since_ms=1)
    again = transition("a", "again", alert_id="critical-0000", at_ms=60 * 60_000)
    board.take([again, acknowledgement("w", alert_ids=("high-0001",), action_id="y")])
    # what was answered waits anew since it came again
    assert board.overview().order.longest == Longest("critical-0001", "critical", 2, since_ms=1)
    board.take([acknowledgement("critical-1", alert_ids=("critical-0001",), action_id="z")])
    assert board.overview().order.longest is None  # one alone is in sight
    board.take([transition("n", alert_id="newest", at_ms=again.at_ms + 1)])
    found = board.overview().order.longest
    assert found == Longest("critical-0000", "critical", 2, since_ms=again.at_ms)


def test_what_fits_by_now_comes_with_what_made_room() -> None:
    """Each answer on a full page made every page fetch the whole list again."""
    board = Board()
    board.take(many("high", SHOWN_MAX + 1))
    newest = f"high-{SHOWN_MAX:04}"
    assert newest not in board.overview().order.waiting
    changes = board.take([acknowledgement("high-7", alert_ids=("high-0007",))])
    assert {card.alert_id for card in board.update(changes.alert_ids).cards} == {
        "high-0007",
        newest,
    }
    changes = board.take([acknowledgement("high-8", alert_ids=("high-0008",), action_id="y")])
    assert {card.alert_id for card in board.update(changes.alert_ids).cards} == {"high-0008"}


def test_few_of_the_settled_are_shown() -> None:
    board = Board()
    for number in range(SETTLED_SHOWN_MAX + 5):
        alert = str(number)
        board.take(
            [
                transition(f"{number}-1", severity="high", alert_id=alert, at_ms=number),
                transition(f"{number}-2", "returned", "high", number, alert),
                acknowledgement(f"{number}-1", action_id=alert, alert_ids=(alert,)),
            ]
        )
    order = board.overview().order
    assert order.settled[0] == str(SETTLED_SHOWN_MAX + 4)
    assert len(order.settled) == SETTLED_SHOWN_MAX
    assert order.hidden == 0


def test_a_card_waits_as_long_as_what_it_came_back_from() -> None:
    board = Board()
    board.take(
        [
            transition("1", alert_id="a", patient_id="p", at_ms=1),
            transition("2", "returned", alert_id="a", patient_id="p", at_ms=2),
            transition("3", alert_id="other", at_ms=5),
            transition("4", alert_id="b", patient_id="p", at_ms=9),
        ]
    )
    assert board.overview().order.longest == Longest("b", "critical", 2, since_ms=1)
    board.take([acknowledgement("2", alert_ids=("a",))])
    assert board.overview().order.longest == Longest("other", "critical", 2, since_ms=5)


def test_every_open_alert_is_on_one_of_the_pages_and_on_none_twice() -> None:
    board = Board()
    board.take(
        [
            *many("critical", CRITICAL_SHOWN_MAX + 2 * BEYOND_SHOWN_MAX + 1),
            *many("high", SHOWN_MAX + 1),
            *many("medium", SHOWN_MAX + 1),
        ]
    )
    order = board.overview().order
    pages = [board.beyond(number) for number in (1, 2, 3)]
    assert {(page.pages, page.total) for page in pages} == {(3, order.hidden)}
    assert [page.first for page in pages] == [1, BEYOND_SHOWN_MAX + 1, 2 * BEYOND_SHOWN_MAX + 1]
    left = [card.alert_id for page in pages for card in page.alerts]
    assert left[0] == f"critical-{CRITICAL_SHOWN_MAX:04}", "of those left out it waits longest"
    assert [one.partition("-")[0] for one in left[-3:]] == ["critical", "high", "medium"]
    shown = [*order.waiting, *order.work]
    assert sorted(shown + left) == sorted(case.alert_id for case in board.desk.cases())


def test_a_page_that_was_answered_empty_is_the_last_one_that_is() -> None:
    board = Board()
    board.take(many("critical", CRITICAL_SHOWN_MAX + BEYOND_SHOWN_MAX + 1))
    assert [len(board.beyond(2).alerts), board.beyond(0).number] == [1, 1]
    board.take([acknowledgement("critical-0", alert_ids=("critical-0000",))])
    found = board.beyond(2)
    assert (found.number, found.pages, len(found.alerts)) == (1, 1, BEYOND_SHOWN_MAX)
    assert (Board().beyond(1).total, Board().beyond(1).alerts) == (0, [])
