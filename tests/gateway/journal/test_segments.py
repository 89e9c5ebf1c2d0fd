"""A blood pressure record is one reading, however often, and in whatever segments, it comes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.journal.custody import KEEP_RECEIPTED_MS
from gateway.journal.file import FILE
from gateway.journal.journal import Journal
from gateway.journal.segments import UNFINISHED_MS
from gateway.record import SessionFacts
from schemas.gatt.blood_pressure_record import Record, encode_segment, split
from schemas.reading import Device, Part, Reading, Undecodable
from tests.gateway.records import (
    ADDRESS,
    BEFORE_CHECKSUMS,
    STREAM,
)
from tests.gateway.segments import (
    DATED,
    NOW_MS,
    OTHER,
    UNDATED,
    came,
    complaints,
    cut,
    readings,
    sent,
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, STREAM)
    yield opened
    opened.close()


def test_segments_leave_with_the_one_that_completes_their_record(journal: Journal) -> None:
    *before, last = cut()
    came(journal, "s", before, ended=False)
    assert sent(journal) == {}
    assert journal.sendable() == []
    (closing_row,) = came(journal, "s", [last], ended=False)
    first, second, third = sent(journal).values()
    assert (type(first), type(second), type(third)) == (Part, Part, Reading)
    assert third.seq == closing_row
    assert [row.seq for row in journal.sendable()] == [first.seq, second.seq, third.seq]
    assert journal.sendable() == []


def test_a_record_sent_twice_in_a_visit_is_one_reading_and_its_newest(journal: Journal) -> None:
    """The last record comes first by itself: were its repeat the newest, it would count as old."""
    came(
        journal, "s", [*cut(number=8), *cut(number=7), *cut(DATED, 9, 40, number=8)], end="complete"
    )
    eighth, seventh = readings(journal)
    assert (eighth.record_number, eighth.session_newest) == (8, True)
    assert (seventh.record_number, seventh.session_newest) == (7, False)
    assert complaints(journal) == []
    assert len(sent(journal)) == 3 + 3 + 2


@pytest.mark.parametrize("content", [DATED, UNDATED], ids=["dated", "without time"])
@pytest.mark.parametrize("seal", [False, True], ids=["no checksum", "checksum"])
@pytest.mark.parametrize("sizes", [(5, 5), (5, 9), (30, 30), (30, 4), (4, 30)], ids=str)
def test_a_record_has_one_name_in_every_visit(
    journal: Journal, content: bytes, sizes: tuple[int, int], *, seal: bool
) -> None:
    for visit, size in enumerate(sizes):
        payloads = cut(content, size, counter=visit * 61, seal=seal)
        came(journal, f"visit {visit}", payloads, end="complete")
    first, again = readings(journal)
    assert first.reading_id == again.reading_id
    assert first.quantities == again.quantities
    assert complaints(journal) == []


def test_a_checksum_of_another_kind_than_ours_does_not_rename_a_record(journal: Journal) -> None:
    """Nobody knows which one cuffs send; it covers the counter, so it differs each time."""
    for visit, size in (("a", 30), ("b", 30), ("c", 5)):
        payloads = [payload + visit.encode() * 2 for payload in cut(size=size, counter=ord(visit))]
        came(journal, visit, payloads, end="complete")
    assert len({reading.reading_id for reading in readings(journal)}) == 1
    assert len(readings(journal)) == 3


@pytest.mark.parametrize("interrupted", [1, 2])
def test_an_interrupted_record_waits_for_the_visit_that_brings_it_whole(
    journal: Journal, interrupted: int, tmp_path: Path
) -> None:
    broken = came(journal, "a", cut()[:interrupted])
    assert sent(journal) == {}
    journal.close()
    with closing(Journal(tmp_path, "b" * 16)) as again:
        assert sent(again) == {}
        came(again, "b", cut(DATED, 9, counter=30), ended=False)
        (reading,) = readings(again)
        assert reading.record_number == 7
        assert complaints(again) == []
        assert [seq for seq, item in sent(again).items() if isinstance(item, Part)][:-1] == broken


def test_a_record_that_never_comes_whole_is_told_once_with_all_its_bytes(journal: Journal) -> None:
    first, second, third = cut()
    came(journal, "a", [first])
    came(journal, "b", [first, third])
    assert sent(journal) == {}
    came(journal, "c", [*cut(OTHER, number=8)], end="complete")
    (told,) = complaints(journal)
    assert [*told.parts, told.raw] == [payload.hex() for payload in (first, first, third)]
    assert told.reason == "blood pressure record 7: the cuff never sent all of its segments"
    assert len(sent(journal)) == 5
    came(journal, "d", [*cut(OTHER, number=9)], end="complete")
    assert complaints(journal) == [told]
    assert second.hex() not in told.parts


def test_a_visit_that_broke_off_says_nothing_of_what_is_missing(journal: Journal) -> None:
    came(journal, "a", cut()[:1])
    came(journal, "b", cut(OTHER, number=8))
    assert complaints(journal) == []
    assert len(sent(journal)) == 2


def test_what_a_visit_learns_on_its_way_settles_nothing(journal: Journal) -> None:
    """The cuff may yet send the rest: then it is this visit's too, and perhaps its newest."""
    came(journal, "a", cut(), end="complete")
    first, *rest = cut(counter=30)
    came(journal, "b", [first], ended=False)
    journal.keep_facts(SessionFacts("b", Device(ADDRESS)))
    *_, last = came(journal, "b", rest, ended=False)
    assert isinstance(sent(journal)[last], Reading)


