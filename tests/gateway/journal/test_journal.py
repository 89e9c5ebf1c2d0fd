"""The journal as a state machine: numbers only grow, and a row leaves only by a receipt."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.clocks.wall import Observation
from gateway.decoding.session_end import newest
from gateway.journal import relations
from gateway.journal.custody import KEEP_RECEIPTED_MS
from gateway.journal.file import FILE
from gateway.journal.journal import Journal
from gateway.journal.known_devices import Battery
from gateway.record import (
    BLOOD_PRESSURE_RECORD,
    GLUCOSE,
    GLUCOSE_CONTEXT,
    Notification,
)
from gateway.record import Record as Row
from gateway.record_access.cursor import Cursor
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.gatt.blood_pressure_record import Record, encode_segment, split
from schemas.ranges import from_numbers
from schemas.reading import Capture
from tests.gateway.records import ADDRESS, BEFORE_CHECKSUMS, BOOT, notification

NOW_MS = 1_800_000_000_000


def held(journal: Journal) -> set[int]:
    return {seq for seq, _ in journal.custody.held_after(0, 10_000)}


def fill(journal: Journal) -> None:
    for _ in range(1000):
        journal.append(notification(bytes(2000)))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, "a" * 16)
    yield opened
    opened.close()


def reopened(journal: Journal, directory: Path, stream: str) -> Journal:
    journal.close()
    return Journal(directory, stream)


class JournalMachine(RuleBasedStateMachine):
    """Captures, receipts, crashes and pruning in any order, against a plain model."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.runs = 0
        self.journal = self.open()
        self.streams: dict[int, str] = {}
        self.gone: set[int] = set()

    def open(self) -> Journal:
        self.runs += 1
        return Journal(Path(self.directory.name), f"{self.runs:016x}")

    @rule(payload=st.binary(max_size=20))
    def capture(self, payload: bytes) -> None:
        record = self.journal.append(notification(payload))
        assert record.stream == self.journal.stream
        assert all(record.seq > seq for seq in self.streams)
        self.streams[record.seq] = record.stream

    @rule(data=st.data())
    def receipt(self, data: st.DataObject) -> None:
        numbers = data.draw(st.sets(st.integers(1, len(self.streams) + 2)))
        stream = data.draw(st.sampled_from([*self.streams.values(), "never-seen"]))
        gone = self.journal.custody.receipt({stream: from_numbers(numbers)}, NOW_MS)
        expected = {seq for seq in numbers if self.streams.get(seq) == stream} - self.gone
        assert sorted(gone) == sorted(expected)
        self.gone |= expected

    @rule(space_needed=st.booleans())
    def prune(self, space_needed: bool) -> None:
        self.journal.custody.prune(NOW_MS + KEEP_RECEIPTED_MS, space_needed=space_needed)

    @rule()
    def crash(self) -> None:
        # Nothing is flushed or told: the file is all that a killed process leaves.
        crashed, self.journal = self.journal, self.open()
        crashed.close()

    @invariant()
    def a_row_leaves_only_by_a_receipt(self) -> None:
        assert held(self.journal) == self.streams.keys() - self.gone

    @invariant()
    def the_report_tells_what_is_held(self) -> None:
        states = self.journal.states()
        for seq in self.streams.keys() - self.gone:
            state = states[self.streams[seq]]
            assert state.lowest_held is not None
            assert state.lowest_held <= seq <= state.highest
        assert sum(state.held for state in states.values()) == len(self.streams) - len(self.gone)

    def teardown(self) -> None:
        self.journal.close()
        self.directory.cleanup()


JournalMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
test_journal_keeps_its_promise = JournalMachine.TestCase


def test_a_commit_is_on_the_disk(journal: Journal) -> None:
    (mode,) = journal._database.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = journal._database.execute("PRAGMA synchronous").fetchone()
    assert (mode, synchronous) == ("wal", 2)  # FULL: one fsync for each commit


def test_what_was_captured_comes_back_as_it_was(journal: Journal) -> None:
    capture = Capture(BOOT, 1234, wall_ms=NOW_MS, not_before_ms=5)
    record = journal.append(Notification(ADDRESS, GLUCOSE, b"\x00\xff", "session", capture))
    (entry,) = journal.entries(range(record.seq, record.seq + 1))
    assert entry.record == record
    assert entry.record.capture == capture


