"""What is known of each measurement: the truth, what its display showed, when the clinic had it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from alerts.rules.book import Book
from schemas.kafka import PatientReadings, StampedReading
from schemas.reading import Quantity
from schemas.vitals import VITALS
from simulators.cohort.clinical import Definition
from simulators.cohort.devices import Mishap
from simulators.cohort.generate import Cohort, Measured

_BEYOND = {"positive-infinity": float("inf"), "negative-infinity": float("-inf")}


@dataclass(frozen=True, slots=True)
class Fact:
    """A measurement. ``shown``: in the units of the truth; HI and LO are infinite, no value is NaN.

    ``arrived_ms``: first receipt at the clinic. ``fresh``: no older then than the books allow, by
    when it truly was. ``flagged``: the device doubts it in a way that the books heed.
    """

    measured: Measured
    shown: Mapping[str, float]
    arrived_ms: int
    fresh: bool
    flagged: bool

    @property
    def at_ms(self) -> int:
        """When it truly was."""
        return self.measured.at_ms

    @property
    def beyond_the_meter(self) -> bool:
        """Whether the display said HI or LO."""
        return any(value in _BEYOND.values() for value in self.shown.values())

    def went_wrong(self, *mishaps: Mishap) -> bool:
        """Tell whether any of these did."""
        return not set(mishaps).isdisjoint(self.measured.mishaps)

    def shows(self, definition: Definition) -> bool:
        """Tell whether the display was beyond the limit, whatever the truth was."""
        return definition.met(
            {
                limit.quantity: self.shown.get(limit.quantity, float("nan"))
                for limit in definition.limits
            }
        )


def facts(cohort: Cohort, books: Sequence[Book]) -> dict[str, Fact]:
    """Put together what is known of every reading that the books judge, by its name."""
    fresh_ms: dict[str, int] = {}
    gated: dict[str, set[str]] = defaultdict(set)
    for book in books:
        for name, kept in book.vitals.items():
            fresh_ms[name] = min(kept.fresh_ms, fresh_ms.get(name, kept.fresh_ms))
            gated[name].update(kept.gated)
    arrived: dict[str, StampedReading] = {}
    for record in cohort.records:
        if isinstance(record, PatientReadings):
            for stamped in record.readings:
                arrived.setdefault(stamped.reading.reading_id, stamped)
    found = {}
    for one in cohort.measured:
        stamped = arrived[one.reading_id]
        reading, arrived_ms = stamped.reading, stamped.stamp.received_at_ms
        if reading.vital in fresh_ms:
            found[one.reading_id] = Fact(
                one,
                {
                    name: _shown(reading.vital, name, quantity)
                    for name, quantity in reading.quantities.items()
                },
                arrived_ms,
                arrived_ms - one.at_ms <= fresh_ms[reading.vital],
                not gated[reading.vital].isdisjoint(reading.status or ()),
            )
    return found


def _shown(vital: str, name: str, quantity: Quantity) -> float:
    if quantity.value is None:
        return _BEYOND.get(quantity.absent or "", float("nan"))
    described = VITALS[vital].quantity(name)
    conversion = None if described is None else described.conversion(quantity.unit)
    return (
        float("nan") if conversion is None else float(conversion.canonical(Decimal(quantity.value)))
    )
