"""A partition reads its records and passes over what nobody can read and what was seen."""

import msgspec
import pytest

from alerts.engine.partitions.partition import Partition
from alerts.engine.readings.admission import AHEAD_MS_MAX
from alerts.engine.state.archive import decode_patient
from alerts.engine.state.plans import Plans
from alerts.engine.step import step
from schemas.kafka import Canary, Tick
from schemas.registry import PatientEntry
from tests.alerts.engine.histories import PATIENTS
from tests.alerts.engine.one_patient import restore_patient
from tests.alerts.readings import (
    BOTH,
    DAY,
    MINUTE,
    NOON,
    at_once,
    encoded,
    fresh_state,
    glucose,
    pressure,
    record,
    stamped,
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
    restore_patient(again.state, name, patient)
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


def people(*names: str) -> Partition:
    plans = Plans(trial())
    for name in names:
        plans.put(PatientEntry(name, name, BOTH))
    return Partition(trial(), plans, TOPIC)


def told_at(partition: Partition, *names: str, first: int = 0) -> list[str]:
    """A critical reading of each, at offsets from ``first`` on: of whom is anything told?"""
    log: list[tuple[int, bytes | None]] = [
        (first + n, encoded(record(NOON + n, [pressure(NOON + n, 200)], name)))
        for n, name in enumerate(names)
    ]
    return [one.patient_id for one in partition.judge(partition.read(log)).outcome.transitions]


def test_a_partition_begins_with_nothing_seen_and_goes_on_where_another_stands() -> None:
    first = people("p1")
    assert (first.next_offset, first.seen, first.held) == (0, 0, {})
    held = {"p1": 6}
    first.resume(3, NOON, 5, held)
    held.clear()
    assert (first.next_offset, first.state.log_ms, first.seen, first.held) == (
        3,
        NOON,
        5,
        {"p1": 6},
    )
    other = people("p1")
    other.go_on_like(first)
    assert (other.next_offset, other.state.log_ms, other.seen, other.held) == (
        3,
        NOON,
        5,
        {"p1": 6},
    )
    other.resume(7, NOON + 1, 5)
    assert (other.seen, other.held) == (7, {})
    first.begin_again(OTHER_TOPIC)
    assert (first.topic_id, first.next_offset, first.seen, first.held) == (OTHER_TOPIC, 0, 0, {})


def test_each_patient_is_judged_from_the_offset_up_to_which_the_state_has_seen() -> None:
    partition = people("p1", "p2")
    partition.resume(3, NOON - MINUTE, 5, {"p1": 6})
    assert told_at(partition, "p2", "p1", first=3) == [], "3 and 4 have been seen by both"
    assert partition.held == {"p1": 6}
    assert told_at(partition, "p2", first=5) == ["p2"]
    assert told_at(partition, "p1", first=6) == ["p1"]
    seen = people("p1")
    seen.resume(3, NOON - MINUTE, 5, {"p1": 6})
    assert told_at(seen, "p1", first=5) == []


def test_who_has_seen_more_than_the_others_is_known_until_they_have_too() -> None:
    partition = people("p1", "p2", "p3")
    partition.resume(3, NOON - MINUTE, 5, {"p1": 4, "p2": 6, "p3": 7})

    def held_after(next_offset: int) -> dict[str, int]:
        tick: tuple[int, bytes | None] = (next_offset - 1, encoded(Tick(NOON)))
        partition.judge(partition.read([tick]))
        return partition.held

    assert held_after(4) == {"p1": 4, "p2": 6, "p3": 7}, "not all have seen 5 yet"
    assert held_after(5) == {"p2": 6, "p3": 7}
    assert held_after(6) == {"p3": 7}
    assert held_after(7) == {}


@pytest.mark.parametrize(("holds", "written"), [(1, True), (2, True), (3, False)])
def test_who_was_restored_from_further_on_keeps_the_record_that_says_so(
    holds: int, written: bool
) -> None:
    """Time passes for all; what a deadline leads to is written by whoever has seen as much."""
    flagged = [(0, encoded(record(NOON, [pressure(NOON, 200, 80, "body-moved")])))]
    partition = people("p1")
    partition.judge(partition.read(list(flagged)))
    partition.resume(1, NOON, 1, {"p1": holds})
    tick: tuple[int, bytes | None] = (1, encoded(Tick(NOON + DAY)))
    batch = partition.judge(partition.read([tick]))
    assert [one.event for one in batch.outcome.transitions] == ["onset"]
    assert [name for name, _ in batch.patients] == (["p1"] if written else [])


def test_a_canary_is_given_apart_and_only_moves_time() -> None:
    partition = people("p1")
    canary = Canary("s-1", NOON, stamped(glucose(NOON, 40), NOON))
    entries = partition.read([(0, encoded_canary(canary))])
    assert entries.canaries == [canary]
    assert entries.records == [Tick(NOON)]
    assert (entries.rejected, entries.patients) == ([], set())
    assert partition.judge(entries).outcome.transitions == []
    assert partition.state.log_ms == NOON


def encoded_canary(canary: Canary) -> bytes:
    return msgspec.json.encode(canary)
