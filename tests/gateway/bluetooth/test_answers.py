"""What answers of a device are taken for, late ones and none at all; and who listens, once."""

import asyncio
from datetime import datetime

import pytest

from gateway.bluetooth.acquaintance import Acquaintance, get_acquainted
from gateway.bluetooth.device_clock import read_clock
from gateway.bluetooth.link import Link, Notified
from gateway.bluetooth.subscriptions import subscribe
from gateway.record import DeviceClock
from schemas.gatt import current_time, date_time, uuids
from schemas.reading import Device
from tests.gateway.hand_clock import HandClock
from tests.gateway.records import ADDRESS, SHOWN


class SlowLink(Link):
    """A device whose every answer takes four seconds."""

    def __init__(self, answers: dict[int, bytes], clock: HandClock) -> None:
        self.lost = asyncio.Event()
        self._answers = answers
        self._clock = clock

    async def read(self, number: int, *, behind: int = 0) -> bytes | None:
        self._clock.now_ms += 4_000
        return self._answers.get(number)


def as_current_time(moment: datetime) -> bytes:
    return current_time.encode(current_time.of(moment))


def as_date_time(moment: datetime) -> bytes:
    return date_time.encode(date_time.of(moment))


@pytest.mark.parametrize(
    ("answers", "asked_ms"),
    [
        ({uuids.CURRENT_TIME: as_current_time(SHOWN)}, 1_000),
        ({uuids.DATE_TIME: as_date_time(SHOWN)}, 5_000),  # asked when the first has answered
    ],
)
async def test_a_slow_answer_is_of_the_middle_of_its_waiting(
    answers: dict[int, bytes], asked_ms: int
) -> None:
    """A stamp's age rests on it: at most half the waiting is wrong, either way."""
    clock = HandClock(now_ms=1_000)
    told = await read_clock(SlowLink(answers, clock), None, clock)
    assert told == DeviceClock(SHOWN, asked_ms + 2_000)


@pytest.mark.parametrize("lost", [True, False])
async def test_what_a_lost_link_did_not_answer_is_asked_again(lost: bool) -> None:
    """A model that was not told once for all would be read without its quirks from then on."""
    clock, known = HandClock(), Acquaintance(Device(ADDRESS), seen_ms=0)
    link = SlowLink({}, clock)
    if lost:
        link.lost.set()

    async def nothing() -> None:
        pass

    await get_acquainted(link, known, clock, lambda _clock: None, nothing)
    assert known.asked is (known.battery_asked_ms is not None) is not lost


class Listened(Link):
    """A cuff; notes what is subscribed to."""

    def __init__(self) -> None:
        self.subscribed = set()
        self.asked: list[int] = []

    def has(self, number: int | str) -> bool:
        return number == uuids.BLOOD_PRESSURE_MEASUREMENT

    async def subscribe(self, number: int, notified: Notified) -> None:
        self.asked.append(number)
        self.subscribed.add(number)


async def test_what_was_subscribed_to_early_is_not_subscribed_to_again() -> None:
    """The burst of some devices begins with each subscription."""
    link = Listened()
    for _ in ("while it is asked who it is", "in its turn"):
        await subscribe(link, None, lambda _number, _payload: None)
    assert link.asked == [uuids.BLOOD_PRESSURE_MEASUREMENT]
