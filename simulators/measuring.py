"""A press of the button: what is planned for a person, measured by the device that they have."""

from decimal import Decimal
from typing import TypeVar

from schemas.gatt.blood_pressure import Status
from schemas.gatt.glucose_context import Meal
from simulators.peripherals import Cuff, Meter, Oximeter, Sample, Scale, Thermometer
from simulators.peripherals.meter import mg_dl
from simulators.peripherals.models import Device
from simulators.peripherals.storing_cuff import StoringCuff
from simulators.scenario import PlannedMeasurement

__all__ = ["measure"]

Value = TypeVar("Value")


def measure(device: Device, planned: PlannedMeasurement) -> None:
    """Let `device` measure now what is planned, whatever its time.

    Raises ``ValueError`` for a plan that lacks a value which this kind of device shows.
    """
    match device:
        case Cuff():
            upper, lower = _pressures(planned)
            device.take(upper, lower, planned.pulse, _noticed(planned), user=planned.user)
        case StoringCuff():
            device.take(*_pressures(planned), planned.pulse, _noticed(planned))
        case Meter():
            meal = None if planned.meal is None else Meal[planned.meal.upper()]
            device.take(Sample(mg_dl(_given(planned.glucose_mg_dl, "glucose_mg_dl")), meal))
        case Scale():
            device.take(Decimal(_given(planned.weight_kg, "weight_kg")), user=planned.user)
        case Oximeter():
            spo2_percent = _given(planned.spo2_percent, "spo2_percent")
            device.take(spo2_percent, _given(planned.pulse, "pulse"))
        case Thermometer():
            device.take(Decimal(_given(planned.temperature_c, "temperature_c")))


def _pressures(planned: PlannedMeasurement) -> tuple[int, int]:
    return _given(planned.systolic, "systolic"), _given(planned.diastolic, "diastolic")


def _noticed(planned: PlannedMeasurement) -> Status:
    status = Status(0)
    if planned.movement:
        status |= Status.BODY_MOVED
    if planned.irregular_pulse:
        status |= Status.IRREGULAR_PULSE
    return status


def _given(value: Value | None, name: str) -> Value:
    if value is None:
        message = f"the planned measurement has no {name}"
        raise ValueError(message)
    return value
