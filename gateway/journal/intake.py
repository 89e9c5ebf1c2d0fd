"""The first act on a notification: the journal's fsync. Whatever else happens comes after it.

What comes before it is known from whom goes to the journal's anteroom, with as good an fsync.
When the disk refuses, the bytes wait in memory, in order, ``WAITING_MAX`` at most, and are tried
again; meanwhile no device is dialled, since a device that keeps its readings keeps them better.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from gateway import metrics
from gateway.clocks import wall
from gateway.clocks.wall import Observation
from gateway.journal.journal import Journal
from gateway.record import Notification, Record, SessionFacts
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.reading import Capture

WAITING_MAX = 1000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    notification: Notification
    facts: SessionFacts | None = None
    """Of its session, if it is not known yet from whom it came."""
    newest: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """What an intake has in memory alone."""

    waiting: deque[_Waiting]
    refusals: deque[tuple[str, str]]
    observation: Observation | None


class Intake:
    """Captures notifications; ``kept`` is called for each record once it is durable."""

    def __init__(self, journal: Journal, clock: Clock, kept: Callable[[Record], None]) -> None:
        """Continue from the last true wall clock that the journal knows."""
        self._journal = journal
        self._clock = clock
        self._kept = kept
        self._waiting: deque[_Waiting] = deque()
        self._refusals: deque[tuple[str, str]] = deque()  # sessions and devices, as refused
        self._observation = journal.observation()
        self.problem: str | None = None

    @property
    def works(self) -> bool:
        """Whether the disk takes notifications."""
        return self.problem is None

    def capture(
        self,
        session_id: str,
        address: str,
        characteristic: str,
        payload: bytes,
        *,
        newest: bool = False,
    ) -> Record | None:
        """Keep a notification; None if the disk refused it and it waits in memory.

        ``newest``: of its session, as its device says.
        """
        notification = self._now(session_id, address, characteristic, payload)
        if not self._waiting:  # what waits goes first, so that numbers follow the captures
            try:
                return self._keep(notification, newest=newest)
            except UnavailableError as error:
                self.complain(error)
        self._wait(_Waiting(notification, newest=newest))
        return None

    def hold_back(self, facts: SessionFacts, characteristic: str, payload: bytes) -> bool:
        """Keep a notification of which it is not known yet from whom it came.

        False if the disk refused it and it waits in memory.
        """
        notification = self._now(facts.session_id, facts.device.address, characteristic, payload)
        if not self._waiting:
            try:
                self._hold_back(notification, facts)
            except UnavailableError as error:
                self.complain(error)
            else:
                return True
        self._wait(_Waiting(notification, facts))
        return False

    def attribute(
        self, session_id: str, tell: Callable[[list[Record]], SessionFacts]
    ) -> list[Record]:
        """Make records of what a session was held back: see ``Journal.attribute``."""
        try:
            self._flush()
            records = self._journal.attribute(session_id, tell)
        except UnavailableError as error:
            self.complain(error)
            raise
        for record in records:
            self._tell(record)
        return records

    def refuse(self, session_id: str, address: str) -> None:
        """Drop and count what a session was held back, on the disk and in memory.

        If the disk refuses, that is done before it takes anything else.
        """
        kept = [
            one
            for one in self._waiting
            if one.facts is None or one.notification.session_id != session_id
        ]
        metrics.REFUSED_NOTIFICATIONS.inc(len(self._waiting) - len(kept))
        self._waiting = deque(kept)
        self._refusals.append((session_id, address))
        try:
            self._refuse()
        except UnavailableError as error:
            self.complain(error)

    def leave(self) -> Left:
        """Give what the disk has refused so far, for the intake of another journal."""
        return Left(self._waiting, self._refusals, self._observation)

    def take_over(self, left: Left) -> None:
        """Keep in this journal what another one refused, and go on with what is known of time."""
        self._waiting, self._refusals = left.waiting, left.refusals
        self._observation = self._observation or left.observation
        self.retry()

    def retry(self) -> None:
        """Try again what the disk refused; call it now and then."""
        try:
            self._flush()
            if self.problem is not None:
                self._journal.probe()
        except UnavailableError as error:
            self.complain(error)
            return
        if self.problem is not None:
            log.info("journal.writable")
            self.problem = None

    def complain(self, error: UnavailableError) -> None:
        """Take it that the disk refuses, until it takes something again: see ``retry``."""
        metrics.FAILURES.labels("journal").inc()
        self._journal.file.note(error)
        if self.problem is None:
            log.error("journal.refused", cause=error.cause, way_out=error.way_out)
        self.problem = (
            f"no reading can be kept: {error.cause.rstrip('.')}; {error.way_out} "
            "Until then devices are not asked for theirs"
        )

    def observe_wall(self) -> None:
        """Keep the present wall time, if something keeps it true: no later capture is older."""
        observation = wall.observe(wall.read(self._clock))
        if observation is None:
            return
        try:
            self._journal.keep_observation(observation)
        except UnavailableError as error:
            self.complain(error)
        self._observation = observation

    def _now(
        self, session_id: str, address: str, characteristic: str, payload: bytes
    ) -> Notification:
        moment = wall.read(self._clock)
        return Notification(
            address=address,
            characteristic=characteristic,
            payload=payload,
            session_id=session_id,
            capture=Capture(
                boot_id=moment.boot_id,
                monotonic_ms=moment.monotonic_ms,
                wall_ms=moment.wall_ms,
                not_before_ms=(
                    wall.not_before_ms(self._observation, moment)
                    if moment.wall_ms is None
                    else None
                ),
            ),
        )

    def _wait(self, waiting: _Waiting) -> None:
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(waiting)
        else:
            _lost("memory for waiting notifications is full")

    def _flush(self) -> None:
        self._refuse()
        while self._waiting:
            first = self._waiting[0]
            if first.facts is None:
                self._keep(first.notification, newest=first.newest)
            else:
                self._hold_back(first.notification, first.facts)
            self._waiting.popleft()

    def _refuse(self) -> None:
        while self._refusals:
            metrics.REFUSED_NOTIFICATIONS.inc(self._journal.refuse(*self._refusals[0]))
            self._refusals.popleft()

    def _keep(self, notification: Notification, *, newest: bool) -> Record:
        started_s = time.perf_counter()
        record = self._journal.append(notification, newest=newest)
        metrics.INSERT_SECONDS.observe(time.perf_counter() - started_s)
        self._tell(record)
        return record

    def _hold_back(self, notification: Notification, facts: SessionFacts) -> None:
        started_s = time.perf_counter()
        found_room = self._journal.hold_back(notification, facts)
        metrics.INSERT_SECONDS.observe(time.perf_counter() - started_s)
        if not found_room:
            _lost("too much came before it was known from whom")

    def _tell(self, record: Record) -> None:
        metrics.CAPTURED.labels(record.characteristic).inc()
        self._kept(record)


def _lost(reason: str) -> None:
    metrics.FAILURES.labels("notification-lost").inc()
    log.error("notification.lost", reason=reason)
