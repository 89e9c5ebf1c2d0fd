"""The desk's bookmark in a local file: it counts only when whole, and for the topics it is of.

Format: a line of JSON about the file; a record a line, as it stands in its topic, with the first
letter of whether it is an event or an action before it; SHA-256 of all before it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import structlog

from alerts.desk.bookmark import Bookmark, Days, bookmark
from alerts.desk.fold import Desk
from alerts.log import TopicLife
from alerts.new_file import DIGEST_BYTES, NewFile
from alerts.records import Place, Record, decode
from schemas.alert import Action, Transition
from schemas.errors import UNREADABLE, InvalidInput
from schemas.topics import ACTIONS, ALERTS

VERSION = 1
"""Another one where what is past is decided otherwise."""
FILE = "desk.bookmark"
_TOPICS = {b"e": ALERTS, b"a": ACTIONS}

_log = structlog.get_logger()


class _Header(msgspec.Struct, frozen=True):
    version: int
    topic_ids: dict[str, str]
    until_ms: int
    log_ms: int
    places: dict[str, dict[int, tuple[int, int]]]
    """By topic and partition: where to begin, and what was read."""


class _UselessError(Exception):
    """The file cannot be used; its text says why."""


@dataclass(slots=True)
class BookmarkFile:
    """A folder that keeps it; without one nothing is kept. Failures are said, and stop nothing."""

    folder: Path | None = None
    _mark: Bookmark | None = None
    _days: Days = field(default_factory=Days)

    def begin(self, lives: Sequence[TopicLife], ends: Mapping[Place, int]) -> Bookmark | None:
        """Give what is kept for these topics, which end there; None: all is to be read."""
        self._days = Days()
        self._mark = None if self.folder is None else _load(self.folder, lives, ends)
        return self._mark

    def leaves_out(self, record: Record, place: Place, offset: int) -> bool:
        """Take note of a record that was read; tell whether it is past."""
        if self.folder is None or not isinstance(record, Transition | Action):
            return False
        self._days.note(place, offset, record.at_ms)
        return self._mark is not None and self._mark.leaves_out(record, place, offset)

    def keep(
        self, desk: Desk, lives: Sequence[TopicLife], reached: Mapping[Place, int], log_ms: int
    ) -> bool:
        """Replace what is kept by what a desk knows that has read so far; False: not now."""
        if self.folder is None:
            return True
        read = {place: at for place, at in reached.items() if place[0] in (ALERTS, ACTIONS)}
        mark = bookmark(desk, self._days, read, log_ms)
        if mark is None:
            return False
        try:
            _write(self.folder, _written(mark, lives))
        except OSError as error:
            _log.warning("bookmark.not_written", cause=error.strerror)
        else:
            _log.info("bookmark.written", records=len(mark.carried))
        return True


def _load(folder: Path, lives: Sequence[TopicLife], ends: Mapping[Place, int]) -> Bookmark | None:
    try:
        return _read((folder / FILE).read_bytes(), lives, ends)
    except FileNotFoundError:
        return None
    except _UselessError as error:
        reason = str(error)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
    _log.warning("bookmark.discarded", reason=reason, remedy="Both topics are read whole.")
    return None


def _written(mark: Bookmark, lives: Iterable[TopicLife]) -> bytes:
    places: dict[str, dict[int, tuple[int, int]]] = {}
    for (topic, partition), offset in mark.offsets.items():
        places.setdefault(topic, {})[partition] = offset, mark.reached[topic, partition]
    header = _Header(VERSION, _ids(lives), mark.until_ms, mark.log_ms, places)
    lines = [msgspec.json.encode(header)]
    for one in mark.carried:
        kind = b"e" if isinstance(one, Transition) else b"a"
        lines.append(kind + msgspec.json.encode(one))
    return b"".join(line + b"\n" for line in lines)


def _read(found: bytes, lives: Iterable[TopicLife], ends: Mapping[Place, int]) -> Bookmark:
    written, digest = found[:-DIGEST_BYTES], found[-DIGEST_BYTES:]
    if hashlib.sha256(written).digest() != digest:
        message = "it is not whole"
        raise _UselessError(message)
    first, *lines = written.splitlines()
    try:
        header = msgspec.json.decode(first, type=_Header)
        if header.version != VERSION or header.topic_ids != _ids(lives):
            message = "it is of other topics, or of another release"
            raise _UselessError(message)
        carried = tuple(map(_record, lines))
    except (*UNREADABLE, InvalidInput) as error:
        message = "it is of another release"
        raise _UselessError(message) from error
    places = {
        (topic, partition): both
        for topic, by_partition in header.places.items()
        for partition, both in by_partition.items()
    }
    offsets = {place: begin for place, (begin, _) in places.items()}
    reached = {place: end for place, (_, end) in places.items()}
    if any(at > ends.get(place, 0) for place, at in reached.items()):
        message = "the topics have lost their ends"
        raise _UselessError(message)
    return Bookmark(header.until_ms, header.log_ms, offsets, reached, carried)


def _record(line: bytes) -> Transition | Action:
    record = decode(_TOPICS[line[:1]], None, line[1:])
    assert isinstance(record, Transition | Action), "a canary is nobody's alert"
    return record


def _ids(lives: Iterable[TopicLife]) -> dict[str, str]:
    return {life.name: life.topic_id for life in lives if life.name in _TOPICS.values()}


def _write(folder: Path, written: bytes) -> None:
    file = NewFile(folder / FILE)
    try:
        file.put(written)
        file.keep()
    except OSError:
        file.abandon()
        raise
