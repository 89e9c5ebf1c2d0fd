"""How long a visit waits for a device that sends by itself, in virtual time."""

import asyncio
from typing import cast

import pytest

from bench.virtual_time import VirtualLoop
from gateway.bluetooth.harvest import FIRST_RECORD_TIMEOUT_S, Harvest, Surroundings
from gateway.record import SessionFacts
from schemas.reading import Device
from tests.gateway.records import ADDRESS


@pytest.mark.parametrize(("captured", "longest_s"), [(1, 2.0), (0, FIRST_RECORD_TIMEOUT_S)])
def test_a_cuff_has_two_seconds_for_its_next_record_and_longer_for_its_first(
    captured: int, longest_s: float
) -> None:
    """blessed-bluez ends a cuff's session after 2 s; people wait for an undated reading."""

    async def waited_s() -> float:
        harvest = Harvest(SessionFacts("", Device(ADDRESS)), cast("Surroundings", None))
        harvest.captured = captured
        began_s = asyncio.get_running_loop().time()
        await harvest.silence()
        return asyncio.get_running_loop().time() - began_s

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(waited_s()) == pytest.approx(longest_s, abs=0.01)
