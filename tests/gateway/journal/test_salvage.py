"""What can still be read in a journal that was set aside comes into the next, once, by its name."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.bedside import words
from gateway.bedside.checks_machine import journal as doctor
from gateway.bedside.overview import look_if_any
from gateway.bedside.patient import Patient
from gateway.bedside.status import describe, look
from gateway.decoding.decode import decode
from gateway.journal import salvage, set_aside
from gateway.journal.file import FILE, broken_journals
from gateway.journal.journal import Journal
from gateway.journal.set_aside import Part, read_part
from gateway.record import BLOOD_PRESSURE, GLUCOSE, Salvaged, SessionFacts
from schemas.errors import UnavailableError
from schemas.reading import Device, Item
from tests.gateway.hand_clock import HandClock
from tests.gateway.records import (
    ADDRESS,
    BEFORE_CHECKSUMS,
    BEFORE_DERIVED,
    BEFORE_PROOF,
    STREAM,
    cuff_payload,
    meter_payload,
    notification,
)

PAGE_BYTES = 4096
NOW_MS = 1_800_000_000_000
SECOND = "b" * 16
THIRD = "c" * 16


def fill(journal: Journal, count: int) -> None:
    """Sessions of ten: each tells its device's number, and which of its rows was the newest."""
    journal._database.execute("PRAGMA synchronous = OFF")
    for number in range(count):
        name = f"session-{number // 10}"
        facts = SessionFacts(name, Device(ADDRESS, serial="S-1"))
        if number % 10 == 0:
            journal.keep_facts(facts)
        payload = number.to_bytes(4, "big") * 100
        row = journal.append(notification(payload, session_id=name), newest=number % 10 == 9)
        if number % 10 == 9:
            journal.keep_facts(replace(facts, ended=True, newest=row.seq))


def read(journal: Journal) -> dict[int, bytes]:
    """Give what is held, by the numbers under which it was held first."""
    held = [seq for seq, _ in journal.custody.held_after(0, 10_000)]
    entries = journal.entries(range(1, max(held, default=0) + 1))
    return {one.record.origin.seq: one.record.payload for one in entries if one.record.seq in held}


def items(journal: Journal) -> list[Item]:
    return [decode(entry, "home-1") for entry in journal.entries(range(1, 10_000))]


def name_of(item: Item) -> str | None:
    return getattr(item, "reading_id", None)


def part_of(path: Path, reached: int = 0) -> Part:
    """Read what comes behind ``reached``."""
    part = read_part(path, reached)
    assert part is not None
    return part


def brought_in(journal: Journal, directory: Path) -> Salvaged:
    (path,) = broken_journals(directory)
    while not journal.salvage.told.get(path.name, Salvaged()).ended:
        reached = journal.salvage._reached.get(path.name, 0)
        journal.salvage.bring_in(path.name, part_of(path, reached))
    return journal.salvage.told[path.name]


def break_pages(directory: Path, share: float) -> None:
    """Overwrite some pages of a closed journal, as a memory card may, but not its first ones."""
    file = directory / FILE
    pages = file.stat().st_size // PAGE_BYTES
    with file.open("r+b") as broken:
        for page in range(int(pages * (0.6 - share / 2)), int(pages * (0.6 + share / 2))):
            broken.seek(PAGE_BYTES * page)
            broken.write(b"\xff" * PAGE_BYTES)


@pytest.mark.parametrize("anew", [False, True])
def test_what_is_whole_is_brought_in_and_what_is_not_is_counted(tmp_path: Path, anew: bool) -> None:
    """It waited on the disk for a person, and there is none."""
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 500)
        before = read(journal)
    if not anew:
        break_pages(tmp_path, 0.1)
    with closing(Journal(tmp_path, SECOND, anew=anew)) as opened:
        opened.append(notification(b"meanwhile"))
        told = brought_in(opened, tmp_path)
        entries = opened.entries(range(2, 10_000))
    found = {one.record.origin.seq: one.record.payload for one in entries}
    changed = [seq for seq, payload in found.items() if before[seq] != payload]
    assert (changed, told.brought, told.ended) == ([], len(found), True)
    assert {one.facts.device.serial for one in entries} == {"S-1"}
    if anew:
        assert told == Salvaged(500, 0, ended=True)
    else:
        assert (told.brought > 300, told.brought + told.unreadable >= 500) == (True, True)


