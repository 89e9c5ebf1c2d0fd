"""One simulated home: a Bluetooth world with the patient's devices, which measure by a plan."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import Self, assert_never

import structlog
from msgspec import Struct

from schemas.clock import Clock, SystemClock
from simulators.home_control import Command, HomeStatus, Measure, Status, Stop, serve_control
from simulators.measuring import measure
from simulators.peripherals.model import CONFORMANT
from simulators.peripherals.models import MODELS, Device
from simulators.peripherals.record_keeper import RecordKeeper
from simulators.scenario import DeviceKind, HomePlan, PlannedMeasurement
from simulators.world import BluetoothWorld
from simulators.world.central import BackgroundTasks

__all__ = ["Home", "HomePaths", "serve_home"]

START_WITHIN_S = 20.0
_HEARD_WITHIN_S = 30.0
_LOOK_EVERY_S = 0.1
READ_WITHIN_S = 15.0

log = structlog.get_logger(__name__)


class HomePaths(Struct, frozen=True):
    """Where a home is reached; known before it runs, so that others can wait for it."""

    directory: Path

    @property
    def bus_address(self) -> str:
        """What its gateway needs as DBUS_SYSTEM_BUS_ADDRESS."""
        return f"unix:path={self.directory / 'bus'}"

    @property
    def control(self) -> Path:
        """Its control socket; it exists when the home is ready."""
        return self.directory / "control"


class Home:
    """The world, its devices (paired with the gateway long ago) and what they will measure."""

    def __init__(
        self, plan: HomePlan, directory: Path, clock: Clock, *, when_heard: bool = False
    ) -> None:
        """Keep sockets in `directory`, which must exist and have a short path.

        Device clocks are as wrong as planned, but run with `clock`, however fast patients measure.
        ``when_heard``: the plan begins when the gateway first looks for devices, not before; after
        half a minute it begins all the same.
        """
        self._plan = plan
        self._when_heard = when_heard
        self._paths = HomePaths(directory.absolute())
        self._to_come = sorted(plan.measurements, key=lambda measurement: measurement.at_s)
        self.world = BluetoothWorld(self._paths.directory)
        self.devices: dict[DeviceKind, Device] = {
            kind: MODELS[kind][CONFORMANT].build(address, clock, clock_error_s=plan.clock_error_s)
            for kind, address in plan.devices.items()
        }

    @property
    def paths(self) -> HomePaths:
        """Where it is reached."""
        return self._paths

    async def __aenter__(self) -> Self:
        """Start everything; the control socket appears last."""
        async with AsyncExitStack() as started:
            await started.enter_async_context(self.world)
            for device in self.devices.values():
                await self.world.add(device, bonded=True)
            control = await serve_control(self._paths.control, self.perform)
            started.callback(self._paths.control.unlink, missing_ok=True)
            started.callback(control.close)
            tasks = BackgroundTasks()
            started.push_async_callback(tasks.close)
            tasks.spawn(self._live())
            self._started = started.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End everything, the last started first."""
        await self._started.aclose()

    async def _live(self) -> None:
        """Measure what is planned, when it is planned."""
        loop = asyncio.get_running_loop()
        if self._when_heard:
            await self._be_heard(loop.time() + _HEARD_WITHIN_S)
        start_s = loop.time()
        while self._to_come:
            await asyncio.sleep(start_s + self._to_come[0].at_s - loop.time())
            if self._to_come:  # stop() may have come meanwhile
                start_s += await self._read(self._to_come[0].device)
            if self._to_come:
                self._measure(self._to_come.pop(0))

    async def _read(self, kind: DeviceKind) -> float:
        """Wait until a record keeper has told what it holds, and say how long; not for ever.

        It tells its newest record first, so that two that wait are judged in another order than
        they were measured in. Nobody measures twice within seconds, but in a slow machine's demo.
        """
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        device = self.devices.get(kind)
        if isinstance(device, RecordKeeper):
            while device.pending and loop.time() < begun_s + READ_WITHIN_S:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_EVERY_S)
        return loop.time() - begun_s

    async def _be_heard(self, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        while not self.world.is_discovering and loop.time() < until_s:  # noqa: ASYNC110 - once
            await asyncio.sleep(_LOOK_EVERY_S)

    def perform(self, command: Command) -> HomeStatus:
        """Do what was asked over the control socket, and tell how things are."""
        match command:
            case Status():
                pass
            case Stop():
                self._to_come.clear()
                for device in self.devices.values():
                    if isinstance(device, RecordKeeper):  # its window may be over
                        device.announce()
            case Measure(measurement):
                self._measure(measurement)
            case _:
                assert_never(command)
        return self._status()

    def _status(self) -> HomeStatus:
        devices = self.devices.values()
        taken = chain.from_iterable(device.ledger.taken for device in devices)
        handed_over = chain.from_iterable(device.ledger.handed_over for device in devices)
        return HomeStatus(
            gateway_id=self._plan.gateway_id,
            planned=len(self._to_come),
            pending=sum(device.pending for device in devices),
            taken=sorted(taken, key=lambda entry: entry.at),
            handed_over=sorted(handed_over, key=lambda entry: entry.at),
        )

    def _measure(self, planned: PlannedMeasurement) -> None:
        try:
            measure(self.devices[planned.device], planned)
        except (KeyError, ValueError) as error:
            log.warning("plan.unfit", device=planned.device, reason=str(error))


async def serve_home(plan: HomePlan, directory: Path, *, when_heard: bool = False) -> None:
    """Host a home in this process until SIGTERM or SIGINT; print one READY line when it lives.

    ``when_heard``: as of ``Home``.

    Raises:
        TimeoutError: it did not start in time.
        VitalwireError: it cannot start; the error says why.
    """
    life = asyncio.create_task(_host(plan, directory, when_heard=when_heard))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, life.cancel)
    with suppress(asyncio.CancelledError):
        await life


async def _host(plan: HomePlan, directory: Path, *, when_heard: bool) -> None:
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(START_WITHIN_S):
            home = Home(plan, directory, SystemClock(), when_heard=when_heard)
            await stack.enter_async_context(home)
        line = f"READY {plan.gateway_id} {home.paths.bus_address}\n"
        os.write(sys.stdout.fileno(), line.encode())  # at once: homes share one output
        await asyncio.get_running_loop().create_future()  # until cancelled
