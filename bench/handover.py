"""From a device's indication to a subscriber of MQTT, through the daemon's fsync.

Bursts of twenty with trusted time; each reading has an indication of its own, ``PACE_S`` after the
confirmation of the one before, as on a link with a fast connection interval. The reference is a
bare publish with QoS 1 of as many bytes through the same Mosquitto, in turns with the bursts.
Beside it the early confirmation: BlueZ confirms an indication before any program sees it (here the
stand-in does), so what the device has then been told is not yet on the disk. ``window`` is from
that confirmation, as the device notices it, to the return of the journal's fsync.
"""

import asyncio
import time
from collections.abc import Iterator

from bumble.device import Connection
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from bench.home import BenchHome, eventually
from bench.record import Figure, Reference, Target
from simulators.peripherals import Cuff
from simulators.peripherals.attributes import Characteristic
from simulators.peripherals.served_link import ServedLink
from simulators.stack.process import LOOPBACK
from simulators.world.central import BackgroundTasks

BURSTS = 30
READINGS_OF_A_BURST = 20
PACE_S = 0.03  # no link has less than 7.5 ms between two events; cuffs ask for 20 to 50 ms
MESSAGE_BYTES = 1000  # about what a reading takes
BURST_WITHIN_S = 60.0
TARGET_MS = 50


class TimedLink(ServedLink):
    """Notes when each payload was sent over it, and when its confirmation was seen."""

    def __init__(self, tasks: BackgroundTasks) -> None:
        """Take what a link takes."""
        super().__init__(tasks)
        self.sent_s: dict[bytes, float] = {}
        self.confirmed_s: dict[bytes, float] = {}

    async def indicate(
        self, connection: Connection, characteristic: Characteristic, payload: bytes
    ) -> bool:
        """Send one a moment after the last, as a cuff does."""
        await asyncio.sleep(PACE_S)
        self.sent_s[payload] = time.monotonic()
        confirmed = await super().indicate(connection, characteristic, payload)
        self.confirmed_s[payload] = time.monotonic()
        return confirmed


class TimedCuff(Cuff):
    """A cuff with such a link."""

    def __init__(self, *arguments: object) -> None:
        """Take what a cuff takes."""
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._link = timed = TimedLink(self._tasks)
        self.sent_s, self.confirmed_s = timed.sent_s, timed.confirmed_s


class Echo:
    """The bare broker: publishes to itself and measures."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self._arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id="echo", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.connect(LOOPBACK, port)
        self._client.loop_start()
        self._client.subscribe("echo", qos=1)
        self._arrived_s = 0.0

    async def ready(self) -> None:
        """Wait until it is subscribed."""
        async with asyncio.timeout(BURST_WITHIN_S):
            await self._arrived.wait()

    async def once_s(self) -> float:
        """Send a message and wait for it."""
        self._arrived.clear()
        sent_s = time.monotonic()
        self._client.publish("echo", bytes(MESSAGE_BYTES), qos=1)
        async with asyncio.timeout(BURST_WITHIN_S):
            await self._arrived.wait()
        return self._arrived_s - sent_s

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_subscribe(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._arrived.set)

    def _on_message(self, _client: Client, _userdata: object, _message: MQTTMessage) -> None:
        self._arrived_s = time.monotonic()
        self._loop.call_soon_threadsafe(self._arrived.set)


def run() -> Iterator[Figure]:
    """Hand over, in bursts."""
    yield from asyncio.run(_hand_over())


async def _hand_over() -> list[Figure]:
    async with BenchHome(rest_s=0.1, observed=True) as home:
        cuff = await home.add(TimedCuff)
        home.daemon.start()
        echo = Echo(home.broker.port)
        await echo.ready()
        bare_ms = []
        for burst in range(BURSTS):
            for number in range(READINGS_OF_A_BURST):  # no two alike: systolic and pulse number it
                cuff.take(100 + number, 60, 50 + burst)
            await eventually(
                lambda: len(home.subscriber.arrived_s) == len(cuff.sent_s) and not cuff.pending,
                BURST_WITHIN_S,
            )
            bare_ms += [1000 * await echo.once_s() for _ in range(READINGS_OF_A_BURST)]
            home.subscriber.confirm()
        echo.close()
        arrived_s = {payload: at_s for (_, payload), at_s in home.subscriber.arrived_s.items()}
        appended_s = home.appended_s()
        way_ms = _between_ms(cuff.sent_s, arrived_s)
        return [
            *_figures("handover.indication_to_mqtt", way_ms, bare_ms, TARGET_MS),
            *_figures("handover.fsync_to_mqtt", _between_ms(appended_s, arrived_s), bare_ms),
            *_figures("handover.window", _between_ms(cuff.confirmed_s, appended_s)),
        ]


def _between_ms(begins_s: dict[bytes, float], ends_s: dict[bytes, float]) -> list[float]:
    assert begins_s.keys() == ends_s.keys()
    return [1000 * (ends_s[payload] - begin_s) for payload, begin_s in begins_s.items()]


def _figures(
    name: str,
    took_ms: list[float],
    bare_ms: list[float] | None = None,
    limit_ms: float | None = None,
) -> Iterator[Figure]:
    for percent in (50, 99):
        reference = None
        if bare_ms is not None:
            reference = Reference("bare MQTT", percentile(bare_ms, percent))
        target = Target("<=", limit_ms) if limit_ms is not None and percent == 99 else None
        yield Figure(f"{name}_p{percent}", percentile(took_ms, percent), "ms", reference, target)


def percentile(values: list[float], percent: int) -> float:
    """Give the smallest value that ``percent`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