def test_the_old_file_stays_as_it_is(tmp_path: Path) -> None:
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 50)
        copied = {one.name: one.read_bytes() for one in tmp_path.glob(f"{FILE}*")}
        later = tmp_path / "later"
        later.mkdir()
        for name, octets in copied.items():
            (later / name).write_bytes(octets)
    with closing(Journal(later, SECOND, anew=True)) as opened:
        (path,) = broken_journals(later)
        kept = [path.read_bytes(), path.with_name(f"{path.name}-wal").read_bytes()]
        assert brought_in(opened, later) == Salvaged(50, 0, ended=True)
        assert [path.read_bytes(), path.with_name(f"{path.name}-wal").read_bytes()] == kept


@pytest.mark.parametrize(
    ("payload", "characteristic"),
    [
        (cuff_payload(), BLOOD_PRESSURE),
        (cuff_payload(None), BLOOD_PRESSURE),
        (meter_payload(7), GLUCOSE),
    ],
)
def test_a_reading_keeps_its_name_so_that_a_second_sending_is_none(
    tmp_path: Path, payload: bytes, characteristic: str
) -> None:
    """Also one without a date of its own, which is named by the number that it had first."""
    facts = SessionFacts("session", Device(ADDRESS, serial="S-1"), ended=True)
    with closing(Journal(tmp_path, STREAM)) as journal:
        journal.append(notification(b"another", at_ms=1))
        journal.append(notification(payload, characteristic))
        journal.keep_facts(facts)
        (_, before) = items(journal)
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        opened.append(notification(b"meanwhile", at_ms=2))
        brought_in(opened, tmp_path)
        (_, _, after) = items(opened)
    assert name_of(before) is not None
    assert (after.seq, name_of(after)) == (3, name_of(before))
    with closing(Journal(tmp_path, THIRD, anew=True)) as opened:
        for path in broken_journals(tmp_path):
            opened.salvage.bring_in(path.name, part_of(path))
        names = [name_of(item) for item in items(opened)]
    assert names.count(name_of(before)) == 1, "of two journals that were set aside"
    assert len(names) == 3


def test_what_was_the_newest_of_its_session_is_so_under_its_new_number(tmp_path: Path) -> None:
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 10)
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        opened.append(notification(b"meanwhile"))
        brought_in(opened, tmp_path)
        newest = {one.facts.newest for one in opened.entries(range(2, 100))}
        assert newest == {11}


