"""Engines that share a partition without Kafka, each of which may die between two writes."""

from dataclasses import dataclass, field

from alerts.engine.partitions.replica import Replica
from alerts.engine.state.plans import Plans
from schemas.alert import Transition
from tests.alerts.engine.histories import PATIENTS
from tests.alerts.readings import trial

TOPIC, OTHER_TOPIC = "topic-1", "topic-2"
NEVER = 10_000


@dataclass
class World:
    """alerts.v1 and alerts.state.v1 of one partition; writes stop when ``survives`` is used up."""

    events: list[Transition] = field(default_factory=list)
    state: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    survives: int = NEVER

    def put(self, key: bytes, value: bytes | None) -> bool:
        self.survives -= 1
        if self.survives >= 0:
            self.state.append((key, value))
        return self.survives >= 0

    def compact(self) -> None:
        """Keep the last record of each key, in the order of the log: no offset changes."""
        last = {key: place for place, (key, _) in enumerate(self.state)}
        gone = (b"", None)
        self.state = [
            one if last[one[0]] == place else gone for place, one in enumerate(self.state)
        ]


class Member:
    """An engine: it may lead, be slow to notice that it does not, or die and begin anew."""

    def __init__(self, world: World, name: str, topic_id: str = TOPIC) -> None:
        self.world, self.name = world, name
        plans = Plans(trial())
        for patient in PATIENTS:
            plans.put(patient)
        self.replica = Replica(trial(), plans, topic_id)
        self.followed = 0
        self.leads = False

    def follow(self) -> None:
        self.replica.follow(self.world.state[self.followed :])
        self.followed = len(self.world.state)

    def lead(self) -> bool:
        if self.leads:
            self.replica.rest()
        else:
            self.follow()
        self.leads = all(self.world.put(key, value) for key, value in self.replica.lead(self.name))
        return self.leads

    @property
    def next_offset(self) -> int:
        return self.replica.partition.next_offset

    def judge(self, log: list[bytes], count: int) -> bool:
        """Judge; tell whether all of it was written: if not, the engine is dead."""
        start = self.next_offset
        numbered = [(offset, log[offset]) for offset in range(start, min(start + count, len(log)))]
        if not numbered:
            return True
        outcome, writes = self.replica.judge(self.replica.partition.read(list(numbered)))
        for event in outcome.transitions:
            self.world.survives -= 1
            if self.world.survives < 0:
                return False
            self.world.events.append(event)
        return all(self.world.put(key, value) for key, value in writes)
