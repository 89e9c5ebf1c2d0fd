"""What a daemon keeps in a file so that a restart need not read it from the log again.

It counts only when whole, and for the topics that it is of. Failures are said, and stop nothing.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar
from zlib import crc32

import msgspec
import structlog

from alerts.log import Log, LogRecord, TopicLife
from alerts.new_file import DIGEST_BYTES, NewFile
from alerts.records import Place
from schemas.alert import Action, Transition
from schemas.errors import UnavailableError
from schemas.topics import ACTIONS, ALERTS

LOOK_BYTES = 64 * 1024
"""So much of a partition a connection reads at once that only looks for its last record."""
_LOOKS_MAX = 80  # of a quarter of a second: a broker that has just begun is slow

_log = structlog.get_logger()
_T = TypeVar("_T")


class UselessError(Exception):
    """The file cannot be used; its text says why."""


class EndLostError(UnavailableError):
    """A topic goes on before where it was read: what was read last is no longer there."""


class Last(NamedTuple):
    """A record: its offset, and CRC-32 of its value.

    A broker that lost its newest records goes on with others under the same offsets.
    """

    offset: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: the offsets behind it by partition, and the last record of each."""

    reached: dict[Place, int] = field(default_factory=dict)
    last: dict[Place, Last] = field(default_factory=dict)


AreThere = Callable[[Mapping[Place, Last]], bool]
"""Looks whether the topics still hold records."""

OTHER_RELEASE = "it is of another release"


@cache
def shape() -> str:
    """Name what this release sees in a record: another one may see more in what was left out."""
    seen = msgspec.json.schema_components([Transition, Action])
    return hashlib.sha256(msgspec.json.encode(seen, order="deterministic")).hexdigest()[:16]


def topic_ids(lives: Iterable[TopicLife]) -> dict[str, str]:
    """Give the ids of both alert topics."""
    return {life.name: life.topic_id for life in lives if life.name in (ALERTS, ACTIONS)}


def refuse_other_topics(found: Mapping[str, str], lives: Iterable[TopicLife]) -> None:
    """Refuse what is of topics that were made anew since: ``found`` has the ids of those."""
    if found != topic_ids(lives):
        message = "it is of other topics"
        raise UselessError(message)


def last_of(records: Iterable[LogRecord]) -> dict[Place, Last]:
    """Give of each partition of the alert topics the last of these records."""
    return {
        (one.topic, one.partition): Last(one.offset, crc32(one.value or b""))
        for one in records
        if one.topic in (ALERTS, ACTIONS)
    }


def refuse_steps_back(records: Iterable[LogRecord], reached: Mapping[Place, int]) -> None:
    """Refuse what lies before what was read: a client begins anew where an offset is gone."""
    for one in records:
        if one.offset < reached.get((one.topic, one.partition), 0):
            raise EndLostError(f"{one.topic} has lost its end.", "It is read from its beginning.")


def are_there(last: Mapping[Place, Last], log: Log) -> bool:
    """Whether a connection to the alert topics, used for nothing else, finds these records."""
    return all(_is_there(place, one, log) for place, one in last.items())


def _is_there(place: Place, one: Last, log: Log) -> bool:
    for _ in range(_LOOKS_MAX):
        found, _ = log.read_one(place, one.offset, 1)
        if found:
            return last_of(found[:1]) == {place: one}
    return False


def refuse_lost_ends(read: Read, ends: Mapping[Place, int], are_there: AreThere) -> None:
    """Refuse what was read farther than the topics go, or of records that are others by now."""
    if any(at > ends.get(place, 0) for place, at in read.reached.items()):
        message = "the topics have lost their ends"
        raise UselessError(message)
    if not are_there(read.last):
        message = "the topics have lost their ends, and go on with other records"
        raise UselessError(message)


def by_topic(places: Mapping[Place, _T]) -> dict[str, dict[int, _T]]:
    """Arrange what is known of partitions as JSON can say it."""
    found: dict[str, dict[int, _T]] = {}
    for (topic, partition), one in places.items():
        found.setdefault(topic, {})[partition] = one
    return found


def by_place(topics: Mapping[str, Mapping[int, _T]]) -> dict[Place, _T]:
    """Take back what ``by_topic`` gave."""
    return {
        (topic, partition): one
        for topic, by_partition in topics.items()
        for partition, one in by_partition.items()
    }


def load(path: Path, read: Callable[[bytes], _T]) -> _T | None:
    """Read a file; None: there is none, or ``read`` says that it is useless."""
    try:
        found = path.read_bytes()
        written, digest = found[:-DIGEST_BYTES], found[-DIGEST_BYTES:]
        if hashlib.sha256(written).digest() == digest:
            return read(written)
        reason = "it is not whole"
    except FileNotFoundError:
        return None
    except UselessError as error:
        reason = str(error)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
    _log.warning("bookmark.discarded", reason=reason, remedy="Both topics are read whole.")
    return None


def keep(path: Path, parts: Iterable[bytes], records: int) -> None:
    """Replace a file, which holds so many ``records``, part by part."""
    try:
        file = NewFile(path)
        try:
            for part in parts:
                file.put(part)
            file.keep()
        except OSError:
            file.abandon()
            raise
    except OSError as error:
        _log.warning("bookmark.not_written", cause=error.strerror)
    else:
        _log.info("bookmark.written", records=records)
