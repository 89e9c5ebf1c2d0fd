"""Which segments make a record is found out anew from the rows, once it was overwritten."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.decoding.decode import decode
from gateway.journal.file import FILE
from gateway.journal.journal import Journal
from tests.gateway.records import BEFORE_DERIVED, STREAM
from tests.gateway.segments import OTHER, UNDATED, came, complaints, cut, readings, sent


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, STREAM)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "change",
    [
        *("spoken_by = 2", "spoken_by = 99", "spoken_by = 'x'", "spoken_by = NULL", "seq = 1000"),
        *("digest = x'00'", "digest = NULL", "number = 8", "address = 'C0:00:00:00:00:02'"),
    ],
)
@pytest.mark.parametrize("opened_again", [False, True])
def test_which_segments_make_a_record_is_found_out_anew_once_it_was_overwritten(
    journal: Journal, tmp_path: Path, change: str, *, opened_again: bool
) -> None:
    """A record that another one seemed to speak for was told by none."""
    came(journal, "a", cut(UNDATED), end="complete")
    came(journal, "b", cut(UNDATED, 9, counter=30), end="complete")
    came(journal, "c", [*cut(OTHER, 30, number=9), *cut(number=10)[:2]])
    before = sent(journal)
    assert len(readings(journal)) == 3
    for row in range(1, 9):
        journal._database.execute(f"UPDATE segments SET {change} WHERE seq = {row}")
        if opened_again:
            journal.close()
            journal = Journal(tmp_path, f"{row:016}")
        else:
            journal.mend_segments()
        assert (sent(journal), journal.mend_segments()) == (before, False)
    journal.close()


def test_what_is_to_be_sent_is_looked_at_before(journal: Journal) -> None:
    """A part that was lost made a whole record one that no decoder knows."""
    came(journal, "a", cut(), end="complete")
    before = sent(journal)
    journal._database.execute("UPDATE segments SET spoken_by = 2 WHERE seq = 1")
    assert [decode(one, "home-1") for one in journal.entries(range(3, 4))] == [before[3]]


def test_a_segment_that_nobody_speaks_for_any_more_waits_again(journal: Journal) -> None:
    """It was told that it never came whole; its cuff may bring it yet."""
    came(journal, "a", cut()[:1])
    came(journal, "b", cut(OTHER, number=8), end="complete")
    assert len(complaints(journal)) == 1
    journal._database.execute("UPDATE segments SET spoken_by = 2 WHERE seq = 1")
    assert journal.entries(range(1, 2)) == []
    came(journal, "c", cut(counter=30), end="complete")
    assert (complaints(journal), len(readings(journal))) == ([], 2)


def test_a_journal_of_the_ninth_layout_is_brought_up(journal: Journal, tmp_path: Path) -> None:
    """What it knew is taken to be whole: nothing is found out anew."""
    came(journal, "a", [*cut(), *cut(OTHER, number=8)[:1]])
    before = sent(journal)
    journal.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as old:
        old.executescript(BEFORE_DERIVED)
    with closing(Journal(tmp_path, "b" * 16)) as again, capture_logs() as logged:
        assert (sent(again), again.mend_segments()) == (before, False)
    assert logged == []
