"""A home whose gateway is replaced, and a clinic whose database comes from a backup.

A simulated meter, and the shipped daemons in processes of their own: gateway, bridge, registry and
sink, between real servers.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from gateway.bedside.status import look
from gateway.journal.file import FILE
from ingest.registry.assignments import NewAssignment
from ingest.registry.store import RegistryStore
from ingest.sink.configs import ask_for_resend
from schemas.registry import PatientEntry
from schemas.wire import Config
from simulators.peripherals import Meter, Sample
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.process import Child, Program
from simulators.world import BluetoothWorld
from tests.bluetooth_world import METER_ADDRESS, meter, short_directory, world
from tests.home_config import heard
from tests.servers import (
    NOW,
    database_url,
    kafka,
    migrated_url,
    mqtt,
    postgres,
    stack_folder,
)

__all__ = [
    "database_url", "kafka", "meter", "migrated_url", "mqtt", "postgres", "short_directory",
    "stack_folder", "world",
]  # fmt: skip

pytestmark = pytest.mark.timeout(120)

WITHIN_S = 100.0
STORED = 5
HOME = "home-1"


@dataclass
class Clinic:
    """The servers' addresses, and the daemons that run."""

    folder: Path
    database: str
    environment: dict[str, str]
    children: dict[str, Child] = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        command = (sys.executable, "-m", "vitalwire", *arguments)
        program = Program(name, command, self.folder / f"{name}.log", self.environment)
        self.children[name] = Child(program)
        self.children[name].start()

    def gateway(self, name: str) -> None:
        """Start the home's gateway on a state directory of this name."""
        self.start(
            name, "gateway", "run", "--gateway-id", HOME, "--state", str(self.folder / name),
            "--rest", "0.1",
        )  # fmt: skip

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8")

    def numbers(self) -> list[int]:
        """The records that the database holds."""
        with psycopg.connect(self.database) as connection:
            rows = connection.execute("SELECT record_number FROM vitalwire.glucose ORDER BY 1")
            return [number for (number,) in rows]


@pytest.fixture
def clinic(
    tmp_path: Path,
    database_url: str,
    kafka: EmbeddedKafka,
    mqtt: EmbeddedMqtt,
    world: BluetoothWorld,
) -> Iterator[Clinic]:
    with psycopg.connect(database_url) as connection:
        registry = RegistryStore(connection, "test", NOW)
        registry.add_patient(PatientEntry("p-1", "p-1"))
        registry.add_device("meter-1", METER_ADDRESS)
        registry.assign(NewAssignment("meter-1", "p-1", 0))
    environment = {
        "DBUS_SYSTEM_BUS_ADDRESS": world.bus_address,
        "VITALWIRE_DATABASE_URL": database_url,
        "VITALWIRE_KAFKA": kafka.bootstrap,
        "VITALWIRE_MQTT": mqtt.url,
    }
    running = Clinic(tmp_path, database_url, environment)
    yield running
    for child in running.children.values():
        child.kill()


async def happens(condition: object, within_s: float = WITHIN_S) -> None:
    """Wait without blocking the world that the daemons talk to."""
    assert callable(condition)
    async with asyncio.timeout(within_s):
        while not await asyncio.to_thread(condition):
            pass


def restored_from(config: Config) -> int | None:
    """Give the record from which on a replaced gateway reads the meter."""
    cursors = [device.cursor for device in config.devices]
    return cursors[0].last if cursors and cursors[0] is not None else None


def brought(state: Path) -> set[bytes]:
    """Give what a gateway's devices have sent, by its journal."""
    with closing(sqlite3.connect(f"file:{state / FILE}?mode=ro", uri=True)) as journal:
        return {payload for (payload,) in journal.execute("SELECT payload FROM rows")}


def measure(meter: Meter, ago_min: int) -> None:
    """Measure some minutes ago."""
    now = meter.clock.now()
    meter.clock.set(now - timedelta(minutes=ago_min))
    meter.take(Sample(Decimal(100)))
    meter.clock.set(now)


@pytest.mark.timeout(300)  # 40 s and more were seen where two runs share two processors
async def test_a_replaced_gateway_goes_on_and_a_restored_database_gets_its_readings_again(
    clinic: Clinic, meter: Meter, world: BluetoothWorld, mqtt: EmbeddedMqtt
) -> None:
    for ago_min in range(STORED, 0, -1):
        measure(meter, ago_min)
    clinic.start("registry", "ingest", "registry")
    clinic.start("bridge", "ingest", "bridge")
    clinic.gateway("first")
    await happens(lambda: "session.ended" in clinic.log("first"))
    clinic.start("sink", "ingest", "sink")
    await happens(lambda: clinic.numbers() == [1, 2, 3, 4, 5])
    clinic.children["first"].kill()

    # What is retained for the home says how far the database was when its stream began, be it
    # with the first of the five: a sink that starts again says how far it is now.
    clinic.children["sink"].kill()
    clinic.start("sink", "ingest", "sink")
    with heard(mqtt.port, HOME) as configs:
        await happens(lambda: any(restored_from(one) == STORED for one in configs))

    # A new machine under the same name: nothing on its disk, but the bond of the adapter. The meter
    # may still advertise, and would be read whole before the broker is reached.
    world.silence(meter)
    clinic.gateway("second")
    await happens(lambda: "cursor.restored" in clinic.log("second"))
    # Measured while the meter is away: in the middle of a visit it would bring the known one twice.
    measure(meter, 0)
    world.restore(meter)
    await happens(lambda: clinic.numbers() == [1, 2, 3, 4, 5, 6])
    # The known one, as often as it was visited, and the new one, which may be asked for first: not
    # all six.
    state = clinic.folder / "second"
    await happens(lambda: len(brought(state)) > 1 and "session.ended" in clinic.log("second"))
    assert len(brought(state)) == 2
    world.silence(meter)  # it would bring what is gone from the database below

    # The backup is older than what the second gateway brought, and Kafka has passed on.
    await happens(lambda: look(state).status.held == 0)
    with psycopg.connect(clinic.database) as connection:
        gone = connection.execute(
            "DELETE FROM vitalwire.glucose WHERE record_number = 6 RETURNING reading_id"
        ).fetchone()
        connection.execute("DELETE FROM vitalwire.reading_keys WHERE reading_id = %s", gone)
    assert gone is not None
    with psycopg.connect(clinic.database) as connection:
        ask_for_resend(connection, 0, None)
    await happens(lambda: clinic.numbers() == [1, 2, 3, 4, 5, 6])
