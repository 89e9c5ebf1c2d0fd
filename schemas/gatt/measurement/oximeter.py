"""Oxygen saturation: 0x2A5E."""

from schemas.gatt import oximeter
from schemas.gatt.codes import Bits
from schemas.gatt.measurement.form import (
    PER_MINUTE,
    PERCENT,
    Measurement,
    quantity,
    stamp_of,
    texts,
)
from schemas.gatt.number import Absent
from schemas.gatt.oximeter import MeasurementStatus, SpotCheck
from schemas.gatt.quirks import Quirk
from schemas.reading import Outcome
from schemas.vitals import OXIMETRY

TEST_DATA = MeasurementStatus.DEMONSTRATION | MeasurementStatus.TESTING
SPOILT = (
    MeasurementStatus.INVALID_MEASUREMENT
    | MeasurementStatus.MEASUREMENT_UNAVAILABLE
    | MeasurementStatus.CALIBRATION_ONGOING
)


def measured(payload: bytes, _feature: int | None, _quirk: Quirk | None) -> Measurement:
    """Read 0x2A5E; both of its status fields make one list."""
    packet = oximeter.decode(payload)
    fields: tuple[Bits | None, ...] = (packet.measurement_status, packet.sensor_status)
    sent = [status for status in fields if status is not None]
    return Measurement(
        vital=OXIMETRY,
        quantities={
            "spo2": quantity(packet.spo2_percent, PERCENT),
            "pulse_rate": quantity(packet.pulse_rate, PER_MINUTE),
            "pulse_amplitude": quantity(packet.pulse_amplitude_percent, PERCENT),
        },
        outcome=_outcome(packet),
        status=[name for status in sent for name in status.labels] if sent else None,
        attributes=texts(trailing=packet.trailing.hex()),
        stamp=stamp_of(packet.timestamp, fault=packet.clock_not_set),
    )


def _outcome(packet: SpotCheck) -> Outcome:
    status = packet.measurement_status or MeasurementStatus(0)
    if status & TEST_DATA:
        return "demonstration"
    spoilt = bool(status & SPOILT) or isinstance(packet.spo2_percent, Absent)
    return "failed" if spoilt else "measured"
