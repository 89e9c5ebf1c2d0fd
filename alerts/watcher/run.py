"""The watcher's process: looks, tells people itself, and keeps a dead man's switch from firing.

Each look sends one canary, and judges the one before. It needs MQTT and Kafka to look, and nothing
of ours to tell: neither the desk nor the log carries its words.
"""

import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import chain
from random import Random
from threading import Event

import structlog
from prometheus_client import Counter, Gauge, Histogram

from alerts.desk import web
from alerts.desk.channels import Channels
from alerts.desk.message import Notice
from alerts.lateness import TECHNICAL_MS
from alerts.log import Log, readable
from alerts.records import CanaryDecided, Record
from alerts.watcher import flight
from alerts.watcher.canary import Canaries, Instant
from alerts.watcher.server_time import ServerTime
from alerts.watcher.vigil import Decision, Look, Say, Vigil, lag_ms, next_look_s
from schemas.clock import Clock
from schemas.errors import UnavailableError, VitalwireError
from schemas.kafka import EngineReport
from schemas.rota import Channel
from schemas.servers import MqttServer
from schemas.topics import ACTIONS, ENGINES, READINGS

_CLIENT_ID = "vitalwire-watcher"
_JITTER = 0.05
"""Watchers of many clinics share a receiver of heartbeats: they do not beat in one moment."""
_PROVING_S = 1.0

_ACTIONS_BACK_MS = 10 * 60_000  # after a cut: what was decided meanwhile counts too

LAG = Gauge(
    "vitalwire_watcher_lag_seconds", "How long the oldest canary or reading waits to come through."
)
JOURNEY = Histogram(
    "vitalwire_watcher_canary_seconds",
    "From a canary's start to the desk's decision on it.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 180),
)
CANARIES = Counter("vitalwire_watcher_canaries", "Canaries, by outcome.", ["outcome"])
DOWN = Gauge("vitalwire_watcher_alerting_down", "1 while alerting counts as down.")
BEATS = Counter("vitalwire_watcher_heartbeats", "Outgoing heartbeats, by outcome.", ["outcome"])
REJECTED = Counter(
    "vitalwire_watcher_records_rejected", "Records that could not be read.", ["topic", "reason"]
)
_SENTENCES: dict[Say, str] = {
    "down": "ALERTING IS DOWN. New alerts reach nobody. Reach your patients by the usual means and"
    " call technical support.",
    "still-down": "ALERTING IS STILL DOWN. New alerts reach nobody. Go on reaching your patients by"
    " the usual means.",
    "well-again": "Alerting works again. Look through the page for what came meanwhile.",
}

