"""What a cuff and a meter have in common: radio, bond, advertising, common services, ledger.

A device advertises only while it has something to hand over or is in pairing mode, serves one
link at a time, lets only bonded peers subscribe, and pairs only in pairing mode.
"""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass

import structlog
from bumble import att, gatt, hci
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.keys import MemoryKeyStore, PairingKeys
from bumble.pairing import PairingConfig

from schemas.gatt import current_time, uuids
from schemas.gatt.errors import MalformedPayload
from simulators.peripherals import attributes
from simulators.peripherals.attributes import Characteristic
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.ledger import Ledger
from simulators.peripherals.pairing import pairing_config
from simulators.world.central import BackgroundTasks
from simulators.world.faults import Fault, FaultList
from simulators.world.radio import Air

__all__ = ["DeviceIdentity", "Peripheral"]

ADVERTISING_INTERVAL_MS = 100
ADVERTISEMENT_BYTES_MAX = 31
# A peer that connects and then does nothing would keep everybody else away.
IDLE_TIMEOUT_S = 60.0
CONFIRMATION_TIMEOUT_S = 30.0  # of the attribute protocol

GENERALLY_DISCOVERABLE = b"\x06"  # and no Bluetooth Classic
LIMITED_DISCOVERABLE = b"\x05"  # the same, "for a short while": pairing mode

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DeviceIdentity:
    """What is printed on the device; `address` is its static random address, upper case."""

    address: str
    name: str
    manufacturer: str
    model: str
    serial: str
    firmware: str = "1.0"


