import pytest

from ingest.sink.positions import Advance, Bounds, Start, start_of

LOG = Bounds(first=10, end=20)


@pytest.mark.parametrize(
    ("stored", "start"),
    [
        (None, Start(10, "new")),
        (("old", 15), Start(10, "topic-re-created")),
        (("id", 21), Start(10, "log-shorter-than-offset")),
        (("id", 9), Start(10, "past-retention")),
        (("id", 10), Start(10)),
        (("id", 15), Start(15)),
        (("id", 20), Start(20)),
    ],
)
def test_an_offset_counts_only_in_the_log_that_it_was_made_for(
    stored: tuple[str, int] | None, start: Start
) -> None:
    assert start_of(stored, "id", LOG) == start


def test_a_standing_advance_checks_and_moves_nothing() -> None:
    standing = Advance("t", 1, "id", 5, 9).standing()
    assert (standing.expected, standing.next_offset) == (5, 5)
