"""A partition reads its records and passes over what nobody can read and what was seen."""

import msgspec
import pytest

from alerts.engine.admission import AHEAD_MS_MAX
from alerts.engine.archive import decode_patient
from alerts.engine.partition import Partition
from alerts.engine.plans import Plans
from alerts.engine.step import step
from schemas.kafka import Tick
from schemas.registry import PatientEntry
from tests.alerts.engine.histories import PATIENTS
from tests.alerts.readings import (
    BOTH,
    DAY,
    MINUTE,
    NOON,
    at_once,
    encoded,
    fresh_state,
    pressure,
    record,
    trial,
)

TOPIC, OTHER_TOPIC = "topic-1", "topic-2"


def offsets(log: list[bytes], start: int, count: int) -> list[tuple[int, bytes | None]]:
    return [(offset, value) for offset, value in list(enumerate(log))[start : start + count]]


def restored() -> Partition:
    plans = Plans(trial())
    for patient in PATIENTS:
        plans.put(patient)
    return Partition(trial(), plans, TOPIC)


def test_what_a_patient_has_seen_is_not_judged_again() -> None:
    log = [encoded(one) for one in at_once(pressure(NOON, 200), pressure(NOON + MINUTE, 201))]
    first = restored()
    ((name, kept),) = first.judge(first.read(offsets(log, 0, 2))).patients
    patient = decode_patient(kept)
    assert patient is not None
    again = restored()
    again.restore(name, patient)
    again.resume(0, 0, 0, {"p1": 2})
    log.append(encoded(at_once(pressure(NOON + 2 * MINUTE, 202))[0]))
    batch = again.judge(again.read(offsets(log, 0, 3)))
    assert [one.event for one in batch.outcome.transitions] == ["again"]


def test_records_that_nobody_can_read_are_named_and_passed_over() -> None:
    partition = restored()
    entries = partition.read([(0, b"{"), (1, None), (2, encoded(Tick(NOON)))])
    assert (entries.rejected, len(entries.records), entries.next_offset) == ([0, 1], 1, 3)
    future = partition.read([(3, b'{"kind":"tick","received_at_ms":1,"version":2}')])
    assert future.rejected == [3]


@pytest.mark.parametrize("at_ms", [10**30, -(10**30), 2**63, 253_402_300_800_000, -(10**14)])
def test_times_that_no_calendar_has_are_passed_over(at_ms: int) -> None:
    partition = restored()
    odd, sound = pressure(NOON, 200), pressure(NOON, 201)
    one = record(NOON, [odd, sound])
    stamp = msgspec.structs.replace(one.readings[0].stamp, measured_at_ms=at_ms)
    one.readings[0] = msgspec.structs.replace(one.readings[0], stamp=stamp)
    entries = partition.read([(0, encoded(Tick(at_ms))), (1, encoded(one))])
    assert entries.rejected == [0, 1]
    (onset,) = partition.judge(entries).outcome.transitions
    assert onset.evidence.quantities["systolic"] == "201 mmHg"


@pytest.mark.parametrize("zone", ["", "Mars/Phobos", "America", "/etc", "../etc", "\0"])
def test_a_care_plan_that_makes_no_sense_stops_nothing(zone: str) -> None:
    entry = PatientEntry("p1", "Robin", BOTH, zone=zone, care_plan_from_ms=-(10**40))
    old = record(NOON, [pressure(NOON - 3 * DAY, 200)])
    (stale,) = step(fresh_state(entry), [old]).transitions
    assert stale.event == "stale"


def test_state_of_another_version_is_left_alone() -> None:
    assert decode_patient(b"\x00") is None


def test_a_stamp_from_the_future_does_not_move_the_log_there() -> None:
    partition = restored()
    far = NOON + 3 * DAY
    odd = encoded(record(far, [pressure(NOON, 200)]))
    entries = partition.read([(0, odd), (1, encoded(Tick(far)))], [NOON + MINUTE, NOON + MINUTE])
    assert (entries.ahead, entries.rejected) == ([0, 1], [])
    (onset,) = partition.judge(entries).outcome.transitions
    assert (onset.event, onset.at_ms) == ("onset", NOON + MINUTE)
    assert partition.state.log_ms == NOON + MINUTE


@pytest.mark.parametrize(("ahead_ms", "held"), [(AHEAD_MS_MAX, []), (AHEAD_MS_MAX + 1, [0])])
def test_clocks_may_differ_a_little(ahead_ms: int, held: list[int]) -> None:
    entries = restored().read([(0, encoded(Tick(NOON + ahead_ms)))], [NOON])
    assert entries.ahead == held


def test_a_broker_that_does_not_say_when_bounds_nothing() -> None:
    assert restored().read([(0, encoded(Tick(NOON)))], [-1]).ahead == []
