"""The words of a scenario: what a simulated home is, and what will be measured there, and when."""

from typing import Literal, TypeAlias

import msgspec

DeviceKind: TypeAlias = Literal["cuff", "meter", "scale", "oximeter", "thermometer"]


class PlannedMeasurement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One press of a button ``at_s`` seconds after the home has started.

    A cuff measures ``systolic``, ``diastolic`` (mmHg) and ``pulse`` (/min); a meter measures
    ``glucose_mg_dl``: a decimal, or the words ``HI`` and ``LO`` outside of its range. ``meal`` is a
    glucose context: ``preprandial``, ``postprandial``, ``fasting``, ``casual`` or ``bedtime``. A
    scale measures ``weight_kg``, an oximeter ``spo2_percent`` and ``pulse``, a thermometer
    ``temperature_c``; decimals are texts. ``user`` is the slot of who pressed the button.
    """

    at_s: float
    device: DeviceKind
    systolic: int | None = None
    diastolic: int | None = None
    pulse: int | None = None
    glucose_mg_dl: str | None = None
    movement: bool = False
    irregular_pulse: bool = False
    meal: str | None = None
    weight_kg: str | None = None
    spo2_percent: int | None = None
    temperature_c: str | None = None
    user: int | None = None


class HomePlan(msgspec.Struct, frozen=True):
    """A patient's home: its gateway, its devices, and what will be measured, by time.

    ``devices`` gives upper-case identity addresses by kind; a home has one of a kind at most. Their
    clocks are wrong by ``clock_error_s`` (positive: ahead).
    """

    gateway_id: str
    patient_id: str
    pseudonym: str
    books: list[str]
    devices: dict[DeviceKind, str]
    clock_error_s: float
    measurements: list[PlannedMeasurement]
