"""How late alerts are, seen from whoever shows them: what is not judged raises none."""

from collections.abc import Mapping

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
