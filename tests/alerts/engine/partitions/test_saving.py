"""Snapshots of an engine are written bit by bit, beside its work; until one is there it says so."""

from pathlib import Path
from typing import cast

from alerts.engine.partitions.replicas import Replicas
from alerts.engine.state.plans import Plans
from alerts.log import Log, TopicLife
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
