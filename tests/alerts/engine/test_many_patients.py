"""More patients than there was room for: whoever was there before is judged as before."""

import msgspec
import pytest

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.engine.step import Outcome, step
from alerts.rules.reader import read_book
from schemas.kafka import PatientReadings, ReadingsRecord
from schemas.registry import PatientEntry, PersonalLimit, ZonePeriod
from tests.alerts.book_text import rule
from tests.alerts.engine.window_rules import GATED, RISE
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    fresh_state,
    glucose,
    pressure,
    record,
)

COUNT = 260
LIMIT = """
[limits.goal]
value = ["150 mmHg"]
allowed = [["120 mmHg"], ["200 mmHg"]]
relaxing = "up"

"""
TEXT = [
    LIMIT,
    rule("high", "systolic >= limit.goal", ladder="bp-high"),
    rule("low", "systolic <= 90 mmHg", ladder="bp-low"),
    rule("mean", "systolic >= 135 mmHg", "window = { mean_days = 2, readings = 2, days = 1 }"),
    RISE,
]


def rules() -> RuleSet:
    return arrange([read_book("edges.toml", GATED + "".join(TEXT))])


def patients() -> list[PatientEntry]:
    """Some with a plan of their own: later, elsewhere, with another limit, on a therapy."""
    goal = PersonalLimit("goal", ["170 mmHg"], "Dr. Ito", "physician", "frail", 0, None, 0)
    made = []
    for number in range(COUNT):
        entry = PatientEntry(f"p{number:03}", "Robin", ["edges"])
        match number % 6:
            case 1:
                entry = msgspec.structs.replace(entry, care_plan_from_ms=NOON + HOUR)
            case 2:
                entry = msgspec.structs.replace(entry, limits=[goal])
            case 3:
                entry = msgspec.structs.replace(entry, zone="Pacific/Auckland")
            case 4:
                entry = msgspec.structs.replace(entry, therapy_start_ms=NOON + 2 * MINUTE)
            case 5:
                zones = [ZonePeriod(NOON + MINUTE, "Pacific/Auckland")]
                entry = msgspec.structs.replace(entry, zones=zones)
            case _:
                pass
        made.append(entry)
    return made


def logs(entry: PatientEntry) -> list[ReadingsRecord]:
    """High and a flagged one that waits; then back within limits, then the days after."""
    first = [pressure(NOON, 160), pressure(NOON + MINUTE, 80, 60, "body-moved")]
    later = [
        pressure(NOON + 90 * MINUTE, 140),
        pressure(NOON + 2 * HOUR, 160),
        pressure(NOON + 10 * HOUR, 141),
        pressure(NOON + DAY, 142),
    ]
    return [
        record(measured[-1].at_ms, measured, entry.patient_id)
        for measured in (first, *([one] for one in later))
    ]


def test_each_of_many_hears_what_one_alone_would() -> None:
    """Room is made for 256 rows at first; the others come while much is open already."""
    everybody, rule_set = patients(), rules()
    state = fresh_state(*everybody, rules=rule_set)
    turns = list(zip(*map(logs, everybody), strict=True))
    found = step(state, turns[0][:250]).transitions
    assert len(state.from_ms) == 256
    found += step(state, turns[0][250:]).transitions
    found += step(state, [one for turn in turns[1:] for one in turn]).transitions
    for entry in [*everybody[:6], *everybody[-6:]]:
        alone = step(fresh_state(entry, rules=rule_set), logs(entry)).transitions
        assert [one for one in found if one.patient_id == entry.patient_id] == alone
        assert alone, entry


def test_room_may_be_made_in_advance_and_changes_nothing() -> None:
    (entry, *_) = patients()
    state = fresh_state(entry, rules=rules())
    first = step(state, logs(entry)[:2]).transitions
    state.reserve(5000)
    state.reserve(10)
    assert len(state.from_ms) == 5000
    found = first + step(state, logs(entry)[2:]).transitions
    assert found == step(fresh_state(entry, rules=rules()), logs(entry)).transitions


# -- whose state is written ------------------------------------------------------------------------


def test_whoever_sent_anything_that_is_kept_is_written_also_if_nothing_is_told() -> None:
    state = fresh_state(PatientEntry("p1", "Robin", ["adult-standard"]))

    def touched(*measured: Measured, patient_id: str = "p1") -> set[str]:
        log: list[ReadingsRecord] = [record(one.at_ms, [one], patient_id) for one in measured]
        outcome: Outcome = step(state, log)
        assert outcome.transitions == []
        return {state.patients[row] for row in outcome.touched}

    assert touched(pressure(NOON, 120)) == {"p1"}
    assert touched(pressure(NOON + 1, 121), patient_id="p2") == {"p2"}
    assert touched(Measured("weight", {}, NOON + 2)) == {"p1"}  # kept for books to come
    assert touched(Measured("mood", {}, NOON + 2)) == {"p1"}  # it is one of its session
    assert touched(glucose(NOON + 3, 100)) == {"p1"}


def test_the_step_says_how_old_readings_were_and_how_many_came_twice() -> None:
    state = fresh_state(PatientEntry("p1", "Robin", ["adult-standard"]))
    one, two = pressure(NOON, 120), pressure(NOON + MINUTE, 121)
    log: list[ReadingsRecord] = [record(NOON + HOUR, [one, two]), record(NOON + HOUR, [one, one])]
    outcome = step(state, log)
    assert max(outcome.ages_ms) == HOUR
    assert outcome.duplicates == 2


def test_a_stranger_of_whom_the_registry_says_nothing_has_every_book() -> None:
    plans = Plans(rules())
    state = PartitionState(rules(), plans)
    log: list[PatientReadings] = [record(NOON, [pressure(NOON, 160)], "stranger")]
    assert [one.rule for one in step(state, log).transitions] == ["high"]
    plans.put(PatientEntry("stranger", "Kim", ["gone", "edges"]))
    assert "stranger" in plans
    assert plans.put(PatientEntry("stranger", "Kim", ["gone", "edges"])) == ["gone"]
    plans.remove("stranger")
    plans.remove("stranger")
    assert list(plans) == []


@pytest.mark.parametrize("books", [["gone"], ["gone", "lost"]])
def test_a_patient_whose_every_book_is_gone_is_judged_by_all_the_others(books: list[str]) -> None:
    state = fresh_state(PatientEntry("p1", "Robin", []), rules=rules())
    state.plans.put(PatientEntry("p1", "Robin", books))
    found = step(state, [record(NOON, [pressure(NOON, 160)])]).transitions
    assert [one.rule for one in found] == ["high"]
