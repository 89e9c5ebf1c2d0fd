"""Links that do not come about, or end at once; an adapter that reaches nobody any more."""

from decimal import Decimal

import pytest
from prometheus_client import REGISTRY

from gateway.visits import dialling, link_watch, visit
from simulators.peripherals import Cuff, Meter, Sample
from simulators.world import BluetoothWorld
from simulators.world.faults import ABORTED, ConnectFails, ReadHangs
from tests.bluetooth_world import eventually
from tests.gateway.bluetooth.counters import sessions
from tests.gateway.bluetooth.side import BluetoothSide


def power_cycles() -> float:
    labels = {"reason": "power-cycle"}
    return REGISTRY.get_sample_value("vitalwire_gateway_failures_total", labels) or 0.0


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let links that fail follow one another without a pause, and count after no time."""
    monkeypatch.setattr(dialling, "REST_AFTER_FAILURE_FIRST_MS", 10)
    monkeypatch.setattr(visit, "CONNECT_PAUSES_S", ())  # one try a visit
    monkeypatch.setattr(link_watch, "IN_VAIN_FIRST_MS", 1)
    monkeypatch.setattr("gateway.bluetooth.bluez.POWER_ON_PAUSES_S", (0.05, 0.05, 0.05))


@pytest.mark.usefixtures("hasty")
async def test_an_adapter_that_reaches_nobody_is_switched_off_and_on(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    cycled_before, in_vain_before = power_cycles(), sessions("link-failed")
    for _ in range(link_watch.VISITS_BEFORE_POWER):
        world.inject(ConnectFails())
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: side.payloads == [taken])
    assert power_cycles() == cycled_before + 1
    assert sessions("link-failed") == in_vain_before + link_watch.VISITS_BEFORE_POWER
    await eventually(lambda: not side.bluez.linked)


@pytest.mark.usefixtures("hasty")
async def test_an_adapter_over_which_a_visit_goes_on_is_left_alone(
    cuff: Cuff, meter: Meter, world: BluetoothWorld, side: BluetoothSide
) -> None:
    cycled_before = power_cycles()
    world.inject(ReadHangs())
    meter.take(Sample(Decimal(100)))
    await eventually(lambda: side.bluez.linked)
    for _ in range(link_watch.VISITS_BEFORE_POWER):
        world.inject(ConnectFails())
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: taken in side.payloads)
    assert power_cycles() == cycled_before


async def test_a_link_that_ends_at_once_and_is_made_again_in_the_same_try_is_used(
    cuff: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    """bleak takes the end for interference, and asks again by itself."""
    world.inject(ConnectFails(ABORTED))
    taken = cuff.take(120, 80, 70)
    await side.visited(1)
    assert side.payloads == [taken]
