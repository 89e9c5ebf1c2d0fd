"""The one link that a device serves at a time: what it sends over it, and when it drops it."""

import asyncio

import structlog
from bumble import att
from bumble.core import BaseBumbleError
from bumble.device import Connection, Device

from simulators.peripherals.attributes import Characteristic
from simulators.world.central import BackgroundTasks

__all__ = ["ServedLink"]

# A peer that connects and then does nothing would keep everybody else away.
IDLE_TIMEOUT_S = 60.0
CONFIRMATION_TIMEOUT_S = 30.0  # of the attribute protocol

log = structlog.get_logger(__name__)


class ServedLink:
    """Whoever is connected, if anybody; each method ignores a link that has ended."""

    def __init__(self, tasks: BackgroundTasks) -> None:
        """Begin with nobody; ``tasks`` end with the device."""
        self._tasks = tasks
        self.connection: Connection | None = None
        self._device: Device
        self._gone: asyncio.Future[None]
        self._idle_timer: asyncio.TimerHandle | None = None

    def begin(self, device: Device, connection: Connection) -> None:
        """Somebody has connected."""
        self._device, self.connection = device, connection
        self._gone = asyncio.get_running_loop().create_future()
        self._restart_idle_timer()

    def end(self) -> Connection | None:
        """The link has ended; give the one that it was."""
        connection, self.connection = self.connection, None
        self._gone.set_result(None)
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        return connection

    def wants(self, connection: Connection, characteristic: Characteristic) -> bool:
        """Whether the peer subscribed."""
        return any(self._device.gatt_server.read_cccd(connection, characteristic))

    async def notify(
        self, connection: Connection, characteristic: Characteristic, payload: bytes
    ) -> bool:
        """Send a notification; False if the peer is gone or did not subscribe."""
        if connection is not self.connection or not self.wants(connection, characteristic):
            return False
        self._restart_idle_timer()
        await self._device.notify_subscriber(connection, characteristic, payload, force=True)
        await asyncio.sleep(0)  # let the peer speak between two records: it may abort
        return True

    async def indicate(
        self, connection: Connection, characteristic: Characteristic, payload: bytes
    ) -> bool:
        """Send an indication; True only if the peer confirmed it.

        bumble's own way forgets a confirmation when the link ends right behind it.
        """
        if connection is not self.connection or not self.wants(connection, characteristic):
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
                {confirmed, self._gone},
                timeout=CONFIRMATION_TIMEOUT_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            server.pending_confirmations.pop(connection, None)
        return confirmed.done()

    async def drop(self, connection: Connection) -> None:
        """End this link if it is still there."""
        if connection is self.connection:
            try:
                await connection.disconnect()
            except BaseBumbleError as error:
                log.debug("peripheral.link_ended_meanwhile", error=repr(error))

    def _restart_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        loop = asyncio.get_running_loop()
        self._idle_timer = loop.call_later(IDLE_TIMEOUT_S, self._drop_idle)

    def _drop_idle(self) -> None:
        if self.connection is not None:
            self._tasks.spawn(self.drop(self.connection))
