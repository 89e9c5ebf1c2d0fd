"""The engine's process: readings.v1 and registry.v1 in, alerts.v1 and alerts.state.v1 out.

Order of writing, a batch of one partition at a time: its transitions; the state of each patient it
touched; the partition's checkpoint. Each is durable before the next is sent, so that a crash
anywhere repeats transitions, under the same event ids, and never loses one. One engine judges all
partitions; a second one beside it would repeat every event, harmlessly.
"""

from dataclasses import dataclass, field
from itertools import groupby
from random import Random
from threading import Event

import msgspec
import structlog

from alerts.engine import metrics
from alerts.engine.archive import CHECKPOINT_KEY, Checkpoint, decode_checkpoint, decode_patient
from alerts.engine.ladders import RuleSet
from alerts.engine.output import Message, Output
from alerts.engine.partition import Batch, Entries, Partition
from alerts.engine.plans import Plans
from alerts.engine.roster import Roster
from alerts.log import Log, LogRecord, TopicLife
from schemas.backoff import Backoff
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.topics import ALERTS, READINGS, REGISTRY, STATE

_POLL_MS = 250
_BATCH_RECORDS_MAX = 5_000
_CHECK_EVERY_MS = 2_000
_CLIENT_ID = "vitalwire-alerts-engine"

_log = structlog.get_logger()


class _Stopped(Exception):
    """The daemon was asked to stop while it waited."""


