"""What a device sends by itself: each measurement once, and nothing that still moves."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from bleak import BleakClient
from bleak.args.bluez import BlueZNotifyArgs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bumble import gatt
from bumble.device import Connection

from gateway.bluetooth import harvest
from gateway.bluetooth.link import Link, LinkFailed, Notified
from gateway.visits.table import Command
from schemas.gatt import uuids
from schemas.gatt.quirks import AND_UA651, OMRON
from simulators.peripherals import Cuff, Habits, Sample, Stall, attributes
from simulators.peripherals.attributes import Characteristic
from simulators.peripherals.models import CUFFS
from simulators.peripherals.served_link import ServedLink
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, CUFF_ADDRESS, eventually, make_cuff, make_meter
from tests.gateway.bluetooth.counters import sessions
from tests.gateway.bluetooth.orders import watch
from tests.gateway.bluetooth.side import BluetoothSide

MOVING = b"\x00\x64\x00\xff\x07\xff\x07"
ENHANCED = b"\x00\x78\x00\x50\x00\x5d\x00"


class ModernCuff(Cuff):
    """Says each measurement in both forms, and while it pumps up, how far it is; then it waits."""

    still_listened_to = True

    def _own_service(self) -> gatt.Service:
        service = super()._own_service()
        self._enhanced = self._push_on(
            attributes.indicated(uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT)
        )
        self._moving = self._push_on(attributes.notified(uuids.INTERMEDIATE_CUFF_PRESSURE))
        service.characteristics += [self._enhanced, self._moving]
        return service

    def _subscribed(self, connection: Connection) -> None:
        if self._link.wants(connection, self._enhanced) and self._memory:
            self._tasks.spawn(self._hand_over(connection))

    async def _hand_over(self, connection: Connection) -> None:
        self.asked_for_moving = self._link.wants(connection, self._moving)
        self.asked_for_both = self._link.wants(connection, self._measurement)
        await self._link.notify(connection, self._moving, MOVING)
        if await self._link.indicate(connection, self._enhanced, ENHANCED):
            self._memory.clear()

    def _on_subscription(
        self, characteristic: Characteristic, connection: Connection, notify: bool, indicate: bool
    ) -> None:
        self.still_listened_to = self.still_listened_to and (notify or indicate)
        super()._on_subscription(characteristic, connection, notify, indicate)


def modern(like: Cuff) -> ModernCuff:
    return ModernCuff(like.identity, like.clock, like.ledger, habits=like._habits)


@pytest.mark.parametrize("model", ["conformant", OMRON.title])
async def test_a_measurement_in_two_forms_is_one_and_a_moving_pressure_is_none(
    model: str, world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harvest, "SILENCE_S", 0.1)
    cuff = modern(CUFFS[model].build(CUFF_ADDRESS, CLOCK))
    cuff.take(120, 80, 70)
    await world.add(cuff, bonded=True)
    await eventually(lambda: side.payloads == [ENHANCED])
    await side.visited(1)
    assert side.payloads == [ENHANCED]
    (record,) = side.kept
    assert record.characteristic == f"{uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT:04x}"
    assert not cuff.asked_for_both
    # Only who counts itself unpaired otherwise is asked for it, and what it says is dropped.
    assert cuff.asked_for_moving is (model == OMRON.title)
    assert cuff.still_listened_to is (model == OMRON.title)


async def test_the_older_form_is_taken_where_there_is_no_other(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=True)
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: side.payloads == [taken])
    assert side.kept[0].characteristic == f"{uuids.BLOOD_PRESSURE_MEASUREMENT:04x}"


class EmptyCuff(Cuff):
    """Advertises and has nothing to give: it leaves as soon as it is listened to."""

    async def _hand_over(self, connection: Connection) -> None:
        self._memory.clear()
        await self._link.drop(connection)


@pytest.mark.parametrize(
    ("model", "outcome"), [(AND_UA651.title, "complete"), ("conformant", "link-lost")]
)
async def test_who_leaves_with_nothing_given_has_failed_unless_its_kind_does_so(
    model: str,
    outcome: str,
    world: BluetoothWorld,
    side: BluetoothSide,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # So that it leaves while it is waited for, not within the subscription.
    monkeypatch.setattr(ServedLink, "drop", dropping_later(Command.DRAIN, monkeypatch))
    like = CUFFS[model].build(CUFF_ADDRESS, CLOCK)
    told_by_its_model_only = replace(like.identity, name="BLOOD CUFF")
    cuff = EmptyCuff(told_by_its_model_only, like.clock, like.ledger, habits=like._habits)
    cuff.take(120, 80, 70)
    ended_before = sessions(outcome)
    await world.add(cuff, bonded=True)
    await side.visited(1)
    assert sessions(outcome) == ended_before + 1


async def test_a_fast_cuff_has_given_everything_though_nobody_answers_to_the_subscription(
    cuff: Cuff, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An undated reading of a visit that counts as broken would be taken for old."""
    subscribe = Link.subscribe

    async def unanswered(link: Link, number: int, notified: Notified) -> None:
        await subscribe(link, number, notified)
        await eventually(lambda: side.payloads)
        raise LinkFailed(f"No subscription to {number:04x}: no answer.")

    monkeypatch.setattr(Link, "subscribe", unanswered)
    cuff.inject(Stall(after=1))  # it has not left yet
    taken = [cuff.take(120, 80, 70), cuff.take(130, 85, 71)]
    ended_before = sessions("complete")
    await side.visited(1)
    assert (side.payloads, sessions("complete")) == (taken[:1], ended_before + 1)
    assert side.journal.facts(side.kept[0]).newest == side.kept[0].seq


