"""Bytes that change on the disk: what was not written so is never sent, and stops nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.bedside.checks_machine import journal as doctor
from gateway.bedside.finding import Verdict
from gateway.bedside.overview import look_if_any
from gateway.bedside.patient import Patient
from gateway.bedside.status import describe, look
from gateway.clocks.timeline import Timeline
from gateway.clocks.wall import Observation
from gateway.journal.checksums import Value, checksum
from gateway.journal.damage import DamagedError
from gateway.journal.damaged_rows import KEPT_MS
from gateway.journal.file import FILE
from gateway.journal.journal import Journal
from gateway.record import BLOOD_PRESSURE, GLUCOSE, GLUCOSE_CONTEXT, SessionFacts
from gateway.record_access.cursor import Cursor
from schemas.reading import Coincidence, Device
from tests.gateway.hand_clock import HandClock
from tests.gateway.records import (
    ADDRESS,
    BEFORE_CHECKSUMS,
    BEFORE_PROOF,
    STREAM,
    meter_payload,
    notification,
)

NOW_MS = 1_800_000_000_000
VALUES = st.lists(st.one_of(st.none(), st.binary(), st.text(), st.integers(-(2**63), 2**63 - 1)))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, STREAM)
    yield opened
    opened.close()


def payloads(journal: Journal) -> list[bytes]:
    return [one.record.payload for one in journal.entries(range(1, 100))]


def held(journal: Journal) -> list[int]:
    return [seq for seq, _ in journal.custody.held_after(0, 100)]


def overwrite(directory: Path, old: bytes, new: bytes, *, times: int = 1) -> None:
    """Change bytes within a row, as a memory card does: no page looks damaged by it."""
    assert len(old) == len(new)
    with closing(sqlite3.connect(directory / FILE)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = directory / FILE
    octets = file.read_bytes()
    assert octets.count(old) == times
    file.write_bytes(octets.replace(old, new, 1))


@given(st.binary(min_size=1), st.integers(0), VALUES)
def test_a_changed_bit_changes_the_checksum(octets: bytes, bit: int, others: list[Value]) -> None:
    changed = bytearray(octets)
    changed[bit // 8 % len(octets)] ^= 1 << bit % 8
    assert checksum([octets, *others]) != checksum([bytes(changed), *others])


@given(VALUES)
def test_a_text_counts_as_its_bytes(values: list[Value]) -> None:
    octets = [one.encode() if isinstance(one, str) else one for one in values]
    assert checksum(values) == checksum(octets)


def test_a_checksum_tells_values_apart_that_share_their_bytes() -> None:
    assert len({checksum(one) for one in ((b"ab", b"c"), (b"a", b"bc"), (b"abc", None))}) == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"second payload", b"secOnd payload"),
        (b"second-boot", b"\xff\xfecond-boot"),  # no text any more: SQLite refuses it
    ],
)
def test_a_row_that_was_overwritten_is_set_aside_and_those_beside_it_are_sent(
    journal: Journal, tmp_path: Path, old: bytes, new: bytes
) -> None:
    """It was sent as if the device had said so."""
    journal.append(notification(b"first payload"))
    second = notification(b"second payload")
    capture = msgspec.structs.replace(second.capture, boot_id="second-boot")
    journal.append(replace(second, capture=capture))
    journal.append(notification(b"third payload"))
    journal.close()
    overwrite(tmp_path, old, new)
    with closing(Journal(tmp_path, "b" * 16)) as opened:
        assert held(opened) == [1, 2, 3]
        assert payloads(opened) == [b"first payload", b"third payload"]
        assert (held(opened), opened.damaged.count) == ([1, 3], 1)
        assert opened.append(notification(b"fourth")).seq == 4
    with closing(Journal(tmp_path, "c" * 16)) as opened:
        assert (opened.damaged.count, opened.set_aside) == (1, None)
        assert opened.custody.prune(NOW_MS, space_needed=False) == 0
        opened.custody.prune(NOW_MS + KEPT_MS, space_needed=False)
        counts = [opened.damaged.count]
        opened.custody.prune(NOW_MS + KEPT_MS + 1, space_needed=False)
        assert [*counts, opened.damaged.count] == [1, 0]


def test_a_row_that_no_longer_fits_its_index_makes_way_for_a_new_journal(
    journal: Journal, tmp_path: Path
) -> None:
    """SQLite does not delete such a row; what is whole is brought in again: see test_salvage."""
    journal.append(notification(b"1", session_id="first-session"))
    journal.close()
    overwrite(tmp_path, b"first-session", b"fiRst-session", times=2)
    with closing(Journal(tmp_path, "b" * 16)) as opened, pytest.raises(DamagedError):
        payloads(opened)


def test_people_are_told_of_damaged_rows_before_and_after_they_are_set_aside(
    journal: Journal, tmp_path: Path
) -> None:
    def examined() -> tuple[Verdict, str, str]:
        found = doctor(Patient(tmp_path, None, None, HandClock()), look_if_any(tmp_path))
        return found.verdict, found.found, found.do

    journal.append(notification(b"first payload"))
    journal.append(notification(b"second payload"))
    before = examined()
    journal.close()
    overwrite(tmp_path, b"first payload", b"fiRst payload")
    found = examined()
    with closing(Journal(tmp_path, "b" * 16)) as opened:
        assert opened.damaged.look() == [1]
        assert opened.damaged.look() == []
        status = look(tmp_path).status
        assert (status.held, status.damaged) == (1, 1)
        assert any(line.startswith("damaged, not sent       1") for line in describe(status))
        after = examined()
    assert before[:2] == (Verdict.GOOD, "every page and row is whole")
    assert found[:2] == (Verdict.BAD, "1 row of it is not what was written")
    assert after[:2] == (Verdict.BAD, "1 reading was damaged on the disk, and not sent")
    assert after[2].startswith("Tell your contact at the clinic")


def test_a_row_of_no_known_stream_is_found(journal: Journal) -> None:
    """It would have been held by no stream, and never sent."""
    journal.append(notification(b"1"))
    journal._database.execute("UPDATE rows SET stream_id = 77")
    assert (held(journal), payloads(journal), held(journal)) == ([1], [], [])


def test_what_a_session_told_is_not_believed_once_it_was_overwritten(
    journal: Journal, tmp_path: Path
) -> None:
    device = Device(ADDRESS, serial="C-0001-SERIAL")
    row = journal.append(notification(b"1"))
    journal.keep_facts(SessionFacts("session", device, newest=row.seq))
    journal.close()
    overwrite(tmp_path, b"C-0001-SERIAL", b"C-0002-SERIAL")
    with closing(Journal(tmp_path, "b" * 16)) as opened:
        assert opened.facts(row) == SessionFacts("session", Device(ADDRESS), ended=True)


def test_what_waits_without_a_number_is_not_numbered_once_it_was_overwritten(
    journal: Journal, tmp_path: Path
) -> None:
    facts = SessionFacts("session", Device(ADDRESS))
    for payload in (b"first payload", b"second payload"):
        journal.hold_back(notification(payload), facts)
    journal.close()
    overwrite(tmp_path, b"first payload", b"fiRst payload")
    with closing(Journal(tmp_path, "b" * 16)) as opened:
        (record,) = opened.attribute("session", lambda _: facts)
        assert (record.payload, opened.damaged.count) == (b"second payload", 1)


def test_a_context_does_not_rest_on_a_damaged_measurement(journal: Journal) -> None:
    measurement = notification(meter_payload(7), GLUCOSE)
    journal.append(measurement)
    context = journal.append(notification(b"\x00\x07\x00", GLUCOSE_CONTEXT))
    (before,) = journal.entries(range(context.seq, context.seq + 1))
    journal._database.execute("UPDATE rows SET payload = x'00' || substr(payload, 2)")
    journal._database.execute("UPDATE rows SET wall_ms = 1 WHERE seq = 1")
    assert before.related.measurement is not None
    assert journal.entries(range(1, 2)) == []


@pytest.mark.parametrize(
    "change",
    ["last = 3", "digest = 'dighst'", "held = 4", "complete = 1", "held = 'x'", "last = x'00'"],
)
def test_a_cursor_that_was_overwritten_points_nowhere(journal: Journal, change: str) -> None:
    """A count that is too high hid that records are missing; now all is asked for once more."""
    journal.devices.move_cursor(ADDRESS, Cursor(7, "digest", held=5))
    journal.devices.move_cursor("C0:00:00:00:00:02", Cursor(1, "other"))
    assert journal.devices.cursor(ADDRESS) == Cursor(7, "digest", held=5)
    journal._database.execute(f"UPDATE cursors SET {change} WHERE last = 7")
    assert journal.devices.cursor(ADDRESS) is None
    assert journal.devices.cursor("C0:00:00:00:00:02") == Cursor(1, "other")
    journal.devices.move_cursor(ADDRESS, Cursor(8, "newer", held=6))
    assert journal.devices.cursor(ADDRESS) == Cursor(8, "newer", held=6)


def test_a_cursor_of_another_device_is_not_believed(journal: Journal) -> None:
    journal.devices.move_cursor(ADDRESS, Cursor(7, "digest"))
    journal._database.execute("UPDATE cursors SET address = 'C0:00:00:00:00:02'")
    assert journal.devices.cursor("C0:00:00:00:00:02") is None


def test_a_clock_that_was_overwritten_is_not_known(journal: Journal) -> None:
    """What was no JSON any more stopped the visit, or the daemon at its start."""
    seen, observed = (
        Timeline(coincidences=(Coincidence(NOW_MS, "2026-03-14T07:05:09"),)),
        Observation("boot", 1, 2),
    )
    journal.devices.keep_timeline(ADDRESS, seen)
    journal.keep_observation(observed)
    assert (journal.devices.timeline(ADDRESS), journal.observation()) == (seen, observed)
    for table in ("timelines", "observation"):
        journal._database.execute(f"UPDATE {table} SET value = substr(value, 2)")
    with capture_logs() as logged:
        assert (journal.devices.timeline(ADDRESS), journal.observation()) == (Timeline(), None)
    assert [line["event"] for line in logged] == ["timeline.damaged", "observation.damaged"]


def test_one_changed_byte_makes_no_receipt(journal: Journal) -> None:
    """It looked as if the clinic had the reading: not sent, and deleted after a month."""
    for payload in (b"first", b"second"):
        journal.append(notification(payload))
    journal.custody.receipt({STREAM: [(1, 1)]}, NOW_MS)
    journal._database.execute("UPDATE rows SET receipted_ms = 0 WHERE seq = 2")
    assert held(journal) == []
    assert journal.custody.prune(NOW_MS, space_needed=True) == 1
    assert journal.custody.hold_unproven() == 1
    assert (held(journal), payloads(journal)) == ([2], [b"second"])
    assert journal.custody.receipt({STREAM: [(1, 2)]}, NOW_MS) == [2]
    assert journal.custody.hold_unproven() == 0
    assert journal.custody.resend("again", NOW_MS) == 1
    assert (held(journal), journal.damaged.look()) == ([2], [])


def test_a_receipt_that_was_lost_costs_a_sending(journal: Journal) -> None:
    journal.append(notification(b"first"))
    journal.custody.receipt({STREAM: [(1, 1)]}, NOW_MS)
    journal._database.execute("UPDATE rows SET receipted_ms = NULL")
    assert (held(journal), payloads(journal), journal.damaged.look()) == ([1], [b"first"], [])
    assert journal.custody.receipt({STREAM: [(1, 1)]}, NOW_MS) == [1]
    assert (journal.custody.hold_unproven(), held(journal)) == (0, [])


def test_a_journal_of_the_eighth_layout_is_brought_up(journal: Journal, tmp_path: Path) -> None:
    """What it knew is taken to be whole, and what has its receipt is not sent again."""
    seen, observed = (
        Timeline(coincidences=(Coincidence(NOW_MS, "2026-03-14T07:05:09"),)),
        Observation("boot", 1, 2),
    )
    for payload in (b"first", b"second"):
        journal.append(notification(payload))
    journal.custody.receipt({STREAM: [(1, 1)]}, NOW_MS)
    journal.devices.move_cursor(ADDRESS, Cursor(7, "digest", 5, complete=True))
    journal.devices.keep_timeline(ADDRESS, seen)
    journal.keep_observation(observed)
    journal.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as old:
        old.executescript(BEFORE_PROOF)
    with closing(Journal(tmp_path, "b" * 16)) as opened:
        assert opened.devices.cursor(ADDRESS) == Cursor(7, "digest", 5, complete=True)
        assert (opened.devices.timeline(ADDRESS), opened.observation()) == (seen, observed)
        assert (opened.custody.hold_unproven(), held(opened)) == (0, [2])
        assert opened.damaged.look() == []


def test_a_journal_without_checksums_gets_them_in_place(journal: Journal, tmp_path: Path) -> None:
    facts = SessionFacts("session", Device(ADDRESS, serial="S"), ended=True)
    row = journal.append(notification(b"first", BLOOD_PRESSURE))
    journal.keep_facts(facts)
    waiting = SessionFacts("visit", Device(ADDRESS))
    journal.hold_back(notification(b"waits", session_id="visit"), waiting)
    journal.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as old:
        old.executescript(BEFORE_CHECKSUMS)
    with closing(Journal(tmp_path, "b" * 16)) as opened:
        assert opened.set_aside is None
        (entry,) = opened.entries(range(1, 10))
        assert (entry.record, entry.facts) == (row, facts)
        assert opened.append(notification(b"second")).seq == 2
        assert payloads(opened) == [b"first", b"second"]
        assert [one.payload for one in opened.attribute("visit", lambda _: waiting)] == [b"waits"]
        assert opened.damaged.count == 0
