"""Which record of a session is its newest measurement."""

from collections.abc import Iterable
from datetime import datetime

from gateway.record import BLOOD_PRESSURE, GLUCOSE, Record
from schemas.gatt import blood_pressure, glucose
from schemas.gatt.errors import MalformedPayload


def newest(records: Iterable[Record]) -> int | None:
    """Give the journal number of the newest measurement; None if there is none.

    A meter numbers its records: the highest number wins. A cuff stamps them, if it knows the time:
    the latest stamp wins; without a stamp on each, the last one to arrive. What no codec
    understands is no measurement.
    """
    by_number: list[tuple[int, int]] = []
    by_stamp: list[tuple[datetime | None, int]] = []
    for record in sorted(records, key=lambda record: record.seq):
        try:
            if record.characteristic == GLUCOSE:
                by_number.append((glucose.decode(record.payload).sequence, record.seq))
            elif record.characteristic == BLOOD_PRESSURE:
                stamp = blood_pressure.decode(record.payload).timestamp
                by_stamp.append((stamp.naive if stamp else None, record.seq))
        except MalformedPayload:
            continue
    if by_stamp:
        stamped = [(stamp, seq) for stamp, seq in by_stamp if stamp is not None]
        return max(stamped)[1] if len(stamped) == len(by_stamp) else by_stamp[-1][1]
    return max(by_number)[1] if by_number else None
