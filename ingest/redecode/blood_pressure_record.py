"""Blood Pressure Record (0x2B36), many at once; twin of ``schemas.gatt.measurement.cuff.record``.

A stored reading is one whole segment, in however many its cuff sent it: what came in one is stored
as it came, perhaps with a checksum; several are put together by the gateway into one without
(``schemas.gatt.blood_pressure_record.whole``). A segment that is not first and last is none.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ingest.redecode import blood_pressure, enhanced_blood_pressure
from ingest.redecode.columns import NONE, Codes16, Columns, DateTimes
from ingest.redecode.numbers import Numbers
from ingest.redecode.payloads import Booleans, Cursor, Integers, Payloads
from schemas.gatt.checksum import CRC_OF_OCTET, CRC_START
from schemas.vitals import BLOOD_PRESSURE

_CARRIED = {0x2A35: blood_pressure.decode, 0x2B34: enhanced_blood_pressure.decode}
_FIRST, _LAST = range(2)
_HEADER_SIZE = 5
_CHECKSUM_SIZE = 2
_LEFT_OVER_MAX = _CHECKSUM_SIZE + 1
"""Of a whole packet: its checksum, and the byte that Beurer's tail has too many."""
_CRC_OF_OCTET = np.array(CRC_OF_OCTET, np.uint16)

Decode = Callable[[Payloads, Codes16 | None], Columns]
Arrays = TypeVar("Arrays", Numbers, DateTimes)


def decode(payloads: Payloads, quirks: Codes16 | None = None) -> Columns:
    """Decode the packet inside by the decoder of its characteristic; the number is the record's.

    ``quirks``: of each payload the place of its device's quirk in ``QUIRKS``, NONE without one.
    """
    cursor = Cursor(payloads, "the segment header")
    sequence = cursor.uint16("the sequence number")
    carried = cursor.uint16("the recorded characteristic")
    whole = cursor.sent(_FIRST) & cursor.sent(_LAST) & (cursor.rest() >= 0)
    names = (*cursor.fields, "the first or last segment", "the measurement inside")
    missing = cursor.missing() + whole
    rows = [np.flatnonzero(whole & (carried == number)) for number in _CARRIED]
    parts = [
        _packets(decode_packet, _some(payloads, some), None if quirks is None else quirks[some])
        for decode_packet, some in zip(_CARRIED.values(), rows, strict=True)
    ]
    every = names + tuple(chain.from_iterable(part.fields for part in parts))
    before = len(names)
    for some, part in zip(rows, parts, strict=True):
        missing[some] = np.where(part.complete, len(every), before + part.missing)
        before += len(part.fields)
    return Columns(
        vital=BLOOD_PRESSURE,
        fields=every,
        missing=missing,
        record_number=sequence.astype(np.int32),
        **_together(len(payloads), rows, parts),
    )


def _some(payloads: Payloads, rows: Integers) -> Payloads:
    return replace(payloads, starts=payloads.starts[rows], lengths=payloads.lengths[rows])


def _packets(decode_packet: Decode, segments: Payloads, quirks: Codes16 | None) -> Columns:
    """Decode what whole segments carry, all of one characteristic.

    As in ``cuff.segments``, the last bytes are a checksum only where the packet leaves them over,
    they fit, and then nothing is left over.
    """
    starts, lengths = segments.starts + _HEADER_SIZE, segments.lengths - _HEADER_SIZE

    def without_checksum(rows: Integers) -> Columns:
        shorter = lengths.copy()
        shorter[rows] -= _CHECKSUM_SIZE
        return decode_packet(replace(segments, starts=starts, lengths=shorter), quirks)

    plain = decode_packet(replace(segments, starts=starts, lengths=lengths), quirks)
    left_over = (plain.trailing >= _CHECKSUM_SIZE) & (plain.trailing <= _LEFT_OVER_MAX)
    asked = np.flatnonzero(left_over)
    sealed = asked[_checksum_fits(_some(segments, asked))]
    if not len(sealed):
        return plain
    packets = without_checksum(sealed)
    complete = packets.trailing[sealed] == 0
    return packets if complete.all() else without_checksum(sealed[complete])


def _checksum_fits(segments: Payloads) -> Booleans:
    """Tell which end with the E2E-CRC of the bytes before it: that of all their bytes is 0."""
    crc = np.full(len(segments), CRC_START, np.uint16)
    for position in range(int(segments.lengths.max(initial=0))):
        rows = np.flatnonzero(segments.lengths > position)
        octets = segments.octets.take(segments.starts[rows] + position)
        before = crc[rows]
        crc[rows] = before >> np.uint16(8) ^ _CRC_OF_OCTET.take((before ^ octets) & np.uint16(0xFF))
    fits: Booleans = crc == 0
    return fits


def _together(size: int, rows: Sequence[Integers], parts: Sequence[Columns]) -> dict[str, Any]:
    """Put the columns of the n-th part at the n-th rows; elsewhere they say nothing."""

    def array(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        together = np.zeros(size, arrays[0].dtype)
        for some, part in zip(rows, arrays, strict=True):
            together[some] = part
        return together

    def arrays(groups: Sequence[Arrays]) -> Arrays:
        names = [one.name for one in fields(groups[0])]
        return type(groups[0])(*(array([getattr(one, name) for one in groups]) for name in names))

    def codes(name: str) -> Codes16:
        none = [np.full(len(some), NONE, np.int32) for some in rows]
        return array([part.codes.get(name, other) for part, other in zip(parts, none, strict=True)])

    simple = ("outcome", "status", "user_slot", "offset_min", "fault", "trailing")
    return {
        **{name: array([getattr(part, name) for part in parts]) for name in simple},
        "recorded": arrays([part.recorded for part in parts if part.recorded is not None]),
        "quantities": {
            one.name: arrays([part.quantities[one.name] for part in parts])
            for one in BLOOD_PRESSURE.quantities
        },
        "codes": {name: codes(name) for name in set().union(*(part.codes for part in parts))},
    }
