"""What came before it was known from whom: here, a record, or refused; never two, never none."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.bedside.status import describe, look
from gateway.decoding.decode import decode
from gateway.journal import anteroom
from gateway.journal.file import FILE
from gateway.journal.journal import Journal
from gateway.record import BLOOD_PRESSURE, GLUCOSE, Notification, Record, SessionFacts
from schemas.errors import UnavailableError
from schemas.reading import Capture, Device, Reading
from tests.gateway.records import (
    ADDRESS,
    BEFORE_DERIVED,
    BOOT,
    CLOCK_READ,
    cuff_payload,
    meter_payload,
)

NOW_MS = 1_800_000_000_000
OTHER = "C0:00:00:00:00:02"
SESSIONS = {"first": ADDRESS, "second": ADDRESS, "other's": OTHER}
ROOM = 4


def sent(payload: bytes, session_id: str = "first", *, at_ms: int = 1_000) -> Notification:
    return Notification(
        SESSIONS[session_id], BLOOD_PRESSURE, payload, session_id, Capture(BOOT, at_ms)
    )


def facts_of(session_id: str, *, ended: bool = False) -> SessionFacts:
    return SessionFacts(session_id, Device(SESSIONS[session_id]), CLOCK_READ, ended=ended)


def hold(journal: Journal, payload: bytes, session_id: str = "first") -> bool:
    return journal.hold_back(sent(payload, session_id), facts_of(session_id))


def attribute(journal: Journal, session_id: str = "first") -> list[Record]:
    return journal.attribute(session_id, lambda _: facts_of(session_id))


def held(journal: Journal) -> list[int]:
    return [seq for seq, _ in journal.custody.held_after(0, 10_000)]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, "a" * 16)
    yield opened
    opened.close()


class AnteroomMachine(RuleBasedStateMachine):
    """Early notifications, judgements, receipts and crashes in any order, against a plain model."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.runs = 0
        self.journal = self.open()
        self.waiting: dict[str, list[bytes]] = defaultdict(list)
        self.records: list[bytes] = []
        self.sent = 0

    def open(self) -> Journal:
        self.runs += 1
        return Journal(Path(self.directory.name), f"{self.runs:016x}")

    def unlike(self) -> bytes:
        self.sent += 1
        return b"%d" % self.sent

    @rule(session_id=st.sampled_from(list(SESSIONS)))
    def hold(self, session_id: str) -> None:
        payload, address = self.unlike(), SESSIONS[session_id]
        of_device = sum(len(self.waiting[one]) for one in SESSIONS if SESSIONS[one] == address)
        found_room = hold(self.journal, payload, session_id)
        assert found_room is (of_device < ROOM)
        if found_room:
            self.waiting[session_id].append(payload)

    @rule(session_id=st.sampled_from(list(SESSIONS)))
    def attribute(self, session_id: str) -> None:
        records = attribute(self.journal, session_id)
        assert [record.payload for record in records] == self.waiting.pop(session_id, [])
        assert {record.address for record in records} <= {SESSIONS[session_id]}
        self.records += [record.payload for record in records]

    @rule(session_id=st.sampled_from(list(SESSIONS)))
    def attribute_on_a_disk_that_refuses(self, session_id: str) -> None:
        def refuse(_records: list[Record]) -> SessionFacts:
            raise UnavailableError("full", "free space")

        with pytest.raises(UnavailableError):
            self.journal.attribute(session_id, refuse)

    @rule(session_id=st.sampled_from(list(SESSIONS)))
    def refuse(self, session_id: str) -> None:
        gone = self.waiting.pop(session_id, [])
        assert self.journal.refuse(session_id, SESSIONS[session_id]) == len(gone)
        assert self.journal.devices.is_doubted(SESSIONS[session_id])

    @rule()
    def append(self) -> None:
        payload = self.unlike()
        self.journal.append(sent(payload))
        self.records.append(payload)

    @rule()
    def prune(self) -> None:
        self.journal.custody.prune(NOW_MS, space_needed=True)

    @rule()
    def crash(self) -> None:
        crashed, self.journal = self.journal, self.open()
        crashed.close()

    @invariant()
    def each_is_in_one_place(self) -> None:
        entries = self.journal.entries(range(1, self.sent + 1))
        assert [entry.record.payload for entry in entries] == self.records
        assert held(self.journal) == [entry.record.seq for entry in entries]
        waiting = {session_id for session_id, _ in self.journal.anteroom.sessions()}
        assert waiting == {session_id for session_id, sent in self.waiting.items() if sent}
        for session_id in waiting:  # what its session has learnt survives with it
            assert self.journal.facts_of(session_id, "").clock == CLOCK_READ

    def teardown(self) -> None:
        self.journal.close()
        self.directory.cleanup()


AnteroomMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
test_each_is_in_one_place = AnteroomMachine.TestCase


