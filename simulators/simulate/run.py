"""One simulated device, alive until somebody ends it: by hand, by a clock, by signals."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import assert_never

import msgspec
from bumble.keys import JsonKeyStore, PairingKeys

from schemas.clock import Clock, SystemClock
from schemas.daemon import configure_logs
from schemas.errors import InvalidInput, MisconfiguredError, UnavailableError
from simulators.measuring import measure
from simulators.patients import Body
from simulators.peripherals.burst import BurstSender
from simulators.peripherals.ledger import Entry, Happened
from simulators.peripherals.models import MODELS, Device
from simulators.scenario import DeviceKind, PlannedMeasurement
from simulators.simulate import PRIVATE_BUS, VHCI
from simulators.simulate.surroundings import on_controller, on_private_bus, to_a_host
from simulators.simulate.telling import Teller
from simulators.simulate.typed import HELP, TAKES, Button, Command, Take, doubt, read_command

__all__ = ["Settings", "run"]

_BETWEEN_RECORDS = timedelta(hours=6)
_DAY_S = 24 * 3600.0
_READ_BYTES = 4096
_ADDRESS_PREFIX = "C4:DE:30:00"  # static random: the two highest bits are set


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked for on the command line."""

    kind: DeviceKind
    model: str
    transport: str
    as_adapter: bool
    address: str | None
    name: str | None
    passkey: int | None
    every_s: float | None
    seed: int
    records: int
    clock_error_s: float
    bonds: Path | None
    as_json: bool


def run(settings: Settings) -> None:
    """Simulate it until quit, SIGINT or SIGTERM. Raises VitalwireError."""
    configure_logs("simulate", logging.WARNING)
    _quieten_bumble()
    asyncio.run(_Simulation(settings, SystemClock()).live())


