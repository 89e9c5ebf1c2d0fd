"""A cuff of Blood Pressure Service 1.1: keeps numbered records, and is asked for them.

Each record (0x2B36) holds a whole enhanced measurement (0x2B34), with times in seconds since 2000.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import cycle

from bumble.device import Connection

from schemas.gatt import blood_pressure, blood_pressure_record, enhanced_blood_pressure, uuids
from schemas.gatt.blood_pressure import Feature, Status
from schemas.gatt.enhanced_blood_pressure import Details, EnhancedMeasurement
from simulators.peripherals import attributes
from simulators.peripherals.attributes import Characteristic
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.cuff import FEATURES, NOTHING_NOTICED
from simulators.peripherals.habits import AS_THE_STANDARD_SAYS, Habits
from simulators.peripherals.identity import DeviceIdentity
from simulators.peripherals.ledger import Ledger
from simulators.peripherals.record_keeper import KeeperBehaviour, Payload, RecordKeeper
from simulators.peripherals.records import Record

__all__ = ["StoringCuff", "StoringCuffBehaviour"]

_NOTIFICATION_HEADER = 3
"""Bytes of a link's ATT_MTU that are no payload. What is longer is cut off without a word."""
_SEGMENT_AROUND = 5 + blood_pressure_record.CHECKSUM_SIZE
"""Bytes of a segment that are none of its record's."""
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - devices know no zone


@dataclass(frozen=True)
class StoringCuffBehaviour(KeeperBehaviour):
    """In what cuffs that keep records differ."""

    part_size: int | None = None
    """It sends a record in segments with at most so many bytes of it; None: in one.

    A link without room for them gets smaller ones.
    """
    cuts_anew: tuple[int, ...] = ()
    """So many bytes instead, by turns, each time it sends a record; its counter goes on as well."""
    has_clock: bool = True
    """Its records carry a time."""


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
        self._sizes = cycle(self._behaviour.cuts_anew)
        super().__init__(identity, clock, ledger, self._behaviour, habits)

    def take(
        self, systolic: int, diastolic: int, pulse: int | None, status: Status = NOTHING_NOTICED
    ) -> Record:
        """Measure (mmHg, /min), stamped by the device's clock; return the record."""
        seconds = int((self.clock.now() - _EPOCH).total_seconds())
        times = seconds if self._behaviour.has_clock else None
        packet = EnhancedMeasurement(
            systolic=Decimal(systolic),
            diastolic=Decimal(diastolic),
            mean=Decimal(diastolic + (systolic - diastolic) // 3),
            details=Details(
                timestamp_s=times,
                pulse=None if pulse is None else Decimal(pulse),
                status=status,
                user_facing_time_s=times,
            ),
        )
        record = blood_pressure_record.Record(
            sequence=self._store.next_sequence,
            characteristic=uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT,
            payload=enhanced_blood_pressure.encode(packet),
        )
        first, *continued = self._cut(record, self._behaviour.part_size)
        return self.take_payload(first, continued=tuple(continued))

    def _cut(self, record: blood_pressure_record.Record, size: int | None) -> list[bytes]:
        """Cut a record into segments; they are counted on from record to record."""
        segments = blood_pressure_record.split(
            record, size or len(record.payload), checksum=True, counter=self._next_counter
        )
        self._next_counter += len(segments)
        return [blood_pressure_record.encode_segment(segment) for segment in segments]

    async def _send(
        self, connection: Connection, record: Record, most: int | None = None
    ) -> list[Payload]:
        room = connection.att_mtu - _NOTIFICATION_HEADER
        stored = [payload for _, payload in self._payloads(record)]
        if not self._behaviour.cuts_anew and max(map(len, stored)) <= room:
            return await super()._send(connection, record, most)
        kept = [blood_pressure_record.decode_segment(payload, checksum=True) for payload in stored]
        size = room - _SEGMENT_AROUND
        if self._behaviour.cuts_anew:
            size = min(size, next(self._sizes))
        segments = self._cut(blood_pressure_record.join(kept), size)
        for payload in segments[:most]:
            if not await self._link.notify(connection, self._pushed[self.record_number], payload):
                return []
        return self._payloads(record) if most is None else []

    def feature(self) -> bytes:
        """Return what it can notice."""
        more = Feature.CHECKSUM | Feature.USER_FACING_TIME
        return blood_pressure.encode_feature(FEATURES | more)

    def _further(self) -> list[Characteristic]:
        """Build what the service must have, though this cuff never sends it."""
        live = (uuids.BLOOD_PRESSURE_MEASUREMENT, uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT)
        return [self._push_on(attributes.indicated(number)) for number in live]
