"""What all devices have in common: radio, bond, advertising, common services, ledger.

A device advertises only while it has something to hand over or is in pairing mode, serves one
link at a time, lets only bonded peers subscribe, and pairs only in pairing mode. In what devices
depart from that, their habits say.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

import structlog
from bumble import gatt, hci
from bumble.controller import Controller
from bumble.device import Connection, DeviceConfiguration
from bumble.host import Host
from bumble.keys import PairingKeys
from bumble.transport.common import TransportSink, TransportSource

from schemas.gatt import device_information, uuids
from schemas.gatt.quirks import ClockWay
from simulators.peripherals import advertising, attributes
from simulators.peripherals.attributes import Characteristic
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.clock_services import ClockServices
from simulators.peripherals.habits import Habits
from simulators.peripherals.identity import DeviceIdentity
from simulators.peripherals.ledger import Ledger
from simulators.peripherals.listening import ListeningDevice
from simulators.peripherals.pairing import Bonds
from simulators.peripherals.served_link import ServedLink
from simulators.world.central import BackgroundTasks
from simulators.world.faults import Fault, FaultList
from simulators.world.radio import Air

__all__ = ["LinkEvent", "Peripheral"]


_IN_A_SERVICE_OF_ITS_OWN = (ClockWay.CURRENT_TIME, ClockWay.CURRENT_TIME_AFTER_NOTIFICATION)

LinkEvent: TypeAlias = Literal["connected", "paired", "pairing failed", "disconnected"]

log = structlog.get_logger(__name__)


class Peripheral(ABC):
    """A device between start() and stop(); it can be started again, like after a battery change."""

    service_number: int  # the service that it is for, advertised

    def __init__(
        self, identity: DeviceIdentity, clock: DeviceClock, ledger: Ledger, habits: Habits
    ) -> None:
        """Begin switched off."""
        self.identity = identity
        self.address = hci.Address(identity.address)
        self.name = identity.name
        self.clock = clock
        self.ledger = ledger
        self.battery_percent = 90
        self.watch: Callable[[LinkEvent], None] = _nobody_watches
        self._habits = habits
        self.bonds = Bonds(habits)
        self._faults = FaultList()
        self._is_on = False
        self._controller: Controller | None = None  # only in an air
        self._all_subscribed = False  # on the link that it has, or had last
        self._pushable: list[Characteristic] = []
        self._advertising = asyncio.Lock()
        self._tasks = BackgroundTasks()
        self._link = ServedLink(self._tasks)

    # The owner's side: what a person, a test or a home does with it.

    @property
    def service_uuids(self) -> list[str]:
        """The assigned ones of its services, as 128-bit text."""
        numbers = [uuids.DEVICE_INFORMATION_SERVICE, uuids.BATTERY_SERVICE, self.service_number]
        if self._habits.clock in _IN_A_SERVICE_OF_ITS_OWN:
            numbers.append(uuids.CURRENT_TIME_SERVICE)
        return [uuids.full(number) for number in numbers]

    @property
    def controller(self) -> Controller:
        """Its virtual radio; only after start()."""
        assert self._controller is not None
        return self._controller

    @property
    def passkey(self) -> int | None:
        """What its display shows at pairing; None: it has none."""
        return self._habits.passkey

    @property
    def is_connected(self) -> bool:
        """Whether somebody is connected to it."""
        return self._link.connection is not None

    @property
    def is_advertising(self) -> bool:
        """Whether it can be found now."""
        return self._is_on and bool(self._device.is_advertising)

    @property
    @abstractmethod
    def pending(self) -> int:
        """How many measurements wait to be handed over."""

    async def start(self, air: Air) -> None:
        """Switch it on in this air."""
        self._controller = Controller(self.name, link=air)
        await self.start_on(self._controller, self._controller)

    async def start_on(self, source: TransportSource, sink: TransportSink) -> None:
        """Switch it on as the host of any controller: a dongle, a socket, a virtual one."""
        configuration = DeviceConfiguration(name=self.name, address=self.address)
        self._device = ListeningDevice(config=configuration, host=Host(source, sink))
        self._device.keystore = self.bonds.store
        self._device.pairing_config_factory = self.bonds.config
        self._device.on("connection", self._connected)
        self._pushable.clear()
        self._clock_services = ClockServices(self.clock, self._habits.clock)
        self._device.add_services(self._common_services())
        self._device.add_service(self._own_service())
        await self._device.power_on()
        await self.bonds.load()
        self._is_on = True
        await self._advertise_if_wanted()

    async def stop(self) -> None:
        """Switch it off: its link ends, its memory stays."""
        self._is_on = False
        if self._link.connection is not None:
            await self._link.connection.disconnect()
        await self._advertise_if_wanted()  # no more: a real controller would go on
        await self._tasks.close()
        await self._device.power_off()
        if self._controller is not None:
            self._controller.link.remove_controller(self._controller)
            self._controller = None

    async def remember(self, peer: hci.Address, keys: PairingKeys) -> None:
        """Store a bond as if it had been paired with `peer`."""
        await self.bonds.remember(peer, keys)

    async def forget_bonds(self) -> None:
        """Lose every bond, as devices do when they are reset."""
        await self.bonds.forget()

    async def set_pairing_mode(self, *, on: bool) -> None:
        """Press the pairing button; it also ends by itself once paired."""
        self.bonds.pairing_mode = on
        await self._advertise_if_wanted()

    async def drop_link(self) -> None:
        """End the link that it has, as when somebody takes its battery out."""
        if self._link.connection is not None:
            await self._link.drop(self._link.connection)

    def inject(self, fault: Fault) -> None:
        """Let a fault happen at its next occasion, once."""
        self._faults.inject(fault)

    # What the kinds of devices differ in.

    @abstractmethod
    def _own_service(self) -> gatt.Service:
        """Build the service that the device is for."""

    @abstractmethod
    def _has_something(self) -> bool:
        """Whether the device wants to be found."""

    def _subscribed(self, connection: Connection) -> None:
        """Do what it does when somebody has subscribed to something."""
        log.debug("peripheral.subscribed", handle=connection.handle)

    def _maker_data(self) -> bytes:
        """Return what stands in the advertisement as the maker's own."""
        return b""

    # For the kinds of devices to use.

    def _push_on(self, characteristic: Characteristic) -> Characteristic:
        """Allow subscribing to `characteristic`, on encrypted links only."""
        attributes.protect_subscription(self._device.gatt_server, characteristic)
        characteristic.on("subscription", partial(self._on_subscription, characteristic))
        self._pushable.append(characteristic)
        return characteristic

    def _may_hand_over(self) -> bool:
        """Whether pairing has come as far as this device wants before it gives anything."""
        if self._habits.pairs_by_reconnecting and self.bonds.paired_now:
            return False
        return not self._habits.wants_everything_subscribed or self._all_subscribed

    def _refresh_advertising(self) -> None:
        """Advertise, or stop it, soon."""
        if self._is_on:
            self._tasks.spawn(self._advertise_if_wanted())

    # The link.

    def _connected(self, connection: Connection) -> None:
        self._link.begin(self._device, connection)
        self.bonds.paired_now = self._all_subscribed = False
        connection.on("disconnection", self._disconnected)
        connection.on("pairing", self._paired)
        connection.on("pairing_failure", lambda _reason: self.watch("pairing failed"))
        if (patience_s := self._habits.wants_encryption_within_s) is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(patience_s, self._drop_unencrypted, connection)
        self.watch("connected")

    def _disconnected(self, _reason: int) -> None:
        if (connection := self._link.end()) is not None:
            self._tasks.spawn(self._after_link(connection))
        self.watch("disconnected")

    async def _after_link(self, connection: Connection) -> None:
        """Keep or forget the bond, then advertise again."""
        self._clock_services.forget(connection)
        await self.bonds.after_link(all_subscribed=self._all_subscribed)
        await self._advertise_if_wanted()

    def _paired(self, _keys: PairingKeys) -> None:
        self.bonds.paired()
        self.watch("paired")

    def _drop_unencrypted(self, connection: Connection) -> None:
        if connection is self._link.connection and not connection.is_encrypted:
            self._tasks.spawn(self._link.drop(connection))

    def _on_subscription(
        self,
        characteristic: Characteristic,
        connection: Connection,
        notify: bool,  # noqa: FBT001 - bumble's
        indicate: bool,  # noqa: FBT001 - bumble's
    ) -> None:
        if not (notify or indicate):
            return
        if self._device.asked_within(self._habits.pause_before_subscribing_s):
            self._device.forget_subscription(connection, characteristic)
            return
        self._all_subscribed = all(
            self._link.wants(connection, pushed) for pushed in self._pushable
        )
        if self._all_subscribed:
            self.bonds.all_subscribed()
        if characteristic is self._clock_services.pushed:
            self._tasks.spawn(self._clock_services.tell(connection, self._link.notify))
        if characteristic is self._battery:
            percent = device_information.encode_battery_percent(self.battery_percent)
            self._tasks.spawn(self._tell(connection, characteristic, percent))
        self._subscribed(connection)

    async def _tell(
        self, connection: Connection, characteristic: Characteristic, payload: bytes
    ) -> None:
        await self._link.notify(connection, characteristic, payload)

    async def _advertise_if_wanted(self) -> None:
        async with self._advertising:
            free = self._is_on and self._link.connection is None
            wanted = free and (self.bonds.pairing_mode or self._has_something())
            if wanted:
                pairing = self.bonds.pairing_mode
                named = pairing or self._habits.advertises_service
                said = advertising.advertisement(
                    self.name,
                    self.service_number if named else None,
                    pairing=pairing,
                    discoverable=self._habits.always_discoverable,
                    maker=self._maker_data(),
                )
                await advertising.begin(self._device, said, self.name)
            elif self._device.is_advertising:
                await self._device.stop_advertising()

    # The services that every device has.

    def _common_services(self) -> list[gatt.Service]:
        texts = {
            uuids.MANUFACTURER_NAME: self.identity.manufacturer,
            uuids.MODEL_NUMBER: self.identity.model,
            uuids.SERIAL_NUMBER: self.identity.serial,
            uuids.FIRMWARE_REVISION: self.identity.firmware,
        }
        tells = self._habits.wants_everything_subscribed
        self._battery = attributes.battery_level(lambda: self.battery_percent, notifies=tells)
        for pushed in (self._battery if tells else None, self._clock_services.pushed):
            if pushed is not None:
                self._push_on(pushed)
        return [
            attributes.information_service(texts),
            attributes.service(uuids.BATTERY_SERVICE, [self._battery]),
            *self._clock_services.separate,
        ]


def _nobody_watches(_event: LinkEvent) -> None:
    """Hear nothing."""
