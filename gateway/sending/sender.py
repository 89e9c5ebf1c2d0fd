"""From the journal to the broker and back: performs what the outbox decides."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from random import Random

import msgspec
import structlog

from gateway import metrics
from gateway.clocks import wall
from gateway.decoding.decode import decode
from gateway.journal.journal import Journal
from gateway.record import Entry, Record
from gateway.sending.outbox import Outbox
from gateway.sending.publisher import Publisher
from gateway.sending.shipping import Departure, pack
from schemas.clock import Clock
from schemas.errors import UNREADABLE, InvalidInput, UnavailableError
from schemas.reading import Item, Reading, Undecodable
from schemas.wire import Receipts, refuse_other_major

LOADED_ROWS_MAX = 5000  # without receipt, in memory; the journal holds the others
LOAD_ROWS = 500
JOURNAL_PAUSE_S = 1.0

log = structlog.get_logger(__name__)
_RECEIPTS: msgspec.json.Decoder[Receipts] = msgspec.json.Decoder(Receipts)


class Sender:
    """Owns the outbox; lives in the event loop's thread."""

    def __init__(self, gateway_id: str, journal: Journal, clock: Clock, rng: Random) -> None:
        """Load nothing yet."""
        self._gateway_id = gateway_id
        self._journal = journal
        self._clock = clock
        self._outbox = Outbox(rng)
        self._messages: dict[int, range] = {}
        self._loaded_to = 0
        self._waiting: dict[int, str] = {}  # rows of an earlier run's session that may yet tell
        self._wake = asyncio.Event()
        self.problem: str | None = None

    @property
    def stuck(self) -> int:
        """Rows that were sent again and again without a receipt."""
        return self._outbox.stuck

    def take(self, record: Record, waits_for: str | None) -> None:
        """Send a record that was just captured; ``waits_for``: once that session has ended."""
        if record.seq in self._outbox:  # a segment that was settled, and loaded since
            return
        self._outbox.add_live(record.seq, record.stream, self._clock.monotonic_ms(), waits_for)
        self._wake.set()

    def wait(self, session_id: str, rows: Iterable[int]) -> None:
        """Let rows that an earlier run left wait for their session, once they are loaded."""
        self._waiting |= dict.fromkeys(rows, session_id)

    def session_told(self, session_id: str) -> None:
        """Send what waited for this session."""
        self._waiting = {row: name for row, name in self._waiting.items() if name != session_id}
        self._outbox.session_told(session_id)
        for record in self._journal.sendable():
            if record.seq not in self._outbox:
                self._outbox.add_backlog(record.seq, record.stream)
        self._wake.set()

    def connected(self) -> None:
        """React to a new connection."""
        self._wake.set()

    def disconnected(self) -> None:
        """React to the end of a connection: what was in flight is to be sent again."""
        self._messages.clear()
        self._outbox.disconnected()

    def acknowledged(self, message: int, wanted: bool) -> None:  # noqa: FBT001  (paho's order)
        """React to a PUBACK; other messages than readings are no concern of the outbox."""
        numbers = self._messages.pop(message, None)
        if numbers is None:
            return
        now_ms = self._clock.monotonic_ms()
        if wanted:
            metrics.SENT.inc(len(numbers))
            self._outbox.acknowledged(numbers, now_ms)
        else:
            metrics.FAILURES.labels("mqtt-not-wanted").inc()
            self._outbox.refused(numbers, now_ms)
        self._wake.set()

    def received(self, payload: bytes) -> None:
        """React to receipts: only they let a row go."""
        try:
            receipts = _RECEIPTS.decode(payload)
            refuse_other_major(receipts.version)
            gone = self._journal.custody.receipt(receipts.streams, wall.read(self._clock).wall_ms)
        except (*UNREADABLE, InvalidInput) as error:
            metrics.FAILURES.labels("receipts").inc()
            log.warning("receipts.rejected", reason=str(error))
            return
        except UnavailableError as error:
            metrics.FAILURES.labels("journal").inc()
            self._journal.file.note(error)
            log.warning("receipts.not_kept", cause=error.cause)
            return
        self._outbox.gone(gone)
        metrics.RECEIPTED.inc(len(gone))
        self._wake.set()

    def held_again(self) -> None:
        """Look at the journal from its beginning: rows that were gone are to be sent once more."""
        self._loaded_to = 0
        self._wake.set()

    async def run(self, publisher: Publisher) -> None:
        """Send whatever may be sent, as long as the daemon lives."""
        while True:
            self._wake.clear()
            try:
                self._load()
                sent = publisher.problem is None and self._send_one(publisher)
                self.problem = None
            except UnavailableError as error:
                self._complain(error)
                await asyncio.sleep(JOURNAL_PAUSE_S)
                continue
            if sent:
                await asyncio.sleep(0)  # captures come first
            else:
                await _wait(self._wake, self._pause_s(publisher))

    def _pause_s(self, publisher: Publisher) -> float | None:
        """Say how long nothing can leave by itself; None: until something happens."""
        now_ms = self._clock.monotonic_ms()
        wake_ms = self._outbox.wake_ms(now_ms)
        if publisher.problem is not None or wake_ms is None or wake_ms <= now_ms:
            return None
        return (wake_ms - now_ms) / 1000

    def _complain(self, error: UnavailableError) -> None:
        metrics.FAILURES.labels("journal").inc()
        self._journal.file.note(error)
        if self.problem is None:
            log.error("journal.unreadable", cause=error.cause)
        self.problem = str(error)

    def _load(self) -> None:
        """Fill the outbox with what the journal holds and the outbox does not know."""
        while len(self._outbox) < LOADED_ROWS_MAX:
            rows = self._journal.custody.held_after(self._loaded_to, LOAD_ROWS)
            for seq, stream in rows:
                self._loaded_to = seq
                if seq in self._outbox:
                    continue
                if (session_id := self._waiting.pop(seq, None)) is not None:
                    now_ms = self._clock.monotonic_ms()
                    self._outbox.add_live(seq, stream, now_ms, session_id)
                else:
                    self._outbox.add_backlog(seq, stream)
            if len(rows) < LOAD_ROWS:
                break

    def _send_one(self, publisher: Publisher) -> bool:
        """Send one message; False if nothing may leave now."""
        now_ms = self._clock.monotonic_ms()
        shipment = self._outbox.choose(now_ms)
        if shipment is None:
            return False
        entries = self._journal.entries(shipment.numbers)
        damaged = set(shipment.numbers) - {entry.record.seq for entry in entries}
        if damaged:  # they were set aside: what is left makes other shipments
            self._outbox.gone(damaged)
            return True
        items = [_item(entry, self._gateway_id) for entry in entries]
        moment = wall.read(self._clock)
        departure = Departure(moment.boot_id, moment.monotonic_ms, moment.wall_ms)
        envelope, payload = pack(shipment.stream, items, departure)
        message = publisher.publish_readings(envelope, payload)
        if message is None:
            return False
        self._messages[message] = envelope.numbers
        self._outbox.departed(envelope.numbers, now_ms)
        return True


def _item(entry: Entry, gateway_id: str) -> Item:
    """Decode; should our decoder fail, the bytes still reach somebody who can mend it."""
    try:
        item = decode(entry, gateway_id)
    except Exception as error:
        metrics.FAILURES.labels("decoder").inc()
        log.exception("decoder.failed", seq=entry.record.seq)
        return Undecodable(
            seq=entry.record.seq,
            device=entry.facts.device,
            characteristic=entry.record.characteristic,
            raw=entry.record.payload.hex(),
            reason=f"the gateway's decoder failed: {error!r}",
            session_id=entry.record.session_id,
            capture=entry.record.capture,
        )
    _tell(item)
    return item


def _tell(item: Item) -> None:
    """Log what the codecs did not understand: the server shows the bytes, the home says so too."""
    if isinstance(item, Undecodable):
        log.warning("payload.undecodable", seq=item.seq, reason=item.reason)
    elif isinstance(item, Reading) and (trailing := item.attributes.get("trailing")):
        characteristic, octets = item.characteristic, len(trailing) // 2
        log.info("payload.trailing", seq=item.seq, characteristic=characteristic, octets=octets)


async def _wait(event: asyncio.Event, timeout_s: float | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
