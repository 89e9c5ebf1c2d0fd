"""The desk's process: alerts.v1, alerts.actions.v1 and the registry in, decisions and notices out.

Every decision is in the log before it counts, and a notice before it is sent. What happened while
the desk was away it reads first, to the end, and decides then. It needs no database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Event

import msgspec
import structlog

from alerts import kept_file
from alerts.desk import metrics
from alerts.desk.bookmark_file import BookmarkFile
from alerts.desk.canaries import Canaries
from alerts.desk.claims import Claims
from alerts.desk.core import Core
from alerts.desk.delivery import Delivery
from alerts.desk.message import notice_of
from alerts.desk.technical import report
from alerts.engine.partitions.output import Message, Output, Patience
from alerts.kept_file import EndLostError, Last
from alerts.lateness import TECHNICAL_MS, Quiet, lateness_ms
from alerts.log import Log, LogRecord, TopicLife, readable
from alerts.records import CanaryDecided, CanaryFound, Place, Record, Removed
from schemas.alert import Action, Transition
from schemas.backoff import Backoff
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.kafka import EngineReport
from schemas.registry import PatientEntry
from schemas.rota import ROTA_KEY, RotaEntry
from schemas.topics import ACTIONS, ALERTS, ENGINES, READINGS, REGISTRY

TOPICS = (ALERTS, ACTIONS, REGISTRY, ENGINES)
_POLL_MS = 200
_POLL_MS_MIN = 20  # what is due is decided before the next poll; no mistake may spin
_CHECK_EVERY_MS = 2_000
_MARK_EVERY_MS = 24 * 60 * 60 * 1000
_CLIENT_ID = "vitalwire-alerts-desk"

_log = structlog.get_logger()


class _StoppedError(Exception):
    """The daemon was asked to stop while it waited."""


@dataclass(slots=True)
class DeskDaemon:
    """Runs until ``stop`` is set, through every failure of the broker."""

    bootstrap: str
    delivery: Delivery
    clock: Clock
    rng: Random
    stop: Event
    page_url: str
    name: str
    """No other desk's, nor one before a restart: by it the log says who sends a notice."""
    waiting_for: str | None = "starting"
    """Why it does not work now; None while it does."""
    bookmark: BookmarkFile = field(default_factory=BookmarkFile)
    _marked_ms: int | None = None
    _core: Core = field(default_factory=Core)
    _canaries: Canaries = field(default_factory=Canaries)
    _names: dict[str, str] = field(default_factory=dict)
    _reports: dict[int, EngineReport] = field(default_factory=dict)
    _quiet: Quiet = field(default_factory=Quiet)
    _lives: tuple[TopicLife, ...] = ()
    _reached: dict[Place, int] = field(default_factory=dict)
    _notices: dict[str, Action] = field(default_factory=dict)
    """Those under way."""
    _time: tuple[int, int] = (0, 0)
    """Desk time at a monotonic instant: it goes on evenly, whatever is done to the clock."""
    _log_ms: int = 0
    """The log's time, as far as it was read."""
    _claims: Claims = field(init=False)

    def __post_init__(self) -> None:
        """Claim nothing yet."""
        self._claims = Claims(self.name)

    def run(self) -> None:
        """Work until stopped; say the first failure of a row and each change of its cause."""
        backoff = Backoff(self.rng)
        while not self.stop.is_set():
            try:
                with (
                    Output(self.bootstrap, _CLIENT_ID) as output,
                    Log(self.bootstrap, TOPICS, _CLIENT_ID) as log,
                    Log(self.bootstrap, (READINGS,), _CLIENT_ID) as readings,
                ):
                    partitions = readings.life(READINGS).partitions
                    self._work(output, log, partitions, backoff)
            except UnavailableError as error:
                if self.waiting_for != error.cause:
                    _log.warning("desk.waiting", cause=error.cause)
                self.waiting_for = error.cause
                if isinstance(error, EndLostError):
                    self._lives = ()
                self.stop.wait(backoff.next_s())
            except _StoppedError:
                break
        self.delivery.close()

    def now_ms(self) -> int:
        """Give the time by which the desk decides: the wall clock, but never back.

        A clock that is set back an hour must not silence a chain for an hour; nor may one that was
        set back before the desk began, so it is never before what the log says.
        """
        monotonic_ms, wall_ms = self.clock.monotonic_ms(), self.clock.wall_ms()
        known_ms, at_ms = self._time
        passed_ms = known_ms + monotonic_ms - at_ms if known_ms else 0
        now_ms = max(wall_ms, passed_ms, self._log_ms)
        self._time = (now_ms, monotonic_ms)
        return now_ms

    def _work(self, output: Output, log: Log, partitions: int, backoff: Backoff) -> None:
        self._begin(log)
        self._read_to_end(log)
        self.waiting_for = None
        backoff.reset()
        _log.info("desk.working", alerts=len(self._core.desk.cases()))
        since_ms = self.now_ms()
        checked_ms = self.clock.monotonic_ms()
        while not self.stop.is_set():
            self._take(log.poll(self._patience_ms()))
            self._decide(output)
            self._decide_on_canaries(output)
            self._deliver(output)
            if self.clock.monotonic_ms() - checked_ms >= _CHECK_EVERY_MS:
                log.check()
                self._claims.let_go(self._core.let_go(self.now_ms()))
                self._keep_bookmark()
                self._note_lateness(output, partitions, since_ms)
                checked_ms = self.clock.monotonic_ms()

    def _begin(self, log: Log) -> None:
        """Go on where the last connection ended, unless the topics lost that, or were made anew."""
        lives = tuple(log.life(topic) for topic in TOPICS)
        if lives == self._lives and self._are_there(self.bookmark.last):
            log.seek(self._reached)
            return
        self._core, self._names, self._reports = Core(), {}, {}
        self._canaries, self._claims, self._log_ms = Canaries(), Claims(self.name), 0
        mark = self.bookmark.begin(lives, log.ends(), self._are_there)
        log.seek(mark.offsets if mark else {})
        self._lives, self._reached, self._marked_ms = lives, log.position(), None
        if mark is not None:
            self._log_ms = mark.log_ms
            for record in mark.carried:
                self._take_one(record, self.now_ms())

    def _are_there(self, last: Mapping[Place, Last]) -> bool:
        topics, bytes_max = (ALERTS, ACTIONS), kept_file.LOOK_BYTES
        with Log(self.bootstrap, topics, _CLIENT_ID, partition_bytes_max=bytes_max) as log:
            return kept_file.are_there(last, log)

    def _keep_bookmark(self) -> None:
        """Once a day write down where a restart may begin."""
        now_ms = self.clock.monotonic_ms()
        if self._marked_ms is None or now_ms - self._marked_ms >= _MARK_EVERY_MS:
            log_ms = min(self.clock.wall_ms(), self._log_ms)
            if self.bookmark.keep(self._core.desk, self._lives, self._reached, log_ms):
                self._marked_ms = now_ms

    def _read_to_end(self, log: Log) -> None:
        for records in log.read_to_end():
            self._take(records)
            if self.stop.is_set():
                raise _StoppedError
        self._core.desk.forget()

    def _patience_ms(self) -> int:
        due_ms = self._core.due_ms()
        if due_ms is None:
            return _POLL_MS
        return max(_POLL_MS_MIN, min(_POLL_MS, due_ms - self.now_ms()))

    def _take(self, records: list[LogRecord]) -> None:
        kept_file.refuse_steps_back(records, self._reached)
        now_ms = self.now_ms()
        for one, record in readable(records, metrics.REJECTED):
            place = one.topic, one.partition
            if not self.bookmark.leaves_out(record, place, one.offset):
                self._take_one(record, now_ms)
            self._reached[place] = one.offset + 1
        self.bookmark.passed(records)

    def _take_one(self, record: Record, now_ms: int) -> None:
        match record:
            case Transition():
                self._core.found(record, now_ms)
                self._log_ms = max(self._log_ms, record.at_ms)
            case Action():
                self._take_action(record, now_ms)
            case CanaryFound(found):
                self._canaries.found(found)
            case CanaryDecided(decided):
                self._canaries.decided(decided)
            case RotaEntry():
                self._core.put_rota(record)
            case PatientEntry():
                self._names[record.patient_id] = record.pseudonym
            case EngineReport():
                self._reports[record.partition] = record
                self._log_ms = max(self._log_ms, record.log_ms)
            case Removed(key=key) if key.startswith(ROTA_KEY):
                self._core.remove_rota(key.removeprefix(ROTA_KEY))
            case _:
                pass

    def _take_action(self, action: Action, now_ms: int) -> None:
        self._core.done(action, now_ms)
        if action.kind != "notify" or self._core.is_under_way(action):
            self._claims.read(action, self.clock.monotonic_ms())
        if self._core.refuses(action):
            metrics.REFUSED.inc()
            _log.warning("closing.refused", action_id=action.action_id)

    def _decide_on_canaries(self, output: Output) -> None:
        decisions = self._canaries.decide(self.now_ms())
        self._make_durable(output, decisions)
        for one in decisions:
            self._canaries.decided(one)

    def _decide(self, output: Output) -> None:
        while drafts := self._core.decide(self.now_ms()):
            self._write(output, drafts)

    def _deliver(self, output: Output) -> None:
        """Send what is still news, and write what came of it.

        Not before a notice has come back out of the log: whatever was answered ahead of it is known
        by then, and which desk was first.
        """
        for key, action in self._notices.items():
            if not self._core.is_news(action):
                self.delivery.withdraw(key)
        for action in self._core.to_deliver():
            key = action.action_id
            if key not in self.delivery and self._claims.may_send(key, self.clock.monotonic_ms()):
                self._start(action)
        now_ms = self.now_ms()
        outcomes, heard = self.delivery.finished(self.clock.monotonic_ms())
        for one in outcomes:
            action = self._notices[one.key]
            said = self._core.outcome(action, now_ms, delivered=one.delivered, note=one.note)
            self._write(output, said)
            self._measure(action, now_ms)
        for each in heard:
            self._write(output, self._core.heard(each.way, each.cause, now_ms))
        self._notices = {key: one for key, one in self._notices.items() if key in self.delivery}

    def _start(self, action: Action) -> None:
        case = self._core.case_of(action)
        assert case is not None, action.action_id
        name = self._names.get(case.patient_id, case.patient_id)
        others = self._core.companions(action)
        notice = notice_of(action, case, others, name, self.page_url)
        self._notices[notice.key] = action
        rota = self._core.rota_of(case)
        self.delivery.start(notice, action.to, rota, self.clock.monotonic_ms())

    def _measure(self, action: Action, now_ms: int) -> None:
        case = self._core.case_of(action)
        if case is not None and action.step == 0 and action.event_ids == [case.demand.event_id]:
            metrics.PAGE_LATENCY.observe(max(0, now_ms - case.demand.at_ms) / 1000)

    def _note_lateness(self, output: Output, partitions: int, since_ms: int) -> None:
        now_ms = self.now_ms()
        quiet_ms = self._quiet.quiet_ms(self._reports, partitions, self.clock.monotonic_ms())
        late_ms = max(quiet_ms, lateness_ms(self._reports, partitions, now_ms, since_ms))
        metrics.LATENESS.set(late_ms / 1000)
        if late_ms > TECHNICAL_MS:
            sentence = f"Readings wait {late_ms // 1000} s to be judged, or no engine judges them."
            self._write(output, self._core.raised(report("late", "", now_ms, sentence)))
        self._write(output, self._core.recovered(now_ms, late_ms))

    def _write(self, output: Output, actions: Sequence[Action]) -> None:
        """Make decisions durable, then let them count."""
        actions = [
            msgspec.structs.replace(one, writer=self.name) if one.kind == "notify" else one
            for one in actions
        ]
        self._make_durable(output, actions)
        for one in actions:
            self._core.done(one, self.now_ms())
            metrics.DECISIONS.labels(one.kind, one.reason or "").inc()
            _log.info("decision", kind=one.kind, reason=one.reason, action_id=one.action_id)

    def _make_durable(self, output: Output, actions: Sequence[Action]) -> None:
        patience = Patience(self.stop, self.rng, self._wait_for)
        messages = [
            Message(ACTIONS, one.patient_id.encode(), msgspec.json.encode(one), 0)
            for one in actions
        ]
        if messages and not output.write(messages, patience):
            raise _StoppedError

    def _wait_for(self, reason: str | None) -> None:
        self.waiting_for = reason
