"""The engine's process: readings.v1 and registry.v1 in, alerts.v1 and alerts.state.v1 out.

Order of writing, part of a batch by part: its transitions; the state of each patient it touched;
the partitions' checkpoints. Each is durable before the next is sent, so that a crash anywhere
repeats transitions, under the same event ids, and never loses one. Engines share the partitions as
a consumer group; each keeps the state of all, and takes over what another one held.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import cycle
from operator import attrgetter
from pathlib import Path
from random import Random
from threading import Event

import structlog

from alerts.engine.ladders.library import Library
from alerts.engine.partitions.output import Output, Patience
from alerts.engine.partitions.replicas import Replicas, StoppedError
from alerts.engine.process import metrics
from alerts.engine.process.ahead import Ahead
from alerts.engine.process.beside import Beside
from alerts.engine.process.gateways import Gateways
from alerts.engine.process.groups import Group, Share
from alerts.engine.process.judging import Judging
from alerts.engine.process.reports import Reports
from alerts.engine.process.roster import Roster
from alerts.engine.state.plans import Plans
from alerts.log import Log, LogRecord
from schemas.backoff import Backoff
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.topics import GATEWAYS, READINGS, REGISTRY, STATE, UNASSIGNED

_POLL_MS = 250
_POLL_SAVING_MS = 20
"""While a snapshot is under way: as long as a step of it, so that it has half of an idle core. Of a
million patients one took six minutes for want of being asked to go on."""
_BATCH_RECORDS_MAX = 5_000
_CHECK_EVERY_MS = 500
"""Between two questions whether a topic is what it was; each of the five is asked in its turn."""
_LOOK_BESIDE_EVERY_MS = 100
"""How long readings that come in a row may keep what lies beside them waiting: asking each of the
other connections costs a millisecond on an idle machine, and ten on a busy one."""
_STATE_BYTES_MAX = 512 * 1024
"""Of a partition in one answer: answers of many megabytes, which a partition's 4 MB add up to, are
memory that is taken from the system and given back each time. It was 30 % of the network
thread's work in a restart."""
_CLIENT_ID = "vitalwire-alerts-engine"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What one connection reads."""

    roster: Roster
    gateways: Gateways
    state: Log
    share: Share
    beside: Beside
    ahead: Ahead
    judging: Judging

    def checks(self) -> Iterator[Callable[[], None]]:
        """Give for ever what raises ``UnavailableError`` if a topic is away or was made again.

        Each waits for the broker's answer: one at a time, or readings would wait for all.
        """
        read = (self.share, self.state, self.roster, self.gateways, self.beside)
        return cycle(one.check for one in read)


@dataclass(slots=True)
class Engine:
    """Runs until ``stop`` is set, through every failure of the broker."""

    bootstrap: str
    library: Library
    clock: Clock
    rng: Random
    stop: Event
    group: Group | None = None
    """Engines to share the partitions with; None: this one judges them all."""
    restoring: Callable[[], AbstractContextManager[None]] = nullcontext
    """What the process does while everything is read into memory, where it will stay."""
    waiting_for: str | None = "starting"
    """Why it does not judge now; None while it does."""
    name: str = field(init=False)
    _plans: Plans = field(init=False)
    _replicas: Replicas = field(init=False)
    _reports: Reports = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"{self.rng.getrandbits(48):012x}"
        self._plans = Plans(self.library.rule_set)
        self._replicas = Replicas(self.library.rule_set, self._plans, self.name, self.clock)
        self._reports = Reports(self.name, self.clock)

    def keep_snapshots(self, folder: Path | None, every_ms: int) -> None:
        """Keep local copies of the state in a folder of this engine's own; None: keep none."""
        self._replicas.keep_snapshots(folder, every_ms)

    def run(self) -> None:
        """Judge until stopped; say the first failure of a row and each change of its cause."""
        backoff = Backoff(self.rng)
        while not self.stop.is_set():
            ahead = Ahead()
            try:
                with (
                    Output(self.bootstrap, _CLIENT_ID) as output,
                    Log(self.bootstrap, (REGISTRY,), _CLIENT_ID) as registry,
                    Log(self.bootstrap, (GATEWAYS,), _CLIENT_ID) as reports,
                    Log(
                        self.bootstrap, (STATE,), _CLIENT_ID, partition_bytes_max=_STATE_BYTES_MAX
                    ) as state,
                    Log(self.bootstrap, (UNASSIGNED,), _CLIENT_ID) as unassigned,
                    Share(
                        self.bootstrap, (READINGS,), _CLIENT_ID, self.group, ahead.settle
                    ) as share,
                    ahead,  # what is under way ends before the share is left
                ):
                    roster = Roster(registry, self.library, self._plans)
                    inputs = _Inputs(
                        roster,
                        Gateways(reports, self._plans.surroundings, self.clock.wall_ms()),
                        state,
                        share,
                        Beside(self.library, unassigned, self._replicas),
                        ahead,
                        Judging(roster, self._replicas, self._reports, ahead, self.clock),
                    )
                    self._begin(inputs)
                    backoff.reset()
                    self._judge_all(output, inputs)
            except UnavailableError as error:
                if self.waiting_for != error.cause:
                    _log.warning("engine.waiting", cause=error.cause)
                self.waiting_for = error.cause
                self.stop.wait(backoff.next_s())
            except StoppedError:
                _log.warning("engine.lost-its-share", stopping=self.stop.is_set())

    def _begin(self, inputs: _Inputs) -> None:
        """Know everything before the group deals this engine anything."""
        with self.restoring():
            self._read_registry(inputs.roster)
            inputs.gateways.read_to_end()
            self.waiting_for = "restoring the state of alerts"
            life = inputs.share.life(READINGS)
            self._replicas.connect(inputs.state, life)
            patience = self._patience(inputs)
            self._replicas.catch_up(inputs.state, range(life.partitions), patience)
            self._replicas.expect(self._plans)
        _log.info("engine.restored", patients=self._replicas.patients)
        self.waiting_for = "its share of the partitions"

    def _judge_all(self, output: Output, inputs: _Inputs) -> None:
        roster, beside = inputs.roster, inputs.beside
        share, judging = inputs.share, inputs.judging
        patience = self._patience(inputs)
        checks = inputs.checks()
        checked_ms = looked_ms = self.clock.monotonic_ms()
        while not self.stop.is_set():
            records = _poll(share, _POLL_SAVING_MS if self._replicas.saving else _POLL_MS)
            if not records:
                judging.finish(output)
            if share.has_news():
                self._take_share(inputs, output)
                beside.deal()
            self._replicas.replan(roster.read_news())
            if roster.outdated:
                judging.finish(output)
                self._read_registry(roster)
                beside.deal()
            self._replicas.adopt_next()
            if records:
                judging.judge(records, output, patience)
            if self._reports.due:
                judging.finish(output)
                self._reports.tell(self._replicas, share, output, patience)
            if not records or self.clock.monotonic_ms() - looked_ms >= _LOOK_BESIDE_EVERY_MS:
                self._look_beside(inputs, output, patience)
                looked_ms = self.clock.monotonic_ms()
            if self.clock.monotonic_ms() - checked_ms >= _CHECK_EVERY_MS:
                next(checks)()
                checked_ms = self.clock.monotonic_ms()

    def _look_beside(self, inputs: _Inputs, output: Output, patience: Patience) -> None:
        """See to all that does not come with the readings."""
        for gateway_id in sorted(inputs.gateways.read_news()):
            self._replicas.gateway_changed(gateway_id)
        if unassigned := inputs.beside.read_news():
            inputs.judging.finish(output)
            inputs.beside.judge(unassigned, output, patience)
        self._replicas.follow(inputs.state)
        if self._replicas.save_due:
            inputs.judging.finish(output)
            self._replicas.save()

    def _read_registry(self, roster: Roster) -> None:
        """Know all books and plans; other books than before are adopted."""
        patients = roster.read_whole()
        if roster.plans is not self._plans:
            self._plans = roster.plans
            self._replicas.adopt(self.library.rule_set, self._plans)
        self._replicas.replan(patients)

    def _take_share(self, inputs: _Inputs, output: Output) -> None:
        """Lead what the group has dealt; follow all else."""
        share = inputs.share
        numbers = {number for topic, number in share.take_news() if topic == READINGS}
        self._replicas.deal(numbers, inputs.state, output, self._patience(inputs))
        for number in numbers:
            share.read_on((READINGS, number), self._replicas[number].partition.next_offset)
        metrics.LEADS.set(len(numbers))
        self.waiting_for = None
        _log.info("engine.judging", partitions=sorted(numbers), patients=self._replicas.patients)

    def _patience(self, inputs: _Inputs) -> Patience:
        def may() -> bool:
            return inputs.share.holds() and not inputs.ahead.given_up

        return Patience(self.stop, self.rng, self._wait_for, may)

    def _wait_for(self, reason: str | None) -> None:
        self.waiting_for = reason


def _poll(share: Share, wait_ms: int) -> list[LogRecord]:
    """Wait for records, then take what else is there: one write serves many. By partition.

    What was read before partitions were dealt anew is left: it may be another engine's by now.
    """
    if share.has_news():
        return []
    records = more = share.poll(wait_ms)
    while more and len(records) < _BATCH_RECORDS_MAX and not share.has_news():
        more = share.poll(0)
        records += more
    if share.has_news():
        return []
    return sorted(records, key=attrgetter("partition"))  # stable: log order stays
