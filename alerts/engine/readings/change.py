"""What a record of corrections or withdrawals says of one stored reading."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from alerts.engine.readings.sight import Sight
from schemas.kafka import CorrectedReading, Corrections, Withdrawals, WithdrawnReading
from schemas.reading import value_text


@dataclass(frozen=True, slots=True)
class Change:
    """One reading: as it was judged, and as it is now.

    ``now`` None: it is another patient's, or no measurement. ``revision`` tells several changes of
    one reading apart; 0 is its withdrawal.
    """

    was: Sight
    now: Sight | None
    revision: int
    said: str

    @property
    def told(self) -> Sight:
        """Give what an event shows: of what is not this patient's no value."""
        return self.now or msgspec.structs.replace(self.was, quantities={}, status=None, silent=[])

    def by_a_device_that_is(self, silent: list[str]) -> "Change":
        """Give the change with what its record does not say: flags that the device cannot set."""
        was, now = (
            one and msgspec.structs.replace(one, silent=silent) for one in (self.was, self.now)
        )
        assert was is not None, "it was judged"
        return replace(self, was=was, now=now)

    def occasion(self, turn: int) -> str:
        """Name the change; ``turn``: how often the reading was withdrawn before."""
        return f"{self.was.reading_id}/{self.revision}/{turn}"


def changes(record: Corrections | Withdrawals) -> Iterator[Change]:
    """Give the changes of a record, in its order."""
    if isinstance(record, Withdrawals):
        for reading in record.readings:
            if reading.outcome == "measured":
                yield Change(_sight(reading), None, 0, "the reading is another patient's")
        return
    for corrected in record.readings:
        if "measured" in {corrected.outcome_before, corrected.outcome}:
            now = _sight(corrected)
            measured = now if corrected.outcome == "measured" else None
            yield Change(_before(corrected), measured, corrected.revision, _sentence(corrected))


def _before(reading: CorrectedReading) -> Sight:
    """Give the reading as it was judged: what was no measurement had no value for any rule."""
    was = msgspec.structs.replace(_sight(reading), quantities=reading.before)
    if reading.outcome_before != "measured":
        was = msgspec.structs.replace(was, quantities={})
    if reading.status_before is not msgspec.UNSET:
        was = msgspec.structs.replace(was, status=reading.status_before)
    return was


def _sight(reading: CorrectedReading | WithdrawnReading) -> Sight:
    return Sight(
        reading.reading_id,
        reading.vital,
        reading.measured_at_ms,
        reading.time_quality,
        reading.quantities,
        reading.status,
    )


def _sentence(reading: CorrectedReading) -> str:
    """Say what the reading says now, and what it said when it was judged."""
    changes = [
        f"{name.replace('_', ' ')} {value_text(now)} (before: {value_text(before)})"
        for name, now in reading.quantities.items()
        if (before := reading.before.get(name)) is not None and before != now
    ]
    said = "; ".join(changes) or "its values are the same"
    if reading.outcome_before != "measured":
        said = "it is a measurement"
    if reading.outcome != "measured":
        said = "it is no measurement"
    return f"its device's bytes were misread: {said}"
