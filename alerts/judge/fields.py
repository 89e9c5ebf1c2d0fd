"""What nobody reads in a log's lines: said, for a misspelt key or flag says nothing to the rules.

``flags`` in place of ``status`` would make a reading that was flagged one that was not, as would
``body-movd``.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

from alerts.judge.readings import CLOCKS_DIFFER_MS, inner_of
from alerts.rules.flags import known_flags
from schemas.kafka import PatientReadings, StampedReading
from schemas.reading import Quantity, Reading
from schemas.registry import PatientEntry, Pause, PersonalLimit, Schedule, ZonePeriod
from schemas.wire import ReadingsMessage

_Found = Iterator[tuple[str, str, frozenset[str]]]
"""Of what, which key, and which there are."""


def _fields(*kinds: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(name for kind in kinds for name in kind.__struct_fields__) | {"kind"}


_RECORD = _fields(PatientReadings, ReadingsMessage) | {"reason"}
_READING = _fields(Reading) | {"measured_at_ms", "time_quality"}
_ENTRY = _READING | _fields(StampedReading) | {"item"}
_QUANTITY = _fields(Quantity)
_PATIENT = _fields(PatientEntry)
_OF_PLANS = {
    "limits": _fields(PersonalLimit),
    "schedules": _fields(Schedule),
    "pauses": _fields(Pause),
    "zones": _fields(ZonePeriod),
}
_RESERVED = "bit-"
"""So begin the flags that devices set though nobody has named them."""
_FUTURE = "measured after it was received: it counts as measured when it came."
_OF_READINGS = {"message", "reading", "readings", "unassigned"}


class Strange:
    """Counts them: each is said once, with its first line."""

    def __init__(self) -> None:
        """Start with none."""
        self._found: dict[str, tuple[int, int]] = {}

    def look(self, number: int, raw: Mapping[str, Any]) -> None:
        """Look at the keys of a line that was read."""
        for what, key, known in _strange(raw):
            near = get_close_matches(key, known)
            meant = f"; is {near[0].removesuffix('_ms')!r} meant?" if near else "."
            self._count(number, f"nobody reads {key!r} of a {what}{meant}")
        for _ in range(_from_the_future(raw)):
            self._count(number, _FUTURE)

    def _count(self, number: int, sentence: str) -> None:
        count, first = self._found.get(sentence, (0, number))
        self._found[sentence] = (count + 1, first)

    def sentences(self) -> list[str]:
        """Say what was found."""
        return [
            f"Line {first}{f' and {count - 1} more' if count > 1 else ''}: {sentence}"
            for sentence, (count, first) in self._found.items()
        ]


def _from_the_future(raw: Mapping[str, Any]) -> int:
    """Count a line's readings that were measured after they came, by more than clocks differ."""
    if raw["kind"] not in _OF_READINGS:
        return 0
    inner = (inner_of(one) for one in _entries(raw) if "stamp" not in one)
    times_ms = (one.get("measured_at_ms") for one in inner)
    most_ms = raw["received_at_ms"] + CLOCKS_DIFFER_MS
    return sum(isinstance(at_ms, int) and at_ms > most_ms for at_ms in times_ms)


def _strange(raw: Mapping[str, Any]) -> _Found:
    kind = raw["kind"]
    if kind == "patient":
        yield from _of("patient", raw, _PATIENT)
        for name, known in _OF_PLANS.items():
            for one in raw.get(name, ()):
                yield from _of(f"patient's {name}", one, known)
    elif kind in _OF_READINGS:
        alone = _alone(raw)
        yield from _of("reading", raw, _RECORD | _ENTRY) if alone else _of("record", raw, _RECORD)
        for entry in _entries(raw):
            yield from _of_entry(entry, alone=alone)


def _alone(raw: Mapping[str, Any]) -> bool:
    """Of a reading alone, as of one that nobody wears, no list beside it was read."""
    return raw["kind"] not in {"message", "readings"} or raw.get("patient_id") is None


def _entries(raw: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    entries: Any = raw.get("readings", raw.get("items"))
    return [raw] if _alone(raw) else entries


def _of_entry(entry: Mapping[str, Any], *, alone: bool) -> _Found:
    inner = inner_of(entry)
    if not alone:
        yield from _of("reading", entry, _ENTRY)
    if inner is not entry:
        yield from _of("reading", inner, _READING)
    for one in inner.get("quantities", {}).values():
        yield from _of("quantity", one, _QUANTITY)
    flags = frozenset(known_flags(str(inner.get("vital"))))
    said = [flag for flag in inner.get("status") or () if not flag.startswith(_RESERVED)]
    yield from _of("reading's status", dict.fromkeys(said), flags)


def _of(what: str, raw: object, known: frozenset[str]) -> _Found:
    if isinstance(raw, Mapping):
        for key in raw:
            if key not in known:
                yield what, key, known
