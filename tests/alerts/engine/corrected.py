"""Random lives in which stored readings are corrected, or turn out to be another patient's."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
from hypothesis import strategies as st

from schemas.kafka import (
    CorrectedReading,
    Corrections,
    GatewayReport,
    PatientReadings,
    StampedReading,
    Tick,
    Withdrawals,
    WithdrawnReading,
)
from schemas.reading import Reading
from schemas.registry import PatientEntry
from tests.alerts.engine.lives import Item, Life, lives
from tests.alerts.engine.rule_books import HEAD, PRESSURE_BAND, RULE
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Version,
    at_once,
    pressure,
    quantity,
    stamped,
)

PRESSURES = ["60", "100", "130", "150", "150", "200", "NaN", "HI"]
VALUES = {
    "kPa": ["8.0", "13.3", "20.0", "24.0"],
    "mg/dL": ["50", "60", "100", "100", "200", "260", "LO"],
    "mmol/L": ["2.7", "3.3", "5.5", "5.5", "11.0", "14.0"],
}


@dataclass
class Stored:
    """What a store has of the readings of all: whose each is, what it says now, its revision."""

    readings: list[tuple[str, StampedReading]]
    revisions: dict[str, int]
    known: set[str] = field(default_factory=set)

    def take(self, record: PatientReadings, ambiguous: set[str]) -> None:
        """Store what may be corrected, each once: some come twice in one record."""
        for one in record.readings:
            name = one.reading.reading_id
            if may_change(one, ambiguous) and name not in self.known:
                self.known.add(name)
                self.readings.append((record.patient_id, one))

    def now_says(self, corrected: CorrectedReading) -> None:
        """Take a version in."""
        name = corrected.reading_id
        self.revisions[name] = corrected.revision
        at = next(n for n, (_, one) in enumerate(self.readings) if one.reading.reading_id == name)
        owner, one = self.readings.pop(at)
        said = {
            "quantities": corrected.quantities,
            "status": corrected.status,
            "outcome": corrected.outcome,
        }
        reading = msgspec.structs.replace(one.reading, **said)
        self.readings.insert(at, (owner, msgspec.structs.replace(one, reading=reading)))

    def give(self, names: set[str], other: str) -> list[StampedReading]:
        """Let readings be another patient's, or nobody's, if that is no name."""
        moved = [one for _, one in self.readings if one.reading.reading_id in names]
        self.readings = [one for one in self.readings if one[1].reading.reading_id not in names]
        self.readings += [(other, one) for one in moved if other]
        return moved


@st.composite
def correction(
    draw: st.DrawFn, stored: Stored, at_ms: int
) -> list[Corrections | Withdrawals | PatientReadings]:
    """Take readings back, perhaps for another patient, or read values in another way."""
    sent = stored.readings
    patient_id, one = draw(st.sampled_from(sent[-draw(st.sampled_from([1, 4, 0])) :]))
    if draw(st.booleans()):
        names = {one.reading.reading_id: one}
        others = [other for owner, other in sent if owner == patient_id]
        if draw(st.integers(0, 3)) == 0:
            more = draw(st.lists(st.sampled_from(others), max_size=3))
            names |= {other.reading.reading_id: other for other in more}
        lent = Withdrawals(patient_id, at_ms, "the cuff was lent", list(map(gone, names.values())))
        other = draw(st.sampled_from(["", "p2" if patient_id == "p1" else "p1"]))
        moved = stored.give(set(names), other)
        return [lent, PatientReadings(other, "home-1", "0" * 16, at_ms, moved)] if other else [lent]
    misread = {one.reading.reading_id: one}
    if draw(st.integers(0, 2)) == 0:  # a mended line of code changes many at once
        more = draw(st.lists(st.sampled_from([one for name, one in sent if name == patient_id])))
        misread |= {other.reading.reading_id: other for other in more[:4]}
    said = [draw(read_anew(stored, other)) for other in misread.values()]
    return [Corrections(patient_id, at_ms, "a decoder was mended", said)]


@st.composite
def read_anew(draw: st.DrawFn, stored: Stored, one: StampedReading) -> CorrectedReading:
    """Let bytes say something else."""
    reading, stamp = one.reading, one.stamp
    now = {
        name: quantity(draw(st.sampled_from(VALUES.get(value.unit, PRESSURES))), value.unit)
        for name, value in reading.quantities.items()
    }
    corrected = CorrectedReading(
        reading.reading_id,
        stored.revisions.get(reading.reading_id, 1) + 1,
        reading.vital,
        stamp.measured_at_ms,
        stamp.quality,
        now,
        reading.quantities,
        draw(st.sampled_from([*["measured"] * 7, "failed", "control-solution"])),
        draw(st.sampled_from([*[reading.status] * 5, *others_of(reading)])),
        outcome_before=reading.outcome,
        status_before=reading.status,
    )
    stored.now_says(corrected)
    return corrected


def others_of(reading: Reading) -> list[list[str]]:
    """What else a device's status may turn out to have said; nobody gates a meter's."""
    return [[], ["body-moved"]] if reading.vital == "blood_pressure" else []


def gone(one: StampedReading) -> WithdrawnReading:
    reading, stamp = one.reading, one.stamp
    return WithdrawnReading(
        reading.reading_id,
        reading.vital,
        stamp.measured_at_ms,
        stamp.quality,
        reading.quantities,
        reading.outcome,
        reading.status,
    )


def told_apart_by_nothing(log: Sequence[Item]) -> set[str]:
    """Readings of one name that differ: a store has one of them, and a log may have both."""
    said: dict[str, set[str]] = {}
    for item in log:
        if isinstance(item, PatientReadings):
            for one in item.readings:
                reading = one.reading
                what = (
                    item.patient_id,
                    reading.session_id,
                    one.stamp.measured_at_ms,
                    one.stamp.quality,
                    reading.status,
                    reading.outcome,
                )
                said.setdefault(reading.reading_id, set()).add(str(what))
    return {name for name, kinds in said.items() if len(kinds) > 1}


@st.composite
def corrected_lives(draw: st.DrawFn) -> Life:
    """Readings are corrected, and corrected again; they go to another patient, and come back."""
    life = draw(lives())
    log, stored, now_ms = list[Item](), Stored([], {}), 0
    ambiguous = told_apart_by_nothing(life.log)
    plans = {entry.patient_id for entry in life.patients}
    replanned_ms = dict.fromkeys(plans, -1)
    log_ms = 0
    for item in life.log:
        if isinstance(item, PatientEntry | Version):  # no person is so quick, see ``lives``
            those = plans if isinstance(item, Version) else {item.patient_id}
            if any(replanned_ms[name] == log_ms for name in those):
                continue
            replanned_ms |= dict.fromkeys(those, log_ms)
        log.append(item)
        if isinstance(item, PatientReadings):
            stored.take(item, ambiguous)
        if hasattr(item, "received_at_ms") and not isinstance(item, GatewayReport):
            now_ms = max(now_ms, item.received_at_ms)
            log_ms = max(log_ms, now_ms)
        if stored.readings and draw(st.integers(0, 4)) == 0:
            at_ms = now_ms + draw(st.sampled_from([0, MINUTE, 20 * MINUTE]))
            log += draw(correction(stored, at_ms))
            log_ms = max(log_ms, at_ms)
    for _ in range(draw(st.integers(0, 3))):
        now_ms += draw(st.sampled_from([0, MINUTE, HOUR, 5 * HOUR, 25 * HOUR, 28 * DAY]))
        if stored.readings:
            log += draw(correction(stored, now_ms))
    return replace(life, log=(*log, Tick(now_ms + HOUR)))


def may_change(one: StampedReading, others: set[str]) -> bool:
    """A store has each reading once, and of what is said of one nothing."""
    return one.reading.amends is None and one.reading.reading_id not in others


def seldom_corrected() -> Life:
    """What random lives bring seldom.

    Another patient's reading had ended what holds, twice; nobody repeated a flagged match; a normal
    reading was a severe one, and a severe one another patient's.
    """
    rule = RULE.format(
        id="a-0",
        ladder="bp-high",
        vital="blood_pressure",
        when="systolic > 180 mmHg",
        severity="critical",
    )
    book = HEAD.format(name="a", pressure_fresh="4h", glucose_fresh="1h") + rule + PRESSURE_BAND
    log = list[Item]()
    for begin_ms, hours in ((NOON, 1), (NOON + 2 * DAY, 30)):
        high, foreign = pressure(begin_ms, 190), pressure(begin_ms + MINUTE, 120)
        log += at_once(high, foreign)
        lent = gone(stamped(foreign, foreign.at_ms))
        log.append(Withdrawals("p1", begin_ms + hours * HOUR, "the cuff was lent", [lent]))
        log += at_once(pressure(begin_ms + 31 * HOUR, 120))
    moved, normal = pressure(NOON + 5 * DAY, 190, 80, "body-moved"), pressure(NOON + 6 * DAY, 120)
    log += [*at_once(moved), Tick(moved.at_ms + HOUR), *at_once(normal)]
    severe = pressure(normal.at_ms, 190).quantities
    read = CorrectedReading(
        normal.reading_id,
        2,
        normal.vital,
        normal.at_ms,
        normal.time,
        severe,
        normal.quantities,
        status=[],
    )
    log.append(Corrections("p1", normal.at_ms, "a decoder was mended", [read]))
    foreign = pressure(NOON + 7 * DAY, 190)
    lent = gone(stamped(foreign, foreign.at_ms))
    log += [*at_once(foreign), Withdrawals("p1", foreign.at_ms + HOUR, "the cuff was lent", [lent])]
    return Life((book + "\n",), (PatientEntry("p1", "Robin", ["a"]),), tuple(log))