def test_a_journal_of_the_first_layout_is_brought_up(journal: Journal, tmp_path: Path) -> None:
    """Its cursors do not say whether anything before them is missing, so all is read once more."""
    held_back = journal.append(notification(b"1"))
    journal.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as old:
        old.executescript(f"""
            {BEFORE_CHECKSUMS}
            DROP TABLE cursors;
            DROP TABLE timelines;
            DROP TABLE resends;
            DROP TABLE anteroom;
            DROP TABLE doubted;
            DROP TABLE segments;
            DROP TABLE batteries;
            CREATE TABLE cursors (
                address TEXT PRIMARY KEY, last INTEGER NOT NULL, digest TEXT NOT NULL
            ) WITHOUT ROWID;
            INSERT INTO cursors VALUES ('C0:00:00:00:00:01', 7, 'digest');
            PRAGMA user_version = 1;
        """)
    with closing(Journal(tmp_path, "b" * 16)) as again:
        assert again.devices.cursor(ADDRESS) == Cursor(7, "digest", held=None, complete=False)
        assert held(again) == {held_back.seq}
        again.devices.move_cursor(ADDRESS, Cursor(8, "newer", 3, complete=True))
    with closing(Journal(tmp_path, "c" * 16)) as again:
        assert again.devices.cursor(ADDRESS) == Cursor(8, "newer", 3, complete=True)


def test_a_journal_of_the_sixth_layout_is_brought_up(journal: Journal, tmp_path: Path) -> None:
    journal.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as old:
        old.executescript(f"{BEFORE_CHECKSUMS} DROP TABLE batteries; PRAGMA user_version = 6;")
    with closing(Journal(tmp_path, "b" * 16)) as again:
        assert again.set_aside is None
        assert again.devices.batteries() == {}
        for battery in (Battery(66), Battery(66, low=True), Battery(66, low=True)):
            again.devices.keep_battery(ADDRESS, battery)
        assert again.devices.batteries() == {ADDRESS: Battery(66, low=True)}


def test_a_context_finds_its_measurement_by_its_number(journal: Journal) -> None:
    first = journal.append(notification(b"\x00\x07\x00first", GLUCOSE))
    other = journal.append(notification(b"\x00\x08\x00other", GLUCOSE))
    context = journal.append(notification(b"\x02\x07\x00\x01", GLUCOSE_CONTEXT))
    entries = journal.entries(range(first.seq, context.seq + 1))
    assert [entry.related.measurement for entry in entries] == [None, None, first]
    assert other.seq == first.seq + 1


def test_the_first_of_the_same_bytes_within_a_minute_lends_its_name(journal: Journal) -> None:
    twins = [journal.append(notification(b"same", at_ms=at)) for at in (0, 30_000, 60_000, 200_000)]
    other = journal.append(notification(b"other", at_ms=200_000))
    entries = journal.entries(range(twins[0].seq, other.seq + 1))
    first = twins[0].origin
    assert [entry.related.origin for entry in entries] == [None, first, first, None, None]


def origins(journal: Journal, *rows: Row) -> list[int]:
    """Give the number whose name each row bears."""
    entries = [journal.entries(range(row.seq, row.seq + 1))[0] for row in rows]
    return [(entry.related.origin or entry.record.origin).seq for entry in entries]


def test_the_same_bytes_of_another_boot_are_another_reading(journal: Journal) -> None:
    """Its clock counts from the start of the machine: of days ago it may say the same minute."""
    before = replace(notification(b"same"), capture=Capture("1" * 32, 30_000))
    rows = [journal.append(before), journal.append(notification(b"same", at_ms=31_000))]
    assert origins(journal, *rows) == [1, 2]


def test_who_lends_a_name_is_looked_for_among_a_bounded_number_of_rows(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relations, "_TWIN_ROWS_MAX", 2)
    rows = [journal.append(notification(one)) for one in (b"a", b"b", b"a", b"c", b"d", b"a")]
    assert origins(journal, rows[2], rows[5]) == [1, 6]


def test_a_glucose_measurement_keeps_the_name_of_its_first_coming_for_ever(
    journal: Journal, tmp_path: Path
) -> None:
    first = journal.append(notification(b"\x00\x07\x00same", GLUCOSE))
    journal.custody.receipt({first.stream: [(1, first.seq)]}, NOW_MS)
    assert journal.custody.prune(NOW_MS + KEEP_RECEIPTED_MS, space_needed=False) == 1
    with closing(reopened(journal, tmp_path, "b" * 16)) as again:
        later = again.append(notification(b"\x00\x07\x00same", GLUCOSE, at_ms=10**9))
        context = again.append(notification(b"\x02\x07\x00\x01", GLUCOSE_CONTEXT, at_ms=10**9))
        other = again.append(notification(b"\x00\x08\x00else", GLUCOSE, at_ms=10**9))
        origins = [e.related.origin for e in again.entries(range(later.seq, other.seq + 1))]
    assert context.seq == later.seq + 1
    assert origins == [first.origin, first.origin, other.origin]


def test_a_row_that_lends_its_name_to_one_that_is_held_is_not_pruned(journal: Journal) -> None:
    first, second = (journal.append(notification(b"same", at_ms=at)) for at in (0, 30_000))
    journal.custody.receipt({first.stream: [(first.seq, first.seq)]}, NOW_MS)
    assert journal.custody.prune(NOW_MS, space_needed=True) == 0
    (entry,) = journal.entries(range(second.seq, second.seq + 1))
    assert entry.related.origin == first.origin
    journal.custody.receipt({first.stream: [(second.seq, second.seq)]}, NOW_MS)
    assert journal.custody.prune(NOW_MS, space_needed=True) == 2


