"""A glucose meter: a keeper of records, some with a context that the patient entered."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from schemas.gatt import date_time, glucose, glucose_context, uuids
from schemas.gatt.glucose import (
    ConcentrationUnit,
    GlucoseMeasurement,
    SampleLocation,
    SampleType,
    Status,
)
from schemas.gatt.glucose_context import GlucoseContext, Meal
from schemas.gatt.number import Absent, Number, scaled
from schemas.vitals import FROM_MMOL_L_GLUCOSE
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.habits import AS_THE_STANDARD_SAYS, Habits
from simulators.peripherals.identity import DeviceIdentity
from simulators.peripherals.ledger import Ledger
from simulators.peripherals.record_keeper import KeeperBehaviour, RecordKeeper
from simulators.peripherals.records import Record

__all__ = ["Meter", "MeterBehaviour", "Sample"]

NOTHING_NOTICED = Status(0)

FEATURES = (
    glucose.Feature.BATTERY_LOW_DETECTION
    | glucose.Feature.SAMPLE_SIZE_DETECTION
    | glucose.Feature.RESULT_RANGE_DETECTION
    | glucose.Feature.TIME_FAULT_DETECTION
)
_OUT_OF_RANGE = {
    Absent.POSITIVE_INFINITY: Status.RESULT_ABOVE_RANGE,
    Absent.NEGATIVE_INFINITY: Status.RESULT_BELOW_RANGE,
}
# Powers of ten.
_KG_PER_L_OF_MG_PER_DL = -5
_MOL_PER_L_OF_MMOL_PER_L = -3
_MMOL_L_STEP = Decimal("0.1")


@dataclass(frozen=True)
class MeterBehaviour(KeeperBehaviour):
    """In what meters differ."""

    unit: ConcentrationUnit = ConcentrationUnit.KG_PER_L
    time_offset_min: int = 0
    """Its owner moved the clock's display by so much since the clock was first set."""


@dataclass(frozen=True)
class Sample:
    """One strip: glucose in mg/dL (HI and LO as infinities), and what the patient entered."""

    glucose_mg_dl: Number
    meal: Meal | None = None
    status: Status = NOTHING_NOTICED
    sample_type: SampleType = SampleType.CAPILLARY_WHOLE_BLOOD
    location: SampleLocation = SampleLocation.FINGER


class Meter(RecordKeeper):
    """A simulated meter."""

    service_number = uuids.GLUCOSE_SERVICE
    record_number = uuids.GLUCOSE_MEASUREMENT
    context_number = uuids.GLUCOSE_MEASUREMENT_CONTEXT
    feature_number = uuids.GLUCOSE_FEATURE

    def __init__(
        self,
        identity: DeviceIdentity,
        clock: DeviceClock,
        ledger: Ledger,
        behaviour: MeterBehaviour | None = None,
        habits: Habits = AS_THE_STANDARD_SAYS,
    ) -> None:
        """Begin with an empty memory."""
        self._behaviour = behaviour or MeterBehaviour()
        super().__init__(identity, clock, ledger, self._behaviour, habits)

    def take(self, sample: Sample) -> Record:
        """Measure, stamped by the device's clock; return the record."""
        sequence = self._store.next_sequence
        out_of_range = NOTHING_NOTICED
        if isinstance(sample.glucose_mg_dl, Absent):
            out_of_range = _OUT_OF_RANGE.get(sample.glucose_mg_dl, out_of_range)
        offset_min = self._behaviour.time_offset_min
        measurement = GlucoseMeasurement(
            sequence=sequence,
            base_time=date_time.of(self.clock.now() - timedelta(minutes=offset_min)),
            time_offset_min=offset_min,
            unit=self._behaviour.unit,
            concentration=_on_the_wire(sample.glucose_mg_dl, self._behaviour.unit),
            sample_type=sample.sample_type,
            sample_location=sample.location,
            status=sample.status | out_of_range,
            context_follows=sample.meal is not None,
        )
        context = None
        if sample.meal is not None:
            context = glucose_context.encode(GlucoseContext(sequence=sequence, meal=sample.meal))
        return self.take_payload(glucose.encode(measurement), context)

    def feature(self) -> bytes:
        """Return what it can notice."""
        return glucose.encode_feature(FEATURES)


def _on_the_wire(mg_dl: Number, unit: ConcentrationUnit) -> Number:
    """Express mg/dL in kg/L exactly, or in mol/L to the tenth of a mmol/L that a display shows."""
    if unit is ConcentrationUnit.KG_PER_L:
        return scaled(mg_dl, _KG_PER_L_OF_MG_PER_DL)
    if isinstance(mg_dl, Decimal):
        mg_dl = FROM_MMOL_L_GLUCOSE.received(mg_dl).quantize(_MMOL_L_STEP)
    return scaled(mg_dl, _MOL_PER_L_OF_MMOL_PER_L)


def mg_dl(value: str) -> Number:
    """Read a glucose in mg/dL as text: a decimal, `HI` or `LO`."""
    words = {"HI": Absent.POSITIVE_INFINITY, "LO": Absent.NEGATIVE_INFINITY}
    return words[value] if value in words else Decimal(value)
