"""How much is remembered of a patient: 32 ids, 10 readings, 8 days, 255 of a day; and what is not.

The numbers are written out: what alerts.state.v1 keeps must not change by accident.
"""

import msgspec
import numpy as np
import pytest

from alerts.engine.ladders.ladder import arrange
from alerts.engine.state import memory as memories
from alerts.engine.state.memory import Memory
from alerts.engine.state.plans import Plans
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.registry import PatientEntry, ZonePeriod
from schemas.vitals import VITALS
from tests.alerts.book_text import rule
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.engine.histories import reborn
from tests.alerts.engine.window_rules import HEAD, ROBIN, rules
from tests.alerts.readings import (
    BOTH,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    at_once,
    fresh_state,
    glucose,
    pressure,
    record,
)

ONE = np.array([0])
SECONDS = 30_000


def test_what_a_slot_holds() -> None:
    assert (memories.RECENT_MAX, memories.RING_MAX, memories.DAYS_MAX) == (32, 10, 8)
    assert memories.DAY_READINGS_MAX == 255
    flags = {
        name: Memory(VITALS[name]).layout.entry["flags"].itemsize
        for name in ("blood_pressure", "glucose", "oximetry")
    }
    assert flags == {"blood_pressure": 2, "glucose": 4, "oximetry": 8}


@pytest.mark.parametrize("singly", [False, True])
@pytest.mark.parametrize("count", [1, 31, 32, 33, 63, 64, 65, 96, 97, 200])
def test_the_last_32_ids_are_known_and_no_older_one(count: int, singly: bool) -> None:
    memory = Memory(VITALS["glucose"])
    slot = memory.slots(np.array([3]))
    for number in range(1, count + 1):
        if singly:
            assert memory.remember_one(int(slot[0]), number)
        else:
            memory.remember(slot, np.array([number], np.uint64))
    known = [
        number
        for number in range(1, count + 1)
        if memory.seen(slot, np.array([number], np.uint64))[0]
    ]
    assert known == list(range(max(1, count - 31), count + 1))
    assert not memory.remember_one(int(slot[0]), count), "it is known already"
    assert memory.remember_one(int(slot[0]), 1000)


def test_ids_that_were_kept_alone_are_put_back_in_their_order() -> None:
    memory = Memory(VITALS["glucose"])
    slot = memory.slots(ONE)
    memory.push(slot, np.ones(1, memory.layout.entry))
    memory.restore_recent(0, np.arange(1, 41, dtype=np.uint64))
    assert len(memory.ring(0)) == 0, "of what was known before nothing is left"
    seen = [bool(memory.seen(slot, np.array([one], np.uint64))[0]) for one in (8, 9, 40)]
    assert seen == [False, True, True]
    memory.remember(slot, np.array([41], np.uint64))
    seen = [bool(memory.seen(slot, np.array([one], np.uint64))[0]) for one in (9, 10, 41)]
    assert seen == [False, True, True], "the oldest goes first"


@pytest.mark.parametrize("count", [1, 9, 10, 11, 19, 20, 21, 35])
def test_of_a_ring_the_newest_are_given_newest_first(count: int) -> None:
    memory = Memory(VITALS["glucose"])
    slot = memory.slots(ONE)
    for number in range(count):
        entry = np.zeros(1, memory.layout.entry)
        entry["at_ms"] = number
        memory.push(slot, entry)
    found, there = memory.last(slot, 10)
    assert found["at_ms"][there].tolist() == list(range(count))[::-1][:10]
    assert memory.ring(0)["at_ms"].tolist() == list(range(count))[-10:]
    whole = memory.ring(0)
    memory.put_ring(0, np.concatenate([whole, whole]))
    assert memory.ring(0)["at_ms"].tolist() == whole["at_ms"].tolist()[-10:] or count < 10


