"""The desk's bookmark in a local file: it counts only when whole, and for the topics it is of.

Format: a line of JSON about the file; a record a line, as it stands in its topic, with the first
letter of whether it is an event or an action before it; SHA-256 of all before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from alerts import kept_file
from alerts.desk.bookmark import Bookmark, Days, bookmark
from alerts.desk.fold import Desk
from alerts.kept_file import OTHER_RELEASE, AreThere, Last, Read, UselessError
from alerts.log import LogRecord, TopicLife
from alerts.records import Place, Record, decode
from schemas.alert import Action, Transition
from schemas.errors import UNREADABLE, InvalidInput
from schemas.topics import ACTIONS, ALERTS

VERSION = 2
"""Another one where what is past is decided otherwise."""
FILE = "desk.bookmark"
_TOPICS = {b"e": ALERTS, b"a": ACTIONS}


class _Header(msgspec.Struct, frozen=True):
    version: int
    shape: str
    topic_ids: dict[str, str]
    until_ms: int
    log_ms: int
    places: dict[str, dict[int, tuple[int, int, Last | None]]]
    """By topic and partition: where to begin, what was read, and what was there last."""


@dataclass(slots=True)
class BookmarkFile:
    """A folder that keeps it; without one nothing is kept. Failures are said, and stop nothing."""

    folder: Path | None = None
    last: dict[Place, Last] = field(default_factory=dict)
    """What was read last of each partition of the alert topics."""
    _mark: Bookmark | None = None
    _days: Days = field(default_factory=Days)

    def begin(
        self, lives: Sequence[TopicLife], ends: Mapping[Place, int], are_there: AreThere
    ) -> Bookmark | None:
        """Give what is kept for these topics, which end there; None: all is to be read."""

        def read(written: bytes) -> tuple[Bookmark, dict[Place, Last]]:
            mark, last = _read(written, lives)
            kept_file.refuse_lost_ends(Read(mark.reached, last), ends, are_there)
            return mark, last

        self._days = Days()
        found = kept_file.load(self.folder / FILE, read) if self.folder is not None else None
        self._mark, self.last = found or (None, {})
        return self._mark

    def passed(self, records: Iterable[LogRecord]) -> None:
        """Take note of what was read last."""
        self.last |= kept_file.last_of(records)

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
        kept_file.keep(self.folder / FILE, [_written(mark, self.last, lives)], len(mark.carried))
        return True


def _written(mark: Bookmark, last: Mapping[Place, Last], lives: Iterable[TopicLife]) -> bytes:
    all_three = {
        place: (begin, mark.reached[place], last.get(place))
        for place, begin in mark.offsets.items()
    }
    ids, places = kept_file.topic_ids(lives), kept_file.by_topic(all_three)
    header = _Header(VERSION, kept_file.shape(), ids, mark.until_ms, mark.log_ms, places)
    lines = [msgspec.json.encode(header)]
    for one in mark.carried:
        kind = b"e" if isinstance(one, Transition) else b"a"
        lines.append(kind + msgspec.json.encode(one))
    return b"".join(line + b"\n" for line in lines)


def _read(written: bytes, lives: Iterable[TopicLife]) -> tuple[Bookmark, dict[Place, Last]]:
    first, *lines = written.splitlines()
    try:
        header = msgspec.json.decode(first, type=_Header)
        if (header.version, header.shape) != (VERSION, kept_file.shape()):
            raise UselessError(OTHER_RELEASE)
        carried = tuple(map(_record, lines))
    except (*UNREADABLE, InvalidInput) as error:
        raise UselessError(OTHER_RELEASE) from error
    kept_file.refuse_other_topics(header.topic_ids, lives)
    places = kept_file.by_place(header.places)
    offsets = {place: begin for place, (begin, _, _) in places.items()}
    reached = {place: end for place, (_, end, _) in places.items()}
    mark = Bookmark(header.until_ms, header.log_ms, offsets, reached, carried)
    return mark, {place: last for place, (_, _, last) in places.items() if last}


def _record(line: bytes) -> Transition | Action:
    record = decode(_TOPICS[line[:1]], None, line[1:])
    assert isinstance(record, Transition | Action), "a canary is nobody's alert"
    return record
