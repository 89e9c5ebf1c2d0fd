"""The one table of vitals. A further vital is one more entry here plus a codec in schemas/gatt.

From it come units, plausibility, LOINC/UCUM/MDC codes, numpy dtypes, SQL columns and JSON Schema.
Codes: LOINC and ISO/IEEE 11073-10101 MDC. Factors: 1 mmHg = 0.133322387415 kPa (NIST SP 811);
1 mmol/L of glucose = 18.0182 mg/dL (molar mass 180.182 g/mol, CIAAW 2021 atomic weights).
Plausibility bounds are wider than any living patient: outside them the device, or the decoder, is
wrong, and the reading is kept for review instead of reaching the rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

_ONE = Decimal(1)
MMHG_PER_KPA = _ONE / Decimal("0.133322387415")
MG_DL_PER_MMOL_L_GLUCOSE = Decimal("18.0182")


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number of a vital.

    ``unit`` is the canonical UCUM unit; ``units`` maps each unit accepted on the wire to its factor
    into the canonical one; ``plausible`` is the inclusive range in canonical units.
    """

    name: str
    unit: str
    plausible: tuple[Decimal, Decimal]
    loinc: str | None = None
    mdc: int | None = None
    units: dict[str, Decimal] = field(default_factory=dict)

    def factor(self, unit: str) -> Decimal | None:
        """Give the factor from ``unit`` into the canonical unit; None for a unit never accepted."""
        return _ONE if unit == self.unit else self.units.get(unit)


@dataclass(frozen=True, slots=True)
class Vital:
    """One kind of record, its quantities, and the table that keeps it.

    ``amends``: records of this kind complete another vital's record and are never judged alone.
    ``descending``: pairs of quantities of which the first must exceed the second.
    """

    name: str
    title: str
    characteristic: str
    quantities: tuple[Quantity, ...]
    loinc: str | None = None
    mdc: int | None = None
    amends: str | None = None
    descending: tuple[tuple[str, str], ...] = ()

    def quantity(self, name: str) -> Quantity | None:
        """Find a quantity by name."""
        return next((quantity for quantity in self.quantities if quantity.name == name), None)

    def numpy_fields(self) -> list[tuple[str, str]]:
        """Describe the vital's columns for ``numpy.dtype``: canonical values and censoring.

        For each quantity ``name`` (float64, NaN when absent) and ``name_censored`` (int8: +1 above
        the device's range, HI; -1 below it, LO; 0 otherwise).
        """
        values = [(quantity.name, "<f8") for quantity in self.quantities]
        censored = [(f"{quantity.name}_censored", "i1") for quantity in self.quantities]
        return values + censored

    def sql_columns(self) -> Iterator[tuple[str, str]]:
        """Name the vital's own SQL columns with their types.

        For each quantity: the canonical value, the exact decimal as received, why it is absent.
        """
        for quantity in self.quantities:
            yield quantity.name, "double precision"
            yield f"{quantity.name}_received", "numeric"
            yield f"{quantity.name}_absent", "text"


def _range(low: int, high: int) -> tuple[Decimal, Decimal]:
    return Decimal(low), Decimal(high)


_PRESSURE_UNITS = {"kPa": MMHG_PER_KPA}

BLOOD_PRESSURE = Vital(
    name="blood_pressure",
    title="Blood pressure",
    characteristic="2a35",
    loinc="85354-9",
    mdc=150020,
    quantities=(
        Quantity("systolic", "mm[Hg]", _range(40, 300), "8480-6", 150021, _PRESSURE_UNITS),
        Quantity("diastolic", "mm[Hg]", _range(20, 200), "8462-4", 150022, _PRESSURE_UNITS),
        Quantity("mean", "mm[Hg]", _range(20, 250), "8478-0", 150023, _PRESSURE_UNITS),
        Quantity("pulse", "/min", _range(20, 250), "8867-4", 149546),
    ),
    descending=(("systolic", "diastolic"),),
)

GLUCOSE = Vital(
    name="glucose",
    title="Glucose",
    characteristic="2a18",
    loinc="2339-0",
    mdc=160020,
    quantities=(
        Quantity(
            "glucose",
            "mg/dL",
            _range(10, 1000),
            "2339-0",
            160020,
            {"mmol/L": MG_DL_PER_MMOL_L_GLUCOSE},
        ),
    ),
)

GLUCOSE_CONTEXT = Vital(
    name="glucose_context",
    title="Glucose context",
    characteristic="2a34",
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

VITALS = {vital.name: vital for vital in (BLOOD_PRESSURE, GLUCOSE, GLUCOSE_CONTEXT)}
