"""`vitalwire simulate` against the real bluetoothd: somebody tries a gateway without a device."""

from pathlib import Path

from simulators.true_world import TrueWorld
from tests.bluetooth_world import eventually
from tests.gateway.bluetooth.people import gateway
from tests.gateway.bluetooth.side import BluetoothSide
from tests.simulators.simulated import simulate

ADDRESS = "C4:DE:30:00:00:01"


async def test_a_simulated_cuff_is_paired_and_read_by_way_of_bluetoothd(
    world: TrueWorld, side: BluetoothSide, tmp_path: Path
) -> None:
    await eventually(side.bluez.ready.is_set)
    await world.unplug()  # the simulated one brings an adapter along
    options = ("--transport", world.adapter_transport, "--address", ADDRESS, "--records", "3")
    async with simulate("cuff", "--as-adapter", *options) as cuff:
        await cuff.until("ready")
        await cuff.type("pair")
        await eventually(side.bluez.ready.is_set)
        code, said, complained = await gateway("pair", ADDRESS, state=tmp_path)
        assert (code, complained) == (0, ""), (said, complained, cuff.said)
        await cuff.until("handed over", times=3)
        await cuff.type("take 192 124 96")
        await cuff.until("handed over", times=4)
        given = cuff.payloads("handed over")
        await eventually(lambda: side.payloads == given)
        await cuff.type("quit")
