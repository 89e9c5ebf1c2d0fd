"""Keys in a log's lines that nobody reads: said, for a misspelt one says nothing to the rules.

``flags`` in place of ``status`` would make a reading that was flagged one that was not.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

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
            meant = f"; is {near[0].removesuffix('_ms')!r} meant?" if near else ""
            sentence = f"nobody reads {key!r} of a {what}{meant}"
            count, first = self._found.get(sentence, (0, number))
            self._found[sentence] = (count + 1, first)

    def sentences(self) -> list[str]:
        """Say what was found."""
        return [
            f"Line {first}{f' and {count - 1} more' if count > 1 else ''}: {sentence}."
            for sentence, (count, first) in self._found.items()
        ]


def _strange(raw: Mapping[str, Any]) -> _Found:
    kind = raw["kind"]
    if kind == "patient":
        yield from _of("patient", raw, _PATIENT)
        for name, known in _OF_PLANS.items():
            for one in raw.get(name, ()):
                yield from _of(f"patient's {name}", one, known)
    elif kind in _OF_READINGS:
        # Of a reading alone, as of one that nobody wears, no list beside it was read.
        alone = kind not in {"message", "readings"} or raw.get("patient_id") is None
        entries: Any = [raw] if alone else raw.get("readings", raw.get("items"))
        yield from _of("reading", raw, _RECORD | _ENTRY) if alone else _of("record", raw, _RECORD)
        for entry in entries:
            yield from _of_entry(entry, alone=alone)


def _of_entry(entry: Mapping[str, Any], *, alone: bool) -> _Found:
    inner = entry.get("reading", entry.get("item", entry))
    if not alone:
        yield from _of("reading", entry, _ENTRY)
    if inner is not entry:
        yield from _of("reading", inner, _READING)
    for one in inner.get("quantities", {}).values():
        yield from _of("quantity", one, _QUANTITY)


def _of(what: str, raw: object, known: frozenset[str]) -> _Found:
    if isinstance(raw, Mapping):
        for key in raw:
            if key not in known:
                yield what, key, known
