"""A blood-pressure cuff: keeps what it measured until somebody has confirmed it."""

from dataclasses import dataclass
from decimal import Decimal

from schemas.gatt import blood_pressure, date_time, uuids
from schemas.gatt.blood_pressure import (
    BloodPressureMeasurement,
    Feature,
    PressureUnit,
    Status,
)
from schemas.vitals import FROM_KPA
from simulators.peripherals.burst import BurstSender
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.habits import AS_THE_STANDARD_SAYS, Habits
from simulators.peripherals.identity import DeviceIdentity
from simulators.peripherals.ledger import Ledger

__all__ = ["Cuff", "CuffBehaviour"]

NOTHING_NOTICED = Status(0)

FEATURES = (
    Feature.BODY_MOVEMENT_DETECTION
    | Feature.CUFF_FIT_DETECTION
    | Feature.IRREGULAR_PULSE_DETECTION
    | Feature.POSITION_DETECTION
)

_KPA_STEP = Decimal("0.1")
_BEURER_FLAG = 0x40
_HEAD_BYTES = 1 + 3 * 2 + date_time.SIZE  # flags, three pressures, timestamp


@dataclass(frozen=True)
class CuffBehaviour:
    """In what the measurements of cuffs differ."""

    unit: PressureUnit = PressureUnit.MMHG
    users: tuple[int, ...] = ()
    """The slots that it knows; none: its measurements name no user."""
    has_clock: bool = True
    """Without one its measurements have no timestamp."""
    beurer_tail: bool = False
    """Big-endian pulse, a user that the flags deny, a mean of 0: github.com/derdilla/
    blood-pressure-monitor-fl/pull/735."""


class Cuff(BurstSender):
    """A simulated cuff."""

    service_number = uuids.BLOOD_PRESSURE_SERVICE
    measurement_number = uuids.BLOOD_PRESSURE_MEASUREMENT
    feature_number = uuids.BLOOD_PRESSURE_FEATURE

    def __init__(
        self,
        identity: DeviceIdentity,
        clock: DeviceClock,
        ledger: Ledger,
        behaviour: CuffBehaviour | None = None,
        habits: Habits = AS_THE_STANDARD_SAYS,
    ) -> None:
        """Begin with an empty memory."""
        super().__init__(identity, clock, ledger, habits)
        self._behaviour = behaviour or CuffBehaviour()
        self.users = self._behaviour.users

    def take(
        self,
        systolic: int,
        diastolic: int,
        pulse: int | None,
        status: Status = NOTHING_NOTICED,
        *,
        user: int | None = None,
    ) -> bytes:
        """Measure (mmHg, /min), stamped by the device's clock; return the payload.

        A cuff with users measures for the first one unless told another.
        """
        user = self.users[0] if user is None and self.users else user
        mean = diastolic + (systolic - diastolic) // 3
        measurement = BloodPressureMeasurement(
            unit=self._behaviour.unit,
            systolic=self._pressure(systolic),
            diastolic=self._pressure(diastolic),
            mean=self._pressure(mean),
            timestamp=date_time.of(self.clock.now()) if self._behaviour.has_clock else None,
            pulse=None if pulse is None else Decimal(pulse),
            user=user,
            status=status,
        )
        if self._behaviour.beurer_tail:
            return self.take_payload(_as_beurer_sends(measurement), user)
        return self.take_payload(blood_pressure.encode(measurement), user)

    def feature(self) -> bytes:
        """Return what it can notice."""
        return blood_pressure.encode_feature(FEATURES)

    def _pressure(self, mmhg: int) -> Decimal:
        if self._behaviour.unit is PressureUnit.MMHG:
            return Decimal(mmhg)
        return FROM_KPA.received(Decimal(mmhg)).quantize(_KPA_STEP)


def _as_beurer_sends(measurement: BloodPressureMeasurement) -> bytes:
    """Encode with the maker's own tail: pulse the wrong way round, a user whatever the flags say.

    Expects a timestamp and a status.
    """
    flagged = BloodPressureMeasurement(
        systolic=measurement.systolic,
        diastolic=measurement.diastolic,
        mean=Decimal(0),
        timestamp=measurement.timestamp,
        pulse=measurement.pulse or Decimal(0),
        status=measurement.status,
        reserved_flags=_BEURER_FLAG,
    )
    payload = blood_pressure.encode(flagged)
    pulse, status = payload[_HEAD_BYTES:][:2], payload[_HEAD_BYTES + 2 :]
    user = bytes((measurement.user or 0,))
    return payload[:_HEAD_BYTES] + pulse[::-1] + user + status
