"""What becomes of the journal when its disk or its file fails: refused, unusable, or set aside.

A disk that refuses may have room later. A file that is damaged never gets whole again: it is set
aside, for somebody to look at, and a new one begins.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from schemas.errors import MisconfiguredError, UnavailableError, VitalwireError

_PRIMARY_CODE = 0xFF  # an extended code of SQLite carries its primary one in the lowest byte
_PASSING_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY)
_DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
READ_ONLY_WAY_OUT = "Restart it with `sudo reboot`; if that does not help, replace its memory card."
DIRECTORY_WAY_OUT = (
    "What was read is still sent: once your contact at the clinic has everything, run"
    " `sudo systemctl restart vitalwire-gateway`, which makes the directory again."
)
_COMPANIONS = ("", "-wal", "-shm")  # the file, its log, and the log's index


class DamagedError(UnavailableError):
    """The open file is no whole journal any more: only a new one helps."""


@contextmanager
def disk() -> Iterator[None]:
    """Turn what the disk refuses, or cannot give, into an error that names the way out."""
    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error):
            raise DamagedError(
                f"The journal is damaged: {error}.",
                "Wait a minute: the gateway sets it aside by itself and begins a new one.",
            ) from error
        raise UnavailableError(
            f"The journal's disk fails: {error}.",
            "Free space on it, or replace it.",
        ) from error


class OpenFile:
    """Whether the open file is still whole and where it was; else it must be opened again."""

    def __init__(self, database: sqlite3.Connection, path: Path, stream: str) -> None:
        """Take it that all is well now."""
        self._database = database
        self._path = path
        self._stream = stream
        self._inode = path.stat().st_ino
        self.damage: str | None = None
        """What is wrong with it."""
        self.written_again = False
        """Whether there is nothing to be begun anew: the file was gone, and is there again."""

    def note(self, error: UnavailableError) -> None:
        """Take it that the file is damaged, if that is why the disk refused or gave nothing."""
        if isinstance(error, DamagedError):
            self.damage = error.cause

    def look(self, *, thoroughly: bool = False) -> None:
        """See whether the file is still where it was: if not, all of it is written there again.

        What is written to a file that was taken away ends with this process. ``thoroughly``: ask
        the disk too, which costs it a flush. Raises ``UnavailableError`` if what is written now is
        not durable.
        """
        if self.damage is not None:
            return
        if not self._is_in_place():
            directory = self._path.parent
            with suppress(OSError):  # write_again says what is wrong
                directory.mkdir(mode=0o700)
            if not directory.is_dir():
                raise UnavailableError(
                    f"The gateway's directory {directory} is gone.", DIRECTORY_WAY_OUT
                )
            try:
                write_again(self._database, self._path, self._stream)
            except UnavailableError as error:  # a full disk has room later
                self.note(error)
                raise
            self.damage, self.written_again = "The journal's file was taken away.", True
        elif refused := refusal(self._path.parent, thoroughly=thoroughly):
            raise UnavailableError(f"The gateway's disk fails: {refused}.", READ_ONLY_WAY_OUT)

    def _is_in_place(self) -> bool:
        try:
            return self._path.stat().st_ino == self._inode
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # nobody can tell
            return True


def refusal(directory: Path, *, thoroughly: bool) -> str | None:
    """Say why nothing that is written there is durable; None if nothing speaks against it.

    Nothing is written: it would wear a memory card out. A file system that the kernel made
    read-only says so; ext4 says it since Linux 6.15 only to whoever asks it to flush.
    """
    try:
        if os.statvfs(directory).f_flag & os.ST_RDONLY:
            return os.strerror(errno.EROFS).lower()
        if thoroughly:
            # Not of the journal itself: to close it would end SQLite's locks on it.
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None


def begin_whole(
    path: Path, stream: str, begin: Callable[[Path], None], *, anew: bool = False
) -> Path | None:
    """Begin with the file, or with a new one if it cannot be used any more; give the old one then.

    ``anew``: it was damaged while it was open, whatever it looks like now. Raises as ``begin``
    does, but no ``sqlite3.DatabaseError`` except ``sqlite3.IntegrityError``.
    """
    lost = anew or is_no_file(path) or is_emptied(path)
    broken = set_aside(path, stream) if lost else None
    try:
        begin(path)
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and not is_foreign(error):
            raise unusable(path, error) from error
        broken = set_aside(path, stream)
        begin(path)
    return broken


def refuse_damaged(database: sqlite3.Connection) -> None:
    """Look at every page once; raise ``sqlite3.DatabaseError`` for the first that is damaged."""
    (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise sqlite3.DatabaseError(said)


def is_no_file(path: Path) -> bool:
    """Tell whether what lies there must not be opened: a directory, say, or a log without its file.

    SQLite would begin a new file and delete the log, where the latest records are.
    """
    file, log, index = files(path)
    if any((one.is_symlink() or one.exists()) and not one.is_file() for one in (file, log, index)):
        return True
    return size(file) == 0 and size(log) > 0


def is_emptied(path: Path) -> bool:
    """Tell whether a file is there and has nothing in it: see ``open_or_create``."""
    return path.is_file() and size(path) == 0


def write_again(database: sqlite3.Connection, path: Path, stream: str) -> None:
    """Write what an open database holds to where its file was taken away.

    What lies there now is set aside; the log is the open file's, and all of it is written. Raises
    ``UnavailableError`` if the disk refuses.
    """
    again = path.with_name(f"{path.name}.again")
    with disk(), closing(sqlite3.connect(again)) as copy:
        database.backup(copy)
    with _moving(path):
        with suppress(FileNotFoundError):
            path.rename(_broken(path, stream))
        for companion in files(path)[1:]:
            companion.unlink(missing_ok=True)
        again.rename(path)


def files(path: Path) -> list[Path]:
    """Give a database's file, its log and the log's index, whether or not they are there."""
    return [path.with_name(path.name + suffix) for suffix in _COMPANIONS]


def size(path: Path) -> int:
    """Give the size of a file; 0 if there is none."""
    return path.stat().st_size if path.is_file() else 0


def set_aside(path: Path, stream: str) -> Path:
    """Move a broken file away, for somebody to look at, and make room for a new one.

    Its log goes with it, under the name that SQLite expects: the latest records may be only there.
    Raises ``UnavailableError`` if the disk refuses.
    """
    broken = _broken(path, stream)
    with _moving(path):
        for file, aside in zip(files(path), files(broken), strict=True):
            with suppress(FileNotFoundError):
                file.rename(aside)
    return broken


def _broken(path: Path, stream: str) -> Path:
    return path.with_name(f"{path.name}.broken-{stream}")


@contextmanager
def _moving(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            f"The broken {path} cannot be set aside: {error.strerror}.", "Replace its disk."
        ) from error


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether SQLite says that the file is not whole, or none of its own."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _DAMAGE_CODES


def is_foreign(error: sqlite3.OperationalError) -> bool:
    """Tell whether the file is a database of somebody else's, with other tables."""
    return error.sqlite_errorcode == sqlite3.SQLITE_ERROR


def is_passing(error: sqlite3.Error) -> bool:
    """Tell whether SQLite's complaint may be over by itself: a disk that is full, a lock."""
    return error.sqlite_errorcode & _PRIMARY_CODE in _PASSING_CODES


def unusable(path: Path, error: sqlite3.Error) -> VitalwireError:
    """Say that the journal cannot be opened, and what to look at.

    A disk that is full may have room later: then it is worth another start.
    """
    kind = UnavailableError if is_passing(error) else MisconfiguredError
    return kind(
        f"The journal {path} cannot be used: {error}.",
        "Check the --state directory's owner, permissions and free space.",
    )