def dropping_later(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> Callable[[ServedLink, Connection], Awaitable[None]]:
    orders, drop = watch(monkeypatch), ServedLink.drop

    async def later(link: ServedLink, connection: Connection) -> None:
        await eventually(lambda: command in orders)
        await drop(link, connection)

    return later


async def test_records_come_by_messages_and_not_by_sockets(
    world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sockets, one for each characteristic, are beside D-Bus: an end could overtake a record."""
    ways: dict[str, object] = {}
    start_notify = BleakClient.start_notify

    async def noting(
        client: BleakClient,
        number: str,
        told: Callable[[BleakGATTCharacteristic, bytearray], None],
        *,
        bluez: BlueZNotifyArgs,
    ) -> None:
        ways[number] = bluez
        await start_notify(client, number, told, bluez=bluez)

    monkeypatch.setattr(BleakClient, "start_notify", noting)
    meter = make_meter()
    await world.add(meter, bonded=True)
    meter.take(Sample(Decimal(100)))
    await side.visited(1)
    assert len(side.payloads) == 1
    assert set(ways) == {
        uuids.full(uuids.GLUCOSE_MEASUREMENT),
        uuids.full(uuids.GLUCOSE_MEASUREMENT_CONTEXT),
        uuids.full(uuids.RECORD_ACCESS_CONTROL_POINT),
    }
    assert all(way == {"use_start_notify": True} for way in ways.values())


async def test_a_device_that_remembers_subscriptions_sends_to_nobody(
    world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bluetoothd would confirm for nobody what it sends before we listen: so we end them."""
    monkeypatch.setattr(harvest, "SILENCE_S", 0.1)
    like = make_cuff()
    cuff = Cuff(like.identity, like.clock, like.ledger, habits=Habits(resumes_after_s=0.0))
    cuff.inject(Stall(after=1))
    taken = [cuff.take(120, 80, 70), cuff.take(130, 85, 71)]
    await world.add(cuff, bonded=True)
    await side.visited(1)
    assert side.payloads == taken[:1]
    await eventually(lambda: side.payloads == taken)
