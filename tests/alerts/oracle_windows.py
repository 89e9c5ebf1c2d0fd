"""Windows, recomputed from a patient's whole history each time.

N of the last M eligible readings; the mean of seven patient-local days; the rise over a baseline.
All numbers are integers of 0.1 unit, a mean is never divided: sum >= limit x n.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from alerts.rules import syntax
from tests.alerts.oracle_kept import Kept
from tests.alerts.oracle_patient import Patient
from tests.alerts.oracle_rules import DAY, Averaged, Baseline, Counted, OracleRule
from tests.alerts.oracle_truth import (
    MMHG_IN_KPA,
    Band,
    Limits,
    OneReading,
    holds,
    related,
    towards_normal,
)

MG_DL_IN_MMOL_L = Decimal("18.0182")


@dataclass(frozen=True)
class Truth:
    """Whether a rule is definitely true, definitely false, and definitely back to normal."""

    matched: bool
    denied: bool
    returned: bool
    window: tuple[Kept, ...] = ()


def truth(rule: OracleRule, patient: Patient, at: Kept) -> Truth:
    """What a rule says at a reading, given all that is known of the patient."""
    if rule.baseline is not None:
        return over_baseline(rule, rule.baseline, patient, at)
    match rule.window:
        case Counted() as window:
            return counted(rule, window, patient, at)
        case Averaged() as window:
            return averaged(rule, window, patient, at)
        case None:
            plain = says(rule, patient, at)
            return Truth(plain is True, plain is False, says(rule, patient, at, rule.band) is False)


def says(rule: OracleRule, patient: Patient, kept: Kept, band: Band | None = None) -> bool | None:
    """What `when` says of a single reading, by the limits at its time.

    Nothing, if a required circumstance is another one, or not told.
    """
    if not all(kept.meets(name, words) for name, words in rule.requires.items()):
        return None
    one = OneReading(kept.quantities, kept.status, patient.limits(rule, kept.at_ms))
    return holds(rule.when, one, band)


# -- N of M ---------------------------------------------------------------------------------------


def counted(rule: OracleRule, window: Counted, patient: Patient, at: Kept) -> Truth:
    known = patient.known_as_it_comes(rule.vital)
    if at.reading_id not in {one.reading_id for one in known}:
        return Truth(matched=False, denied=False, returned=False)
    up_to = [kept for kept in known if kept.order <= at.order]
    last = up_to[-window.of :]
    if window.within_ms:
        last = [kept for kept in last if kept.at_ms >= at.at_ms - window.within_ms]
    matching = spaced([kept for kept in last if says(rule, patient, kept) is True], window.apart_ms)
    enough = len(matching) >= window.matching and len({one.day for one in matching}) >= window.days
    here = says(rule, patient, at)
    # What is not definitely back to normal still counts against returning, and returns nothing.
    back = says(rule, patient, at, rule.band) is False
    relaxed = [kept for kept in last if says(rule, patient, kept, rule.band) is not False]
    return Truth(
        matched=enough and here is True,
        denied=here is False,
        returned=back and len(relaxed) < window.matching,
        window=tuple(last),
    )


def spaced(matching: list[Kept], apart_ms: int) -> list[Kept]:
    """Greedily from the oldest: a match counts only if long enough after the last counted one."""
    counting: list[Kept] = []
    for kept in matching:
        if not counting or kept.at_ms - counting[-1].at_ms >= apart_ms:
            counting.append(kept)
    return counting


# -- means ----------------------------------------------------------------------------------------


def averaged(rule: OracleRule, window: Averaged, patient: Patient, at: Kept) -> Truth:
    nothing = Truth(matched=False, denied=False, returned=False)
    if not at.eligible or patient.eligible_after(at):
        return nothing
    inside = [
        kept
        for kept in patient.eligible(rule.vital)
        if 0 <= (at.day - kept.day).days < window.mean_days
        and kept.order <= at.order
        and kept.day not in patient.first_days(rule.vital)
    ]
    numeric = [kept for kept in inside if not kept.censored]
    if len(numeric) < window.readings or len({kept.day for kept in numeric}) < window.days:
        return nothing
    mean = Mean(numeric, window.readings, patient.limits(rule, at.at_ms))
    plain = holds(rule.when, mean)
    back = holds(rule.when, mean, rule.band) is False and len(numeric) == len(inside)
    return Truth(plain is True, plain is False, back, tuple(inside))


@dataclass(frozen=True)
class Mean:
    """Fields mean the mean of readings, of which at least so many have them."""

    readings: list[Kept]
    least: int
    limits: Limits

    def compare(self, test: syntax.Comparison, band: Band) -> bool | None:
        parts = ["systolic", "diastolic"] if test.field == "map" else [test.field]
        if any(len(known(self.readings, part)) < self.least for part in parts):
            return None
        mean = mean_of(self.readings, test.field)
        return None if mean is None else exactly(mean, test, self.limits, band)

    def beyond(self, test: syntax.Beyond) -> bool | None:
        return None

    def reported(self, test: syntax.HasStatus) -> bool | None:
        return None


def mean_of(readings: list[Kept], field: str) -> Fraction | None:
    """The mean of what is known; of a derived field, if its parts are known equally often."""
    if field == "map":
        systolic, diastolic = known(readings, "systolic"), known(readings, "diastolic")
        if len(systolic) != len(diastolic) or not systolic:
            return None
        return (sum(systolic, Fraction()) + 2 * sum(diastolic, Fraction())) / 3 / len(systolic)
    values = known(readings, field)
    return sum(values, Fraction()) / len(values) if values else None


def known(readings: list[Kept], field: str) -> list[Fraction]:
    values = [tenths(kept, field) for kept in readings]
    return [value for value in values if value is not None]


def exactly(tenths: Fraction, test: syntax.Comparison, limits: Limits, band: Band) -> bool:
    """Compare in the canonical unit."""
    unit, limit = next(iter(limits(test).items()))
    return related(tenths, test.operator, Fraction(towards_normal(test, unit, limit, band)) * 10)


def tenths(kept: Kept, field: str) -> Fraction | None:
    """A value in 0.1 of the canonical unit: a whole number, or a third of one."""
    if field == "map":
        systolic, diastolic = tenths(kept, "systolic"), tenths(kept, "diastolic")
        if systolic is None or diastolic is None:
            return None
        return (systolic + 2 * diastolic) / 3
    value = kept.quantities.get(field)
    if value is None or value.value is None:
        return None
    number = Decimal(value.value)
    if value.unit == "kPa":
        number /= MMHG_IN_KPA
    if value.unit == "mmol/L":
        number *= MG_DL_IN_MMOL_L
    return Fraction((number * 10).quantize(Decimal(1), ROUND_HALF_UP))


# -- baselines ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Risen:
    """A reading, and how far it lies above the baseline."""

    reading: Kept
    before: list[Kept]
    least: int
    limits: Limits

    def compare(self, test: syntax.Comparison, band: Band) -> bool | None:
        if not test.rise:
            return OneReading(self.reading.quantities, self.reading.status, self.limits).compare(
                test, band
            )
        parts = ["systolic", "diastolic"] if test.field == "map" else [test.field]
        if any(len(known(self.before, part)) < self.least for part in parts):
            return None
        now, mean = tenths(self.reading, test.field), mean_of(self.before, test.field)
        if now is None or mean is None:
            return None
        return exactly(now - mean, test, self.limits, band)

    def beyond(self, test: syntax.Beyond) -> bool | None:
        return OneReading(self.reading.quantities, self.reading.status, self.limits).beyond(test)

    def reported(self, test: syntax.HasStatus) -> bool | None:
        return OneReading(self.reading.quantities, self.reading.status, self.limits).reported(test)


def over_baseline(rule: OracleRule, baseline: Baseline, patient: Patient, at: Kept) -> Truth:
    until_ms = patient.begins_ms(baseline.before)
    if until_ms is None or at.at_ms < until_ms:  # part of it, or older: nothing has begun
        return Truth(False, False, False, ())
    before = baseline_readings(rule, baseline, patient)
    risen = Risen(at, before, baseline.readings, patient.limits(rule, at.at_ms))
    plain, back = holds(rule.when, risen), holds(rule.when, risen, rule.band)
    return Truth(plain is True, plain is False, back is False, tuple(before))


def baseline_readings(rule: OracleRule, baseline: Baseline, patient: Patient) -> list[Kept]:
    until_ms = patient.begins_ms(baseline.before)
    if until_ms is None:
        return []
    return [
        kept
        for kept in patient.history[rule.vital]
        if kept.eligible
        and not kept.censored
        and kept.reading_id not in patient.forgotten
        and kept.at_ms >= patient.filled_from_ms.get(rule.vital, kept.at_ms)
        and until_ms - baseline.days * DAY <= kept.at_ms < until_ms
    ]
