"""What a person types to a simulated device, one line a command."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from schemas import vitals
from schemas.errors import InvalidInput
from schemas.plausible import check_values
from schemas.reading import Quantity
from simulators.patients import glucose, oximetry, pressure, temperature, weight
from simulators.scenario import DeviceKind, PlannedMeasurement

__all__ = ["HELP", "TAKES", "Button", "Command", "Take", "doubt", "read_command"]


class Button(Enum):
    """What needs no values; the value is the word to type."""

    PAIR = "pair"
    DROP = "drop"
    FORGET = "forget"
    STATUS = "status"
    HELP = "help"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Take:
    """Measure this; None: an everyday value of the simulated patient."""

    planned: PlannedMeasurement | None


Command = Button | Take

TAKES: dict[DeviceKind, str] = {
    "cuff": "take SYSTOLIC DIASTOLIC [PULSE]   mmHg, /min, without decimals",
    "meter": "take GLUCOSE                      mg/dL, or HI, or LO",
    "scale": "take WEIGHT                       kg",
    "oximeter": "take SPO2 [PULSE]                 %, /min, without decimals",
    "thermometer": "take TEMPERATURE                  degrees Celsius",
}
_FEWEST_AND_MOST: dict[DeviceKind, tuple[int, int]] = {
    "cuff": (2, 3),
    "meter": (1, 1),
    "scale": (1, 1),
    "oximeter": (1, 2),
    "thermometer": (1, 1),
}
HELP = """\
take                              an everyday value
{take}
pair                              press the pairing button
drop                              drop the link, if there is one
forget                            forget every bond
status                            what was measured, and what was handed over
quit                              switch it off
The first letter suffices."""
_WORDS = (["HI"], ["LO"])
_DECIMAL = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?")
_WHOLE = re.compile(r"[0-9]{1,3}")
_SHOWS: dict[DeviceKind, tuple[vitals.Vital, dict[str, str]]] = {
    "cuff": (
        vitals.BLOOD_PRESSURE,
        {"systolic": "systolic", "diastolic": "diastolic", "pulse": "pulse"},
    ),
    "meter": (vitals.GLUCOSE, {"glucose": "glucose_mg_dl"}),
    "scale": (vitals.WEIGHT, {"weight": "weight_kg"}),
    "oximeter": (vitals.OXIMETRY, {"spo2": "spo2_percent", "pulse_rate": "pulse"}),
    "thermometer": (vitals.BODY_TEMPERATURE, {"temperature": "temperature_c"}),
}
"""What it measures, and where a plan has it, in the unit of the table of vitals."""


def read_command(line: str, kind: DeviceKind) -> Command | None:
    """Read a line; None for an empty one. Raises ``InvalidInput`` that says what can be typed."""
    word, *values = line.split() or [""]
    if not word:
        return None
    if "take".startswith(word.lower()):
        return Take(_planned(values, kind) if values else None)
    for button in Button:
        if button.value.startswith(word.lower()) and not values:
            return button
    raise InvalidInput("unknown-command", f"{line.strip()!r} is not understood: type help.")


def doubt(planned: PlannedMeasurement) -> str | None:
    """Say why the clinic will put these values aside; None: a living patient can have them."""
    vital, fields = _SHOWS[planned.device]
    shown = {name: getattr(planned, field) for name, field in fields.items()}
    units = {one.name: one.unit for one in vital.quantities}
    quantities = {
        name: Quantity(units[name], str(value))
        for name, value in shown.items()
        if value is not None and [value] not in _WORDS
    }
    try:
        check_values(vital, quantities)
    except InvalidInput as error:
        return error.detail
    return None


def _planned(values: list[str], kind: DeviceKind) -> PlannedMeasurement:
    fewest, most = _FEWEST_AND_MOST[kind]
    if kind == "meter" and [value.upper() for value in values] in _WORDS:
        return glucose(values[0].upper())
    form = _WHOLE if kind in {"cuff", "oximeter"} else _DECIMAL
    numbers = [Decimal(value) for value in values if form.fullmatch(value)]
    if len(numbers) != len(values) or not fewest <= len(values) <= most:
        raise InvalidInput("bad-values", f"Type: {TAKES[kind]}")
    first, *others = numbers
    match kind:
        case "cuff":
            return pressure(int(first), *(int(other) for other in others))
        case "meter":
            return glucose(str(first))
        case "scale":
            return weight(str(first))
        case "oximeter":
            return oximetry(int(first), *(int(other) for other in others))
        case "thermometer":
            return temperature(str(first))
