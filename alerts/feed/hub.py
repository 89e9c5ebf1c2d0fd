"""Joins the board with everybody who watches it. Lives on one event loop; nothing here blocks.

Invariants: a stream gets every change of the alert list exactly once and in order, or is cut; what
is queued for one stream is bounded, a reader too slow for it is cut and resumes by its cursor; the
age of the last contact with the log travels with every heartbeat, so that a page can tell a quiet
day from a dead server. A log that is read afresh replaces what is shown only once it is complete.
"""

import asyncio
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec

from alerts.feed import metrics
from alerts.feed.board import Board, Changes
from alerts.feed.cursor import Cursor, start_of
from alerts.feed.follower import Batch, Contact, Keep, Lost, News, Start
from alerts.feed.quiet import cut_off, no_reading
from alerts.feed.ring import Ring
from alerts.lateness import BANNER_MS, Quiet, lateness_ms
from schemas.alert import SEVERITIES, Action
from schemas.clock import Clock
from schemas.time_zone import zone_named
from schemas.topics import READINGS

QUEUE_BYTES_MAX = 4 * 1024 * 1024
CLIENTS_MAX = 500
_LOADING = "This list is not complete yet: the log is being read from its beginning."
_UTC = ZoneInfo("UTC")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the stream says that it lives, and the longest silence that a page believes in."""

    heartbeat_s: float = 5.0
    silence_s: float = 15.0
    readings_s: float = 0.5


class Client:
    """One open stream: the frames that wait for its reader, and whether it was cut.

    A frame that finds the queue empty is always taken, however large it is.
    """

    def __init__(self, bytes_max: int = QUEUE_BYTES_MAX) -> None:
        """Start with nothing waiting."""
        self._bytes_max = bytes_max
        self._frames: list[bytes] = []
        self._bytes = 0
        self._filled = asyncio.Event()
        self.cut = asyncio.Event()

    def offer(self, frame: bytes) -> bool:
        """Queue a frame; False if the reader does not keep up: it is cut."""
        if self._frames and self._bytes + len(frame) > self._bytes_max:
            self.cut.set()
            return False
        if frame:
            self._frames.append(frame)
            self._bytes += len(frame)
            self._filled.set()
        return True

    def taken(self) -> bytes:
        """Take all that waits now."""
        frames, self._frames, self._bytes = b"".join(self._frames), [], 0
        self._filled.clear()
        return frames

    async def next(self) -> bytes:
        """Wait for something and take it."""
        await self._filled.wait()
        return self.taken()


class Hub:
    """Takes news from the follower, gives frames to the streams and views to the pages."""

    def __init__(self, clock: Clock, build: str, zone: ZoneInfo = _UTC) -> None:
        """Start with nothing read; ``build`` names this version of the page.

        ``zone``: the machine's, in which times are shown while no rota tells the clinic's.
        """
        self._clock = clock
        self._build = build
        self._zone = zone
        self._clients: set[Client] = set()
        self._readings_moved = False
        self._cursor = Cursor()
        self._ring = Ring(str(self._cursor))
        self._contact_ms: int | None = None
        self._moved = asyncio.Event()
        self._caught_up = False
        self._partitions = 0
        self._since_ms = 0
        self._quiet = Quiet()
        self._whole: bytes | None = None  # the snapshot, until something changes
        self.board = self._incoming = Board()  # what is shown; what is being read
        self.trouble: str | None = _LOADING

    @property
    def cursor(self) -> str:
        """The place in the log that the board stands at.

        Empty while the log is being read: what is shown then is not what was read up to there, and
        a stream that went on from there would never bring it.
        """
        return str(self._cursor) if self._caught_up else ""

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone: of a time on the page there must be one reading only."""
        return zone_named(self.board.zone) or self._zone

    @property
    def full(self) -> bool:
        """Whether no further stream is accepted."""
        return len(self._clients) >= CLIENTS_MAX

    def take(self, news: News) -> None:
        """Take what the follower found."""
        match news:
            case Start():
                self._start(news)
            case Batch():
                self._batch(news)
            case Contact():
                self._contact(news)
            case Keep():
                news.alerts = self._incoming.desk.kept()
            case Lost():
                self.trouble = (
                    f"This list may be out of date. {news.reason} It is tried again by itself."
                )
        self._moved.set()
        self._moved = asyncio.Event()

    def join(self, cursor: str) -> Client:
        """Open a stream that goes on after ``cursor``, or begins with a snapshot."""
        client = Client()
        missed = self._ring.since(cursor) if self._caught_up else None
        if missed is not None:
            client.offer(missed)
        elif self._caught_up:
            client.offer(self._snapshot())
        metrics.RESUMED.labels("resumed" if missed is not None else "snapshot").inc()
        client.offer(self._readings())
        client.offer(self.heartbeat())
        self._clients.add(client)
        metrics.CLIENTS.set(len(self._clients))
        return client

    def leave(self, client: Client) -> None:
        """Forget a stream."""
        self._clients.discard(client)
        metrics.CLIENTS.set(len(self._clients))

    def beat(self) -> None:
        """Send a heartbeat to every stream."""
        self._send(self.heartbeat())

    def flush_readings(self) -> None:
        """Send the latest readings if they moved: many arrivals become one frame."""
        if self._readings_moved and self._caught_up:
            self._readings_moved = False
            self._send(self._readings())

    def close(self) -> None:
        """End every stream."""
        for client in self._clients:
            client.cut.set()

    def contact_age_ms(self) -> int | None:
        """Give the milliseconds since the log was last reached; None if it never was."""
        if self._contact_ms is None:
            return None
        return max(0, self._clock.monotonic_ms() - self._contact_ms)

    async def applied(self, action: Action, within_s: float) -> bool:
        """Wait until the log has brought an action back; False if that takes too long."""
        try:
            async with asyncio.timeout(within_s):
                while not self.board.desk.knows(action):
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    def heartbeat(self) -> bytes:
        """Say that the server lives, when it last reached the log, and what it suffers from."""
        age_ms = self.contact_age_ms()
        metrics.LOG_AGE.set(float("inf") if age_ms is None else age_ms / 1000)
        now_ms = self._clock.wall_ms()
        return _frame(
            "heartbeat",
            {
                "now_ms": now_ms,
                "contact_age_ms": age_ms,
                "no_reading": self.no_reading(),
                "trouble": self.trouble
                or self._late(now_ms)
                or cut_off(self.board.newest_stamp_ms, now_ms),
                "build": self._build,
                "zone": self.zone.key,
            },
        )

    def no_reading(self) -> str:
        """Say what it means that no reading is shown."""
        if not self._caught_up:
            return "The log of readings is still being read."
        return no_reading(self.board.oldest_stamp_ms, self._clock.wall_ms(), self.zone)

    def _late(self, now_ms: int) -> str | None:
        """Say that readings wait to be judged, if they do for long: new alerts come late."""
        reports, partitions = self.board.reports, self._partitions
        quiet_ms = self._quiet.quiet_ms(reports, partitions, self._clock.monotonic_ms())
        late_ms = max(quiet_ms, lateness_ms(reports, partitions, now_ms, self._since_ms))
        metrics.LATENESS.set(late_ms / 1000)
        if late_ms <= BANNER_MS:
            return None
        return f"Alerts come late: readings have waited {late_ms // 1000} s to be judged."

    def _start(self, news: Start) -> None:
        self._partitions = sum(topic == READINGS for topic, _ in news.starts)
        self._since_ms = self._clock.wall_ms()
        self._cursor = start_of(news.topic_ids, news.starts)
        self._incoming = Board(news.desk)
        self._caught_up = False
        self.trouble = _LOADING

    def _batch(self, batch: Batch) -> None:
        changes = self._incoming.take(batch.records)
        self._whole = None
        before, self._cursor = self._cursor, self._cursor.advanced(batch.next_offsets)
        self._readings_moved |= changes.readings
        if not self._caught_up:
            return
        if changes.patients:  # names on any card may have changed: everybody starts afresh
            self._ring = Ring(self.cursor)
            self._send(self._snapshot())
            self._readings_moved = True
        elif self._cursor != before:
            frame = self._update(changes)
            self._ring.push(self.cursor, frame)
            self._send(frame)
        self._observe(changes)

    def _contact(self, news: Contact) -> None:
        self._contact_ms = news.at_monotonic_ms
        metrics.LAG.set(news.lag)
        if news.caught_up:
            self.trouble = None
        if news.caught_up and not self._caught_up:
            self._caught_up = True
            self._whole = None
            self.board = self._incoming
            self.board.desk.forget()
            self._ring = Ring(self.cursor)
            self._send(self._snapshot() + self._readings())
            self._count_unacknowledged()

    def _observe(self, changes: Changes) -> None:
        now_ms = self._clock.wall_ms()
        for transition in changes.news:
            metrics.SCREEN_LATENCY.observe(max(0, now_ms - transition.at_ms) / 1000)
        if changes.alert_ids:
            self._count_unacknowledged()

    def _count_unacknowledged(self) -> None:
        open_cases = self.board.desk.open_cases()
        for severity in SEVERITIES:
            waiting = sum(
                case.severity == severity and case.attention == "unacknowledged"
                for case in open_cases
            )
            metrics.UNACKNOWLEDGED.labels(severity).set(waiting)

    def _snapshot(self) -> bytes:
        """Encode all that is shown once for all who ask, as pages do when a server is back."""
        if self._whole is None:
            self._whole = _frame("snapshot", self.board.overview(), self.cursor)
        return self._whole

    def _update(self, changes: Changes) -> bytes:
        if not changes.alert_ids:
            return b""
        return _frame("update", self.board.update(changes.alert_ids), self.cursor)

    def _readings(self) -> bytes:
        return _frame("readings", self.board.rows())

    def _send(self, frame: bytes) -> None:
        for client in self._clients:
            if not client.cut.is_set() and not client.offer(frame):
                metrics.CLIENTS_CUT.inc()


def _frame(event: str, data: object, cursor: str | None = None) -> bytes:
    """Write a server-sent event; JSON has no raw line breaks, so it is one data line."""
    place = f"id: {cursor}\n" if cursor is not None else ""
    return f"event: {event}\n{place}data: ".encode() + _encode(data) + b"\n\n"
