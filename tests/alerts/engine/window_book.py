"""A book with a rule of each kind of window: counted, averaged, risen."""

import numpy as np
from hypothesis import strategies as st

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from schemas.registry import PatientEntry
from tests.alerts.book_text import MOVED, PRESSURE, head, rule
from tests.alerts.readings import DAY, HOUR, NOON, Measured, fresh_state, pressure

BOOK = (
    head("windows", PRESSURE + MOVED)
    + rule("twice", "systolic >= 145 mmHg", "window = { matching = 2, of = 3 }", ladder="bp-high")
    + rule(
        "mean",
        "systolic >= 135 mmHg",
        'band = ["2 mmHg"]',
        "window = { mean_days = 3, readings = 4, days = 2 }",
        ladder="bp-mean",
        severity="medium",
    )
    + rule(
        "rise",
        "systolic rise >= 20 mmHg",
        'baseline = { readings = 2, days = 2, before = "therapy" }',
        'title = "Risen"',
        ladder="bp-rise",
        severity="medium",
    )
)


def rules() -> RuleSet:
    return arrange([read_book("windows.toml", BOOK)])


def fresh() -> PartitionState:
    entry = PatientEntry("p1", "Robin", ["windows"], therapy_start_ms=NOON + DAY)
    return fresh_state(entry, rules=rules())


def judged(*log: ReadingsRecord) -> list[Transition]:
    return step(fresh(), log).transitions


def told(*log: ReadingsRecord) -> list[tuple[str, str]]:
    return [(one.event, one.rule) for one in judged(*log)]


def days(value: int, count: int = 3) -> list[Measured]:
    return [pressure(NOON + n * DAY + k * HOUR, value) for n in range(count) for k in range(2)]


LATE = 1 << 14
"""In what a ring keeps of a blood pressure's flags: it came too late to end anything."""


def memory_of(state: PartitionState, *, arrivals: bool = True) -> object:
    """What is kept; without ``arrivals`` not how late each reading came."""
    memory = state.memories[0]
    slot = int(memory.slot_of[0])
    if slot < 0:
        return None
    row = memory.table[slot]
    kept = sorted(
        (int(day["day"]), int(day["readings"]), day["total"].tolist(), day["count"].tolist())
        for day in row["days"]
        if day["readings"]
    )
    ring = memory.ring(slot)
    ring["flags"] &= ~np.uint16(0 if arrivals else LATE)
    names = ("at_ms", "high", "low", "seq", "milli", "codes", "flags", "mark")
    entries = [[ring[name][n].tolist() for name in names] for n in range(len(ring))]
    return kept, entries, row["baseline_total"].tolist(), row["baseline_count"].tolist()


values = st.sampled_from([100, "130.4", 136, 150, "NaN", "HI"])
moments = st.sampled_from([NOON + n * 6 * HOUR for n in range(12)])


@st.composite
def measurements(draw: st.DrawFn) -> list[Measured]:
    times = sorted(draw(st.sets(moments, min_size=1, max_size=8)))
    flags = st.sampled_from([(), (), ("body-moved",)])
    return [pressure(at_ms, draw(values), 80, *draw(flags)) for at_ms in times]


def named(one: Measured) -> Measured:
    """A reading keeps its name when it is corrected."""
    return Measured(one.vital, one.quantities, one.at_ms, one.flags, name=str(one.at_ms))