def test_a_reading_that_comes_again_is_dropped_while_its_id_is_known() -> None:
    """After 32 others it is not known any more, but old: it cannot page a second time."""
    state = fresh_state(PatientEntry("p1", "Robin", BOTH))
    low = glucose(NOON, 50)
    assert [one.event for one in step(state, at_once(low)).transitions] == ["onset"]
    others = [glucose(NOON + (1 + n) * MINUTE, 100) for n in range(32)]
    step(state, at_once(*others[:31]))
    last = NOON + 31 * MINUTE
    dropped = step(state, [record(last, [low])])
    assert (dropped.transitions, dropped.duplicates) == ([], 1)
    step(state, at_once(others[31]))
    again = step(state, [record(NOON + 32 * MINUTE, [low])])
    assert again.duplicates == 0
    assert [(one.event, one.severity) for one in again.transitions] == [
        ("resolved-before-seen", "medium")
    ]


MEAN = rule("mean", "systolic >= 135 mmHg", "window = { mean_days = 2, readings = 3, days = 1 }")


@pytest.mark.parametrize("late", [False, True])
def test_of_a_day_255_readings_count(late: bool) -> None:
    """Nobody measures more often; a device that does must not turn a counter round."""
    state = fresh_state(ROBIN, rules=rules(MEAN))
    step(state, at_once(pressure(NOON - DAY, 100)))
    many = [pressure(NOON + n * SECONDS, 140) for n in range(300)]
    log = [record(many[-1].at_ms, many[::-1] if late else many)]
    found = step(state, log).transitions
    assert [one.event for one in found if one.event != "again"] == ["onset"]
    (days,) = state.memories[0].days(ONE)
    assert sorted(days["readings"].tolist())[-2:] == [1, 255]
    low = [pressure(NOON + (300 + n) * SECONDS, 40) for n in range(300)]
    assert step(state, at_once(*low)).transitions == [], "none of these counts any more"


