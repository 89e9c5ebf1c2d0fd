"""What to send next: decisions only, on the gateway's monotonic clock in milliseconds.

Rules:
- Live rows (captured a moment ago) before backlog; backlog is rate-limited and never takes more
  than ``BACKLOG_MESSAGES_MAX`` of the ``WINDOW_MESSAGES_MAX`` unacknowledged messages.
- A message carries contiguous numbers of one stream, ``MESSAGE_ROWS_MAX`` at most.
- The broker's acknowledgement makes a row *sent*; only the server's receipt makes it *gone*. A sent
  row without receipt is due again, later each time, and from the third time on alone, so that one
  row that the server cannot digest holds up no other. Then it is *stuck*, and health says so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

WINDOW_MESSAGES_MAX = 8
BACKLOG_MESSAGES_MAX = 4
MESSAGE_ROWS_MAX = 100
BACKLOG_ROWS_PER_S = 200
LIVE_MS = 60_000
RESEND_FIRST_MS = 30_000
RESEND_LONGEST_MS = 15 * 60_000
REFUSED_PAUSE_MS = 5_000
SESSION_WAIT_MS = 31 * 60_000  # longer than any session: one that never told holds up no row
ALONE_FROM_SENDINGS = 2  # sent twice without a receipt: the third time alone
STUCK_FROM_SENDINGS = 3


@dataclass(frozen=True, slots=True)
class Shipment:
    """Contiguous numbers of one stream that should leave now, in one message."""

    stream: str
    numbers: range


@dataclass(slots=True)
class _Row:
    stream: str
    live_until_ms: int
    waits_for: str | None  # the session whose end this row awaits
    waits_until_ms: int = 0
    due_ms: int = 0
    sendings: int = 0
    in_flight: bool = False


class Outbox:
    """The rows of the journal that have no receipt yet, as far as they are loaded."""

    def __init__(self, rng: Random) -> None:
        """Begin empty; ``rng`` spreads re-sendings, so that gateways do not come in herds."""
        self._rng = rng
        self._rows: dict[int, _Row] = {}
        self._messages: dict[range, bool] = {}  # in flight; True if it is backlog
        self._backlog_from_ms = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, seq: int) -> bool:
        return seq in self._rows

    @property
    def stuck(self) -> int:
        """Rows that were sent again and again without a receipt."""
        return sum(row.sendings >= STUCK_FROM_SENDINGS for row in self._rows.values())

    @property
    def in_flight(self) -> int:
        """Messages that the broker has not acknowledged."""
        return len(self._messages)

    def add_live(self, seq: int, stream: str, now_ms: int, waits_for: str | None) -> None:
        """Take a row that was just captured; ``waits_for`` names a session that must end first."""
        assert seq not in self._rows, seq
        until_ms = now_ms + SESSION_WAIT_MS if waits_for is not None else 0
        self._rows[seq] = _Row(stream, now_ms + LIVE_MS, waits_for, until_ms)

    def add_backlog(self, seq: int, stream: str) -> None:
        """Take a row that an earlier run, or a full window, left in the journal."""
        assert seq not in self._rows, seq
        self._rows[seq] = _Row(stream, live_until_ms=0, waits_for=None)

    def session_told(self, session_id: str) -> None:
        """Let the rows go that waited to learn which one is the newest of their session."""
        for row in self._rows.values():
            if row.waits_for == session_id:
                row.waits_for, row.waits_until_ms = None, 0

    def choose(self, now_ms: int) -> Shipment | None:
        """Say what should leave now, or None if nothing may."""
        if len(self._messages) >= WINDOW_MESSAGES_MAX:
            return None
        due = sorted(seq for seq, row in self._rows.items() if _is_due(row, now_ms))
        live = [seq for seq in due if _is_live(self._rows[seq], now_ms)]
        if live:
            return self._run(live, now_ms)
        if not due or now_ms < self._backlog_from_ms:
            return None
        if sum(self._messages.values()) >= BACKLOG_MESSAGES_MAX:
            return None
        return self._run(due, now_ms)

    def _run(self, candidates: list[int], now_ms: int) -> Shipment:
        """Gather what may share a message with the first candidate."""
        first = candidates[0]
        head = self._rows[first]
        end = first + 1
        if head.sendings < ALONE_FROM_SENDINGS:
            for seq in candidates[1:MESSAGE_ROWS_MAX]:
                row = self._rows[seq]
                fits = seq == end and row.stream == head.stream
                if not fits or row.sendings >= ALONE_FROM_SENDINGS:
                    break
                end += 1
        assert all(_is_due(self._rows[seq], now_ms) for seq in range(first, end))
        return Shipment(head.stream, range(first, end))

    def departed(self, numbers: range, now_ms: int) -> None:
        """A message with these numbers was handed to the network."""
        rows = [self._rows[seq] for seq in numbers]
        backlog = not _is_live(rows[0], now_ms)
        self._messages[numbers] = backlog
        for row in rows:
            assert not row.in_flight
            row.in_flight = True
        if backlog:
            self._backlog_from_ms = now_ms + len(numbers) * 1000 // BACKLOG_ROWS_PER_S

    def acknowledged(self, numbers: range, now_ms: int) -> None:
        """The broker has the message: its rows are sent, and due again without a receipt."""
        for row in self._landed(numbers):
            row.sendings += 1
            row.due_ms = now_ms + self._patience_ms(row.sendings)

    def refused(self, numbers: range, now_ms: int) -> None:
        """The broker does not want the message, or nobody listens: its rows try again soon."""
        for row in self._landed(numbers):
            row.due_ms = now_ms + REFUSED_PAUSE_MS

    def disconnected(self) -> None:
        """The connection ended: whatever was in flight may or may not have arrived; send again."""
        for numbers in list(self._messages):
            for row in self._landed(numbers):
                row.due_ms = 0

    def gone(self, numbers: Iterable[int]) -> None:
        """Forget these: the server has them, or they turned out to be damaged."""
        for seq in numbers:
            self._rows.pop(seq, None)

    def wake_ms(self, now_ms: int) -> int | None:
        """When ``choose`` may have a new answer by time alone; None: only an event can."""
        moments = [
            max(
                row.due_ms,
                row.waits_until_ms,
                self._backlog_from_ms if not _is_live(row, now_ms) else 0,
            )
            for row in self._rows.values()
            if not row.in_flight
        ]
        return max(now_ms, min(moments)) if moments else None

    def _landed(self, numbers: range) -> Iterator[_Row]:
        if self._messages.pop(numbers, None) is None:
            return
        for seq in numbers:
            row = self._rows.get(seq)  # a receipt may have come before the acknowledgement
            if row is not None:
                row.in_flight = False
                yield row

    def _patience_ms(self, sendings: int) -> int:
        patience_ms = min(RESEND_LONGEST_MS, RESEND_FIRST_MS * 2 ** min(sendings - 1, 10))
        return int(patience_ms * self._rng.uniform(1.0, 1.5))


def _is_due(row: _Row, now_ms: int) -> bool:
    return not row.in_flight and max(row.due_ms, row.waits_until_ms) <= now_ms


def _is_live(row: _Row, now_ms: int) -> bool:
    return row.sendings == 0 and now_ms < row.live_until_ms
