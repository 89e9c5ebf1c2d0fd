"""A partition that is restarted wherever it may crash: events repeat, none is lost or changed."""

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.archive import decode_checkpoint, decode_patient
from alerts.engine.partition import Partition
from alerts.engine.plans import Plans
from alerts.engine.step import step
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord, Tick
from schemas.registry import PatientEntry
from tests.alerts.engine.histories import PATIENTS, histories, judged
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


@dataclass
class Disk:
    """The output topics: every event ever written; of the state the last of each key."""

    events: list[Transition] = field(default_factory=list)
    patients: dict[str, bytes] = field(default_factory=dict)
    checkpoint: bytes = b""

    def restore(self, topic_id: str = TOPIC) -> Partition:
        plans = Plans(trial())
        for patient in PATIENTS:
            plans.put(patient)
        partition = Partition(trial(), plans, topic_id)
        for patient_id, value in self.patients.items():
            kept = decode_patient(value)
            assert kept is not None
            partition.restore(patient_id, kept)
        checkpoint = decode_checkpoint(self.checkpoint)
        if checkpoint is not None:
            same = checkpoint.topic_id == topic_id
            partition.resume(checkpoint.next_offset if same else 0, checkpoint.log_ms)
        return partition

    def write(self, partition: Partition, log: list[bytes], count: int, survives: int) -> bool:
        """Judge ``count`` records and write what they lead to; crash after ``survives`` writes."""
        start = partition.next_offset
        numbered = list(enumerate(log))[start : start + count]
        batch = partition.judge(partition.read([(offset, value) for offset, value in numbered]))
        for event in batch.outcome.transitions:
            if survives == 0:
                return False
            self.events.append(event)
            survives -= 1
        for patient_id, value in batch.patients:
            if survives == 0:
                return False
            self.patients[patient_id] = value
            survives -= 1
        if survives == 0:
            return False
        self.checkpoint = batch.checkpoint
        return True


@settings(max_examples=30)
@given(histories(), st.data())
def test_a_crash_anywhere_loses_no_event_and_gives_none_another_meaning(
    records: list[ReadingsRecord], data: st.DataObject
) -> None:
    log = [encoded(one) for one in records]
    disk = Disk()
    for _ in range(8):
        partition = disk.restore()
        if partition.next_offset == len(log):
            break
        survives = data.draw(st.integers(0, 12), label="writes before the crash")
        disk.write(partition, log, data.draw(st.integers(1, 10), label="records"), survives)
    partition = disk.restore()
    while partition.next_offset < len(log):
        assert disk.write(partition, log, 3, survives=10_000)
    expected = {one.event_id: one for one in judged(records)}
    found = {one.event_id: one for one in disk.events}
    assert found == expected
    assert all(expected[one.event_id] == one for one in disk.events)


def test_a_topic_made_again_is_read_from_its_beginning_and_nothing_is_judged_twice() -> None:
    log = [encoded(one) for one in at_once(pressure(NOON, 120), pressure(NOON + MINUTE, 200))]
    disk = Disk()
    disk.write(disk.restore(), log, 2, survives=100)
    assert disk.restore().next_offset == 2
    again = disk.restore(OTHER_TOPIC)
    assert again.next_offset == 0
    disk.write(again, [*log, encoded(at_once(pressure(NOON + 2 * MINUTE, 201))[0])], 3, 100)
    assert [one.event for one in disk.events] == ["onset", "again"]
    assert len({one.alert_id for one in disk.events}) == 1


def test_a_topic_made_again_while_it_is_read_gets_every_state_anew() -> None:
    partition = Disk().restore()
    partition.judge(partition.read([(0, encoded(record(NOON, [pressure(NOON, 200)])))]))
    ((patient_id, value),) = partition.begin_again(OTHER_TOPIC)
    kept = decode_patient(value)
    assert (patient_id, partition.next_offset) == ("p1", 0)
    assert kept is not None
    assert (kept.topic_id, kept.next_offset) == (OTHER_TOPIC, 0)


def test_state_written_anew_does_not_judge_anything_again() -> None:
    partition = Disk().restore()
    partition.judge(partition.read([(0, encoded(record(NOON, [pressure(NOON, 192)])))]))
    ((_, value),) = partition.begin_again(TOPIC)
    kept = decode_patient(value)
    assert kept is not None
    assert partition.next_offset == kept.next_offset == 1


def test_records_that_nobody_can_read_are_named_and_passed_over() -> None:
    partition = Disk().restore()
    entries = partition.read([(0, b"{"), (1, None), (2, encoded(Tick(NOON)))])
    assert (entries.rejected, len(entries.records), entries.next_offset) == ([0, 1], 1, 3)
    future = partition.read([(3, b'{"kind":"tick","received_at_ms":1,"version":2}')])
    assert future.rejected == [3]


@pytest.mark.parametrize("at_ms", [10**30, -(10**30), 2**63, 253_402_300_800_000, -(10**14)])
def test_times_that_no_calendar_has_are_passed_over(at_ms: int) -> None:
    partition = Disk().restore()
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
    assert decode_checkpoint(b"") is None
