"""The page's bookmark: all that the page knows of alerts, and how far it has read by then.

The desk's tells where to begin (``alerts/desk/bookmark.py``); of a page a nurse may ask what was
finished long ago. Format: a line of JSON about the file; of each alert four bytes that say how long
what follows is, and its id and packed records as MessagePack; SHA-256 of all before it.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from alerts import kept_file
from alerts.desk.filed import Filed
from alerts.desk.fold import Desk
from alerts.feed.board import AT_HAND_MAX
from alerts.kept_file import OTHER_RELEASE, AreThere, Last, Read, UselessError
from alerts.log import TopicLife
from alerts.records import Place
from schemas.errors import UNREADABLE
from schemas.topics import ACTIONS, ALERTS

VERSION = 2
"""Another one where the same records are packed, or left out, otherwise."""
FILE = "page.bookmark"

_LENGTH_BYTES = 4
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, Filed]).decode


class _Header(msgspec.Struct, frozen=True):
    version: int
    shape: str
    topic_ids: dict[str, str]
    places: dict[str, dict[int, tuple[int, Last | None]]]
    """By topic and partition: what was read, and what was there last."""


@dataclass(frozen=True, slots=True)
class Known:
    """The alerts that a page knew, and what it had read by then."""

    desk: Desk
    read: Read


@dataclass(frozen=True, slots=True)
class PageBookmark:
    """A folder that keeps it; without one nothing is kept."""

    folder: Path | None = None

    def begin(
        self, lives: Iterable[TopicLife], ends: Mapping[Place, int], are_there: AreThere
    ) -> Known | None:
        """Give what is kept for these topics, which end there; None: all is to be read."""
        if self.folder is None:
            return None

        def read(written: bytes) -> Known:
            known = _read(written, lives)
            kept_file.refuse_lost_ends(known.read, ends, are_there)
            return known

        return kept_file.load(self.folder / FILE, read)

    def keep(self, alerts: Mapping[str, Filed], lives: Iterable[TopicLife], read: Read) -> None:
        """Replace what is kept by what a page knows that has read so far."""
        if self.folder is None:
            return
        places = {
            place: (offset, read.last.get(place))
            for place, offset in read.reached.items()
            if place[0] in (ALERTS, ACTIONS)
        }
        ids = kept_file.topic_ids(lives)
        header = _Header(VERSION, kept_file.shape(), ids, kept_file.by_topic(places))
        kept_file.keep(self.folder / FILE, _written(header, alerts), len(alerts))


def _written(header: _Header, alerts: Mapping[str, Filed]) -> Iterator[bytes]:
    yield msgspec.json.encode(header) + b"\n"
    for one in alerts.items():
        packed = _encode(one)
        yield len(packed).to_bytes(_LENGTH_BYTES)
        yield packed


def _alerts(written: memoryview) -> Iterator[tuple[str, Filed]]:
    rest = written
    while rest:
        length = int.from_bytes(rest[:_LENGTH_BYTES])
        yield _decode(rest[_LENGTH_BYTES : _LENGTH_BYTES + length])
        rest = rest[_LENGTH_BYTES + length :]


def _read(written: bytes, lives: Iterable[TopicLife]) -> Known:
    try:
        first = written.index(b"\n") + 1
        header = msgspec.json.decode(memoryview(written)[:first], type=_Header)
        if (header.version, header.shape) != (VERSION, kept_file.shape()):
            raise UselessError(OTHER_RELEASE)
        alerts = dict(_alerts(memoryview(written)[first:]))
        desk = Desk(at_hand_max=AT_HAND_MAX).restore(alerts)
    except (*UNREADABLE, ValueError, zlib.error) as error:
        raise UselessError(OTHER_RELEASE) from error
    kept_file.refuse_other_topics(header.topic_ids, lives)
    places = kept_file.by_place(header.places)
    reached = {place: offset for place, (offset, _) in places.items()}
    return Known(desk, Read(reached, {place: last for place, (_, last) in places.items() if last}))