@dataclass(slots=True)
class Engine:
    """Runs until ``stop`` is set, through every failure of the broker."""

    bootstrap: str
    rule_set: RuleSet
    clock: Clock
    rng: Random
    stop: Event
    waiting_for: str | None = "starting"
    """Why it does not judge now; None while it does."""
    _plans: Plans = field(init=False)
    _partitions: list[Partition] = field(default_factory=list)
    _lives: tuple[str, str] = ("", "")
    """Topic ids of readings.v1 and alerts.state.v1 that the memory belongs to."""

    def __post_init__(self) -> None:
        self._plans = Plans(self.rule_set)

    def run(self) -> None:
        """Judge until stopped; say the first failure of a row and each change of its cause."""
        backoff = Backoff(self.rng)
        while not self.stop.is_set():
            try:
                with (
                    Output(self.bootstrap, _CLIENT_ID) as output,
                    Log(self.bootstrap, (REGISTRY,), _CLIENT_ID) as registry,
                    Log(self.bootstrap, (READINGS,), _CLIENT_ID) as log,
                ):
                    self._session(output, Roster(registry, self._plans), log, backoff)
            except UnavailableError as error:
                if self.waiting_for != error.cause:
                    _log.warning("engine.waiting", cause=error.cause)
                self.waiting_for = error.cause
                self.stop.wait(backoff.next_s())
            except _Stopped:
                return

    def _session(self, output: Output, roster: Roster, log: Log, backoff: Backoff) -> None:
        self._replan(roster.read_to_end())
        self._begin(output, log)
        self.waiting_for = None
        backoff.reset()
        _log.info("engine.judging", patients=self._patients())
        checked_ms = self.clock.monotonic_ms()
        while not self.stop.is_set():
            records = _poll(log)
            self._replan(roster.read_news())
            for number, group in groupby(records, key=lambda one: one.partition):
                self._judge(number, list(group), output, roster)
            if self.clock.monotonic_ms() - checked_ms >= _CHECK_EVERY_MS:
                log.check()
                roster.check()
                checked_ms = self.clock.monotonic_ms()

    def _begin(self, output: Output, log: Log) -> None:
        """Restore once in a life; later connections go on with what is in memory."""
        life = log.life(READINGS)
        with Log(self.bootstrap, (STATE,), _CLIENT_ID) as state:
            state_life = state.life(STATE)
            if state_life.partitions != life.partitions:
                raise UnavailableError(
                    f"{STATE} and {READINGS} differ in their number of partitions.",
                    f"Delete {STATE} and run `vitalwire ingest setup`.",
                )
            lives = (life.topic_id, state_life.topic_id)
            if len(self._partitions) != life.partitions:
                self._partitions = self._restored(state, life)
            elif lives != self._lives:
                self._begin_again(output, life)
            self._lives = lives
        log.seek(
            {
                (READINGS, number): partition.next_offset
                for number, partition in enumerate(self._partitions)
            }
        )

    def _restored(self, log: Log, life: TopicLife) -> list[Partition]:
        """Read all state or none: half of it would be taken for the whole after the next error."""
        self.waiting_for = "restoring the state of alerts"
        partitions = [
            Partition(self.rule_set, self._plans, life.topic_id) for _ in range(life.partitions)
        ]
        log.seek({})
        ends = log.ends()
        while any(log.position()[place] < end for place, end in ends.items()):
            for record in log.poll(_POLL_MS):
                self._restore_record(partitions[record.partition], record)
            if self.stop.is_set():
                raise _Stopped
        return partitions

    def _restore_record(self, partition: Partition, record: LogRecord) -> None:
        value, key = record.value or b"", record.key or b""
        if key == CHECKPOINT_KEY:
            checkpoint = decode_checkpoint(value)
            if checkpoint is not None:
                self._resume(partition, checkpoint)
            return
        patient = decode_patient(value)
        if patient is None:
            _log.error("state.unreadable", partition=record.partition, offset=record.offset)
            return
        partition.restore(key.decode(errors="replace"), patient)

    def _resume(self, partition: Partition, checkpoint: Checkpoint) -> None:
        same = checkpoint.topic_id == partition.topic_id
        partition.resume(checkpoint.next_offset if same else 0, checkpoint.log_ms)

    def _begin_again(self, output: Output, life: TopicLife) -> None:
        """Topics were created again: write all state anew; new readings.v1 from its beginning."""
        _log.warning("engine.begins-again", readings=life.topic_id != self._lives[0])
        for number, partition in enumerate(self._partitions):
            patients = partition.begin_again(life.topic_id)
            self._write(output, [_state(number, key, value) for key, value in patients])

    def _judge(self, number: int, records: list[LogRecord], output: Output, roster: Roster) -> None:
        partition = self._partitions[number]
        entries = partition.read([(record.offset, record.value) for record in records])
        self._meet(entries, roster)
        for offset in entries.rejected:
            _log.error("record.rejected", topic=READINGS, partition=number, offset=offset)
        batch = partition.judge(entries)
        found = [
            Message(ALERTS, one.patient_id.encode(), msgspec.json.encode(one))
            for one in batch.outcome.transitions
        ]
        self._write(output, found)
        self._write(output, [_state(number, key, value) for key, value in batch.patients])
        self._write(output, [Message(STATE, CHECKPOINT_KEY, batch.checkpoint, number)])
        self._count(batch, entries, partition)

    def _meet(self, entries: Entries, roster: Roster) -> None:
        """Make sure that the registry was asked about a patient before the first judgement."""
        if all(patient in self._plans for patient in entries.patients):
            return
        self._replan(roster.read_to_end())
        unknown = [patient for patient in entries.patients if patient not in self._plans]
        if unknown:
            metrics.UNKNOWN.inc()
            _log.warning("engine.unknown-patients", count=len(unknown))

    def _replan(self, patients: set[str]) -> None:
        for patient in patients:
            for partition in self._partitions:
                partition.state.replan(patient)

    def _write(self, output: Output, messages: list[Message]) -> None:
        if messages and not output.write(messages, self.stop, self.rng, self._wait_for):
            raise _Stopped

    def _wait_for(self, reason: str | None) -> None:
        self.waiting_for = reason

    def _count(self, batch: Batch, entries: Entries, partition: Partition) -> None:
        metrics.REJECTED.inc(len(entries.rejected))
        metrics.JUDGED.inc(len(batch.outcome.ages_ms) - batch.outcome.duplicates)
        metrics.DUPLICATES.inc(batch.outcome.duplicates)
        metrics.CORRECTED.inc(batch.outcome.corrected)
        for age_ms in batch.outcome.ages_ms:
            metrics.AGE.observe(age_ms / 1000)
        for one in batch.outcome.transitions:
            metrics.TRANSITIONS.labels(one.event, one.severity).inc()
            _log.info(
                "transition",
                alert_id=one.alert_id,
                ladder=one.ladder,
                transition=one.event,
                severity=one.severity,
            )
        metrics.LAG.set((self.clock.wall_ms() - partition.state.log_ms) / 1000)

    def _patients(self) -> int:
        return sum(len(partition.state.patients) for partition in self._partitions)


def _poll(log: Log) -> list[LogRecord]:
    """Wait for records, then take what else is there: one write serves many. By partition."""
    records = more = log.poll(_POLL_MS)
    while more and len(records) < _BATCH_RECORDS_MAX:
        more = log.poll(0)
        records += more
    return sorted(records, key=lambda one: one.partition)  # stable: log order stays


def _state(number: int, patient_id: str, value: bytes) -> Message:
    return Message(STATE, patient_id.encode(), value, number)