def test_what_was_settled_and_not_committed_is_not_sent(journal: Journal) -> None:
    came(journal, "a", cut()[:1])
    with suppress(ZeroDivisionError), journal._transaction():
        journal._segments.settle(ADDRESS, finished=True)
        raise ZeroDivisionError
    assert journal.sendable() == []


def test_of_two_records_under_a_number_the_later_one_explains_a_part_of_both(
    journal: Journal,
) -> None:
    came(journal, "a", cut(DATED[:-1] + b"\x00"), end="complete")
    *_, speaker = came(journal, "b", cut(DATED[:-1] + b"\x01"), end="complete")
    (part,) = came(journal, "c", cut()[:1])
    assert journal._segments.speaker(part) == speaker


def test_another_devices_visit_settles_nothing(journal: Journal) -> None:
    came(journal, "a", cut()[:1])
    facts = SessionFacts("b", Device("C0:00:00:00:00:02"), ended=True, newest=99)
    journal.keep_facts(facts, whole=True)
    assert sent(journal) == {}


def test_a_cuff_that_never_comes_back_is_waited_for_a_week(journal: Journal) -> None:
    came(journal, "a", cut()[:2])
    journal.custody.prune(NOW_MS + UNFINISHED_MS, space_needed=True)
    journal.custody.prune(None, space_needed=True)
    assert sent(journal) == {}
    journal.custody.prune(NOW_MS + UNFINISHED_MS + 1, space_needed=False)
    (told,) = complaints(journal)
    assert len(told.parts) == 1
    assert [row.seq for row in journal.sendable()] == [1, 2]


def test_a_part_that_comes_again_after_its_record_is_no_complaint(journal: Journal) -> None:
    came(journal, "a", [*cut(), cut()[2], *cut(DATED, 9)[1:]])
    came(journal, "b", cut(DATED, 9)[:1])
    came(journal, "c", cut(OTHER, number=8), end="complete")
    assert complaints(journal) == []
    assert len(readings(journal)) == 2


def test_a_notification_that_is_delivered_twice_makes_no_other_record(journal: Journal) -> None:
    doubled = [payload for payload in cut() for _ in range(2)]
    came(journal, "a", doubled, end="complete")
    assert [reading.record_number for reading in readings(journal)] == [7]
    assert complaints(journal) == []


def test_the_same_number_with_other_bytes_is_another_record(journal: Journal) -> None:
    """A cuff that counts anew: what was unfinished is not this, and never comes."""
    came(journal, "a", cut()[:2])
    came(journal, "b", cut(OTHER), end="complete")
    (told,) = complaints(journal)
    assert told.raw == cut()[1].hex()
    assert len(readings(journal)) == 1


def test_a_record_of_which_only_the_counters_have_a_gap_is_not_put_together(
    journal: Journal,
) -> None:
    first, _, third = cut()
    came(journal, "a", [first, third, *cut(OTHER, number=8)], end="complete")
    (reading,) = readings(journal)
    assert (reading.record_number, reading.session_newest) == (8, True)
    assert len(complaints(journal)) == 1


def test_what_no_decoder_knows_inside_a_whole_record_is_told_at_once(journal: Journal) -> None:
    strange = Record(sequence=7, characteristic=0x2AA7, payload=bytes(8))
    came(journal, "a", [encode_segment(part) for part in split(strange, 5, checksum=False)])
    (told,) = complaints(journal)
    assert "2aa7 inside is no measurement" in told.reason
    assert len(told.parts) == 1


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x01\x07\x00\x35"])
def test_what_is_no_segment_is_told_at_once(journal: Journal, payload: bytes) -> None:
    came(journal, "a", [payload], ended=False)
    assert len(complaints(journal)) == 1


