"""Device1: one remote device, from its first advertisement or its stored bond to its removal."""

import asyncio
from collections.abc import Mapping

import structlog
from bumble import hci
from bumble.core import BaseBumbleError
from bumble.device import Connection, Peer
from dbus_fast import ErrorType, Variant

from simulators.world.central import DEVICE, Central, device_path, full_uuid
from simulators.world.errors import BluezError
from simulators.world.faults import (
    ABORTED,
    ConnectFails,
    DeviceForgotten,
    ServicesResolvedEarly,
    SlowDisconnect,
)
from simulators.world.gatt import RemoteCharacteristic, show_service

__all__ = ["RemoteDevice"]

CONNECT_TIMEOUT_S = 20.0
MTU_BYTES = 517
LINK_FAILURES = (BaseBumbleError, hci.HCI_Error, TimeoutError)

log = structlog.get_logger(__name__)


class RemoteDevice:
    """Connects, discovers and disconnects one device and shows it all on the bus."""

    def __init__(self, central: Central, address: hci.Address) -> None:
        """Serve the device with this address; show() makes it visible."""
        self._central = central
        self._address = address
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._dialling = False
        self._pairing: asyncio.Task[None] | None = None
        self._resolving: asyncio.Task[None] | None = None
        self.path = device_path(central.adapter_path, address)
        self.characteristics: dict[str, RemoteCharacteristic] = {}
        self.last_seen_s = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether it is connected or being connected."""
        return self._connection is not None or self._connecting is not None

    @property
    def is_connected(self) -> bool:
        """Whether there is a link."""
        return self._connection is not None

    @property
    def is_paired(self) -> bool:
        """Whether the bus says so."""
        return bool(self._central.tree.value(self.path, DEVICE, "Paired"))

    @property
    def is_resolved(self) -> bool:
        """Whether its services are shown."""
        return bool(self._central.tree.value(self.path, DEVICE, "ServicesResolved"))

    @property
    def key_name(self) -> str:
        """The name under which the bond store keeps this device's keys."""
        return str(self._address)

    def show(self, properties: Mapping[str, Variant], *, paired: bool) -> None:
        """Make the Device1 object appear."""
        kind = "public" if self._address.is_public else "random"
        stable = {
            "Address": Variant("s", self._address.to_string(False)),
            "AddressType": Variant("s", kind),
            "Adapter": Variant("o", self._central.adapter_path),
            "Paired": Variant("b", paired),
            "Bonded": Variant("b", paired),
        }
        flags = ("Trusted", "Blocked", "LegacyPairing", "Connected", "ServicesResolved")
        stable |= {name: Variant("b", False) for name in flags}
        self._central.tree.add(self.path, DEVICE, {**stable, **properties})

    async def connect(self) -> None:
        """Connect, or do nothing if connected; raises BluezError."""
        if self._connection is not None:
            return
        if self._connecting is not None:
            raise BluezError("InProgress", "In Progress")
        if self._central.faults.take(DeviceForgotten) is not None:
            raise BluezError(ErrorType.UNKNOWN_OBJECT.value, 'Method "Connect" doesn\'t exist')
        if (fault := self._central.faults.take(ConnectFails)) is not None:
            if fault.reason == ABORTED:
                self._change(Connected=Variant("b", True))
                self._change(Connected=Variant("b", False))
            raise BluezError("Failed", fault.reason)
        self._connecting = self._central.tasks.start(self._connect())
        try:
            await asyncio.shield(self._connecting)
        except (asyncio.CancelledError, *LINK_FAILURES) as error:
            log.info("connect.failed", error=repr(error))
            raise BluezError("Failed", ABORTED) from error
        finally:
            self._connecting = None

    async def _connect(self) -> None:
        async with self._central.connecting:
            self._dialling = True
            try:
                connection = await self._central.host.connect(
                    self._address,
                    own_address_type=hci.OwnAddressType.PUBLIC,
                    timeout=CONNECT_TIMEOUT_S,
                )
            finally:
                self._dialling = False
        self._connection = connection
        connection.on("disconnection", self._disconnected)
        connection.on("security_request", self._security_requested)
        self._change(Connected=Variant("b", True))
        if connection.handle not in self._central.host.connections:
            # It ended before anybody could listen for its end: seen on an overloaded machine.
            self._disconnected(hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)
            return
        self._resolving = self._central.tasks.start(self._secure_and_resolve(connection))

    async def _secure_and_resolve(self, connection: Connection) -> None:
        try:
            if self.is_paired:
                await connection.encrypt()
            await self._resolve(connection)
        except LINK_FAILURES as error:
            # The other side forgot the bond, or the link broke: the kernel ends the link.
            log.info("link.failed", error=repr(error))
            await self.drop()

    def _security_requested(self, _requirements: int) -> None:
        """The device wants encryption: the kernel begins it, and pairs if there is no bond."""
        self._central.tasks.spawn(self._secure())

    async def _secure(self) -> None:
        if self._pairing is not None or self._connection is None:
            return
        try:
            if self.is_paired:
                await self._connection.encrypt()
            else:
                await self.pair()
        except (BluezError, *LINK_FAILURES) as error:
            log.info("security.failed", error=repr(error))

    async def _resolve(self, connection: Connection) -> None:
        peer = Peer(connection)
        await peer.request_mtu(MTU_BYTES)
        services = await peer.discover_services()
        fault = self._central.faults.take(ServicesResolvedEarly)
        await self._resolve_early(fault, None)
        for service in services:
            async for path, shown in show_service(self._central, self.path, service):
                self.characteristics[path] = shown
                await self._resolve_early(fault, shown.uuid)
        uuids = [full_uuid(service.uuid) for service in services]
        self._change(UUIDs=Variant("as", uuids), ServicesResolved=Variant("b", True))

    async def _resolve_early(self, fault: ServicesResolvedEarly | None, behind: str | None) -> None:
        if fault is not None and fault.behind == behind:
            self._change(ServicesResolved=Variant("b", True))
            await asyncio.sleep(fault.early_s)

    def _disconnected(self, reason: int) -> None:
        log.debug("link.ended", reason=reason)
        self._connection = None
        self.characteristics.clear()
        if self._resolving is not None:
            self._resolving.cancel()
        self._change(ServicesResolved=Variant("b", False))
        self._change(Connected=Variant("b", False))

    async def disconnect(self) -> None:
        """End the link, or stop trying to make one; raises BluezError."""
        if self._connection is None:
            if self._connecting is None:
                raise BluezError("NotConnected", "Not Connected")
            if self._dialling:
                await self._central.host.cancel_connection()  # ends the attempt with an error
            else:
                self._connecting.cancel()  # it waits for its turn
            return
        if (fault := self._central.faults.take(SlowDisconnect)) is not None:
            await asyncio.sleep(fault.delay_s)
        await self.drop()

    async def drop(self) -> None:
        """End the link if there is one."""
        if self._connection is not None:
            await self._connection.disconnect()

    async def pair(self) -> None:
        """Pair and bond over the existing link, once at a time; raises BluezError."""
        if self._pairing is None:
            self._pairing = self._central.tasks.start(self._pair())
        await asyncio.shield(self._pairing)

    async def _pair(self) -> None:
        try:
            assert self._connection is not None, "the link is gone"
            if not self._connection.is_encrypted:
                await self._connection.pair()
        except Exception as error:
            # bumble raises what the other side's refusal happened to cause.
            log.info("pairing.failed", error=repr(error))
            raise BluezError("AuthenticationFailed", "Authentication Failed") from error
        finally:
            self._pairing = None
        self._change(Paired=Variant("b", True), Bonded=Variant("b", True))

    def _change(self, **properties: Variant) -> None:
        self._central.tree.change(self.path, DEVICE, properties)
