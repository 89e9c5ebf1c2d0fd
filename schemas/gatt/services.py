"""Which characteristics of which service give measurements, and how: one row per service.

What is missing here on purpose: intermediate cuff pressure, intermediate temperature and the stream
of a pulse oximeter. They show a value that still moves, and are never a reading.
"""

from dataclasses import dataclass
from enum import Enum

from schemas.gatt import uuids


class Delivery(Enum):
    """How a characteristic comes; a device waits for the confirmation of what it indicates."""

    INDICATE = "indicate"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Source:
    """A characteristic whose payloads are kept."""

    number: int
    delivery: Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service of measurements.

    ``pushed`` come by themselves after the subscription; ``asked`` only in answer to a request at
    the Record Access Control Point. ``feature``: the characteristic that tells what it can notice
    (of a thermometer: where it measures), ``feature_octets`` long at least.
    """

    number: int
    title: str
    pushed: tuple[Source, ...] = ()
    asked: tuple[Source, ...] = ()
    feature: int
    feature_octets: int

    @property
    def sources(self) -> tuple[Source, ...]:
        """All characteristics of the service whose payloads are kept."""
        return self.pushed + self.asked

    def feature_bits(self, payload: bytes) -> int | None:
        """Give what ``feature`` says as one number; None if it is too short to say anything."""
        enough = len(payload) >= self.feature_octets
        return int.from_bytes(payload, "little") if enough else None


BLOOD_PRESSURE = Service(
    number=uuids.BLOOD_PRESSURE_SERVICE,
    title="blood pressure",
    pushed=(
        Source(uuids.BLOOD_PRESSURE_MEASUREMENT, Delivery.INDICATE),
        Source(uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT, Delivery.INDICATE),
    ),
    asked=(Source(uuids.BLOOD_PRESSURE_RECORD, Delivery.NOTIFY),),
    feature=uuids.BLOOD_PRESSURE_FEATURE,
    feature_octets=2,
)
GLUCOSE = Service(
    number=uuids.GLUCOSE_SERVICE,
    title="glucose",
    asked=(
        Source(uuids.GLUCOSE_MEASUREMENT, Delivery.NOTIFY),
        Source(uuids.GLUCOSE_MEASUREMENT_CONTEXT, Delivery.NOTIFY),
    ),
    feature=uuids.GLUCOSE_FEATURE,
    feature_octets=2,
)
WEIGHT_SCALE = Service(
    number=uuids.WEIGHT_SCALE_SERVICE,
    title="weight",
    pushed=(Source(uuids.WEIGHT_MEASUREMENT, Delivery.INDICATE),),
    feature=uuids.WEIGHT_SCALE_FEATURE,
    feature_octets=4,
)
PULSE_OXIMETER = Service(
    number=uuids.PULSE_OXIMETER_SERVICE,
    title="oximetry",
    pushed=(Source(uuids.PLX_SPOT_CHECK_MEASUREMENT, Delivery.INDICATE),),
    feature=uuids.PLX_FEATURES,
    feature_octets=2,
)
HEALTH_THERMOMETER = Service(
    number=uuids.HEALTH_THERMOMETER_SERVICE,
    title="body temperature",
    pushed=(Source(uuids.TEMPERATURE_MEASUREMENT, Delivery.INDICATE),),
    feature=uuids.TEMPERATURE_TYPE,
    feature_octets=1,
)

SERVICES = (BLOOD_PRESSURE, GLUCOSE, WEIGHT_SCALE, PULSE_OXIMETER, HEALTH_THERMOMETER)

FEATURE_OF = {
    f"{source.number:04x}": f"{service.feature:04x}"
    for service in SERVICES
    for source in service.sources
}
"""By a measurement's characteristic, the one that tells what its device can notice."""
