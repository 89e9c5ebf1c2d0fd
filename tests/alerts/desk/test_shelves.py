"""Several shelves of one alert: which of them counts."""

import pytest

from tests.alerts.desk.virtual_desk import HOUR_MS, VirtualDesk


@pytest.mark.parametrize("hours", [(7, 2), (2, 7)])
def test_of_two_shelves_the_last_counts_and_none_comes_back_when_it_ends(
    hours: tuple[int, int],
) -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(1_000)
    for one in hours:
        desk.do("shelve", note="in hospital", until_ms=desk.now_ms + one * HOUR_MS)
        desk.after(1_000)
    desk.after(8 * HOUR_MS)
    ended_s = hours[1] * 3600 + 2
    assert desk.told()[:2] == [(0, "onset", ["nurse"]), (ended_s, "shelf-ended", ["nurse"])]


def test_a_shelf_that_was_taken_back_lets_the_one_before_it_count() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(1_000)
    desk.do("shelve", note="in hospital", until_ms=desk.now_ms + 2 * HOUR_MS)
    slip = desk.do("shelve", note="in hospital", until_ms=desk.now_ms + 7 * HOUR_MS)
    desk.do("undo", answers=slip.action_id)
    desk.after(HOUR_MS)
    assert desk.case().attention == "shelved"
    desk.after(HOUR_MS)
    assert desk.told()[1] == (2 * 3600 + 1, "shelf-ended", ["nurse"])


def test_a_shelf_without_an_end_silences_nothing() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.decide_only()
    desk.do("shelve", note="in hospital")
    desk.after(1_000)
    assert [reason for _, reason, _ in desk.told()] == ["onset"]
