"""The journal from outside, and the command lines that need no Bluetooth."""

import errno
import json
import os
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner

from gateway.admission.admission import Admission, AdmittedBy
from gateway.admission.admissions import Admissions
from gateway.admission.live import JournalStatus
from gateway.bedside.status import describe, look
from gateway.bluetooth import pairing
from gateway.cli import gateway
from gateway.daemon import Settings
from gateway.journal.file import broken_journals
from gateway.journal.journal import Journal
from gateway.process import locked, run
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.servers import MqttServer
from tests.gateway.records import ADDRESS, STREAM, notification


def test_status_counts_while_the_daemon_writes(tmp_path: Path) -> None:
    with closing(Journal(tmp_path, STREAM)) as journal:
        first = journal.append(notification(b"1"))
        journal.append(notification(b"2"))
        journal.custody.receipt({STREAM: [(first.seq, first.seq)]}, None)
        status = look(tmp_path).status
        assert (status.held, status.receipted, status.streams) == (1, 1, 1)
        assert status.oldest is not None
        assert (status.oldest.stream, status.oldest.seq) == (STREAM, 2)


def test_status_speaks_to_people_and_to_programs(tmp_path: Path) -> None:
    Journal(tmp_path, STREAM).close()
    person = CliRunner().invoke(gateway, ["status", "--state", str(tmp_path)])
    program = CliRunner().invoke(gateway, ["status", "--state", str(tmp_path), "--json"])
    assert "waiting for the clinic  0" in person.output
    assert json.loads(program.output)["journal"]["held"] == 0


def test_what_waits_for_long_is_told_with_its_age() -> None:
    status = JournalStatus(held=2, receipted=0, streams=1, file_bytes=1024)
    said = "waiting for the clinic  2"
    assert next(describe(status, 3 * 86_400)) == f"{said}, the oldest came 3 days ago"
    assert next(describe(status, 60)) == said
    assert next(describe(status)) == said


@pytest.mark.parametrize(("receipted", "said"), [(0, "0"), (3, "3, kept here too for 30 days")])
def test_only_what_is_at_the_clinic_is_said_to_be_kept_here_too(receipted: int, said: str) -> None:
    status = JournalStatus(held=0, receipted=receipted, streams=1, file_bytes=1024)
    assert f"at the clinic           {said}" in list(describe(status))


@pytest.mark.parametrize("command", ["status", "devices", "unpair"])
def test_without_its_directory_nothing_is_said_of_a_gateway_that_may_be_running(
    tmp_path: Path, command: str
) -> None:
    """``devices`` said that none is paired, ``status`` to start it: a restart loses what it has."""
    where = ["--state", str(tmp_path / "gone"), *([ADDRESS] if command == "unpair" else [])]
    result = CliRunner().invoke(gateway, [command, *where])
    assert isinstance(result.exception, MisconfiguredError)
    assert "its directory was removed" in result.exception.cause
    assert "restart it only once they have everything" in result.exception.way_out
    assert result.output == ""


@pytest.mark.parametrize(
    "typed", [ADDRESS, "c0:00:00:00:00:01", "C0-00-00-00-00-01", "c00000000001"]
)
def test_an_address_is_taken_as_labels_and_telephones_write_it(tmp_path: Path, typed: str) -> None:
    with Admissions(tmp_path) as admissions:
        admissions.admit(Admission(ADDRESS, AdmittedBy.PERSON, name="BLOOD CUFF"))
    result = CliRunner().invoke(gateway, ["unpair", "--state", str(tmp_path), typed], input="n\n")
    assert "Shall this gateway forget BLOOD CUFF?" in result.output


@pytest.mark.parametrize("typed", ["C0:00:00:00:00:0", "C0:00:00:00:00:0G", "BLOOD CUFF", ""])
def test_what_is_no_address_is_named_with_where_to_find_one(typed: str) -> None:
    result = CliRunner().invoke(gateway, ["unpair", typed])
    assert result.exit_code == 2
    assert f"{typed!r} is no address" in result.output
    assert "gateway scan` lists" in result.output


@pytest.mark.parametrize("known", [False, True])
def test_of_a_device_that_sleeps_it_is_said_whether_it_is_paired_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    """Who paired it twice, to be sure, was told to begin anew."""

    async def sleeps(*_: object) -> NoReturn:
        raise pairing.NotHeardError(f"{ADDRESS} is not heard.", "Bring it within a few metres.")

    monkeypatch.setattr(pairing, "pair", sleeps)
    if known:
        with Admissions(tmp_path) as admissions:
            admissions.admit(Admission(ADDRESS, AdmittedBy.PERSON, name="BLOOD CUFF"))
    result = CliRunner().invoke(gateway, ["pair", ADDRESS, "--state", str(tmp_path)])
    assert isinstance(result.exception, UnavailableError)
    assert ("BLOOD CUFF is paired here already" in result.exception.cause) is known
    assert ("nothing is to be done" in result.exception.way_out) is known


