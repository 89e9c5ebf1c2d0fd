"""The server's word on …/config: it fills what a new journal lacks, and undoes nothing."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway.admission.admissions import Admissions
from gateway.clocks.book import HOME
from gateway.journal.journal import Journal
from gateway.record_access.cursor import Cursor
from gateway.sending.configuration import Configuration
from schemas.wire import BoundDevice, Config, DeviceCursor, Resend
from tests.gateway.records import ADDRESS, notification

OWN = Cursor(9, "own", 9, complete=True)
TOLD = DeviceCursor(5, "told", 5)
RECEIPTED_MS = 1_800_000_000_000


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, "a" * 16)
    yield opened
    opened.close()


@pytest.fixture
def admissions(tmp_path: Path) -> Iterator[Admissions]:
    with Admissions(tmp_path) as opened:
        yield opened


@pytest.fixture
def held_again() -> list[bool]:
    return []


@pytest.fixture
def configuration(
    journal: Journal, admissions: Admissions, held_again: list[bool]
) -> Configuration:
    return Configuration(journal, admissions.clocks, lambda: held_again.append(True))


def message(cursor: DeviceCursor | None = None, **told: object) -> bytes:
    resend = told.get("resend")
    assert resend is None or isinstance(resend, Resend)
    zone = told.get("zone")
    assert zone is None or isinstance(zone, str)
    return msgspec.json.encode(Config([BoundDevice(ADDRESS, zone, cursor)], resend))


def test_a_new_journal_takes_the_cursor_and_an_old_one_keeps_its_own(
    journal: Journal, configuration: Configuration
) -> None:
    configuration.received(message(TOLD))
    assert journal.devices.cursor(ADDRESS) == Cursor(5, "told", 5, complete=False)
    journal.devices.move_cursor(ADDRESS, OWN)
    configuration.received(message(DeviceCursor(99, "newer", 99)))
    assert journal.devices.cursor(ADDRESS) == OWN


def test_the_zone_of_a_device_is_its_wearers_unless_a_person_gave_the_homes(
    configuration: Configuration, admissions: Admissions
) -> None:
    clocks, home = admissions.clocks, ZoneInfo("Asia/Tokyo")
    assert clocks.zone(ADDRESS) is None
    configuration.received(message(zone="Europe/Berlin"))
    assert clocks.zone(ADDRESS) == ZoneInfo("Europe/Berlin")
    configuration.received(message(zone="Nowhere/At all"))
    assert clocks.zone(ADDRESS) == ZoneInfo("Europe/Berlin")
    clocks.keep_zone(HOME, home)
    assert clocks.zone(ADDRESS) == clocks.zone("C0:00:00:00:00:99") == home
    clocks.keep_zone(HOME, None)
    assert clocks.zone(ADDRESS) == ZoneInfo("Europe/Berlin")


def test_zones_outlive_the_daemon_that_was_told_them(
    configuration: Configuration, tmp_path: Path
) -> None:
    configuration.received(message(zone="Europe/Berlin"))
    with Admissions(tmp_path) as later:
        assert later.clocks.zone(ADDRESS) == ZoneInfo("Europe/Berlin")


def test_what_was_receipted_since_then_is_held_again_once(
    journal: Journal, configuration: Configuration, held_again: list[bool]
) -> None:
    rows = [journal.append(notification(bytes((number,)))).seq for number in range(4)]
    for seq, at_ms in zip(rows, (RECEIPTED_MS - 1, RECEIPTED_MS, None), strict=False):
        journal.custody.receipt({journal.stream: [(seq, seq)]}, at_ms)
    wish = message(resend=Resend("1", RECEIPTED_MS))
    configuration.received(wish)
    assert [seq for seq, _ in journal.custody.held_after(0, 10)] == rows[1:]
    assert held_again == [True]
    journal.custody.receipt({journal.stream: [(1, 4)]}, RECEIPTED_MS)
    configuration.received(wish)  # retained: it comes with every connection
    assert journal.custody.held_after(0, 10) == []
    assert held_again == [True]
    configuration.received(message(resend=Resend("2", RECEIPTED_MS)))
    assert [seq for seq, _ in journal.custody.held_after(0, 10)] == rows[1:]


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"version": 2}', b'{"devices": [{}]}'])
def test_a_message_that_cannot_be_read_changes_nothing(
    journal: Journal, configuration: Configuration, payload: bytes
) -> None:
    configuration.received(payload)
    assert journal.devices.cursor(ADDRESS) is None
