"""Ages counted many at once are shown as prometheus_client shows them one by one."""

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from alerts.engine.process.ages import Ages

BOUNDS_S = (1, 60, 3_600)


def shown(registry: CollectorRegistry) -> list[bytes]:
    lines = generate_latest(registry).splitlines()
    return [line for line in lines if b"_created" not in line]


@given(st.lists(st.lists(st.integers(-5_000, 4_000_000).map(lambda ms: ms - ms % 125))))
@example([])
@example([[1_000, 60_000, 3_600_000, 3_600_001]])
def test_many_at_once_are_shown_as_one_by_one(batches: list[list[int]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    ages = Ages("age_seconds", "Of readings.", BOUNDS_S, ours)
    histogram = Histogram("age_seconds", "Of readings.", buckets=BOUNDS_S, registry=theirs)
    for batch in batches:
        ages.observe(batch)
        for age_ms in batch:
            histogram.observe(age_ms / 1000)
    assert shown(ours) == shown(theirs)
