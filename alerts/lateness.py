"""How late alerts are, seen from whoever shows them: what is not judged raises none."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.kafka import EngineReport

BANNER_MS = 15_000
"""From here on the page says that alerts come late."""

TECHNICAL_MS = 60_000
"""From here on the technical chain is told."""


def lateness_ms(
    reports: Mapping[int, EngineReport], partitions: int, now_ms: int, since_ms: int
) -> int:
    """Give how late the latest partition of readings.v1 is: how long silent, and its backlog.

    ``reports``: the last one of each partition. A partition of which no report was seen has been
    silent since ``since_ms``, when the caller began to look. An engine whose clock is ahead is not
    silent.
    """
    ages = [
        max(0, now_ms - reports[number].at_ms) + max(0, reports[number].late_ms)
        if number in reports
        else max(0, now_ms - since_ms)
        for number in range(partitions)
    ]
    return max(ages, default=0)


@dataclass(slots=True)
class Quiet:
    """How long nothing new was heard of an engine, by a clock that nobody sets.

    An engine's clock may be ahead of ours, and ours be set back: by the stamps alone one that died
    would seem to report for as long as that.
    """

    _heard: dict[int, tuple[EngineReport, int]] = field(default_factory=dict)

    def quiet_ms(
        self, reports: Mapping[int, EngineReport], partitions: int, monotonic_ms: int
    ) -> int:
        """Give it for the partition that is quiet the longest; a report is new where it is met."""
        for number, one in reports.items():
            known = self._heard.get(number)
            if known is None or known[0] is not one:
                self._heard[number] = one, monotonic_ms
        heard_ms = [at_ms for number, (_, at_ms) in self._heard.items() if number < partitions]
        return monotonic_ms - min(heard_ms, default=monotonic_ms)
