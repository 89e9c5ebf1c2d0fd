"""The one table of vitals. A further vital is one more entry here plus a codec in schemas/gatt.

From it come units, plausibility, LOINC/UCUM/MDC codes, numpy dtypes, SQL columns and JSON Schema.
Codes: LOINC and ISO/IEEE 11073-10101 MDC. Conversions: 1 mmHg = 0.133322387415 kPa, 1 lb =
0.45359237 kg, 1 in = 0.0254 m, t/Cel = (t/[degF] - 32) * 5 / 9 (NIST SP 811); 1 mmol/L of glucose
= 18.0182 mg/dL (molar mass 180.182 g/mol, CIAAW 2021 atomic weights).

Plausibility bounds are wider than any living patient: outside them the device, or the decoder, is
wrong, and the reading is kept for review instead of reaching the rules. Where the bounds rest on a
record, its source stands beside them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Conversion:
    """From a unit into the canonical one: (received - zero) * multiplier / divisor.

    A fraction and a zero point, because neither kPa nor degrees Fahrenheit have a decimal factor:
    98.6 degrees are 37 exactly, and only what has no finite decimal is rounded, once.
    """

    multiplier: Decimal = Decimal(1)
    divisor: Decimal = Decimal(1)
    zero: Decimal = Decimal(0)

    def canonical(self, received: Decimal) -> Decimal:
        """Convert into the canonical unit."""
        return (received - self.zero) * self.multiplier / self.divisor

    def received(self, canonical: Decimal) -> Decimal:
        """Convert from the canonical unit."""
        return canonical * self.divisor / self.multiplier + self.zero


_SPOKEN = {"spo2": "SpO2", "hba1c": "HbA1c"}
_SAME = Conversion()
FROM_KPA = Conversion(divisor=Decimal("0.133322387415"))
FROM_MMOL_L_GLUCOSE = Conversion(Decimal("18.0182"))
_FROM_POUNDS = Conversion(Decimal("0.45359237"))
_FROM_INCHES = Conversion(Decimal("0.0254"))
_FROM_FAHRENHEIT = Conversion(Decimal(5), Decimal(9), Decimal(32))


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number of a vital.

    ``unit`` is the canonical UCUM unit; ``units`` maps each other unit accepted on the wire to its
    conversion into the canonical one; ``plausible`` is the inclusive range in canonical units.
    ``aside``: it is said beside the main values, which stand whatever it says.
    """

    name: str
    unit: str
    plausible: tuple[Decimal, Decimal]
    loinc: str | None = None
    mdc: int | None = None
    units: dict[str, Conversion] = field(default_factory=dict)
    aside: bool = False

    def conversion(self, unit: str) -> Conversion | None:
        """Give the way from ``unit`` into the canonical unit; None for a unit never accepted."""
        return _SAME if unit == self.unit else self.units.get(unit)


@dataclass(frozen=True, slots=True)
class Vital:
    """One kind of record, its quantities, and the table that keeps it.

    ``characteristics`` are those whose payloads are such records (four hex digits each).
    ``amends``: records of this kind complete another vital's record and are never judged alone.
    ``descending``: pairs of quantities of which the first must exceed the second.
    """

    name: str
    title: str
    characteristics: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    loinc: str | None = None
    mdc: int | None = None
    amends: str | None = None
    descending: tuple[tuple[str, str], ...] = ()

    def quantity(self, name: str) -> Quantity | None:
        """Find a quantity by name."""
        return next((quantity for quantity in self.quantities if quantity.name == name), None)

    def sql_columns(self) -> Iterator[tuple[str, str]]:
        """Name the vital's own SQL columns with their types.

        For each quantity: the canonical value, the exact decimal as received, why it is absent.
        """
        for quantity in self.quantities:
            yield quantity.name, "double precision"
            yield f"{quantity.name}_received", "numeric"
            yield f"{quantity.name}_absent", "text"


def spoken(name: str) -> str:
    """Write a quantity's name as people do: ``pulse rate``, ``SpO2``."""
    return _SPOKEN.get(name, name.replace("_", " "))


def _range(low: int | str, high: int | str) -> tuple[Decimal, Decimal]:
    return Decimal(low), Decimal(high)


