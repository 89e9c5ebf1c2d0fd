"""What is kept of a reading that a transition rests on, or may rest on later."""

import msgspec

from alerts.rules.flags import silent_flags
from schemas.alert import Evidence
from schemas.kafka import Stamp, StampedReading, TimeQuality
from schemas.reading import Capture, Device, Quantity, Reading, value_text


class Sight(msgspec.Struct, frozen=True):
    """A reading as it was judged; ``silent``: flags that its device cannot set: nobody looked."""

    reading_id: str
    vital: str
    measured_at_ms: int
    time_quality: str
    quantities: dict[str, Quantity]
    status: list[str] | None = None
    silent: list[str] = []


def sight_of(stamped: StampedReading) -> Sight:
    """Keep what a sentence or a later transition needs."""
    reading = stamped.reading
    return Sight(
        reading.reading_id,
        reading.vital,
        stamped.stamp.measured_at_ms,
        stamped.stamp.quality,
        reading.quantities,
        reading.status,
        silent_flags(reading.attributes) if reading.status is not None else [],
    )


def stamped_as(sight: Sight) -> StampedReading:
    """Lay a reading out as it was when it came, as far as its sight says."""
    at_ms = sight.measured_at_ms
    reading = Reading(
        seq=0,
        reading_id=sight.reading_id,
        vital=sight.vital,
        device=Device(""),
        characteristic="",
        raw="",
        quantities=sight.quantities,
        session_id="",
        capture=Capture("", 0),
        status=sight.status,
        attributes={"not_assessed": " ".join(sight.silent)},
    )
    quality: TimeQuality = "untrusted"
    if sight.time_quality in {"device-clock", "receipt"}:
        quality = "receipt" if sight.time_quality == "receipt" else "device-clock"
    return StampedReading(reading, Stamp(at_ms, at_ms, at_ms, at_ms, at_ms, quality))


def evidence_of(sight: Sight) -> Evidence:
    """Make the record's evidence."""
    return Evidence(
        reading_id=sight.reading_id,
        vital=sight.vital,
        measured_at_ms=sight.measured_at_ms,
        time_quality=sight.time_quality,
        quantities={name: value_text(value) for name, value in sight.quantities.items()},
        status=sight.status,
        not_assessed=sight.silent,
    )
