"""A journal whose disk or file fails: what is set aside, what goes on, and what nobody loses."""

import errno
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.journal.damage import DamagedError, is_emptied, unusable
from gateway.journal.file import FILE, broken_journals
from gateway.journal.intake import Intake
from gateway.journal.journal import Journal
from gateway.record import BLOOD_PRESSURE, Notification, Record
from schemas.errors import MisconfiguredError, UnavailableError
from tests.gateway.hand_clock import HandClock
from tests.gateway.records import ADDRESS, STREAM, notification


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, STREAM)
    yield opened
    opened.close()


def fill(journal: Journal) -> None:
    journal._database.execute("PRAGMA synchronous = OFF")
    for _ in range(300):
        journal.append(notification(bytes(2000)))


def held(journal: Journal) -> list[bytes]:
    rows = journal.custody.held_after(0, 10_000)
    return [journal.entries(range(seq, seq + 1))[0].record.payload for seq, _ in rows]


def left_by_a_kill(journal: Journal, directory: Path) -> None:
    """Copy the files of an open journal, some of whose rows are in its log alone."""
    fill(journal)
    journal._database.execute("PRAGMA wal_checkpoint(RESTART)")
    journal.append(notification(b"only in the log"))
    directory.mkdir()
    for file in directory.parent.glob(f"{FILE}*"):
        (directory / file.name).write_bytes(file.read_bytes())


def break_pages(file: Path, first: int, last: int) -> None:
    with file.open("r+b") as broken:
        broken.seek(4096 * first)
        broken.write(b"\xff" * 4096 * (last - first))


def test_a_file_that_is_no_journal_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database, but somebody's bytes" * 100)
    with closing(Journal(tmp_path, "c" * 16)) as journal:
        assert journal.set_aside is not None
        assert journal.set_aside.read_bytes().startswith(b"not a database")
        assert journal.append(notification(b"1")).seq == 1


@pytest.mark.parametrize("page", [0, 10], ids=["header", "within"])
def test_a_damaged_journal_is_set_aside_whole(journal: Journal, tmp_path: Path, page: int) -> None:
    copy = tmp_path / "after a power cut"
    left_by_a_kill(journal, copy)
    break_pages(copy / FILE, page, page + 1)
    with closing(Journal(copy, "c" * 16)) as opened:
        assert opened.set_aside is not None
        kept = copy.glob(f"{opened.set_aside.name}*")
        assert any(b"only in the log" in file.read_bytes() for file in kept)
        assert opened.append(notification(b"1")).seq == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_IOERR_SHMSIZE, UnavailableError),  # what a full disk says at the start
        (sqlite3.SQLITE_FULL, UnavailableError),
        (sqlite3.SQLITE_CANTOPEN, MisconfiguredError),
    ],
)
def test_a_disk_that_may_have_room_later_is_worth_another_start(
    code: int, kind: type[Exception]
) -> None:
    error = sqlite3.OperationalError("refused")
    error.sqlite_errorcode = code
    assert type(unusable(Path(FILE), error)) is kind


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def emptied_with_its_log(file: Path) -> None:
    for one in file.parent.iterdir():
        one.write_bytes(b"")


def a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def a_link_to_nowhere(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.with_name("nowhere"))


def a_log_that_is_a_directory(file: Path) -> None:
    a_directory(file.with_name(f"{FILE}-wal"))


def somebody_elses(file: Path) -> None:
    for one in file.parent.iterdir():
        one.unlink()
    with closing(sqlite3.connect(file)) as database:
        database.executescript("CREATE TABLE rows (x); PRAGMA user_version = 7;")


@pytest.mark.parametrize(
    ("done", "log_kept"),
    [
        (emptied, True),
        (emptied_with_its_log, False),
        (Path.unlink, True),
        (a_directory, True),
        (a_link_to_nowhere, True),
        (a_log_that_is_a_directory, False),
        (somebody_elses, False),
    ],
)
def test_what_cannot_be_a_journal_is_set_aside_with_its_log_and_told(
    journal: Journal, tmp_path: Path, done: Callable[[Path], None], log_kept: bool
) -> None:
    """SQLite itself would begin a new file, and delete the log; or the daemon never start again."""
    copy = tmp_path / "home"
    left_by_a_kill(journal, copy)
    done(copy / FILE)
    with closing(Journal(copy, "c" * 16)) as opened:
        assert opened.append(notification(b"1")).seq == 1
        logs = [one.read_bytes() for one in copy.glob(f"{FILE}.broken-*-wal") if one.is_file()]
        assert any(b"only in the log" in log for log in logs) is log_kept
        assert len(broken_journals(copy)) == 1