_PRESSURE_UNITS = {"kPa": FROM_KPA}

BLOOD_PRESSURE = Vital(
    name="blood_pressure",
    title="Blood pressure",
    characteristics=("2a35", "2b34", "2b36"),
    loinc="85354-9",
    mdc=150020,
    quantities=(
        Quantity("systolic", "mm[Hg]", _range(40, 300), "8480-6", 150021, _PRESSURE_UNITS),
        Quantity("diastolic", "mm[Hg]", _range(20, 200), "8462-4", 150022, _PRESSURE_UNITS),
        Quantity("mean", "mm[Hg]", _range(20, 250), "8478-0", 150023, _PRESSURE_UNITS, aside=True),
        Quantity("pulse", "/min", _range(20, 250), "8867-4", 149546, aside=True),
    ),
    descending=(("systolic", "diastolic"),),
)

GLUCOSE = Vital(
    name="glucose",
    title="Glucose",
    characteristics=("2a18",),
    loinc="2339-0",
    mdc=160020,
    quantities=(
        Quantity(
            "glucose",
            "mg/dL",
            _range(10, 1000),
            "2339-0",
            160020,
            {"mmol/L": FROM_MMOL_L_GLUCOSE},
        ),
    ),
)

GLUCOSE_CONTEXT = Vital(
    name="glucose_context",
    title="Glucose context",
    characteristics=("2a34",),
    amends="glucose",
    quantities=(
        Quantity("carbohydrate", "g", _range(0, 1000)),
        Quantity("exercise_duration", "s", _range(0, 65535)),
        Quantity("exercise_intensity", "%", _range(0, 100)),
        Quantity("medication_mass", "mg", _range(0, 100_000)),
        Quantity("medication_volume", "mL", _range(0, 1000)),
        Quantity("hba1c", "%", _range(2, 25), "4548-4", 160220),
    ),
)

WEIGHT = Vital(
    name="weight",
    title="Weight",
    characteristics=("2a9d",),
    loinc="29463-7",
    mdc=188736,
    quantities=(
        # The heaviest person known weighed 635 kg, the tallest measured 2.72 m (Guinness World
        # Records: Minnoch, Wadlow); what weighs less than 1 kg does not stand on a scale.
        Quantity("weight", "kg", _range(1, 650), "29463-7", 188736, {"[lb_av]": _FROM_POUNDS}),
        Quantity("mass_index", "kg/m2", _range(5, 250), "39156-5", 188752, aside=True),
        Quantity(
            "height",
            "m",
            _range("0.3", "2.8"),
            "8302-2",
            188740,
            {"[in_i]": _FROM_INCHES},
            aside=True,
        ),
    ),
)

OXIMETRY = Vital(
    name="oximetry",
    title="Oxygen saturation",
    characteristics=("2a5e",),
    loinc="59408-5",
    mdc=150456,
    quantities=(
        # A climber below the summit of Mount Everest had an arterial saturation of 34 %
        # (Grocott et al., N Engl J Med 2009;360:140-9).
        Quantity("spo2", "%", _range(20, 100), "59408-5", 150456),
        Quantity("pulse_rate", "/min", _range(20, 250), "8867-4", 149530, aside=True),
        Quantity("pulse_amplitude", "%", _range("0.01", 100), "61006-3", 150488, aside=True),
    ),
)

BODY_TEMPERATURE = Vital(
    name="body_temperature",
    title="Body temperature",
    characteristics=("2a1c",),
    loinc="8310-5",
    mdc=150364,
    quantities=(
        # Below 24 Cel there are no vital signs (Durrer et al., High Alt Med Biol 2003;4:99-103): a
        # thermometer that shows less measured the room. The highest survived fever was 46.5 Cel
        # (Slovis et al., Ann Emerg Med 1982;11:269-71).
        Quantity(
            "temperature",
            "Cel",
            _range(24, 47),
            "8310-5",
            150364,
            {"[degF]": _FROM_FAHRENHEIT},
        ),
    ),
)

VITALS = {
    vital.name: vital
    for vital in (BLOOD_PRESSURE, GLUCOSE, GLUCOSE_CONTEXT, WEIGHT, OXIMETRY, BODY_TEMPERATURE)
}
