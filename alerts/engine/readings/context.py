"""What a record says beside its measurements: a glucose context completes its measurement."""

from collections.abc import Mapping, Sequence

import msgspec

from schemas.kafka import StampedReading


def with_context(
    readings: Sequence[StampedReading], early: Mapping[str, dict[str, str]] | None
) -> Sequence[StampedReading]:
    """Give each reading the attributes of the contexts that amend it in the same record.

    Or came before it: ``early``. One that comes in a later record:
    ``alerts.engine.corrections.amendments``.
    """
    contexts: dict[str, dict[str, str]] = {}
    for one in readings:
        amends = one.reading.amends
        if amends is not None:
            contexts[amends] = (early or {}).get(amends, {}) | one.reading.attributes
    if early:
        contexts = {**early, **contexts}
    if not contexts:  # as with most records
        return readings
    return [
        _amended(one, contexts[one.reading.reading_id])
        if one.reading.reading_id in contexts
        else one
        for one in readings
    ]


def _amended(one: StampedReading, said: dict[str, str]) -> StampedReading:
    reading = msgspec.structs.replace(one.reading, attributes=one.reading.attributes | said)
    return msgspec.structs.replace(one, reading=reading)