def test_eight_days_are_kept_and_the_newest_that_went_is_known() -> None:
    """Day 1 began the episode. On day 10 it is not kept any more, and the episode goes on."""
    text = rule(
        "mean", "systolic >= 135 mmHg", "window = { mean_days = 8, readings = 8, days = 8 }"
    )
    state = fresh_state(ROBIN, rules=rules(text))
    days = [pressure(NOON + n * DAY, 140) for n in range(10)]
    assert step(state, at_once(*days[:8])).transitions == []
    state = reborn(state, rules(text), [ROBIN])
    found = step(state, at_once(days[8])).transitions
    assert [(one.event, one.at_ms) for one in found] == [("onset", NOON + 8 * DAY)]
    (kept,) = state.memories[0].days(ONE)
    first = int(NOON // DAY) + 1
    assert sorted(kept["day"].tolist()) == [first + n for n in range(1, 9)]
    assert int(state.memories[0].table["forgotten_day"][0]) == first


def test_a_row_without_readings_has_no_slot_and_bytes_come_back_as_they_were() -> None:
    memory = Memory(VITALS["glucose"])
    assert memory.encoded(np.array([5])) == [b""]
    memory.remember(memory.slots(np.array([5])), np.array([77], np.uint64))
    (encoded,) = memory.encoded(np.array([5]))
    assert len(encoded) == memory.layout.slot.itemsize
    other = Memory(VITALS["glucose"])
    other.slots(np.array([1, 2]))
    assert other.restore(np.array([5, 2]), [encoded, encoded]).all()
    assert [one == encoded for one in other.encoded(np.array([5, 2, 1]))] == [True, True, False]
    assert other.used == 3


def test_slots_are_kept_when_more_are_reserved() -> None:
    memory = Memory(VITALS["glucose"])
    memory.reserve(600)
    rows = np.arange(600)
    for row in rows:
        memory.remember_one(int(memory.slots(np.array([row]))[0]), 1000 + int(row))
    slots = memory.slots(rows)
    assert memory.seen(slots, (1000 + rows).astype(np.uint64)).all()
    assert not memory.seen(slots, (1001 + rows).astype(np.uint64)).any()


def test_a_patient_who_moves_has_each_day_in_the_zone_of_its_time() -> None:
    """And once the plan says that there was no move, in the one zone alone."""
    evening_ms = NOON + 11 * HOUR  # 23:00 UTC, the next day in Auckland
    moved = msgspec.structs.replace(
        ROBIN, zone="UTC", zones=[ZonePeriod(evening_ms + 1, "Pacific/Auckland")]
    )
    state = fresh_state(moved, rules=rules(MEAN))
    row = state.row("p1")

    def days() -> list[int]:
        times = np.array([evening_ms, evening_ms + 1])
        return [day - NOON // DAY for day in state.local_days(np.array([row, row]), times).tolist()]

    def planned(entry: PatientEntry) -> list[int]:
        state.plans.put(entry)
        state.replan("p1")
        return days()

    assert days() == [0, 1]
    assert planned(msgspec.structs.replace(ROBIN, zone="UTC")) == [0, 0]
    assert planned(msgspec.structs.replace(ROBIN, zone="Pacific/Auckland")) == [1, 1]
    assert planned(moved) == [0, 1]
    late = ZonePeriod(evening_ms - DAY, "Pacific/Auckland", evening_ms + 1)
    assert planned(msgspec.structs.replace(moved, zones=[late])) == [0, 1], "earlier days stay"
    other = ZonePeriod(evening_ms - DAY, "Europe/Berlin", evening_ms + 2)
    for zones in ([late, other], [other, late]):
        assert planned(msgspec.structs.replace(moved, zones=zones)) == [0, 1], "also what replaces"
    gone = ZonePeriod(evening_ms - 2 * DAY, "Europe/Berlin", evening_ms + 1)
    for zones in ([late, gone], [gone, late]):
        assert planned(msgspec.structs.replace(moved, zones=zones)) == [0, 1], "of a time before"
    assert planned(msgspec.structs.replace(ROBIN, zone="nowhere")) == [0, 0], "UTC"


@pytest.mark.parametrize("at_ms", [10**30, -(10**30), 2**63])
def test_a_first_dose_that_no_calendar_has_stops_nothing(at_ms: int) -> None:
    lines = 'baseline = { readings = 6, days = 14, before = "therapy" }'
    text = HEAD + rule("rise", "systolic rise >= 20 mmHg", lines)
    rule_set = arrange([read_book("edges.toml", text)])
    entry = msgspec.structs.replace(ROBIN, therapy_start_ms=at_ms)
    assert by_cuts(at_once(pressure(NOON, 160)), entry, rules=rule_set) == []


@pytest.mark.parametrize(("age", "watched"), [(12, True), (13, False), (18, False)])
def test_no_book_from_thirteen_years_on_judges_a_child(age: int, watched: bool) -> None:
    text = HEAD.replace('population = "Adults"', f'population = "All"\nfrom_age = {age}')
    rule_set = arrange([read_book("edges.toml", text + rule("high", "systolic > 150 mmHg"))])
    child = msgspec.structs.replace(ROBIN, under_13=True)
    log = at_once(pressure(NOON, 160))
    assert bool(by_cuts(log, child, rules=rule_set)) is watched
    assert step(fresh_state(ROBIN, rules=rule_set), log).transitions
    assert Plans(rule_set).refused(child) == ([] if watched else ["edges"])
    assert Plans(rule_set).refused(ROBIN) == []


def test_a_reading_that_is_forgotten_may_come_again_and_no_other() -> None:
    memory = Memory(VITALS["glucose"])
    slot = memory.slots(ONE)
    for number in (5, 6, 7):
        memory.remember_one(int(slot[0]), number)

    def known() -> list[bool]:
        return [bool(memory.seen(slot, np.array([n], np.uint64))[0]) for n in (1, 5, 6, 7)]

    memory.forget_one(int(slot[0]), 99)
    assert known() == [False, True, True, True]
    memory.forget_one(int(slot[0]), 6)
    assert known() == [False, True, False, True]
    assert memory.remember_one(int(slot[0]), 6)
