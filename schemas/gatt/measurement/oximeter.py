"""Oxygen saturation: 0x2A5E."""

from schemas.gatt import oximeter
from schemas.gatt.measurement.form import (
    PER_MINUTE,
    PERCENT,
    Measurement,
    noticed,
    quantity,
    stamp_of,
    texts,
    unsaid,
)
from schemas.gatt.number import says_nothing
from schemas.gatt.oximeter import MeasurementStatus, SensorStatus, SpotCheck
from schemas.gatt.quirks import Quirk
from schemas.reading import Outcome
from schemas.vitals import OXIMETRY

_FEATURE_OCTETS = 7
TEST_DATA = MeasurementStatus.DEMONSTRATION | MeasurementStatus.TESTING
SPOILT = (
    MeasurementStatus.INVALID_MEASUREMENT
    | MeasurementStatus.MEASUREMENT_UNAVAILABLE
    | MeasurementStatus.CALIBRATION_ONGOING
)


def measured(payload: bytes, feature: int | None, _quirk: Quirk | None) -> Measurement:
    """Read 0x2A5E; both of its status fields make one list."""
    packet = oximeter.decode(payload)
    measurement_silent, sensor_silent = _silent(feature)
    measurement, sensor = packet.measurement_status, packet.sensor_status
    lists = [noticed(measurement, measurement_silent), noticed(sensor, sensor_silent)]
    looked_at = [names for names in lists if names is not None]
    unsaids = (unsaid(measurement, measurement_silent), unsaid(sensor, sensor_silent))
    return Measurement(
        vital=OXIMETRY,
        quantities={
            "spo2": quantity(packet.spo2_percent, PERCENT),
            "pulse_rate": quantity(packet.pulse_rate, PER_MINUTE),
            "pulse_amplitude": quantity(packet.pulse_amplitude_percent, PERCENT),
        },
        outcome=_outcome(packet),
        status=[name for names in looked_at for name in names] if looked_at else None,
        attributes=texts(
            not_assessed=" ".join(filter(None, unsaids)), trailing=packet.trailing.hex()
        ),
        stamp=stamp_of(packet.timestamp, fault=packet.clock_not_set),
    )


def _silent(feature: int | None) -> tuple[MeasurementStatus | None, SensorStatus | None]:
    """Read 0x2A60 from its bytes as one number."""
    if feature is None:
        return None, None
    octets = feature.to_bytes(max(_FEATURE_OCTETS, -(-feature.bit_length() // 8)), "little")
    return oximeter.decode_features(octets).not_assessed


def _outcome(packet: SpotCheck) -> Outcome:
    status = packet.measurement_status or MeasurementStatus(0)
    if status & TEST_DATA:
        return "demonstration"
    spoilt = bool(status & SPOILT) or says_nothing(packet.spo2_percent)
    return "failed" if spoilt else "measured"
