"""A connection to one device: bleak with shorter waits of our own and one family of errors."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

import structlog
from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.exc import (
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from gateway.addresses import without_addresses
from schemas.errors import UnavailableError
from schemas.gatt import uuids

READ_TIMEOUT_S = 5.0  # BlueZ itself would wait for 30 s
SUBSCRIBE_TIMEOUT_S = 10.0
UNSUBSCRIBE_TIMEOUT_S = 2.0
WRITE_TIMEOUT_S = 10.0
DISCONNECT_TIMEOUT_S = 15.0  # bluetoothd takes 2.0 to 2.8 s

NOT_PAIRED_CODE = 0x05
_NOT_PERMITTED = "org.bluez.Error.NotPermitted"
# AssertionError: bleak's own, when the link ended between its check and its call.
FAILURES = (BleakError, OSError, EOFError, TimeoutError, AssertionError)

Notified = Callable[[bytes], None]

log = structlog.get_logger(__name__)


class LinkFailed(UnavailableError):
    """Nobody's fault: the link did not come about, broke, or the device did not answer in time."""

    def __init__(self, cause: str) -> None:
        """Keep the cause; bleak's words name the device, and this one goes into logs."""
        super().__init__(without_addresses(cause))


class Vanished(LinkFailed):
    """bluetoothd has no object for the device any more (TemporaryTimeout): scan again."""


class NotBonded(LinkFailed):
    """The device wants a bond that it no longer knows, or never had."""


class WriteRefused(LinkFailed):
    """The device answered a write with this ATT error."""

    def __init__(self, code: int) -> None:
        """Keep the code."""
        super().__init__(f"The device refuses a write with ATT error {code:#04x}.")
        self.code = code


class Link:
    """One connection; ``lost`` is set when it ends, by whomever."""

    def __init__(self, device: BLEDevice, adapter: str, client: BleakClient | None = None) -> None:
        """Connect to nothing yet. ``device`` must come from the live scan: old ones vanish.

        ``client``: one that is connected already.
        """
        self._device = device
        self._adapter = adapter
        self._client = client
        self.lost = asyncio.Event()
        self.subscribed: set[int] = set()

    @property
    def path(self) -> str:
        """The device's object in bluetoothd."""
        return str(self._device.details["path"])

    async def open(self, needed: Iterable[frozenset[int]], timeout_s: float) -> None:
        """Try once to connect; raise ``LinkFailed``, or ``Vanished`` if only a scan helps.

        ``needed``: sets of characteristics of which at least one must be there as a whole.
        ServicesResolved can come before the GATT objects, or between them (bluez issue 1489): then
        some are missing, and only connecting anew helps. The caller holds the adapter's lock:
        concurrent connects fail on BlueZ.
        """
        self.lost = asyncio.Event()
        client = BleakClient(
            self._device,
            disconnected_callback=self._on_disconnected,
            timeout=timeout_s,
            bluez={"adapter": self._adapter},
        )
        self._client = client
        try:
            await client.connect()
            if client.is_connected:  # what ended before was another link, of the same try
                self.lost = asyncio.Event()
            if any(all(map(self.has, numbers)) for numbers in needed):
                return
            reason = "the services are missing"
        except BleakDeviceNotFoundError as error:
            await self.close()
            raise Vanished("No connection: bluetoothd knows the device no more.") from error
        except FAILURES as error:
            reason = str(error) or type(error).__name__
        await self.close()
        raise LinkFailed(f"No connection: {reason}.")

    async def close(self) -> None:
        """Disconnect, whatever state the link is in."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(*FAILURES):
                async with asyncio.timeout(DISCONNECT_TIMEOUT_S):
                    await client.disconnect()

    def has(self, number: int | str) -> bool:
        """Tell whether the device has this characteristic; a maker's own is named by its UUID."""
        try:
            services = self._connected().services
        except BleakError:  # after a drop bleak says that there was no discovery yet
            return False
        return services.get_characteristic(_uuid(number)) is not None

    def pushable(self) -> list[int]:
        """Give every characteristic with an assigned number that the device can send by itself."""
        return [
            number
            for characteristic in self._connected().services.characteristics.values()
            if {"notify", "indicate"} & set(characteristic.properties)
            and (number := uuids.assigned(characteristic.uuid)) is not None
        ]

    async def read(self, number: int, *, behind: int = 0) -> bytes | None:
        """Read a characteristic; None if it is missing or refused; raise ``LinkFailed`` if silent.

        A device answers one request at a time, and BlueZ waits for 30 s: nothing else would work.
        ``behind``: how many requests were asked just before and have not been answered.
        """
        if not self.has(number):
            return None
        try:
            async with asyncio.timeout(READ_TIMEOUT_S * (1 + behind)):
                return bytes(await self._connected().read_gatt_char(uuids.full(number)))
        except TimeoutError as error:
            raise LinkFailed(f"No answer to a read of {number:04x}.") from error
        except FAILURES as error:
            log.debug(
                "read.failed", characteristic=f"{number:04x}", reason=without_addresses(str(error))
            )
            return None

    async def subscribe(self, number: int, notified: Notified) -> None:
        """Subscribe to notifications or indications; raise ``LinkFailed``.

        Through D-Bus messages: AcquireNotify has a socket per characteristic, beside D-Bus, so a
        meter's "that was all" could overtake its last records (bleak issues 1885 and 2002).
        """
        client = self._connected()

        def on_value(_characteristic: object, value: bytearray) -> None:
            notified(bytes(value))

        try:
            async with asyncio.timeout(SUBSCRIBE_TIMEOUT_S):
                await client.start_notify(
                    uuids.full(number), on_value, bluez={"use_start_notify": True}
                )
        except FAILURES as error:
            if _wants_bond(error):
                raise NotBonded(f"No subscription to {number:04x}: {error}.") from error
            raise LinkFailed(f"No subscription to {number:04x}: {error}.") from error
        self.subscribed.add(number)

    async def unsubscribe(self) -> None:
        """End every subscription, as far as the link lets us.

        A bonded device remembers them: it would send as soon as it is connected again, before
        anybody listens, and bluetoothd would confirm for nobody (bleak issues 374 and 472).
        """
        with suppress(*FAILURES, LinkFailed):
            async with asyncio.timeout(UNSUBSCRIBE_TIMEOUT_S):
                while self.subscribed:
                    await self._connected().stop_notify(uuids.full(self.subscribed.pop()))

    async def write(self, number: int | str, payload: bytes) -> None:
        """Write with response; raise ``WriteRefused`` or ``LinkFailed``."""
        client = self._connected()
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await client.write_gatt_char(_uuid(number), payload, response=True)
        except BleakGATTProtocolError as error:
            raise WriteRefused(int(error.code)) from error
        except FAILURES as error:
            if _wants_bond(error):
                raise WriteRefused(NOT_PAIRED_CODE) from error
            raise LinkFailed(f"No write to {_name(number)}: {error}.") from error

    def _connected(self) -> BleakClient:
        if self._client is None:
            raise LinkFailed("The link is closed.")
        return self._client

    def _on_disconnected(self, client: BleakClient) -> None:
        if client is self._client:
            self.lost.set()


def _uuid(characteristic: int | str) -> str:
    return characteristic if isinstance(characteristic, str) else uuids.full(characteristic)


def _name(characteristic: int | str) -> str:
    return characteristic if isinstance(characteristic, str) else f"{characteristic:04x}"


def _wants_bond(error: BaseException) -> bool:
    """Recognise "Not paired", which BlueZ says in words of its own instead of an ATT error."""
    return isinstance(error, BleakDBusError) and error.dbus_error == _NOT_PERMITTED