_UNPROVEN = "Not proven yet: no canary has come back."
"""No trouble, and nothing that anybody may rely on."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watch:
    """What to watch and whom to tell. ``ready`` and ``heartbeat`` are addresses to GET."""

    bootstrap: str
    mqtt: MqttServer
    tell: Sequence[Channel]
    ready: Sequence[str] = ()
    heartbeat: str | None = None
    period_s: float = 60.0
    """One look, one canary: it did not come if it is not back at the next look."""
    late_s: float = TECHNICAL_MS / 1000
    """So old may the oldest mark of time be that the engines have judged; one comes every 15 s."""


@dataclass(slots=True)
class Watcher:
    """Runs in one thread until ``stop`` is set."""

    watch: Watch
    channels: Channels
    clock: Clock
    rng: Random
    stop: Event
    connect: Callable[[str, tuple[str, ...], str], Log] = Log
    trouble: str | None = "has not looked yet"
    """Why alerting is not well, or not known to be; None while it is."""
    _vigil: Vigil = field(init=False)
    _canaries: Canaries = field(init=False)
    _time: ServerTime = field(init=False)
    _was_well: bool = False
    _unsent: str | None = None
    """Why the last canary could not start."""
    _reports: dict[int, EngineReport] = field(default_factory=dict)
    _partitions: int = 1
    _unsaid: dict[Channel, Notice] = field(default_factory=dict)
    """What a channel has not taken: the last word of all, for what was said before is over."""

    def __post_init__(self) -> None:
        """Draw a name for its canaries and its words."""
        name = f"{self.rng.getrandbits(64):016x}"
        self._canaries, self._vigil = Canaries(name), Vigil(name)
        self._time = ServerTime(self.clock.monotonic_ms())

    def run(self) -> None:
        """Look once a period; whatever goes wrong is what it is there to tell."""
        with ExitStack() as connections:
            log: Log | None = None
            while not self.stop.is_set():
                log = self._read(log, connections)
                look = self._look(reads=log is not None)
                self._act(look, self._vigil.look(look))
                self._send_canary()
                log = self._until_next_look(look.lag_ms, log, connections)

    def _until_next_look(self, lag_ms: int, log: Log | None, connections: ExitStack) -> Log | None:
        """Wait; until it has been well once, try each second: nobody is told of what it finds.

        While everything begins a canary may have nowhere to go, and people wait for its proof.
        """
        now_ms = self.clock.monotonic_ms
        pause_s = self.watch.period_s * self.rng.uniform(1 - _JITTER, 1.0)
        pause_s = next_look_s(pause_s, lag_ms)
        last_ms = now_ms() + int((pause_s - _PROVING_S) * 1000)
        while not self._was_well and now_ms() < last_ms and not self.stop.wait(_PROVING_S):
            log = self._read(log, connections)
            self._look(reads=log is not None)
            if not self._canaries.back:
                self._send_canary()
        self.stop.wait(max(0.0, _PROVING_S + (last_ms - now_ms()) / 1000))
        return log

    def _read(self, log: Log | None, connections: ExitStack) -> Log | None:
        """Read all reports that there are; None if the log cannot be read now."""
        try:
            if log is None:
                with self.connect(self.watch.bootstrap, (READINGS,), _CLIENT_ID) as readings:
                    self._partitions = readings.life(READINGS).partitions
                log = connections.enter_context(
                    self.connect(self.watch.bootstrap, (ENGINES, ACTIONS), _CLIENT_ID)
                )
                log.seek(log.since(ACTIONS, self._now_ms() - _ACTIONS_BACK_MS))
            log.check()
            found = readable(chain.from_iterable(log.read_to_end()), REJECTED)
            stamps = [self._take(record) for _, record in found]
            self._time.heard(filter(None, stamps), self.clock.monotonic_ms())
        except UnavailableError as error:
            _log.warning("watcher.log-lost", cause=error.cause)
            connections.close()
            return None
        return log

    def _now_ms(self) -> int:
        """Give the servers' time, as far as it is known."""
        return self._time.now_ms(self.clock.monotonic_ms(), self.clock.wall_ms())

    def _take(self, record: Record) -> int | None:
        """Take note of a record; give its stamp, by the clock of a server."""
        match record:
            case EngineReport():
                self._reports[record.partition] = record
                return record.at_ms
            case CanaryDecided(decided):
                started_ms = self._canaries.came_back(decided)
                if started_ms is not None:
                    JOURNEY.observe(max(0, decided.at_ms - started_ms) / 1000)
                    CANARIES.labels("back").inc()
                return decided.at_ms
            case _:
                return None

    def _send_canary(self) -> None:
        clock = self.clock
        at = Instant(clock.boot_id, clock.monotonic_ms(), clock.wall_ms())
        letter = self._canaries.start(at)
        client_id = f"{_CLIENT_ID}-{self._canaries.stream}"
        try:
            flight.send(self.watch.mqtt, client_id, letter, clock)
        except UnavailableError as error:
            self._unsent = error.cause
            CANARIES.labels("unsent").inc()
        else:
            self._unsent = None
            CANARIES.labels("sent").inc()

    def _look(self, *, reads: bool) -> Look:
        now_ms, wall_ms = self.clock.monotonic_ms(), self.clock.wall_ms()
        times = self._time.now_ms(now_ms, wall_ms), self._time.since_ms(now_ms, wall_ms)
        marks_ms = lag_ms(self._reports, self._partitions, *times)
        canary_ms = self._canaries.waiting_ms(now_ms)
        late_ms = max(marks_ms, canary_ms)
        LAG.set(late_ms / 1000)
        troubles = [] if reads else ["The log cannot be read."]
        if canary_ms:
            why = self._unsent or "It went out, and the desk has decided on none."
            troubles.append(f"No canary has come through for {canary_ms // 1000} s. {why}")
        if marks_ms > self.watch.late_s * 1000:
            troubles.append(f"Readings wait {marks_ms // 1000} s to be judged.")
        silent = [url for url in self.watch.ready if not _answers(url)]
        troubles += [f"Not ready: {url}." for url in silent]
        self.trouble = " ".join(troubles) or (None if self._canaries.back else _UNPROVEN)
        self._was_well = self._was_well or self.trouble is None
        return Look(now_ms, late_ms, tuple(troubles))

    def _act(self, look: Look, decision: Decision) -> None:
        DOWN.set(self._vigil.down_since_ms is not None)
        if look.troubles:
            _log.warning("watcher.missed", missed=self._vigil.missed, troubles=look.troubles)
        proven = self._canaries.back > 0  # one that starts again and again has seen nothing yet
        if decision.beat and proven and self.watch.heartbeat is not None:
            outcome = "taken" if _answers(self.watch.heartbeat) else "failed"
            BEATS.labels(outcome).inc()
        if decision.say is not None:
            notice = self._notice(decision.say, decision.key, look)
            self._unsaid = dict.fromkeys(self.watch.tell, notice)
        self._tell()

    def _notice(self, say: Say, key: str, look: Look) -> Notice:
        text = "\n".join((_SENTENCES[say], *look.troubles))
        subject = "Alerting works again" if say == "well-again" else "CRITICAL: alerting is down"
        severity = "info" if say == "well-again" else "critical"
        return Notice(key, severity, say, subject, text, self.clock.wall_ms(), subject)

    def _tell(self) -> None:
        """Send side by side; what fails is tried again at the next look, under its key."""
        if not self._unsaid:
            return
        with ThreadPoolExecutor(len(self._unsaid), thread_name_prefix="telling") as pool:
            tries = {
                channel: pool.submit(copy_context().run, self._sent, channel, notice)
                for channel, notice in self._unsaid.items()
            }
        self._unsaid = {
            channel: notice
            for channel, notice in self._unsaid.items()
            if not tries[channel].result()
        }

    def _sent(self, channel: Channel, notice: Notice) -> bool:
        try:
            self.channels.send(notice, channel)
        except VitalwireError as error:
            _log.error("watcher.untold", channel=channel.kind, cause=error.cause)
            return False
        return True


def _answers(url: str) -> bool:
    try:
        request = urllib.request.Request(url)  # noqa: S310  (the operator's)
        return web.ask(request, redirects=True) in range(200, 300)
    except (UnavailableError, ValueError):  # the latter: it is no address
        return False
