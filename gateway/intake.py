"""The first act on a notification: the journal's fsync. Whatever else happens comes after it.

When the disk refuses, the bytes wait in memory, in order, ``WAITING_MAX`` at most, and are tried
again; meanwhile no device is dialled, since a device that keeps its readings keeps them better.
"""

import time
from collections import deque
from collections.abc import Callable

import structlog

from gateway import metrics, wall
from gateway.journal import Journal, Notification
from gateway.record import Record
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.reading import Capture

WAITING_MAX = 1000

log = structlog.get_logger(__name__)


class Intake:
    """Captures notifications; ``kept`` is called for each record once it is durable."""

    def __init__(self, journal: Journal, clock: Clock, kept: Callable[[Record], None]) -> None:
        """Continue from the last true wall clock that the journal knows."""
        self._journal = journal
        self._clock = clock
        self._kept = kept
        self._waiting: deque[Notification] = deque()
        self._observation = journal.observation()
        self.problem: str | None = None

    @property
    def works(self) -> bool:
        """Whether the disk takes notifications."""
        return self.problem is None

    def capture(
        self, session_id: str, address: str, characteristic: str, payload: bytes
    ) -> Record | None:
        """Keep a notification; None if the disk refused it and it waits in memory."""
        moment = wall.read(self._clock)
        notification = Notification(
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
        if not self._waiting:  # what waits goes first, so that numbers follow the captures
            try:
                return self._keep(notification)
            except UnavailableError as error:
                self._complain(error)
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(notification)
        else:
            metrics.FAILURES.labels("notification-lost").inc()
            log.error("notification.lost", reason="memory for waiting notifications is full")
        return None

    def retry(self) -> None:
        """Try again what the disk refused; call it now and then."""
        try:
            while self._waiting:
                self._keep(self._waiting[0])
                self._waiting.popleft()
            if self.problem is not None:
                self._journal.probe()
        except UnavailableError as error:
            self._complain(error)
            return
        if self.problem is not None:
            log.info("journal.writable")
            self.problem = None

    def observe_wall(self) -> None:
        """Keep the present wall time, if something keeps it true: no later capture is older."""
        observation = wall.observe(wall.read(self._clock))
        if observation is None:
            return
        try:
            self._journal.keep_observation(observation)
        except UnavailableError as error:
            self._complain(error)
        self._observation = observation

    def _keep(self, notification: Notification) -> Record:
        started_s = time.perf_counter()
        record = self._journal.append(notification)
        metrics.INSERT_SECONDS.observe(time.perf_counter() - started_s)
        metrics.CAPTURED.labels(notification.characteristic).inc()
        self._kept(record)
        return record

    def _complain(self, error: UnavailableError) -> None:
        metrics.FAILURES.labels("journal").inc()
        if self.problem is None:
            log.error("journal.refused", cause=error.cause, way_out=error.way_out)
        self.problem = str(error)
