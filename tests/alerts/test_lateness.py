"""A dead engine is seen by its silence, a slow one by what it says."""

from alerts.lateness import Quiet, lateness_ms
from schemas.kafka import EngineReport

NOW, SINCE = 1_000_000, 900_000


def report(partition: int, at_ms: int, late_ms: int = 0) -> EngineReport:
    return EngineReport(partition, "engine", 1, 0, 0, at_ms, late_ms)


def late_ms(*reports: EngineReport, partitions: int = 2) -> int:
    return lateness_ms({one.partition: one for one in reports}, partitions, NOW, SINCE)


def test_one_partition_that_nobody_judges_makes_all_late() -> None:
    assert late_ms(report(0, NOW), report(1, NOW - 20_000)) == 20_000


def test_a_backlog_counts_beside_the_silence() -> None:
    assert late_ms(report(0, NOW - 1_000, 30_000), report(1, NOW)) == 31_000


def test_a_partition_never_heard_of_is_late_since_somebody_looks() -> None:
    assert late_ms(report(0, NOW)) == NOW - SINCE
    assert late_ms() == NOW - SINCE


def test_a_clock_that_is_ahead_hides_no_backlog() -> None:
    assert late_ms(report(0, NOW + 5_000, 30_000), report(1, NOW)) == 30_000


def test_a_partition_that_no_longer_is_makes_nothing_late() -> None:
    assert late_ms(report(0, NOW), report(7, 0), partitions=1) == 0


def test_who_is_heard_of_no_more_is_quiet_whatever_its_clock_said() -> None:
    quiet, ahead, other = Quiet(), report(0, NOW + 600_000), report(1, NOW)
    gone = report(2, NOW)
    assert quiet.quiet_ms({}, 2, 1_000) == 0
    assert quiet.quiet_ms({0: ahead, 1: other, 2: gone}, 2, 1_000) == 0
    again = report(1, NOW)  # equal to what it said before, and said again
    assert quiet.quiet_ms({0: ahead, 1: again, 2: gone}, 2, 6_000) == 5_000
    assert quiet.quiet_ms({0: report(0, NOW), 1: again, 2: gone}, 2, 9_000) == 3_000
