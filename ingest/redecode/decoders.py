"""Which vectorised decoder reads which characteristic."""

from typing import Protocol

from ingest.redecode import (
    blood_pressure,
    blood_pressure_record,
    enhanced_blood_pressure,
    glucose,
    glucose_context,
    oximeter,
    thermometer,
    weight,
)
from ingest.redecode.columns import Codes16, Columns
from ingest.redecode.payloads import Payloads


class Decoder(Protocol):
    """``quirks``: of each payload the place of its device's quirk in ``QUIRKS``, or NONE."""

    def __call__(self, payloads: Payloads, quirks: Codes16 | None = None, /) -> Columns:
        """Decode all payloads."""


DECODERS: dict[str, Decoder] = {
    "2a35": blood_pressure.decode,
    "2b34": enhanced_blood_pressure.decode,
    "2b36": blood_pressure_record.decode,
    "2a18": glucose.decode,
    "2a34": glucose_context.decode,
    "2a9d": weight.decode,
    "2a5e": oximeter.decode,
    "2a1c": thermometer.decode,
}
