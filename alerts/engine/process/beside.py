"""Judges readings.unassigned.v1 beside partition 0 of readings.v1, whoever leads that one.

What is open and how far the topic has been judged are one record of alerts.state.v1, written after
the transitions: a crash, or a zombie that writes last, repeats events under their names.
"""

from collections.abc import Iterable, Iterator

import msgspec
import structlog

from alerts.engine.ladders.library import Library
from alerts.engine.partitions.output import Message, Output, Patience
from alerts.engine.partitions.replicas import Replicas, StoppedError
from alerts.engine.process import metrics
from alerts.engine.readings.admission import held_back
from alerts.engine.unassigned import UnassignedDevices
from alerts.log import Log, LogRecord
from alerts.records import possible
from schemas.errors import UNREADABLE, InvalidInput
from schemas.kafka import UNASSIGNED_DECODER, Unassigned
from schemas.topics import ALERTS, UNASSIGNED
from schemas.wire import refuse_other_major

KEY = b"\x00unassigned"
PARTITION = 0

_log = structlog.get_logger()


class _Kept(msgspec.Struct, frozen=True):
    topic_id: str
    next_offset: int
    devices: bytes


_decoder = msgspec.msgpack.Decoder(_Kept)


class Beside:
    """The unassigned devices of one connection."""

    def __init__(self, library: Library, log: Log, replicas: Replicas) -> None:
        """Do nothing yet."""
        self._library = library
        self._devices = UnassignedDevices(library.rule_set)
        self._log = log
        self._replicas = replicas
        self._leads = False

    def deal(self) -> None:
        """Begin, go on or stop, as partition 0 is led now or not."""
        self._leads = PARTITION in self._replicas.leads
        if not self._leads:
            return
        self._devices = UnassignedDevices(self._library.rule_set)
        kept = _read(self._replicas[PARTITION].beside.get(KEY, b""))
        next_offset = 0
        if kept is not None:
            self._devices.restore(kept.devices)
            if kept.topic_id == self._log.life(UNASSIGNED).topic_id:
                next_offset = kept.next_offset
        self._log.read_on((UNASSIGNED, 0), next_offset)

    def check(self) -> None:
        """Raise ``UnavailableError`` if the topic is away or was made again."""
        self._log.check()

    def read_news(self) -> list[LogRecord]:
        """Give what has come, to be judged; nothing where another engine judges it."""
        return self._log.poll(0) if self._leads else []

    def judge(self, records: list[LogRecord], output: Output, patience: Patience) -> None:
        """Judge what has come, at least one, and write what follows."""
        found = self._devices.judge(list(readable(records)))
        messages = [
            Message(ALERTS, (one.patient_id or one.subject).encode(), msgspec.json.encode(one))
            for one in found
        ]
        if messages and not output.write(messages, patience):
            raise StoppedError
        for one in found:
            metrics.TRANSITIONS.labels(one.event, one.severity).inc()
        topic_id = self._log.life(UNASSIGNED).topic_id
        kept = _Kept(topic_id, records[-1].offset + 1, self._devices.encode())
        value = msgspec.msgpack.encode(kept)
        self._replicas.put_beside(PARTITION, KEY, value, output, patience)


def readable(records: Iterable[LogRecord]) -> Iterator[Unassigned]:
    """Decode what can be judged; say aloud what cannot."""
    for record in records:
        try:
            entry = _decoded(record.value or b"")
        except InvalidInput as error:
            metrics.REJECTED.inc()
            _log.error(
                "record.rejected", topic=UNASSIGNED, offset=record.offset, reason=error.reason
            )
        else:
            yield held_back(entry, record.appended_ms)


def _decoded(value: bytes) -> Unassigned:
    try:
        entry = UNASSIGNED_DECODER.decode(value)
    except UNREADABLE as error:
        raise InvalidInput("malformed", str(error)) from error
    refuse_other_major(entry.version)
    stamp = entry.reading.stamp
    if not all(map(possible, (entry.received_at_ms, stamp.measured_at_ms, stamp.earliest_ms))):
        raise InvalidInput("time", "a time that no calendar has")
    return entry


def _read(value: bytes) -> _Kept | None:
    try:
        return _decoder.decode(value)
    except UNREADABLE:
        return None
