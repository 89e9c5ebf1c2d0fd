"""A pulse oximeter that stores spot checks, and sends by itself what nobody has confirmed yet."""

from dataclasses import dataclass
from decimal import Decimal

from schemas.gatt import date_time, oximeter, uuids
from schemas.gatt.oximeter import Ability, Features, MeasurementStatus, SpotCheck
from simulators.peripherals.burst import BurstSender
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.habits import AS_THE_STANDARD_SAYS, Habits
from simulators.peripherals.identity import DeviceIdentity
from simulators.peripherals.ledger import Ledger

__all__ = ["Oximeter", "OximeterBehaviour"]

SOUND = MeasurementStatus.VALIDATED | MeasurementStatus.FULLY_QUALIFIED
QUESTIONABLE = MeasurementStatus.QUESTIONABLE_MEASUREMENT


@dataclass(frozen=True)
class OximeterBehaviour:
    """In what the measurements of oximeters differ."""

    says_clock_not_set: bool = False
    """Its measurements say themselves that nobody has set its clock."""


class Oximeter(BurstSender):
    """A simulated oximeter."""

    service_number = uuids.PULSE_OXIMETER_SERVICE
    measurement_number = uuids.PLX_SPOT_CHECK_MEASUREMENT
    feature_number = uuids.PLX_FEATURES

    def __init__(
        self,
        identity: DeviceIdentity,
        clock: DeviceClock,
        ledger: Ledger,
        behaviour: OximeterBehaviour | None = None,
        habits: Habits = AS_THE_STANDARD_SAYS,
    ) -> None:
        """Begin with an empty memory."""
        super().__init__(identity, clock, ledger, habits)
        self._behaviour = behaviour or OximeterBehaviour()

    def take(self, spo2_percent: int, pulse_rate: int, status: MeasurementStatus = SOUND) -> bytes:
        """Measure (%, /min), stamped by the device's clock; return the payload."""
        measurement = SpotCheck(
            spo2_percent=Decimal(spo2_percent),
            pulse_rate=Decimal(pulse_rate),
            timestamp=date_time.of(self.clock.now()),
            measurement_status=status,
            clock_not_set=self._behaviour.says_clock_not_set,
        )
        return self.take_payload(oximeter.encode(measurement))

    def feature(self) -> bytes:
        """Return what it can send, and which status bits it can set."""
        abilities = Ability.SPOT_CHECK_STORAGE | Ability.SPOT_CHECK_TIMESTAMP
        return oximeter.encode_features(Features(abilities, SOUND | QUESTIONABLE))
