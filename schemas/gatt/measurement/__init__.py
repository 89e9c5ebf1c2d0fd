"""From a payload to a measurement: what a device said, in the words of the table of vitals.

It stands between the codecs, which know bytes, and a reading, which knows where and when. Units are
those received, in UCUM; at most a power of ten is changed (kg/L to mg/dL), which is exact.
"""

from collections.abc import Callable, Sequence

from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import cuff, meter, oximeter, scale, thermometer
from schemas.gatt.measurement.form import Measurement, Packet, Stamp, believable
from schemas.gatt.quirks import Quirk

__all__ = [
    "Measurement",
    "Packet",
    "Stamp",
    "believable",
    "content_of_segments",
    "measure",
    "measure_segments",
]

_MEASURE: dict[str, Callable[[bytes, int | None, Quirk | None], Measurement]] = {
    "2a35": cuff.measured,
    "2b34": cuff.enhanced,
    "2b36": cuff.record,
    "2a18": meter.measured,
    "2a34": meter.context,
    "2a9d": scale.measured,
    "2a5e": oximeter.measured,
    "2a1c": thermometer.measured,
}


def measure(
    characteristic: str, payload: bytes, feature: int | None = None, quirk: Quirk | None = None
) -> Measurement:
    """Decode a payload of a vital's characteristic (four hex digits).

    ``feature``: the bits of the service's feature characteristic, None if nobody read them.
    ``quirk``: the device's row of the table of quirks; what it changed is named in the attribute
    ``quirk``. Raises ``MalformedPayload`` and nothing else, also for a characteristic that holds no
    record.
    """
    read = _MEASURE.get(characteristic)
    if read is None:
        raise MalformedPayload(f"characteristic {characteristic} holds no record of a vital")
    return read(payload, feature, quirk)


def measure_segments(
    payloads: Sequence[bytes], feature: int | None = None, quirk: Quirk | None = None
) -> Measurement:
    """Decode a record of 0x2B36 that came in several segments; else as ``measure``."""
    return cuff.segments(payloads, feature, quirk)


def content_of_segments(payloads: Sequence[bytes]) -> tuple[int, bytes]:
    """Give the number of a record of 0x2B36, and its bytes that no new sending changes.

    Raises ``MalformedPayload`` for what is no whole record.
    """
    return cuff.content(payloads)
