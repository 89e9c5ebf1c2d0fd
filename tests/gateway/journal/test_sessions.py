"""What each session learnt stands beside its rows, and outlives the daemon."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.journal.journal import Journal
from gateway.record import GLUCOSE, SessionFacts
from schemas.errors import UnavailableError
from schemas.reading import Device
from tests.gateway.records import ADDRESS, CLOCK_READ, notification


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, "a" * 16)
    yield opened
    opened.close()


def reopened(journal: Journal, directory: Path, stream: str) -> Journal:
    journal.close()
    return Journal(directory, stream)


def test_facts_of_a_session_are_kept_beside_its_records(journal: Journal, tmp_path: Path) -> None:
    device = Device(ADDRESS, "Cuff", "Maker", "1")
    facts = SessionFacts(
        "session", device, CLOCK_READ, {"2a49": 1}, ended=True, newest=1, name="Cuff"
    )
    record = journal.append(notification(b"1"))
    journal.keep_facts(facts)
    again = reopened(journal, tmp_path, "b" * 16)
    with closing(again):
        assert again.facts(record) == facts
        (entry,) = again.entries(range(record.seq, record.seq + 1))
        assert entry.facts == facts


def test_a_session_that_a_crash_cut_off_never_tells_a_newest(
    journal: Journal, tmp_path: Path
) -> None:
    record = journal.append(notification(b"1"))
    journal.keep_facts(SessionFacts("session", Device(ADDRESS), CLOCK_READ, name="Cuff"))
    with closing(reopened(journal, tmp_path, "b" * 16)) as again:
        facts = again.facts(record)
        assert (facts.ended, facts.newest, facts.clock) == (True, None, CLOCK_READ)
        assert facts.name == "Cuff"  # a quirk may rest on it


def test_what_a_device_called_its_last_outlives_a_crash(journal: Journal, tmp_path: Path) -> None:
    """It is written with the record itself: there is no moment at which one is there alone."""
    journal.keep_facts(SessionFacts("session", Device(ADDRESS), CLOCK_READ, name="Cuff"))
    last = journal.append(notification(b"2", GLUCOSE), newest=True)
    journal.append(notification(b"1", GLUCOSE))
    told = SessionFacts("session", Device(ADDRESS), CLOCK_READ, name="Cuff", newest=last.seq)
    assert journal.facts(last) == told
    with closing(reopened(journal, tmp_path, "b" * 16)) as again:
        assert again.facts(last) == replace(told, ended=True)


def test_what_the_disk_refused_is_nobodys_newest(journal: Journal) -> None:
    facts = SessionFacts("session", Device(ADDRESS))
    journal.keep_facts(facts)
    (pages,) = journal._database.execute("PRAGMA page_count").fetchone()
    journal._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(UnavailableError):
        journal.append(notification(bytes(100_000), GLUCOSE), newest=True)
    assert journal.facts_of("session", ADDRESS) == facts


def test_a_record_without_facts_is_of_a_session_that_told_nothing(journal: Journal) -> None:
    record = journal.append(notification(b"1"))
    assert journal.facts(record) == SessionFacts("session", Device(ADDRESS), ended=True)


def test_a_session_without_records_leaves_nothing(journal: Journal) -> None:
    journal.keep_facts(SessionFacts("session", Device(ADDRESS), CLOCK_READ, name="Cuff"))
    journal.drop_facts("session")
    (count,) = journal._database.execute("SELECT count(*) FROM sessions").fetchone()
    assert count == 0
