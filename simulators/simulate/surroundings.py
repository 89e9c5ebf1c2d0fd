"""Where a simulated device lives: on a real controller, beside an adapter, or on its own bus."""

import asyncio
import errno
import re
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bumble import hci
from bumble.core import BaseBumbleError
from bumble.transport import open_transport
from bumble.transport.common import Transport

from schemas.errors import MisconfiguredError, UnavailableError
from simulators.peripherals.models import Device
from simulators.simulate import VHCI
from simulators.world import AdapterSettings, BluetoothWorld
from simulators.world.radio import Air, CentralController

__all__ = ["on_controller", "on_private_bus", "to_a_host"]

_OPEN_WITHIN_S = 10.0
_ANSWER_WITHIN_S = 10.0

_NO_PERMISSION = (errno.EACCES, errno.EPERM)
_NOT_THERE = (errno.ENOENT, errno.ENODEV, errno.ENXIO)
_TRANSPORTS = (
    "usb:0, hci-socket:0, serial:PATH, unix:PATH, tcp-client:HOST:PORT, android-netsim, vhci"
)
_WRITTEN = {
    "usb": re.compile(r".+"),
    "hci-socket": re.compile(r"[0-9]+"),
    "serial": re.compile(r".+"),
    "unix": re.compile(r".+"),
    "tcp-client": re.compile(r".+:[0-9]+"),
}
"""What follows the colon: bumble takes it for granted."""


@asynccontextmanager
async def on_private_bus(device: Device) -> AsyncIterator[str]:
    """Let it live in a fast world of its own; give the bus address for a gateway."""
    directory = Path(tempfile.mkdtemp(prefix="vitalwire-"))
    try:
        async with BluetoothWorld(directory) as world:
            await world.add(device, bonded=False)
            yield world.bus_address
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def on_controller(device: Device, name: str) -> AsyncIterator[asyncio.Future[None]]:
    """Let it be the host of the controller behind this transport; give what ends with it.

    Raises:
        MisconfiguredError: there is no such transport, or it may not be used.
        UnavailableError: it is in use, or does not answer.
    """
    transport = await _open(name)
    try:
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                await device.start_on(transport.source, transport.sink)
        except (TimeoutError, BaseBumbleError, OSError) as error:
            raise UnavailableError(
                f"The controller behind {name} does not answer ({_said(error)}).",
                "Unplug it and plug it in again; a socket must lead to a controller, not to a host "
                "(for a host there is --as-adapter).",
            ) from error
        yield transport.source.terminated
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            await device.stop()
    finally:
        await transport.close()


@asynccontextmanager
async def to_a_host(device: Device, name: str) -> AsyncIterator[asyncio.Future[None]]:
    """Be the adapter of the host behind this transport, with the device in its air.

    Raises what `on_controller` raises.
    """
    transport = await _open(name)
    air = Air()
    try:
        adapter = CentralController(
            "adapter",
            host_source=transport.source,
            host_sink=transport.sink,
            link=air,
            # Without one bluetoothd draws a static address, and Linux 6.12 does not pair then.
            public_address=AdapterSettings().public_address,
        )
        # bumble never sends Enhanced Connection Complete, which a kernel waits for that is told of
        # these (bumble issue 841).
        adapter.le_features &= ~(
            hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        )
        await device.start(air)
        yield transport.source.terminated
        await device.stop()
    finally:
        await transport.close()


async def _open(name: str) -> Transport:
    scheme, _, which = name.partition(":")
    if scheme in _WRITTEN and not _WRITTEN[scheme].fullmatch(which):
        raise MisconfiguredError(
            f"{name} is no whole name of a transport.",
            f"Write one of {_TRANSPORTS}; or private-bus.",
        )
    try:
        async with asyncio.timeout(_OPEN_WITHIN_S):
            return await open_transport(name)
    except TimeoutError as error:
        raise UnavailableError(f"{name} does not open.", "Is something listening there?") from error
    except Exception as error:  # bumble's transports raise what their libraries raise
        raise _explained(name, error) from error


def _explained(name: str, error: Exception) -> MisconfiguredError | UnavailableError:
    number = error.errno if isinstance(error, OSError) else None
    cause = f"{name or 'A transport without a name'} cannot be opened: {_said(error)}."
    if number in _NO_PERMISSION or "ACCESS" in str(error):
        return MisconfiguredError(
            cause, "Run it as root, or give your user the device (udev rule, group, CAP_NET_ADMIN)."
        )
    if number == errno.EBUSY or "BUSY" in str(error):
        return UnavailableError(
            cause,
            "The adapter is in use: stop bluetoothd (systemctl stop bluetooth) and take it down "
            "(btmgmt power off), or use another dongle.",
        )
    if number == errno.ECONNREFUSED:
        return UnavailableError(cause, "Nothing listens there yet: start the other end first.")
    if "not supported on this platform" in str(error):
        return MisconfiguredError(
            cause, "This Python has none: use Debian's own python3, or a dongle by usb:0."
        )
    if isinstance(error, ModuleNotFoundError):
        return MisconfiguredError(
            cause, "Install the packages grpcio and protobuf beside this program."
        )
    if name.partition(":")[0] == VHCI:
        return MisconfiguredError(cause, "Load the kernel's module: modprobe hci_vhci.")
    if number in _NOT_THERE or "not found" in str(error).lower() or "USB" in str(error):
        return MisconfiguredError(cause, "Is it plugged in, or is the other end of the socket up?")
    nowhere = isinstance(error, socket.gaierror)
    return MisconfiguredError(
        cause,
        "Is the host's name right, and the network up?"
        if nowhere
        else f"Transports are bumble's: {_TRANSPORTS}; or private-bus.",
    )


def _said(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
