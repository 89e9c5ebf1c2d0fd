"""A real bleak BlueZ client in the world: bonds, pairing, and everything that can go wrong."""

import asyncio
from contextlib import suppress
from decimal import Decimal
from typing import Any, Self

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
)
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from schemas.gatt import uuids
from simulators.peripherals import Cuff, Meter, Sample
from simulators.world import (
    BluetoothWorld,
    ConnectFails,
    ServicesResolvedEarly,
    SlowDisconnect,
    radio,
)
from tests.bluetooth_world import CUFF_ADDRESS, METER_ADDRESS, eventually, heard, make_cuff
from tests.simulators.host import FEATURE, TIMEOUT_S, adapter_is_powered, find

MEASUREMENT = uuids.full(uuids.BLOOD_PRESSURE_MEASUREMENT)


async def call(
    bus: MessageBus, path: str, interface: str, member: str, signature: str = "", *arguments: str
) -> list[Any]:
    """Call BlueZ with strings or paths; no error is expected."""
    reply = await bus.call(
        Message(
            destination="org.bluez",
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(arguments),
        )
    )
    assert reply.message_type is MessageType.METHOD_RETURN, reply.body
    return list(reply.body)


async def notifying(path: str) -> bool:
    """Whether BlueZ says that somebody is subscribed to the characteristic at `path`."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    interface = "org.bluez.GattCharacteristic1"
    (value,) = await call(
        bus, path, "org.freedesktop.DBus.Properties", "Get", "ss", interface, "Notifying"
    )
    bus.disconnect()
    return bool(value.value)


MANAGER = ("/org/bluez", "org.bluez.AgentManager1")


class Agent:
    """A pairing agent on a connection of its own; notes what it is asked."""

    def __init__(self, capability: str, passkey: int = 0, *, default: bool = True) -> None:
        self.asked: list[str] = []
        self._capability = capability
        self._passkey = passkey
        self._default = default

    async def __aenter__(self) -> Self:
        self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        self._bus.add_message_handler(self._answer)
        await call(self._bus, *MANAGER, "RegisterAgent", "os", "/agent", self._capability)
        if self._default:
            await call(self._bus, *MANAGER, "RequestDefaultAgent", "o", "/agent")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._bus.disconnect()

    def _answer(self, message: Message) -> Message | None:
        if message.interface != "org.bluez.Agent1" or message.member is None:
            return None
        self.asked.append(message.member)
        if message.member == "RequestPasskey":
            return Message.new_method_return(message, "u", [self._passkey])
        return Message.new_method_return(message)


# Bonds and pairing.


async def test_a_bonded_device_is_known_before_it_is_ever_seen(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    cuff.take(120, 80, 70)
    device = await find()
    assert device.details["props"]["Paired"]
    assert device.details["props"]["Bonded"]
    async with BleakClient(device) as client:
        assert bytes(await client.read_gatt_char(FEATURE))


async def test_a_stranger_can_look_but_not_read_or_subscribe(world: BluetoothWorld) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    cuff.take(120, 80, 70)
    device = await find()
    assert not device.details["props"]["Paired"]
    async with BleakClient(device) as client:
        assert bytes(await client.read_gatt_char(uuids.full(uuids.MODEL_NUMBER))) == b"Cuff One"
        for attempt in (
            client.read_gatt_char(FEATURE),
            client.start_notify(MEASUREMENT, lambda _c, _data: None),
        ):
            # bluetoothd may try to pair first; that a device refuses it tells as "unlikely error".
            with pytest.raises(
                BleakError, match=r"(?i)not paired|unlikely|not connected|discovery"
            ):
                await attempt
    assert cuff.pending == 1


async def test_pairing_by_a_headless_agent(world: BluetoothWorld) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    async with Agent("NoInputNoOutput") as agent, BleakClient(await find()) as client:
        await client.pair()
        assert bytes(await client.read_gatt_char(FEATURE))
    assert agent.asked == []
    await eventually(lambda: not cuff.is_advertising)  # pairing mode ended by itself
    cuff.take(120, 80, 70)
    device = await find()
    assert device.details["props"]["Paired"]
    async with BleakClient(device) as client:  # the bond encrypts the next link
        assert bytes(await client.read_gatt_char(FEATURE))
    await world.crash()
    await world.restart()
    assert (await find()).details["props"]["Paired"]  # and outlives the daemon


async def test_pairing_by_the_passkey_on_the_display(world: BluetoothWorld) -> None:
    cuff = make_cuff(passkey=123456)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    async with Agent("KeyboardDisplay", 123456) as agent, BleakClient(await find()) as client:
        await client.pair()
        assert bytes(await client.read_gatt_char(FEATURE))
    assert agent.asked == ["RequestPasskey"]


async def test_pairing_with_a_wrong_passkey_fails(world: BluetoothWorld) -> None:
    cuff = make_cuff(passkey=123456)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    async with Agent("KeyboardDisplay", 654321), BleakClient(await find()) as client:
        with pytest.raises(BleakDBusError, match="Authentication Failed"):
            await client.pair()


async def test_pairing_without_an_agent_fails(world: BluetoothWorld) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    async with BleakClient(await find()) as client:
        with pytest.raises(BleakDBusError, match="Authentication Failed"):
            await client.pair()


async def test_the_first_agent_is_asked_and_when_it_leaves_the_next(world: BluetoothWorld) -> None:
    """Unless another one requests to be the default."""
    cuff = make_cuff(passkey=123456)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    second = Agent("KeyboardDisplay", 123456, default=False)
    async with Agent("KeyboardDisplay", 654321, default=False) as first, second:
        async with BleakClient(await find()) as client:
            with pytest.raises(BleakDBusError, match="Authentication Failed"):
                await client.pair()  # over a connection without an agent of its own
        assert (first.asked, second.asked) == (["RequestPasskey"], [])
        await call(first._bus, *MANAGER, "UnregisterAgent", "o", "/agent")
        async with BleakClient(await find()) as client:
            await client.pair()
    assert (first.asked, second.asked) == (["RequestPasskey"], ["RequestPasskey"])


async def test_an_agent_is_known_by_its_connection_and_its_path(world: BluetoothWorld) -> None:
    assert world.bus_address
    async with Agent("KeyboardDisplay") as agent:
        for member in ("RequestDefaultAgent", "UnregisterAgent"):
            with pytest.raises(AssertionError, match="Does Not Exist"):
                await call(agent._bus, *MANAGER, member, "o", "/another")


async def test_a_device_pairs_only_in_pairing_mode(world: BluetoothWorld) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    cuff.take(120, 80, 70)
    async with Agent("NoInputNoOutput"), BleakClient(await find()) as client:
        with pytest.raises(BleakDBusError, match="Authentication Failed"):
            await client.pair()


async def test_a_removed_device_is_a_stranger_again(world: BluetoothWorld, cuff: Cuff) -> None:
    cuff.take(120, 80, 70)
    await BleakClient(await find()).unpair()
    assert not (await find()).details["props"]["Paired"]


async def test_a_device_that_forgot_its_bond_ends_the_link(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    cuff.take(120, 80, 70)
    await cuff.forget_bonds()
    with pytest.raises(BleakError):
        await BleakClient(await find()).connect()
    assert cuff.pending == 1


# What goes wrong in the field.


async def test_services_resolved_before_they_are_there(world: BluetoothWorld, cuff: Cuff) -> None:
    """BlueZ issue 1489: connect() succeeds with nothing to talk to."""
    cuff.take(120, 80, 70)
    world.inject(ServicesResolvedEarly())
    async with BleakClient(await find()) as client:
        assert client.services.get_characteristic(MEASUREMENT) is None
    async with BleakClient(await find()) as client:
        assert client.services.get_characteristic(MEASUREMENT) is not None


async def test_a_connect_that_fails_once(world: BluetoothWorld, cuff: Cuff) -> None:
    cuff.take(120, 80, 70)
    world.inject(ConnectFails())
    device = await find()
    with pytest.raises(BleakError, match="le-connection-unknown"):
        await BleakClient(device).connect()
    async with BleakClient(device) as client:
        assert client.is_connected


async def test_a_dropped_link_is_reported(world: BluetoothWorld, cuff: Cuff) -> None:
    cuff.take(120, 80, 70)
    gone = asyncio.Event()
    async with BleakClient(await find(), lambda _client: gone.set()) as client:
        await world.drop_links()
        await asyncio.wait_for(gone.wait(), TIMEOUT_S)
        with pytest.raises(BleakError):
            await client.read_gatt_char(FEATURE)
    await eventually(lambda: cuff.is_advertising)


async def test_nobody_is_told_when_the_daemon_is_killed_and_the_bond_survives(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    """As with bluetoothd 5.66: bleak still believes in the link; its calls fail."""
    cuff.take(120, 80, 70)
    client = BleakClient(await find())
    await client.connect()
    await world.crash()
    assert client.is_connected
    with pytest.raises(BleakDBusError, match="ServiceUnknown"):
        await client.read_gatt_char(FEATURE)
    await world.restart()
    assert client.is_connected
    with pytest.raises(BleakDBusError, match="UnknownObject"):
        await client.read_gatt_char(FEATURE)
    # The kernel kept the link until now; the stand-in has none.
    with suppress(BleakDBusError):
        await client.disconnect()
    async with BleakClient(await find()) as again:
        assert bytes(await again.read_gatt_char(FEATURE))


async def test_an_adapter_without_power_ends_links_and_cannot_scan(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    cuff.take(120, 80, 70)
    gone = asyncio.Event()
    async with BleakClient(await find(), lambda _client: gone.set()):
        await world.set_powered(powered=False)
        await asyncio.wait_for(gone.wait(), TIMEOUT_S)
    manager = await get_global_bluez_manager()
    await eventually(lambda: not adapter_is_powered(manager))
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner().start()
    await world.set_powered(powered=True)
    await eventually(lambda: adapter_is_powered(manager))
    assert (await find()).address == CUFF_ADDRESS


async def test_a_silent_device_answers_nothing_until_it_is_heard_again(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    cuff.take(120, 80, 70)
    client = BleakClient(await find())
    await client.connect()
    world.silence(cuff)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.read_gatt_char(FEATURE), 0.2)
    assert client.is_connected
    await client.disconnect()
    world.restore(cuff)
    async with BleakClient(await find()) as again:
        assert bytes(await again.read_gatt_char(FEATURE))


async def test_a_connect_to_a_silent_device_is_given_up_and_can_be_tried_again(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    cuff.take(120, 80, 70)
    device = await find()
    world.silence(cuff)
    with pytest.raises(TimeoutError):
        await BleakClient(device, timeout=0.2).connect()
    world.restore(cuff)
    async with BleakClient(device) as client:
        assert client.is_connected


@pytest.mark.parametrize("within_s", [0.0, 0.05])
async def test_a_link_that_the_device_never_heard_of_ends_by_itself(
    world: BluetoothWorld, cuff: Cuff, monkeypatch: pytest.MonkeyPatch, within_s: float
) -> None:
    """Seen with forty homes on two cores: the cuff stops advertising as somebody connects."""
    monkeypatch.setattr(radio, "_ESTABLISHED_WITHIN_S", within_s)  # 0: before anybody listens
    cuff.take(120, 80, 70)
    device = await find()
    with monkeypatch.context() as deaf:
        deaf.setattr(cuff.controller, "on_le_connect_ind", lambda _request: None)
        client = BleakClient(device)
        with pytest.raises(BleakError):
            await asyncio.wait_for(client.connect(), TIMEOUT_S / 2)
    async with BleakClient(device) as again:
        assert again.is_connected


async def test_a_slow_disconnect(world: BluetoothWorld, cuff: Cuff) -> None:
    cuff.take(120, 80, 70)
    client = BleakClient(await find())
    await client.connect()
    world.inject(SlowDisconnect(delay_s=60.0))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.disconnect(), 0.1)
    assert cuff.is_connected


async def test_subscriptions_end_with_the_bus_client_that_made_them(
    world: BluetoothWorld, meter: Meter
) -> None:
    """A gateway that is killed does not keep a device sending into the void."""
    meter.take(Sample(Decimal(100)))
    device = await heard(METER_ADDRESS)
    assert device is not None
    async with BleakClient(device) as client:
        characteristic = client.services.get_characteristic(uuids.full(uuids.GLUCOSE_MEASUREMENT))
        assert characteristic is not None
        path = characteristic.obj[0]
        victim = await MessageBus(bus_type=BusType.SYSTEM).connect()
        await call(victim, path, "org.bluez.GattCharacteristic1", "StartNotify")
        assert await notifying(path)
        victim.disconnect()
        while await notifying(path):
            pass


async def test_a_clock_that_cannot_be_understood_is_refused(
    world: BluetoothWorld, cuff: Cuff
) -> None:
    cuff.take(120, 80, 70)
    async with BleakClient(await find()) as client:
        with pytest.raises(BleakGATTProtocolError) as refused:
            await client.write_gatt_char(uuids.full(uuids.CURRENT_TIME), b"\x00", response=True)
    assert refused.value.code == 0x0D


async def test_pairing_anew_replaces_the_old_bond(world: BluetoothWorld, cuff: Cuff) -> None:
    cuff.take(120, 80, 70)
    for _again in range(2):
        await BleakClient(await find()).unpair()
        await cuff.set_pairing_mode(on=True)
        async with Agent("NoInputNoOutput"), BleakClient(await find()) as client:
            await client.pair()
    async with BleakClient(await find()) as client:
        assert bytes(await client.read_gatt_char(FEATURE))
