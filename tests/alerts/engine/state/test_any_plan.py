"""Whatever stands in registry.v1 in a plan's shape stops no engine, for it watches all others."""

import functools
import json
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.engine.step import step
from alerts.records import decode
from alerts.rules.load import load_books
from alerts.rules.reader import read_book
from schemas.kafka import Tick
from schemas.registry import PatientEntry
from schemas.topics import REGISTRY
from tests.alerts.engine.absence.silence_book import BOOK
from tests.alerts.engine.small_books import GATED
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, at_once, glucose, pressure

EDGES = [0, -1, NOON - DAY, NOON, NOON + HOUR, 253_402_214_400_000, 2**53, 2**62, 2**63 - 1]
TIMES = st.sampled_from([*EDGES, 2**63, -(2**63) - 1, 10**30, -(10**30)]) | st.integers()
CLOCKS = st.sampled_from(["06:00", "24:00", "23:59", "6", "", "99:99", "٠٦:٠٠", "-1:00"])
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "Pacific/Apia", "", "Europe", "../../etc", "\0", "EST5EDT", "a" * 999]
)
WRONG = ["", "170", "0 mmHg", "-5 mmHg", "nan mmHg", "1e999 mmHg", "100 kg", "9 stone"]
RIGHT = ["170 mmHg", "24.0 kPa", "60 mg/dL", "3.3 mmol/L", f"3.{30 * '3'} mmol/L"]
AMOUNTS = st.sampled_from([*WRONG, *RIGHT, f"{30 * '9'} mmHg"])
LIMITS = ["severe-systolic", "very-low-glucose", "mean-systolic", "nothing", ""]
BOOKS = ["adult-standard", "adult-diabetes", "pregnancy-postpartum", "silence", "none", ""]


def table(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=kinds)


def some(kind: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(kind, max_size=3)


SAID = {"author": "A", "role": "nurse", "reason": "", "valid_from_ms": 0}
LIMIT = st.builds(
    lambda one, more: SAID | one | more,
    st.fixed_dictionaries({"name": st.sampled_from(LIMITS), "values": some(AMOUNTS)}),
    table(valid_from_ms=TIMES, valid_until_ms=st.none() | TIMES, entered_at_ms=TIMES),
)
SCHEDULE = st.fixed_dictionaries(
    {
        "vital": st.sampled_from(["blood_pressure", "glucose", ""]),
        "windows": some(st.tuples(CLOCKS, CLOCKS)),
    },
    optional={"grace_min": TIMES},
)
PLAN = table(
    books=some(st.sampled_from(BOOKS)),
    zone=ZONES,
    care_plan_from_ms=TIMES,
    limits=some(LIMIT),
    schedules=some(SCHEDULE),
    pauses=some(st.fixed_dictionaries({"from_ms": TIMES}, optional={"until_ms": TIMES})),
    zones=some(st.fixed_dictionaries({"from_ms": TIMES, "zone": ZONES})),
    therapy_start_ms=st.none() | TIMES,
    under_13=st.booleans(),
)
READINGS = [
    pressure(NOON, 120),
    pressure(NOON + MINUTE, 250, 130),
    glucose(NOON + 2 * MINUTE, 50),
    glucose(NOON + 3 * MINUTE, "LO"),
]


@functools.cache
def rules() -> RuleSet:
    silence = BOOK.replace("[[rule]]", f"{GATED}\n[[rule]]", 1)
    return arrange([*load_books(), read_book("silence", silence)])


BEYOND = {"name": "severe-systolic", "values": [f"{30 * '9'} mmHg"]} | SAID


@settings(max_examples=25)
@example([{"limits": [BEYOND]}])
@given(st.lists(PLAN, min_size=1, max_size=2))
def test_no_plan_stops_the_engine_and_what_it_tells_can_be_written(plans: list[Any]) -> None:
    state = PartitionState(rules(), Plans(rules()))
    log = at_once(*READINGS)
    for number, plan in enumerate(plans):
        raw = {"kind": "patient", "patient_id": "p1", "pseudonym": "Robin"} | plan
        entry = decode(REGISTRY, b"patient/p1", json.dumps(raw).encode())
        assert isinstance(entry, PatientEntry)
        state.plans.put(entry)
        state.row("p1")
        state.replan("p1")
        found = step(
            state, [*log[2 * number : 2 * number + 2], Tick(NOON + (number + 1) * 5 * DAY)]
        )
        msgspec.json.encode(found.transitions)