class Peripheral(ABC):
    """A device between start() and stop(); it can be started again, like after a battery change."""

    service_number: int  # the service that it is for, advertised

    def __init__(
        self, identity: DeviceIdentity, clock: DeviceClock, ledger: Ledger, passkey: int | None
    ) -> None:
        """Without a `passkey` to show on its display it pairs by just-works."""
        self.identity = identity
        self.address = hci.Address(identity.address)
        self.name = identity.name
        self.clock = clock
        self.ledger = ledger
        self.battery_percent = 90
        self._passkey = passkey
        self._bonds = MemoryKeyStore()
        self._faults = FaultList()
        self._pairing_mode = False
        self._is_on = False
        self._connection: Connection | None = None
        self._link_gone: asyncio.Future[None]  # one per link
        self._idle_timer: asyncio.TimerHandle | None = None
        self._advertising = asyncio.Lock()
        self._tasks = BackgroundTasks()

    # The owner's side: what a person, a test or a home does with it.

    @property
    def service_uuids(self) -> list[str]:
        """Its services, as 128-bit text."""
        numbers = (
            uuids.DEVICE_INFORMATION_SERVICE,
            uuids.BATTERY_SERVICE,
            uuids.CURRENT_TIME_SERVICE,
            self.service_number,
        )
        return [uuids.full(number) for number in numbers]

    @property
    def controller(self) -> Controller:
        """Its radio; only while started."""
        return self._controller

    @property
    def is_connected(self) -> bool:
        """Whether somebody is connected to it."""
        return self._connection is not None

    @property
    def is_advertising(self) -> bool:
        """Whether it can be found now."""
        return self._is_on and bool(self._device.is_advertising)

    @property
    @abstractmethod
    def pending(self) -> int:
        """How many measurements wait to be handed over."""

    async def start(self, air: Air) -> None:
        """Switch it on."""
        self._controller = Controller(self.name, link=air)
        configuration = DeviceConfiguration(name=self.name, address=self.address)
        self._device = Device.from_config_with_hci(
            configuration, self._controller, self._controller
        )
        self._device.keystore = self._bonds
        self._device.pairing_config_factory = self._pairing_config
        self._device.on("connection", self._connected)
        self._device.add_services(self._common_services())
        self._device.add_service(self._own_service())
        await self._device.power_on()
        self._is_on = True
        await self._advertise_if_wanted()

    async def stop(self) -> None:
        """Switch it off: its link ends, its memory stays."""
        self._is_on = False
        if self._connection is not None:
            await self._connection.disconnect()
        await self._tasks.close()
        await self._device.power_off()
        self._controller.link.remove_controller(self._controller)

    async def remember(self, peer: hci.Address, keys: PairingKeys) -> None:
        """Store a bond as if it had been paired with `peer`."""
        await self._bonds.update(str(peer), keys)

    async def forget_bonds(self) -> None:
        """Lose every bond, as devices do when they are reset."""
        await self._bonds.delete_all()

    async def set_pairing_mode(self, *, on: bool) -> None:
        """Press the pairing button; it also ends by itself once paired."""
        self._pairing_mode = on
        await self._advertise_if_wanted()

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

    # For the kinds of devices to use.

    def _push_on(self, characteristic: Characteristic) -> Characteristic:
        """Allow subscribing to `characteristic`, on encrypted links only."""
        attributes.protect_subscription(self._device.gatt_server, characteristic)
        return characteristic

    def _wants(self, connection: Connection, characteristic: Characteristic) -> bool:
        """Whether the peer subscribed."""
        return any(self._device.gatt_server.read_cccd(connection, characteristic))

    async def _notify(
        self, connection: Connection, characteristic: Characteristic, payload: bytes
    ) -> bool:
        """Send a notification; False if the peer is gone or did not subscribe."""
        if connection is not self._connection or not self._wants(connection, characteristic):
            return False
        self._restart_idle_timer()
        await self._device.notify_subscriber(connection, characteristic, payload, force=True)
        await asyncio.sleep(0)  # let the peer speak between two records: it may abort
        return True

    async def _indicate(
        self, connection: Connection, characteristic: Characteristic, payload: bytes
    ) -> bool:
        """Send an indication; True only if the peer confirmed it.

        bumble's own way forgets a confirmation when the link ends right behind it.
        """
        if connection is not self._connection or not self._wants(connection, characteristic):
            return False
        self._restart_idle_timer()
        server = self._device.gatt_server
        indication = att.ATT_Handle_Value_Indication(
            attribute_handle=characteristic.handle, attribute_value=payload
        )
        async with server.indication_semaphores[connection]:
            confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            server.pending_confirmations[connection] = confirmed
            server.send_gatt_pdu(connection, bytes(indication))
            await asyncio.wait(
                {confirmed, self._link_gone},
                timeout=CONFIRMATION_TIMEOUT_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            server.pending_confirmations.pop(connection, None)
        return confirmed.done()

    async def _drop(self, connection: Connection) -> None:
        """End this link if it is still there."""
        if connection is self._connection:
            try:
                await connection.disconnect()
            except BaseBumbleError as error:
                log.debug("peripheral.link_ended_meanwhile", error=repr(error))

    def _refresh_advertising(self) -> None:
        """Advertise, or stop it, soon."""
        if self._is_on:
            self._tasks.spawn(self._advertise_if_wanted())

    # The link.

    def _connected(self, connection: Connection) -> None:
        self._connection = connection
        self._link_gone = asyncio.get_running_loop().create_future()
        connection.on("disconnection", self._disconnected)
        connection.on("pairing", self._paired)
        self._restart_idle_timer()

    def _disconnected(self, _reason: int) -> None:
        self._connection = None
        self._link_gone.set_result(None)
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._refresh_advertising()

    def _paired(self, _keys: PairingKeys) -> None:
        self._pairing_mode = False

    def _restart_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        loop = asyncio.get_running_loop()
        self._idle_timer = loop.call_later(IDLE_TIMEOUT_S, self._drop_idle)

    def _drop_idle(self) -> None:
        if self._connection is not None:
            self._tasks.spawn(self._drop(self._connection))

    async def _advertise_if_wanted(self) -> None:
        async with self._advertising:
            wanted = self._connection is None and (self._pairing_mode or self._has_something())
            if wanted:
                await self._device.start_advertising(
                    advertising_data=self._advertisement(),
                    advertising_interval_min=ADVERTISING_INTERVAL_MS,
                    advertising_interval_max=ADVERTISING_INTERVAL_MS,
                )
            elif self._device.is_advertising:
                await self._device.stop_advertising()

    def _advertisement(self) -> bytes:
        """Everything in the advertisement: bumble's virtual radio answers no scan requests."""
        flags = LIMITED_DISCOVERABLE if self._pairing_mode else GENERALLY_DISCOVERABLE
        uuid = UUID.from_16_bits(self.service_number)
        content = AdvertisingData(
            [
                (AdvertisingData.FLAGS, flags),
                (AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, uuid.to_bytes()),
                (AdvertisingData.COMPLETE_LOCAL_NAME, self.name.encode()),
            ]
        )
        assert len(bytes(content)) <= ADVERTISEMENT_BYTES_MAX, self.name
        return bytes(content)

    def _pairing_config(self, _connection: Connection) -> PairingConfig:
        return pairing_config(self._passkey, accepting=self._pairing_mode)

    # The services that every device has.

    def _common_services(self) -> list[gatt.Service]:
        texts = {
            uuids.MANUFACTURER_NAME: self.identity.manufacturer,
            uuids.MODEL_NUMBER: self.identity.model,
            uuids.SERIAL_NUMBER: self.identity.serial,
            uuids.FIRMWARE_REVISION: self.identity.firmware,
        }
        time = attributes.writable(uuids.CURRENT_TIME, self._read_time, self._write_time)
        return [
            attributes.information_service(texts),
            attributes.battery_service(lambda: self.battery_percent),
            attributes.service(uuids.CURRENT_TIME_SERVICE, [time]),
        ]

    def _read_time(self) -> bytes:
        return current_time.encode(current_time.of(self.clock.now()))

    def _write_time(self, _connection: Connection, payload: bytes) -> None:
        try:
            shown = current_time.decode(payload).naive
        except MalformedPayload as error:
            raise att.ATT_Error(att.ATT_INVALID_ATTRIBUTE_LENGTH_ERROR) from error
        if shown is None:
            raise att.ATT_Error(att.ErrorCode.VALUE_NOT_ALLOWED)
        self.clock.set(shown)