def test_receipted_segments_stay_while_their_record_is_held(journal: Journal) -> None:
    rows = came(journal, "a", cut())
    journal.custody.receipt({STREAM: [(rows[0], rows[1])]}, NOW_MS)
    later_ms = NOW_MS + KEEP_RECEIPTED_MS
    assert journal.custody.prune(later_ms, space_needed=False) == 0
    assert len(readings(journal)) == 1
    journal.custody.receipt({STREAM: [(rows[2], rows[2])]}, NOW_MS)
    assert journal.custody.prune(later_ms, space_needed=False) == 3
    assert journal._database.execute("SELECT count(*) FROM segments").fetchone() == (0,)


def test_a_name_outlives_the_rows(journal: Journal) -> None:
    rows = came(journal, "a", cut(UNDATED), end="complete")
    (first,) = readings(journal)
    journal.custody.receipt({STREAM: [(rows[0], rows[-1])]}, NOW_MS)
    assert journal.custody.prune(NOW_MS + KEEP_RECEIPTED_MS, space_needed=False) == len(rows)
    came(journal, "b", cut(UNDATED, 30, counter=9), end="complete")
    assert [reading.reading_id for reading in readings(journal)] == [first.reading_id]


def test_a_journal_of_the_fifth_layout_is_brought_up(journal: Journal, tmp_path: Path) -> None:
    """What an older gateway held in segments is put together, and nothing is sent in pieces."""
    came(journal, "a", [*cut(), *cut(OTHER, number=8)[:1]])
    journal.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as old:
        old.executescript(
            f"{BEFORE_CHECKSUMS} DROP TABLE segments; DROP TABLE batteries;"
            " PRAGMA user_version = 5;"
        )
    with closing(Journal(tmp_path, "b" * 16)) as again:
        assert [type(item) for item in sent(again).values()] == [Part, Part, Reading]
        assert again.sendable() == []


SENDINGS = st.lists(
    st.tuples(
        st.integers(1, 25),  # the size of a segment
        st.integers(0, 63),
        st.integers(0, 3),  # so many of the last segments do not come
        st.sampled_from([(), (0,), (1,), (0, 1)]),  # nor do these
        st.booleans(),  # a new visit
    ),
    max_size=5,
)


@settings(deadline=None, max_examples=25)
@given(
    SENDINGS, st.booleans(), st.sampled_from([DATED, UNDATED]), st.integers(1, 25), st.booleans()
)
def test_whatever_breaks_off_a_record_that_comes_whole_in_the_end_is_one_reading(
    sendings: list[tuple[int, int, int, tuple[int, ...], bool]],
    seal: bool,
    content: bytes,
    size: int,
    restarts: bool,
) -> None:
    with TemporaryDirectory() as directory:
        streams, visit = count(), 0
        journal = Journal(Path(directory), f"{next(streams):016x}")
        for size_before, counter, cut_off, lost, new_visit in sendings:
            payloads = cut(content, size_before, counter, seal=seal)
            payloads = payloads[: len(payloads) - cut_off]
            given = [part for place, part in enumerate(payloads) if place not in lost]
            came(journal, f"visit {visit}", given, ended=new_visit)
            visit += new_visit
            if restarts:
                journal.close()
                journal = Journal(Path(directory), f"{next(streams):016x}")
        came(journal, "last", cut(content, size, 5, seal=seal), end="complete")
        with closing(journal):
            items = sent(journal)
            (rows,) = journal._database.execute("SELECT count(*) FROM rows").fetchone()
            assert len(items) == rows
            assert all(isinstance(item, Reading | Part) for item in items.values())
            assert (
                len({item.reading_id for item in items.values() if isinstance(item, Reading)}) == 1
            )


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.binary(max_size=12), st.sampled_from("ab")), max_size=12))
def test_no_bytes_break_the_journal_and_each_is_told_or_spoken_for(
    notified: list[tuple[bytes, str]],
) -> None:
    with TemporaryDirectory() as directory, closing(Journal(Path(directory), "0" * 16)) as journal:
        for payload, session in notified:
            came(journal, session, [payload], ended=False)
        facts = SessionFacts("a", Device(ADDRESS), ended=True, newest=1)
        journal.keep_facts(facts, whole=True)
        items = sent(journal)
        assert len(items) == len(notified)
        kept = [item for item in items.values() if isinstance(item, Undecodable)]
        told = [raw for item in kept for raw in (*item.parts, item.raw)]
        whole = [item for item in items.values() if isinstance(item, Reading)]
        assert {*told} <= {payload.hex() for payload, _ in notified}
        assert bool(told or whole) == bool(notified)
