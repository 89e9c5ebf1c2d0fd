"""The record of admitted devices, as several processes share it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.admission.admission import Admission, AdmittedBy
from gateway.admission.admissions import FILE, Admissions, broken_admissions
from gateway.clocks.book import HOME
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.reading import Device

CUFF = Admission(
    "C0:00:00:00:00:01", AdmittedBy.PERSON, "BLOOD CUFF", 1_764_000_000_000, "Cuff One", "V", "C-1"
)
METER = Admission("C0:00:00:00:00:02", AdmittedBy.ADOPTION, "SUGAR METER")


@pytest.fixture
def admissions(tmp_path: Path) -> Iterator[Admissions]:
    with Admissions(tmp_path) as opened:
        yield opened


def test_what_one_process_admits_another_sees_at_once(
    admissions: Admissions, tmp_path: Path
) -> None:
    assert admissions.get(CUFF.address) is None
    with Admissions(tmp_path) as command:
        command.admit(CUFF)
        assert admissions.get(CUFF.address) == CUFF
        assert command.forget(CUFF.address)
        assert not command.forget(CUFF.address)
    assert admissions.all() == []


def test_it_is_on_the_disk(tmp_path: Path) -> None:
    with Admissions(tmp_path) as first:
        first.admit(METER)
        first.admit(CUFF)
    with Admissions(tmp_path) as second:
        assert second.all() == [CUFF, METER]


def test_a_change_is_on_the_disk_when_its_command_returns(admissions: Admissions) -> None:
    """Whoever has paired a device may pull the plug; and how a clock is about to be set is here."""
    (mode,) = admissions._database.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = admissions._database.execute("PRAGMA synchronous").fetchone()
    assert (mode, synchronous) == ("wal", 2)  # FULL: one fsync for each commit


def test_adoption_happens_once_and_leaves_what_a_person_admitted(admissions: Admissions) -> None:
    states = [admissions.adopted]
    admissions.admit(CUFF)
    admissions.adopt([replace(CUFF, by=AdmittedBy.ADOPTION, serial=None), METER])
    assert [*states, admissions.adopted] == [False, True]
    assert admissions.all() == [CUFF, METER]


def test_a_device_is_known_by_what_it_says_first(admissions: Admissions) -> None:
    admissions.admit(METER)
    admissions.learn(Device(METER.address, serial="M-1"))
    admissions.learn(Device(METER.address, model="Meter One", serial="M-2"))
    assert admissions.get(METER.address) == replace(METER, model="Meter One", serial="M-1")
    admissions.learn(Device("C0:00:00:00:00:09", serial="X"))
    assert len(admissions.all()) == 1


def test_what_a_device_said_first_stays_when_it_says_more(admissions: Admissions) -> None:
    admissions.admit(METER)
    admissions.learn(Device(METER.address, model="Meter One"))
    admissions.learn(Device(METER.address, model="Meter Two", manufacturer="Maker"))
    admissions.learn(Device(METER.address, manufacturer="Another", serial="M-1"))
    known = replace(METER, model="Meter One", manufacturer="Maker", serial="M-1")
    assert admissions.get(METER.address) == known


def test_pairing_again_makes_it_another_device(admissions: Admissions) -> None:
    admissions.admit(CUFF)
    other = replace(CUFF, serial="C-2")
    admissions.admit(other)
    assert admissions.all() == [other]


def damage(directory: Path) -> None:
    with Admissions(directory) as opened:
        opened.admit(CUFF)
        opened.adopt([])
    (directory / FILE).write_bytes(b"no database " * 1000)


def test_a_damaged_record_is_set_aside_by_the_daemon_and_adoption_begins_anew(
    tmp_path: Path,
) -> None:
    for count in (1, 2):
        damage(tmp_path)
        with Admissions(tmp_path, mend=True) as opened:
            assert not opened.adopted
            assert opened.all() == []
        assert len(broken_admissions(tmp_path)) == count


def test_a_command_does_not_mend_what_the_daemon_may_have_open(tmp_path: Path) -> None:
    damage(tmp_path)
    with pytest.raises(MisconfiguredError, match="Restart the gateway"):
        Admissions(tmp_path)
    assert broken_admissions(tmp_path) == []


def test_what_cannot_be_a_record_is_set_aside_by_the_daemon(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(MisconfiguredError, match="Restart the gateway"):
        Admissions(tmp_path)
    with Admissions(tmp_path, mend=True) as opened:
        assert opened.all() == []
    assert len(broken_admissions(tmp_path)) == 1


def test_a_newer_version_s_record_is_not_touched(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(MisconfiguredError, match="newer version"):
        Admissions(tmp_path, mend=True)


def test_a_directory_that_is_not_there_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError, match="sudo"):
        Admissions(tmp_path / "nowhere")


def test_a_disk_that_refuses_leaves_what_is_known(admissions: Admissions, tmp_path: Path) -> None:
    admissions.admit(CUFF)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("DROP TABLE admissions")  # what a disk may do to a page
        with pytest.raises(UnavailableError, match="cannot be written"):
            admissions.admit(METER)
        assert admissions.get(CUFF.address) == CUFF


def test_only_the_daemon_s_user_may_read_it(admissions: Admissions, tmp_path: Path) -> None:
    assert admissions.all() == []
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_whose_bond_is_to_go_is_known_until_it_is_gone_or_made_anew(tmp_path: Path) -> None:
    with Admissions(tmp_path) as admissions:
        admissions.admit(CUFF)
        with closing(sqlite3.connect(tmp_path / FILE)) as old:
            old.executescript("DROP TABLE forgotten; PRAGMA user_version = 2;")
    with Admissions(tmp_path) as admissions, Admissions(tmp_path) as daemon:
        assert (daemon.all(), daemon.bonds_to_go()) == ([CUFF], [])
        assert [admissions.forget(one.address) for one in (CUFF, METER)] == [True, False]
        assert daemon.bonds_to_go() == sorted([CUFF.address, METER.address])
        admissions.bond_may_stay(METER.address)
        assert daemon.bonds_to_go() == [CUFF.address]


def test_a_record_of_the_first_layout_keeps_its_devices_and_learns_of_clocks(
    tmp_path: Path,
) -> None:
    with Admissions(tmp_path) as admissions:
        admissions.admit(CUFF)
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.executescript(
            "DROP TABLE zones; DROP TABLE clock_sets; DROP TABLE forgotten;"
            " PRAGMA user_version = 1;"
        )
    with Admissions(tmp_path) as admissions:
        admissions.clocks.keep_zone(HOME, ZoneInfo("Europe/Berlin"))
        assert admissions.all() == [CUFF]
        assert admissions.clocks.zone(CUFF.address) == ZoneInfo("Europe/Berlin")
