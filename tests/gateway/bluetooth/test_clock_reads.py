"""What a device's answers are taken for: late ones of its clock, and none at all."""

import asyncio
from datetime import datetime

import pytest

from gateway.bluetooth.acquaintance import Acquaintance, get_acquainted
from gateway.bluetooth.device_clock import read_clock
from gateway.bluetooth.link import Link
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
