"""Tells in engines.v1 that this engine judges, and how late: whoever is silent is dead."""

import msgspec

from alerts.engine.partitions.output import Message, Output, Patience
from alerts.engine.partitions.replicas import Replicas
from alerts.engine.process.groups import Share
from alerts.log import LogRecord
from schemas.clock import Clock
from schemas.kafka import EngineReport
from schemas.topics import ENGINES, READINGS

_EVERY_MS = 2_000


class Reports:
    """The heartbeats of the partitions that this engine leads."""

    def __init__(self, engine: str, clock: Clock) -> None:
        """Nothing told yet."""
        self._engine = engine
        self._clock = clock
        self._told_ms = clock.monotonic_ms() - _EVERY_MS
        self._appended_ms: dict[int, int] = {}
        """By partition: when the last record that was read came to the broker."""
        self._ahead = 0

    def read(self, number: int, last: LogRecord, ahead: int) -> None:
        """Note how far a partition is, and how many records were stamped far ahead."""
        self._appended_ms[number] = last.appended_ms
        self._ahead += ahead

    @property
    def due(self) -> bool:
        """Whether it is time to ``tell``."""
        return self._clock.monotonic_ms() - self._told_ms >= _EVERY_MS

    def tell(self, replicas: Replicas, share: Share, output: Output, patience: Patience) -> None:
        """Report each partition that is led."""
        if not replicas.leads:
            return
        self._told_ms = self._clock.monotonic_ms()
        messages = []
        for number in sorted(replicas.leads):
            replica = replicas[number]
            partition = replica.partition
            report = EngineReport(
                partition=number,
                engine=self._engine,
                generation=replica.checkpoint.generation,
                next_offset=partition.next_offset,
                log_ms=partition.state.log_ms,
                at_ms=self._clock.wall_ms(),
                late_ms=self._late_ms(share, number, partition.next_offset),
                from_the_future=self._ahead,
            )
            messages.append(Message(ENGINES, str(number).encode(), msgspec.json.encode(report), 0))
        output.write(messages, patience)

    def _late_ms(self, share: Share, number: int, next_offset: int) -> int:
        """Give how long ago the last judged record came, if others have come since."""
        if number not in self._appended_ms or not share.behind((READINGS, number), next_offset):
            return 0
        return max(0, self._clock.wall_ms() - self._appended_ms[number])
