"""A blood-pressure cuff: keeps what it measured until somebody has confirmed it.

On subscription it sends everything unsent as a burst of indications, oldest first, each after the
confirmation of the one before, and then drops the link. What was not confirmed is sent again next
time, with the same bytes.
"""

from collections import deque
from decimal import Decimal

from bumble import gatt
from bumble.device import Connection

from schemas.gatt import blood_pressure, date_time, uuids
from schemas.gatt.blood_pressure import BloodPressureMeasurement, Feature, Status
from simulators.peripherals import attributes
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.faults import DropLink, LoseConfirmation, Stall
from simulators.peripherals.ledger import Ledger
from simulators.peripherals.peripheral import DeviceIdentity, Peripheral

__all__ = ["Cuff"]

# Like a real one: when the memory is full the oldest measurement is overwritten.
MEMORY_RECORDS = 250

NOTHING_NOTICED = Status(0)

FEATURES = (
    Feature.BODY_MOVEMENT_DETECTION
    | Feature.CUFF_FIT_DETECTION
    | Feature.IRREGULAR_PULSE_DETECTION
    | Feature.POSITION_DETECTION
)


class Cuff(Peripheral):
    """A simulated cuff."""

    service_number = uuids.BLOOD_PRESSURE_SERVICE

    def __init__(
        self,
        identity: DeviceIdentity,
        clock: DeviceClock,
        ledger: Ledger,
        passkey: int | None = None,
    ) -> None:
        """Begin with an empty memory."""
        super().__init__(identity, clock, ledger, passkey)
        self._unsent: deque[bytes] = deque(maxlen=MEMORY_RECORDS)

    @property
    def pending(self) -> int:
        """How many measurements wait to be handed over."""
        return len(self._unsent)

    def take(
        self, systolic: int, diastolic: int, pulse: int | None, status: Status = NOTHING_NOTICED
    ) -> bytes:
        """Measure (mmHg, /min), stamped by the device's clock; return the payload."""
        measurement = BloodPressureMeasurement(
            systolic=Decimal(systolic),
            diastolic=Decimal(diastolic),
            mean=Decimal(diastolic + (systolic - diastolic) // 3),
            timestamp=date_time.of(self.clock.now()),
            pulse=None if pulse is None else Decimal(pulse),
            status=status,
        )
        return self.take_payload(blood_pressure.encode(measurement))

    def take_payload(self, payload: bytes) -> bytes:
        """Measure exactly these bytes, whatever they mean; return them."""
        self.ledger.take(uuids.BLOOD_PRESSURE_MEASUREMENT, payload)
        self._unsent.append(payload)
        self._refresh_advertising()
        return payload

    def _has_something(self) -> bool:
        return bool(self._unsent)

    def _own_service(self) -> gatt.Service:
        self._measurement = self._push_on(attributes.indicated(uuids.BLOOD_PRESSURE_MEASUREMENT))
        self._measurement.on("subscription", self._subscribed)
        feature = attributes.readable(
            uuids.BLOOD_PRESSURE_FEATURE,
            lambda: blood_pressure.encode_feature(FEATURES),
            encrypted=True,
        )
        return attributes.service(self.service_number, [self._measurement, feature])

    def _subscribed(self, connection: Connection, _notify: bool, indicate: bool) -> None:  # noqa: FBT001
        if indicate and self._unsent:
            self._tasks.spawn(self._hand_over(connection))

    async def _hand_over(self, connection: Connection) -> None:
        """Send the burst, then drop the link."""
        drop, stall = self._faults.take(DropLink), self._faults.take(Stall)
        sent = 0
        while self._unsent:
            if drop is not None and sent == drop.after:
                break
            if stall is not None and sent == stall.after:
                return  # until the peer loses patience, or the idle timeout
            payload = self._unsent[0]
            confirmed = await self._indicate(connection, self._measurement, payload)
            if not confirmed or self._faults.take(LoseConfirmation) is not None:
                break
            # Only now: until here it may have to be sent again.
            self._unsent.popleft()
            self.ledger.hand_over(uuids.BLOOD_PRESSURE_MEASUREMENT, payload)
            sent += 1
        await self._drop(connection)