@pytest.fixture(autouse=True)
def _little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anteroom, "DEVICE_MOST", ROOM)


def test_it_is_on_the_disk_and_nothing_is_to_be_sent(journal: Journal, tmp_path: Path) -> None:
    assert hold(journal, b"1")
    journal.close()
    with closing(Journal(tmp_path, "b" * 16)) as again:
        assert again.anteroom.sessions() == [("first", ADDRESS)]
        assert held(again) == []
        assert all(state.held == 0 for state in again.states().values())


def test_it_becomes_a_record_exactly_as_it_came(journal: Journal, tmp_path: Path) -> None:
    capture = Capture(BOOT, 1234, wall_ms=NOW_MS, not_before_ms=5)
    came = Notification(ADDRESS, GLUCOSE, meter_payload(7), "first", capture)
    journal.hold_back(came, facts_of("first"))
    journal.close()
    with closing(Journal(tmp_path, "b" * 16)) as again:
        assert again.facts_of("first", ADDRESS).clock == CLOCK_READ
        (record,) = again.attribute("first", lambda _: facts_of("first", ended=True))
        (entry,) = again.entries(range(record.seq, record.seq + 1))
        assert entry.record == record
        assert record == Record(
            again.stream, record.seq, ADDRESS, GLUCOSE, came.payload, "first", capture
        )
        later = again.append(replace(came, session_id="second"))
        (twin,) = again.entries(range(later.seq, later.seq + 1))
        assert twin.related.origin == record.origin  # it lent its name


def test_what_a_visit_learnt_stays_while_something_of_it_waits(journal: Journal) -> None:
    journal.hold_back(sent(b"1"), facts_of("first", ended=True))
    row = journal.append(sent(b"2", "second"))
    journal.custody.receipt({journal.stream: [(row.seq, row.seq)]}, NOW_MS)
    assert journal.custody.prune(NOW_MS, space_needed=True) == 1
    assert journal.facts_of("first", ADDRESS).clock == CLOCK_READ


def test_what_is_sent_again_after_the_crash_is_the_same_reading(journal: Journal) -> None:
    """An undated payload has its first capture's name, whether its owner was known then or not."""
    undated = cuff_payload(None)
    journal.hold_back(sent(undated), facts_of("first"))
    journal.hold_back(sent(undated, "second", at_ms=30_000), facts_of("second"))
    rows = attribute(journal) + attribute(journal, "second")
    rows.append(journal.append(sent(undated, "second", at_ms=50_000)))
    items = [decode(entry, "home-1") for entry in journal.entries(range(1, len(rows) + 1))]
    assert len(items) == 3
    assert len({item.reading_id for item in items if isinstance(item, Reading)}) == 1


def test_what_a_device_may_leave_is_bounded_and_takes_no_room_of_another(journal: Journal) -> None:
    assert [hold(journal, b"%d" % number) for number in range(ROOM + 2)] == [True] * ROOM + [
        False,
        False,
    ]
    assert not hold(journal, b"later", "second")
    assert hold(journal, b"mine", "other's")
    assert journal.anteroom.count(ADDRESS) == ROOM


def test_who_is_believed_is_not_doubted_any_more(journal: Journal, tmp_path: Path) -> None:
    journal.refuse("first", ADDRESS)
    journal.close()
    with closing(Journal(tmp_path, "b" * 16)) as again:
        assert again.devices.is_doubted(ADDRESS)
        assert not again.devices.is_doubted(OTHER)
        attribute(again, "second")
        assert not again.devices.is_doubted(ADDRESS)


@pytest.mark.parametrize("change", ["address = 'x'", "checksum = 0"])
@pytest.mark.parametrize("layout", [9, 10])
def test_one_changed_byte_makes_nobody_believed(
    journal: Journal, tmp_path: Path, change: str, layout: int
) -> None:
    """It was listened to before it said who it is: what it left then was taken for ours."""
    journal.refuse("first", ADDRESS)
    journal.close()
    if layout == 9:
        with closing(sqlite3.connect(tmp_path / FILE)) as old:
            old.executescript(BEFORE_DERIVED)
    with closing(Journal(tmp_path, "b" * 16)) as again:
        again._database.execute(f"UPDATE doubted SET {change}")
        assert again.devices.is_doubted(ADDRESS)
        assert not again.devices.is_doubted(OTHER)
        attribute(again, "second")
        assert not again.devices.is_doubted(ADDRESS)


def test_status_says_that_something_waits(journal: Journal, tmp_path: Path) -> None:
    assert not any("from whom" in line for line in describe(look(tmp_path).status))
    hold(journal, b"1")
    status = look(tmp_path).status
    assert (status.unattributed, status.held) == (1, 0)
    assert any(line.startswith("from whom is not known  1,") for line in describe(status))