class _Simulation:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._teller = Teller(clock, as_json=settings.as_json)
        self._clock = clock
        self._rng = Random(f"simulate {settings.kind} {settings.seed}")
        self._body = Body.draw(self._rng)
        self._turns = 0
        self._ended = asyncio.Event()
        self._device = self._build()

    async def live(self) -> None:
        """Switch it on, and do what is asked."""
        waiting = not await self._bonds()
        self._fill_memory()
        self._watch()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ended.set)
        async with AsyncExitStack() as stack:
            gone = await stack.enter_async_context(self._surroundings())
            await self._begin(waiting=waiting)
            async with asyncio.TaskGroup() as tasks:
                working = [
                    tasks.create_task(self._measure_by_itself()),
                    tasks.create_task(self._listen(_typed())),
                ]
                if gone is not None:
                    gone.add_done_callback(lambda _gone: self._ended.set())
                await self._ended.wait()
                for task in working:
                    task.cancel()
            if gone is not None and gone.done():
                raise UnavailableError(
                    f"{self._settings.transport} has ended.", "Plug it in again and start anew."
                )

    def _build(self) -> Device:
        settings = self._settings
        address = settings.address or _address_of(settings)
        device: Device = MODELS[settings.kind][settings.model].build(
            address,
            self._clock,
            name=settings.name,
            passkey=settings.passkey,
            clock_error_s=settings.clock_error_s,
        )
        if settings.bonds is not None:
            device.bonds.store = JsonKeyStore(address, str(settings.bonds))
        return device

    @asynccontextmanager
    async def _surroundings(self) -> AsyncIterator[asyncio.Future[None] | None]:
        transport = self._settings.transport
        if transport == PRIVATE_BUS:
            async with on_private_bus(self._device) as bus:
                self._tell_how_to_reach(bus)
                yield None
        elif self._settings.as_adapter or transport.partition(":")[0] == VHCI:
            async with to_a_host(self._device, transport) as gone:
                yield gone
        else:
            async with on_controller(self._device, transport) as gone:
                yield gone

    def _tell_how_to_reach(self, bus: str) -> None:
        self._teller.tell("bus", DBUS_SYSTEM_BUS_ADDRESS=bus)
        self._teller.explain(
            "A gateway that has this bus sees the device, and nothing else. In another terminal:\n"
            f"  export DBUS_SYSTEM_BUS_ADDRESS={bus} VITALWIRE_GATEWAY_STATE=$(mktemp -d)\n"
            f"  vitalwire gateway pair {self._device.identity.address}\n"
            "  vitalwire gateway run --gateway-id home-1 --mqtt mqtt://localhost\n"
        )

    async def _begin(self, *, waiting: bool) -> None:
        """Say what it is; one that nobody has paired yet waits for that."""
        identity, settings = self._device.identity, self._settings
        if waiting:
            await self._device.set_pairing_mode(on=True)
        self._teller.tell(
            "ready",
            kind=settings.kind,
            model=settings.model,
            address=identity.address,
            name=identity.name,
            pairing=waiting,
        )
        if (passkey := self._device.passkey) is not None:
            self._teller.tell("display", passkey=f"{passkey:06}")
        self._teller.explain("Type help to see what it can do.")

    async def _bonds(self) -> list[tuple[str, PairingKeys]]:
        """Give the bonds that it has. Raises ``MisconfiguredError`` for a file that keeps none."""
        store, path = self._device.bonds.store, self._settings.bonds
        try:
            if isinstance(store, JsonKeyStore):  # now, rather than when somebody pairs
                kept, _ = await store.load()
                await store.save(kept)
            return await store.get_all()
        except OSError as error:
            raise MisconfiguredError(
                f"Bonds cannot be kept in {path}: {error.strerror}.",
                "Name a file that you may write.",
            ) from error
        except (ValueError, AttributeError, TypeError) as error:
            raise MisconfiguredError(
                f"{path} is no file of bonds.",
                "Name another one, or remove it and pair the device anew.",
            ) from error

    def _watch(self) -> None:
        def happened(what: Happened, entry: Entry) -> None:
            pending = self._device.pending
            self._teller.tell(
                what, characteristic=entry.characteristic, payload=entry.payload, pending=pending
            )

        self._device.ledger.watch = happened
        self._device.watch = self._teller.tell

    def _fill_memory(self) -> None:
        """Measure as if over the last days, before anybody watches."""
        settings, clock, between = self._settings, self._device.clock, _BETWEEN_RECORDS
        now = clock.now()
        if MODELS[settings.kind][settings.model].clock_never_set:
            now += settings.records * between  # it began with its battery, before the first record
        for number in range(settings.records, 0, -1):
            clock.set(now - number * between)
            measure(self._device, self._everyday())
        clock.set(now)

    async def _measure_by_itself(self) -> None:
        if self._settings.every_s is None:
            return
        while True:
            await asyncio.sleep(self._settings.every_s)
            measure(self._device, self._everyday())

    async def _listen(self, lines: asyncio.StreamReader) -> None:
        """Obey lines until there are no more."""
        while line := await lines.readline():
            try:
                command = read_command(line.decode(errors="replace"), self._settings.kind)
            except InvalidInput as error:
                self._teller.tell("refused", reason=error.detail)
                continue
            if command is not None:
                await self._obey(command)

    async def _obey(self, command: Command) -> None:
        match command:
            case Take(planned):
                self._take(planned)
            case Button.PAIR:
                await self._device.set_pairing_mode(on=True)
                self._teller.tell("pairing mode")
            case Button.DROP:
                await self._device.drop_link()
            case Button.FORGET:
                await self._device.forget_bonds()
                self._teller.tell("bonds forgotten")
            case Button.STATUS:
                self._tell_status()
            case Button.HELP:
                self._teller.explain(HELP.format(take=TAKES[self._settings.kind]))
            case Button.QUIT:
                self._ended.set()
            case _:
                assert_never(command)

    def _take(self, planned: PlannedMeasurement | None) -> None:
        """Measure, or say that the device has no room for such a value."""
        try:
            measure(self._device, self._everyday() if planned is None else planned)
        except ValueError:
            self._teller.tell(
                "refused",
                reason="this device cannot send it: too many digits, or too large a value",
            )
            return
        if planned is not None and (reason := doubt(planned)) is not None:
            self._teller.tell("implausible", reason=reason)

    def _tell_status(self) -> None:
        ledger = self._device.ledger
        self._teller.tell(
            "status",
            measured=len(ledger.taken),
            handed_over=len(ledger.handed_over),
            pending=self._device.pending,
            connected=self._device.is_connected,
            advertising=self._device.is_advertising,
            clock=self._device.clock.now().isoformat(sep=" ", timespec="seconds"),
        )

    def _everyday(self) -> PlannedMeasurement:
        """Draw what the patient's body shows now; several users take turns."""
        hour = self._clock.wall_ms() / 1000 % _DAY_S / 3600
        planned = self._body.everyday(self._settings.kind, hour, self._rng)
        users = self._device.users if isinstance(self._device, BurstSender) else ()
        self._turns += 1
        user = users[self._turns % len(users)] if users else None
        return msgspec.structs.replace(planned, user=user)


def _quieten_bumble() -> None:
    """Say nothing of each packet that comes after its link: a device that leaves causes some."""
    logging.getLogger("bumble").setLevel(logging.ERROR)
    # Ours, of the virtual link: to it such a packet is an error. A real one is no module of bumble.
    logging.getLogger("bumble.controller").setLevel(logging.CRITICAL)


def _typed() -> asyncio.StreamReader:
    """Read standard input beside everything else, whatever it is: a terminal, a pipe, a file.

    By a thread with plain reads: a terminal that asyncio reads would no longer wait for our output,
    and a thread inside Python's own reader would not let the interpreter end.
    """
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()

    def feed() -> None:
        with suppress(OSError, RuntimeError):  # no input at all; the loop has ended
            while data := os.read(0, _READ_BYTES):
                loop.call_soon_threadsafe(reader.feed_data, data)
            loop.call_soon_threadsafe(reader.feed_eof)

    threading.Thread(target=feed, daemon=True).start()
    return reader


def _address_of(settings: Settings) -> str:
    """Draw an address that the same kind, model and seed have again."""
    rng = Random(f"address {settings.kind} {settings.model} {settings.seed}")
    return f"{_ADDRESS_PREFIX}:{rng.randrange(256):02X}:{rng.randrange(256):02X}"
