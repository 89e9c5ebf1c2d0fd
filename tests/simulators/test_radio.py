"""Who hears an advertisement, alone and in a crowd."""

import asyncio
from types import SimpleNamespace

from bumble import hci, ll
from bumble.controller import Controller

from simulators.world.radio import Air

CROWD = 100
ADVERTISER = hci.Address("C0:00:00:00:00:01")


def advertise(air: Air, sender: Controller, times: int) -> None:
    for _ in range(times):
        air.send_advertising_pdu(sender, ll.AdvInd(advertiser_address=ADVERTISER, data=b""))


def listen(controller: Controller) -> list[object]:
    """Let a controller note what reaches it instead of acting on it."""
    heard: list[object] = []
    controller.on_ll_advertising_pdu = heard.append  # type: ignore[assignment, method-assign]
    return heard


async def test_a_scanner_hears_of_a_crowd_what_leaves_time_for_the_links() -> None:
    air = Air()
    crowd = [Controller(str(number), link=air) for number in range(CROWD)]
    idle = listen(crowd[1])
    scanner = Controller("scanner", link=air)
    scanner.le_scan_enable = True
    heard = listen(scanner)
    advertise(air, crowd[0], times=5)
    await asyncio.sleep(0)
    assert len(heard) == 1
    assert idle == []


async def test_who_dials_hears_each_advertisement_of_the_one_that_it_dials() -> None:
    air = Air()
    crowd = [Controller(str(number), link=air) for number in range(CROWD)]
    central = Controller("central", link=air)
    heard = listen(central)
    attempt = SimpleNamespace(peer_address=ADVERTISER)
    central.pending_le_connection = attempt  # type: ignore[assignment]
    advertise(air, crowd[0], times=5)
    await asyncio.sleep(0)
    assert len(heard) == 5
    attempt.peer_address = hci.Address("C0:00:00:00:00:02")
    advertise(air, crowd[0], times=5)
    await asyncio.sleep(0)
    assert len(heard) == 5
