"""Snapshots of an engine are written bit by bit, beside its work; until one is there it says so."""

from pathlib import Path
from typing import cast

from alerts.engine.partitions.output import Output
from alerts.engine.partitions.partition import Entries
from alerts.engine.partitions.replicas import Replicas
from alerts.engine.state.plans import Plans
from alerts.log import Log, TopicLife
from schemas.kafka import Tick
from schemas.registry import PatientEntry
from schemas.topics import READINGS, STATE
from tests.alerts.readings import basic
from tests.servers import HandClock

PARTITIONS = 2
EVERY_MS = 60_000
LIFE = TopicLife(READINGS, "readings-1", PARTITIONS)


class _RunningClock(HandClock):
    """Goes on whenever somebody looks at it."""

    def monotonic_ms(self) -> int:
        self.pass_ms(15)
        return super().monotonic_ms()


class _State:
    """A connection to an alerts.state.v1 in which there is nothing."""

    def life(self, topic: str) -> TopicLife:
        return TopicLife(topic, "state-1", PARTITIONS)

    def seek(self, starts: dict[tuple[str, int], int]) -> None:
        assert {topic for topic, _ in starts} == {STATE}


class _Output:
    """Has written one record to each partition of alerts.state.v1."""

    ends = {(STATE, number): 1 for number in range(PARTITIONS)}  # noqa: RUF012  (never changed)


def test_what_is_judged_and_not_written_is_in_no_snapshot(tmp_path: Path) -> None:
    rules, clock = basic(), HandClock()
    replicas = Replicas(rules, Plans(rules), "engine", clock)
    replicas.keep_snapshots(tmp_path, EVERY_MS)
    replicas.connect(cast("Log", _State()), LIFE)
    due = [replicas.save_due]
    clock.pass_ms(EVERY_MS)
    assert [*due, replicas.save_due] == [False, True]
    for offset in range(2):
        replicas.judge(0, Entries([Tick(offset)], [], offset + 1, []))
    for _ in range(2):
        replicas.save()
        assert not list(tmp_path.iterdir())
        replicas.written({0}, cast("Output", _Output()))
    while replicas.save_due:
        replicas.save()
    assert len(list(tmp_path.glob("*.state"))) == PARTITIONS


def test_a_snapshot_is_under_way_from_when_it_is_due_until_it_is_there(tmp_path: Path) -> None:
    rules, clock = basic(), _RunningClock()
    plans = Plans(rules)
    for number in range(1_000):
        plans.put(PatientEntry(f"p{number}", "Robin", []))
    replicas = Replicas(rules, plans, "engine", clock)
    replicas.keep_snapshots(tmp_path, EVERY_MS)
    replicas.connect(cast("Log", _State()), LIFE)
    replicas.expect(plans)
    replicas.save()
    assert not replicas.saving, "not due"
    clock.pass_ms(EVERY_MS)
    steps = 0
    while len(list(tmp_path.glob("*.state"))) < PARTITIONS:
        replicas.save()
        steps += 1
        assert replicas.saving == bool(list(tmp_path.glob("*.new")))
    assert steps > PARTITIONS, "it leaves time for what comes meanwhile"
    assert not replicas.saving
