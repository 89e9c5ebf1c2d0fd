"""The bumble central behind org.bluez, and what all parts of the stand-in share."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from bumble import hci
from bumble.controller import Controller
from bumble.core import UUID
from bumble.device import Device
from bumble.keys import KeyStore

from simulators.world.errors import BluezError
from simulators.world.faults import FaultList
from simulators.world.objects import ObjectTree
from simulators.world.radio import Air, CentralController

__all__ = ["ADAPTER", "DEVICE", "BackgroundTasks", "Central", "device_path", "full_uuid"]

ADAPTER: Final = "org.bluez.Adapter1"
DEVICE: Final = "org.bluez.Device1"

log = structlog.get_logger(__name__)


class BackgroundTasks:
    """Tasks kept alive, their failures logged, all ended by close().

    A ``BluezError`` is the answer to whoever asked for the task, and no failure of ours.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside everything else."""
        _ = self.start(work)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` beside everything else and return its task, to await or cancel it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, BluezError):
            log.warning("background_task.failed", error=repr(error))

    async def close(self) -> None:
        """Cancel what still runs and wait for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Central:
    """One adapter's radio (`host` on `controller`) and the objects it shows."""

    host: Device
    controller: Controller
    tree: ObjectTree
    faults: FaultList
    adapter_path: str
    tasks: BackgroundTasks = field(default_factory=BackgroundTasks)
    # The kernel makes LE connections one after the other, and so does bumble.
    connecting: asyncio.Lock = field(default_factory=asyncio.Lock)


def make_host(air: Air, address: hci.Address, bonds: KeyStore) -> tuple[Device, Controller]:
    """Create a bumble central in `air`; `bonds` outlives it, as /var/lib/bluetooth does."""
    controller = CentralController("central", link=air, public_address=address)
    host = Device.with_hci("central", address, controller, controller)
    host.keystore = bonds
    return host, controller


def device_path(adapter_path: str, address: hci.Address) -> str:
    """Return the object path that BlueZ gives to the device with this address."""
    return f"{adapter_path}/dev_{address.to_string(False).replace(':', '_')}"


def full_uuid(uuid: UUID) -> str:
    """Return the 128-bit text form that BlueZ uses for every UUID."""
    digits = uuid.to_bytes(force_128=True)[::-1].hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
