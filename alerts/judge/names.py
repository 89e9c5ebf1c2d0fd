"""Readings' names as the author of a log wrote them, and as the engine keeps them.

The engine keeps 16 bytes of a name. Of one that is not ours (``r1``) that is a digest: such a
reading would have two names, that of its record and the one that windows remember, and what rests
on it would not be found when it is corrected.
"""

from typing import TypeVar

import msgspec

from alerts.engine.readings.identity import kept_name
from schemas.alert import Evidence, Transition
from schemas.kafka import Corrections, PatientReadings, StampedReading, Unassigned, Withdrawals

_T = TypeVar("_T")
_Entry = TypeVar("_Entry", bound=msgspec.Struct)


class Names:
    """Those of one log."""

    def __init__(self) -> None:
        """Start with none."""
        self._written: dict[str, str] = {}

    def kept(self, record: _T) -> _T:
        """Give a record of the log with the names that the engine keeps."""
        if isinstance(record, PatientReadings):
            return msgspec.structs.replace(record, readings=self._in_order(record.readings))
        if isinstance(record, Unassigned):
            return msgspec.structs.replace(record, reading=self._stamped(record.reading))
        if isinstance(record, Corrections | Withdrawals):
            entries = [self._named(one, one.reading_id) for one in record.readings]
            return msgspec.structs.replace(record, readings=entries)
        return record

    def written(self, found: Transition) -> Transition:
        """Give a transition with the names that the log's author wrote."""
        if not self._written:
            return found
        window = [self._evidence(one) for one in found.window]
        return msgspec.structs.replace(
            found, evidence=self._evidence(found.evidence), window=window
        )

    def _in_order(self, readings: list[StampedReading]) -> list[StampedReading]:
        """Rename a record's readings; their numbers keep the order that the written names give.

        Within a record readings of one time go by number, then by name.
        """
        kept = [self._stamped(one) for one in readings]
        if kept == readings:
            return readings
        order = sorted({(one.reading.seq, one.reading.reading_id) for one in readings})
        numbers = {name: number for number, name in enumerate(order)}
        return [
            msgspec.structs.replace(
                new,
                reading=msgspec.structs.replace(
                    new.reading, seq=numbers[old.reading.seq, old.reading.reading_id]
                ),
            )
            for old, new in zip(readings, kept, strict=True)
        ]

    def _stamped(self, stamped: StampedReading) -> StampedReading:
        reading = self._named(stamped.reading, stamped.reading.reading_id)
        if reading.amends is not None:
            reading = msgspec.structs.replace(reading, amends=self._name(reading.amends))
        return msgspec.structs.replace(stamped, reading=reading)

    def _named(self, entry: _Entry, reading_id: str) -> _Entry:
        name = self._name(reading_id)
        return entry if name == reading_id else msgspec.structs.replace(entry, reading_id=name)

    def _name(self, written: str) -> str:
        name = kept_name(written)
        if name != written:
            self._written[name] = written
        return name

    def _evidence(self, evidence: Evidence) -> Evidence:
        written = self._written.get(evidence.reading_id)
        return (
            evidence if written is None else msgspec.structs.replace(evidence, reading_id=written)
        )