def test_a_segment_of_a_record_that_is_held_is_not_pruned(journal: Journal) -> None:
    rows = [
        journal.append(notification(encode_segment(segment), BLOOD_PRESSURE_RECORD))
        for number in (7, 8)
        for segment in split(
            Record(sequence=number, characteristic=0x2B34, payload=bytes(13)), 5, checksum=False
        )
    ]
    journal.custody.receipt({rows[0].stream: [(rows[0].seq, rows[4].seq)]}, NOW_MS)
    assert journal.custody.prune(NOW_MS, space_needed=True) == 3
    (last,) = journal.entries(range(rows[5].seq, rows[5].seq + 1))
    assert last.related.parts == (rows[3], rows[4])
    journal.custody.receipt({rows[0].stream: [(rows[5].seq, rows[5].seq)]}, NOW_MS)
    assert journal.custody.prune(NOW_MS, space_needed=True) == 3


def test_cursors_and_the_true_clock_survive(journal: Journal, tmp_path: Path) -> None:
    assert (journal.devices.cursor(ADDRESS), journal.observation()) == (None, None)
    journal.devices.move_cursor(ADDRESS, Cursor(4, "digest"))
    journal.devices.move_cursor(ADDRESS, Cursor(5, "digest", 7, complete=True))
    journal.keep_observation(Observation(BOOT, 1, NOW_MS))
    with closing(reopened(journal, tmp_path, "b" * 16)) as again:
        assert again.devices.cursor(ADDRESS) == Cursor(5, "digest", 7, complete=True)
        assert again.observation() == Observation(BOOT, 1, NOW_MS)


def test_receipted_rows_age_only_by_a_true_clock(journal: Journal) -> None:
    record = journal.append(notification(b"1"))
    journal.custody.receipt({record.stream: [(record.seq, record.seq)]}, None)
    assert journal.custody.prune(None, space_needed=False) == 0
    assert journal.custody.prune(NOW_MS, space_needed=False) == 0  # its age begins here
    assert journal.custody.prune(NOW_MS + KEEP_RECEIPTED_MS - 1, space_needed=False) == 0
    assert journal.custody.prune(NOW_MS + KEEP_RECEIPTED_MS, space_needed=False) == 1


def test_where_space_is_needed_only_receipted_rows_go(journal: Journal) -> None:
    first, second = journal.append(notification(b"1")), journal.append(notification(b"2"))
    journal.custody.receipt({first.stream: [(first.seq, first.seq)]}, NOW_MS)
    assert journal.custody.prune(NOW_MS, space_needed=True) == 1
    assert held(journal) == {second.seq}


def test_a_full_disk_is_an_error_with_a_way_out_and_no_number_is_lost(journal: Journal) -> None:
    first = journal.append(notification(b"1"))
    (pages,) = journal._database.execute("PRAGMA page_count").fetchone()
    journal._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(UnavailableError, match="full") as refused:
        fill(journal)
    assert "Free space" in refused.value.way_out
    with pytest.raises(UnavailableError):
        journal.probe()
    before = max(held(journal))
    journal._database.execute("PRAGMA max_page_count = 1000000")
    journal.probe()
    assert journal.append(notification(b"2")).seq == before + 1
    assert first.seq in held(journal)


def test_a_newer_layout_is_left_alone(journal: Journal, tmp_path: Path) -> None:
    journal.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(MisconfiguredError, match="newer version"):
        Journal(tmp_path, "b" * 16)


def test_a_stream_that_was_seen_before_is_refused(journal: Journal, tmp_path: Path) -> None:
    journal.append(notification(b"1"))
    journal.close()
    with pytest.raises(sqlite3.IntegrityError):
        Journal(tmp_path, "a" * 16)


def test_the_last_segment_of_a_record_knows_those_before_it(journal: Journal) -> None:
    kept = Record(sequence=7, characteristic=0x2B34, payload=bytes(13))
    first, second, third = (
        journal.append(notification(encode_segment(segment), BLOOD_PRESSURE_RECORD))
        for segment in split(kept, 5, checksum=False)
    )
    other = Record(sequence=8, characteristic=0x2B34, payload=bytes(13))
    (alone,) = (
        journal.append(notification(encode_segment(segment), BLOOD_PRESSURE_RECORD))
        for segment in split(other, 13, checksum=False)
    )
    entries = journal.entries(range(first.seq, alone.seq + 1))
    assert [entry.related.parts for entry in entries] == [(), (), (first, second), ()]
    assert [entry.related.spoken_for for entry in entries] == [True, True, False, False]
    assert newest([first, second, third]) == third.seq
