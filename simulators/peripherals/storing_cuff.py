"""A cuff of Blood Pressure Service 1.1: keeps numbered records, and is asked for them.

Each record (0x2B36) holds a whole enhanced measurement (0x2B34), with times in seconds since 2000.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from schemas.gatt import blood_pressure, blood_pressure_record, enhanced_blood_pressure, uuids
from schemas.gatt.blood_pressure import Feature, Status
from schemas.gatt.enhanced_blood_pressure import Details, EnhancedMeasurement
from simulators.peripherals import attributes
from simulators.peripherals.attributes import Characteristic
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.cuff import FEATURES, NOTHING_NOTICED
from simulators.peripherals.habits import AS_THE_STANDARD_SAYS, Habits
from simulators.peripherals.ledger import Ledger
from simulators.peripherals.peripheral import DeviceIdentity
from simulators.peripherals.record_keeper import KeeperBehaviour, RecordKeeper
from simulators.peripherals.records import Record

__all__ = ["StoringCuff", "StoringCuffBehaviour"]

_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - devices know no zone


@dataclass(frozen=True)
class StoringCuffBehaviour(KeeperBehaviour):
    """In what cuffs that keep records differ."""

    part_size: int | None = None
    """It sends a record in segments with at most so many bytes of it; None: in one."""


class StoringCuff(RecordKeeper):
    """A simulated cuff that sends nothing by itself."""

    service_number = uuids.BLOOD_PRESSURE_SERVICE
    record_number = uuids.BLOOD_PRESSURE_RECORD
    feature_number = uuids.BLOOD_PRESSURE_FEATURE

    def __init__(
        self,
        identity: DeviceIdentity,
        clock: DeviceClock,
        ledger: Ledger,
        behaviour: StoringCuffBehaviour | None = None,
        habits: Habits = AS_THE_STANDARD_SAYS,
    ) -> None:
        """Begin with an empty memory."""
        self._behaviour = behaviour or StoringCuffBehaviour()
        self._next_counter = 0
        super().__init__(identity, clock, ledger, self._behaviour, habits)

    def take(
        self, systolic: int, diastolic: int, pulse: int | None, status: Status = NOTHING_NOTICED
    ) -> Record:
        """Measure (mmHg, /min), stamped by the device's clock; return the record."""
        seconds = int((self.clock.now() - _EPOCH).total_seconds())
        packet = EnhancedMeasurement(
            systolic=Decimal(systolic),
            diastolic=Decimal(diastolic),
            mean=Decimal(diastolic + (systolic - diastolic) // 3),
            details=Details(
                timestamp_s=seconds,
                pulse=None if pulse is None else Decimal(pulse),
                status=status,
                user_facing_time_s=seconds,
            ),
        )
        payload = enhanced_blood_pressure.encode(packet)
        record = blood_pressure_record.Record(
            sequence=self._store.next_sequence,
            characteristic=uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT,
            payload=payload,
        )
        segments = blood_pressure_record.split(
            record,
            self._behaviour.part_size or len(payload),
            checksum=True,
            counter=self._next_counter,
        )
        self._next_counter += len(segments)
        first, *continued = map(blood_pressure_record.encode_segment, segments)
        return self.take_payload(first, continued=tuple(continued))

    def feature(self) -> bytes:
        """Return what it can notice."""
        more = Feature.CHECKSUM | Feature.USER_FACING_TIME
        return blood_pressure.encode_feature(FEATURES | more)

    def _further(self) -> list[Characteristic]:
        """Build what the service must have, though this cuff never sends it."""
        live = (uuids.BLOOD_PRESSURE_MEASUREMENT, uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT)
        return [self._push_on(attributes.indicated(number)) for number in live]
