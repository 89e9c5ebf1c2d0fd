"""The gateway's Bluetooth side without MQTT, for tests that look into its journal."""

import asyncio
import gc
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from gateway.admission.admissions import Admissions
from gateway.bluetooth.bluez import Bluez
from gateway.bluetooth.devices import Devices
from gateway.bluetooth.doorkeeper import Doorkeeper
from gateway.bluetooth.harvest import Surroundings
from gateway.journal.intake import Intake
from gateway.journal.journal import Journal
from gateway.process import STREAM_BYTES, note_stray_error
from gateway.record import Record
from gateway.visits.dialling import Dialling
from schemas.clock import SystemClock
from tests.bluetooth_world import eventually

REST_MS = 50


@asynccontextmanager
async def alive(side: "BluetoothSide") -> AsyncIterator["BluetoothSide"]:
    """Let it run while inside, then close it."""
    asyncio.get_running_loop().set_exception_handler(note_stray_error)  # as in the daemon
    task = asyncio.create_task(side.run())
    yield side
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    side.close()
    gc.collect()  # while the loop can still hear of the errors that bleak leaves behind


class BluetoothSide:
    """Scanner, sessions and journal as the daemon puts them together."""

    def __init__(self, state: Path, *adapters: str) -> None:
        clock, rng = SystemClock(), Random(1)
        self.journal = Journal(state, stream=secrets.token_hex(STREAM_BYTES))
        self.kept: list[Record] = []
        self.told: list[str] = []
        self.visits = 0
        self.intake = Intake(self.journal, clock, self.kept.append)
        self.admissions = Admissions(state)
        self.doorkeeper = Doorkeeper(self.admissions, rng)
        self.radios = [Bluez(adapter, rng) for adapter in adapters]
        self.bluez = self.radios[0]
        around = Surroundings(
            journal=self.journal,
            clock=clock,
            rng=rng,
            intake=self.intake,
            told=self.told.append,
            admissions=self.admissions,
            doorkeeper=self.doorkeeper,
        )
        self.devices = Devices(self.radios, around, Dialling(REST_MS, rng), rng)
        self.devices.visited = self._visited
        self.taken_up = self.devices.take_up()

    @property
    def payloads(self) -> list[bytes]:
        """What the journal got, in its order."""
        return [record.payload for record in self.kept]

    @property
    def scanning(self) -> bool:
        """Whether every adapter scans."""
        return all(scanner.scanning for scanner in self.devices._scanners.values())

    def tells(self, words: str) -> bool:
        """Whether a problem is told in which these words stand."""
        return any(words in problem for problem in self.devices.problems)

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self.doorkeeper.run())
            parts.create_task(self.devices.run())

    async def visited(self, times: int) -> None:
        """Wait until so many visits have ended."""
        await eventually(lambda: self.visits >= times)

    def close(self) -> None:
        """Close what is on the disk."""
        self.journal.close()
        self.admissions.close()

    def _visited(self) -> None:
        self.visits += 1