def test_what_a_full_disk_let_nobody_begin_is_not_taken_for_a_broken_journal(
    tmp_path: Path,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(UnavailableError):
            Journal(tmp_path, STREAM)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not is_emptied(tmp_path / FILE)
    with closing(Journal(tmp_path, STREAM)) as opened:
        assert opened.set_aside is None


def test_damage_to_the_open_file_is_known_and_a_new_one_begins(
    journal: Journal, tmp_path: Path
) -> None:
    fill(journal)
    journal._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    journal._database.execute("PRAGMA cache_size = 1")
    break_pages(tmp_path / FILE, 2, 400)
    with pytest.raises(DamagedError, match="by itself") as told:
        held(journal)
    damages = [journal.file.damage]
    journal.file.note(told.value)
    damages.append(journal.file.damage)
    assert damages == [None, told.value.cause]
    with closing(Journal(tmp_path, "c" * 16, anew=True)) as opened:
        assert (held(opened), broken_journals(tmp_path)) == ([], [opened.set_aside])


def test_a_disk_that_refuses_for_now_is_no_damage(journal: Journal) -> None:
    journal.file.note(UnavailableError("full"))
    assert journal.file.damage is None


def test_what_one_journal_refused_is_kept_in_the_next(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock()

    def refuses(_notification: Notification, *, newest: bool) -> Record:
        raise DamagedError("The journal is damaged.")

    monkeypatch.setattr(journal, "append", refuses)
    before = Intake(journal, clock, lambda _: None)
    for payload in (b"1", b"2"):
        assert before.capture("session", ADDRESS, BLOOD_PRESSURE, payload) is None
    assert journal.file.damage is not None
    kept: list[Record] = []
    with closing(Journal(tmp_path, "c" * 16, anew=True)) as opened:
        after = Intake(opened, clock, kept.append)
        after.take_over(before.leave())
        assert held(opened) == [record.payload for record in kept] == [b"1", b"2"]


@pytest.mark.parametrize("done", [Path.unlink, a_directory])
def test_a_file_that_was_taken_away_from_under_the_daemon_is_written_again(
    journal: Journal, tmp_path: Path, done: Callable[[Path], None]
) -> None:
    """What went on being written there would end with the process."""
    journal.append(notification(b"1"))
    journal.file.look()
    damages = [journal.file.damage]
    done(tmp_path / FILE)
    journal.append(notification(b"2"))
    journal.file.look()
    damages.append(journal.file.damage)
    assert damages == [None, "The journal's file was taken away."]
    assert journal.file.written_again
    assert not (tmp_path / f"{FILE}-wal").exists(), "a log of another file"
    aside = broken_journals(tmp_path)
    journal.file.look()
    assert broken_journals(tmp_path) == aside, "once is enough"
    journal.close()
    with closing(Journal(tmp_path, "c" * 16)) as opened:
        assert held(opened) == [b"1", b"2"]
        assert opened.append(notification(b"3")).seq == 3


def test_a_disk_that_does_not_take_it_again_is_tried_later(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(notification(b"1"))
    (tmp_path / FILE).unlink()
    with monkeypatch.context() as full:
        full.setattr(sqlite3, "connect", refuse_to_connect)
        with pytest.raises(UnavailableError, match="disk is full"):
            journal.file.look()
    damages = [journal.file.damage]
    journal.file.look()
    damages.append(journal.file.damage)
    assert (damages[0], damages[1] is None) == (None, False)


def refuse_to_connect(_path: Path) -> sqlite3.Connection:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


def test_a_directory_that_is_gone_is_made_again_with_all_that_was_in_the_journal(
    journal: Journal, tmp_path: Path
) -> None:
    """What went on being written would have ended with the process, and nobody was told."""
    state = tmp_path / "state"
    state.mkdir()
    with closing(Journal(state, "b" * 16)) as opened:
        opened.append(notification(b"1"))
        shutil.rmtree(state)
        opened.append(notification(b"2"))
        opened.file.look()
        assert opened.file.written_again
    with closing(Journal(state, "c" * 16)) as again:
        assert held(again) == [b"1", b"2"]


def test_a_directory_that_cannot_be_made_again_is_told_until_it_is_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    state = home / "state"
    state.mkdir(parents=True)
    with closing(Journal(state, "b" * 16)) as opened:
        opened.append(notification(b"1"))
        shutil.rmtree(home)
        for _ in range(2):
            with pytest.raises(UnavailableError, match=f"directory {state} is gone"):
                opened.file.look()
        assert opened.file.damage is None
        home.mkdir()
        opened.file.look()
        assert opened.file.written_again
    with closing(Journal(state, "c" * 16)) as again:
        assert held(again) == [b"1"]


def test_a_disk_that_became_read_only_is_known_before_anything_is_written(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    journal.file.look(thoroughly=True)
    with monkeypatch.context() as changed:
        read_only = SimpleNamespace(f_flag=os.ST_RDONLY | os.ST_NOSUID)
        changed.setattr(os, "statvfs", lambda _path: read_only)
        with pytest.raises(UnavailableError, match="disk fails: read-only file system") as told:
            journal.file.look()
        assert "reboot" in told.value.way_out
    with monkeypatch.context() as changed:  # as ext4 tells since Linux 6.15
        changed.setattr(os, "fsync", refuse)
        journal.file.look()
        with pytest.raises(UnavailableError, match="disk fails: read-only file system"):
            journal.file.look(thoroughly=True)
    journal.file.look(thoroughly=True)
    assert journal.file.damage is None