@pytest.mark.parametrize(
    ("typed", "read"), [("012345", 12345), ("012 345", 12345), ("012-345", 12345), ("12345", None)]
)
def test_a_passkey_is_six_digits_as_a_display_shows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, read: int | None
) -> None:
    """Of a digit too few another passkey was made, by a 0 before it."""
    asked: list[int | None] = []

    async def asks(_: str, person: pairing.Person, __: object) -> NoReturn:
        asked.append(await person.ask_passkey())
        raise UnavailableError("Enough.", "Go.")

    monkeypatch.setattr(pairing, "pair", asks)
    where = ["--state", str(tmp_path), "--passkey", typed]
    result = CliRunner().invoke(gateway, ["pair", ADDRESS, *where])
    assert asked == ([read] if read is not None else [])
    assert ("all six digits" in result.output) is (read is None)


def test_a_command_that_was_mistyped_is_guessed() -> None:
    assert "Did you mean 'pair'?" in CliRunner().invoke(gateway, ["pairr"]).output
    assert "Did you mean" not in CliRunner().invoke(gateway, ["weather"]).output


def test_without_a_journal_status_says_so(tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError, match="no journal"):
        look(tmp_path)


def test_what_is_no_journal_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"something else" * 1000)
    with pytest.raises(MisconfiguredError, match="is damaged"):
        look(tmp_path)


def test_a_broken_journal_is_listed_once_and_for_every_later_run(tmp_path: Path) -> None:
    with closing(Journal(tmp_path, STREAM)):
        assert broken_journals(tmp_path) == []
    (tmp_path / "journal.db").write_bytes(b"something else" * 1000)
    with closing(Journal(tmp_path, "c" * 16)) as journal:
        broken = journal.set_aside
        assert broken is not None
    for suffix in ("-wal", "-shm"):
        broken.with_name(broken.name + suffix).touch()
    with closing(Journal(tmp_path, "d" * 16)) as later:
        assert later.set_aside is None
        assert broken_journals(tmp_path) == [broken]


def test_a_state_directory_has_one_daemon(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(MisconfiguredError, match="Another"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_a_state_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MisconfiguredError, match="cannot be used"), locked(tmp_path / "file"):
        pass


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EIO])
def test_a_disk_that_may_come_back_is_worth_another_start(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd starts no daemon again that says its settings are wrong."""

    def fails(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", fails)
    with pytest.raises(UnavailableError, match="disk"), locked(tmp_path):
        pass


@pytest.mark.parametrize("gateway_id", ["", "Home", "home/1", "h" * 65, "home+"])
def test_a_gateway_id_that_breaks_topics_is_refused(tmp_path: Path, gateway_id: str) -> None:
    with pytest.raises(MisconfiguredError, match="no gateway id"):
        run(Settings(gateway_id, tmp_path, ("hci0",), MqttServer("127.0.0.1", 1)))


@pytest.mark.parametrize(
    "option", [("--rest", "nan"), ("--rest", "-5"), ("--monitor-port", "99999")]
)
def test_a_daemon_is_not_started_with_numbers_that_are_none(option: tuple[str, str]) -> None:
    result = CliRunner().invoke(gateway, ["run", "--gateway-id", "home-1", *option])
    assert (result.exit_code, option[0] in result.output) == (2, True), result.output


@pytest.mark.parametrize("command", ["status", "devices", "doctor", "unpair"])
def test_who_forgets_sudo_is_told_so(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Journal(tmp_path, STREAM).close()
    # As to whoever is not root; root, as whom these tests may run, may look into everything.
    monkeypatch.setattr(os, "access", lambda *_asked: False)
    address = ["C0:00:00:00:00:01"] if command == "unpair" else []
    result = CliRunner().invoke(gateway, [command, "--state", str(tmp_path), *address])
    assert isinstance(result.exception, MisconfiguredError)
    assert result.exception.way_out == "Run this with sudo."


def test_a_directory_behind_one_of_root_s_is_out_of_sight_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path, **_settings: object) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", closed)
    result = CliRunner().invoke(gateway, ["status", "--state", str(tmp_path)])
    assert isinstance(result.exception, MisconfiguredError)
    assert result.exception.way_out == "Run this with sudo."


def test_an_address_that_is_none_is_a_usage_error() -> None:
    result = CliRunner().invoke(gateway, ["pair", "cuff"])
    assert result.exit_code == 2
    assert "C0:00:00:00:00:01" in result.output
