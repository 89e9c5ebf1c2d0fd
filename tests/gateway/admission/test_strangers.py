"""Which unpaired devices are near."""

from gateway.admission.advert import Advert
from gateway.admission.strangers import SHOWN_FOR_MS, STRANGERS_MAX, Strangers


def test_the_strongest_come_first_and_the_silent_go() -> None:
    strangers = Strangers()
    strangers.heard(Advert("C0:00:00:00:00:01", rssi_dbm=-90), 0)
    strangers.heard(Advert("C0:00:00:00:00:02", rssi_dbm=-40), 1_000)
    assert [one.advert.address[-1] for one in strangers.recent(2_000)] == ["2", "1"]
    assert [one.last_seen_s for one in strangers.recent(2_000)] == [1, 2]
    assert [one.advert.address[-1] for one in strangers.recent(SHOWN_FOR_MS)] == ["2", "1"]
    assert [one.advert.address[-1] for one in strangers.recent(SHOWN_FOR_MS + 1)] == ["2"]


def test_a_crowd_does_not_fill_the_memory() -> None:
    strangers = Strangers()
    for number in range(STRANGERS_MAX + 5):
        strangers.heard(Advert(f"C0:00:00:00:00:{number:02X}", rssi_dbm=-50), number)
    assert len(strangers.recent(STRANGERS_MAX)) == STRANGERS_MAX


def test_who_has_been_silent_for_longest_makes_room() -> None:
    strangers, first = Strangers(), Advert("C0:00:00:00:01:00", rssi_dbm=-50)
    strangers.heard(first, 0)
    for number in range(STRANGERS_MAX - 1):
        strangers.heard(Advert(f"C0:00:00:00:00:{number:02X}", rssi_dbm=-50), 0)
    strangers.heard(first, 1)
    strangers.heard(Advert("C0:00:00:00:02:00", rssi_dbm=-50), 2)
    near = {one.advert.address for one in strangers.recent(2)}
    assert (first.address in near, "C0:00:00:00:00:00" in near) == (True, False)