def test_a_session_is_not_cut_in_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first rows would be sent before it is known that they are not its newest."""
    monkeypatch.setattr(set_aside, "ROWS", 15)
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 40)
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        (path,) = broken_journals(tmp_path)
        part = part_of(path)
        assert (part.reached, part.ended) == (10, False)
        assert brought_in(opened, tmp_path).brought == 40


def test_what_has_its_receipt_comes_with_it(tmp_path: Path) -> None:
    """A meal refers to its measurement, and the clinic may ask for all of it again."""
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 20)
        journal.custody.receipt({STREAM: [(1, 15)]}, NOW_MS)
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        assert brought_in(opened, tmp_path).brought == 20
        assert sorted(read(opened)) == [16, 17, 18, 19, 20]
        assert opened.custody.resend("r", NOW_MS) == 15


def test_it_goes_on_where_it_was_and_brings_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_aside, "ROWS", 15)
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 40)
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        (path,) = broken_journals(tmp_path)
        part = part_of(path)
        opened.salvage.bring_in(path.name, part)
        opened.salvage.bring_in(path.name, part)
        assert len(read(opened)) == 10
    with closing(Journal(tmp_path, THIRD)) as opened:
        assert not opened.salvage.told[path.name].ended
        brought_in(opened, tmp_path)
        assert len(read(opened)) == 40


def test_a_disk_that_refuses_loses_nothing_of_it(tmp_path: Path) -> None:
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 10)
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        (path,) = broken_journals(tmp_path)
        part = part_of(path)
        opened._database.execute("PRAGMA query_only = 1")
        with pytest.raises(UnavailableError):
            opened.salvage.bring_in(path.name, part)
        opened._database.execute("PRAGMA query_only = 0")
        assert (read(opened), opened.salvage.told) == ({}, {})
        assert brought_in(opened, tmp_path).brought == 10


def test_what_waited_without_a_number_waits_on(tmp_path: Path) -> None:
    facts = SessionFacts("visit", Device(ADDRESS, serial="S-1"))
    with closing(Journal(tmp_path, STREAM)) as journal:
        journal.hold_back(notification(b"waits", session_id="visit"), facts)
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        brought_in(opened, tmp_path)
        assert opened.anteroom.sessions() == [("visit", ADDRESS)]
        assert opened.facts_of("visit", ADDRESS).device.serial == "S-1"


def without_checksums(path: Path) -> None:
    with closing(sqlite3.connect(path)) as old:
        old.executescript(BEFORE_CHECKSUMS)


def without_a_head(path: Path) -> None:
    with path.open("r+b") as broken:
        broken.write(b"\xff" * PAGE_BYTES)


def without_a_table(path: Path) -> None:
    without_a_head(path)
    octets = path.read_bytes()
    path.write_bytes(octets.replace(b"CREATE TABLE anteroom", b"CREATE TaBLE anteroom"))


@pytest.mark.parametrize("layout", [8, 9, 10])
@pytest.mark.parametrize("closed", [True, False])
def test_a_journal_without_its_first_page_is_read_all_the_same(
    tmp_path: Path, layout: int, *, closed: bool
) -> None:
    """It waited for a person, and there is none."""
    facts = SessionFacts("visit", Device(ADDRESS, serial="S-1"))
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 250)
        journal.hold_back(notification(b"waits", session_id="visit"), facts)
        before = items(journal)
    with closing(sqlite3.connect(tmp_path / FILE)) as old:
        old.executescript({8: BEFORE_PROOF, 9: BEFORE_DERIVED}.get(layout, ""))
    if not closed:  # its latest records are in its log alone
        left = tmp_path / "left"
        left.mkdir()
        with closing(sqlite3.connect(tmp_path / FILE)) as old:
            old.execute("UPDATE rows SET boot_id = boot_id WHERE seq > 200")
            old.commit()
            for file in tmp_path.glob(f"{FILE}*"):
                (left / file.name).write_bytes(file.read_bytes())
        tmp_path = left
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        (path,) = broken_journals(tmp_path)
        without_a_head(path)
        kept = path.read_bytes()
        assert brought_in(opened, tmp_path) == Salvaged(250, 0, ended=True)
        assert list(map(name_of, items(opened))) == list(map(name_of, before))
        assert opened.anteroom.sessions() == [("visit", ADDRESS)]
        assert path.read_bytes() == kept
        assert broken_journals(tmp_path) == [path]
    assert [one.name for one in tmp_path.glob("*copy*")] == []


@pytest.mark.parametrize("done", [without_checksums, without_a_table, Path.unlink])
def test_what_nothing_vouches_for_waits_for_a_person(
    tmp_path: Path, done: Callable[[Path], None]
) -> None:
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 10)
    with closing(Journal(tmp_path, SECOND, anew=True)):
        (path,) = broken_journals(tmp_path)
        done(path)
        assert read_part(path, 0) is None
    assert [one.name for one in tmp_path.glob("*copy*")] == []


@pytest.mark.parametrize("layout", [8, 9, 10])
def test_what_has_its_receipt_has_it_here_and_what_has_none_is_sent(
    tmp_path: Path, layout: int
) -> None:
    """Also of a journal of before receipts had a witness; with one, a changed byte makes none."""
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 3)
        journal.custody.receipt({STREAM: [(1, 1)]}, NOW_MS)
    with closing(sqlite3.connect(tmp_path / FILE)) as broken:
        broken.executescript({8: BEFORE_PROOF, 9: BEFORE_DERIVED}.get(layout, ""))
        broken.execute("UPDATE rows SET receipted_ms = 0 WHERE seq = 2")
        broken.commit()
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        brought_in(opened, tmp_path)
        assert list(read(opened)) == ([3] if layout == 8 else [2, 3])
        assert opened.custody.hold_unproven() == 0


@pytest.mark.parametrize(
    "change", ["ended = 1", "reached = 249", "brought = 7", "unreadable = 1", "checksum = 0"]
)
def test_how_far_it_is_is_not_believed_once_it_was_overwritten(tmp_path: Path, change: str) -> None:
    """What comes behind was passed over, as if it had been brought in."""
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 250)
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        (path,) = broken_journals(tmp_path)
        opened.salvage.bring_in(path.name, part_of(path))
        assert 0 < len(read(opened)) < 250
        opened._database.execute(f"UPDATE salvages SET {change}")
    assert look(tmp_path).status.salvages == {}
    with closing(Journal(tmp_path, THIRD)) as opened:
        assert opened.salvage.told == {}
        brought_in(opened, tmp_path)
        assert list(read(opened)) == list(range(1, 251))
    with closing(Journal(tmp_path, "d" * 16)) as opened:
        assert opened.salvage.told[path.name].ended


async def test_it_runs_by_itself_and_only_while_the_disk_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salvage, "PAUSE_S", 0.0)
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 250)
    stray = [tmp_path / f"{FILE}.copy-{THIRD}{end}" for end in ("", "-wal", "-begun")]
    for file in stray:  # somebody took the broken journal away before it was brought in
        file.touch()
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        asked, told = [], asyncio.Event()

        def may() -> bool:
            asked.append(len(read(opened)))
            return len(asked) > 3

        def brought() -> None:
            if len(read(opened)) == 250:
                told.set()

        task = asyncio.create_task(opened.salvage.run(tmp_path, may, brought))
        async with asyncio.timeout(30):
            await told.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert asked[:4] == [0, 0, 0, 0]
        assert not any(file.exists() for file in stray)


def test_people_are_told_how_far_it_is(tmp_path: Path) -> None:
    with closing(Journal(tmp_path, STREAM)) as journal:
        fill(journal, 10)
    with closing(Journal(tmp_path, SECOND, anew=True)) as opened:
        brought_in(opened, tmp_path)
        status = look(tmp_path).status
    name = f"{FILE}.broken-{SECOND}"
    assert status.salvages == {name: Salvaged(10, 0, ended=True)}
    examined = doctor(Patient(tmp_path, None, None, HandClock()), look_if_any(tmp_path))
    assert examined.found == (
        f"a broken file was set aside: {name} (10 of its readings were brought in)"
    )
    assert examined.do.endswith("nothing is needed of it any more.")
    assert f"of a broken journal     10 brought in: {name}" in list(describe(status))
    said = [
        words.set_aside(name, one)
        for one in (None, Salvaged(3), Salvaged(3, 2, ended=True), Salvaged(1, 0, ended=True))
    ]
    assert [
        text.split("; ")[0].removeprefix("the journal was broken and a new one began")
        for text in said
    ] == [
        "",
        ", with 3 readings of the old one so far",
        ", with 3 readings of the old one",
        ", with 1 reading of the old one, which are all",
    ]
    assert "up to 2 readings more may be left in it" in said[2]
