"""The doctor's checks one by one, on machines that are ill in one way each."""

import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from gateway.admission.admission import Admission, AdmittedBy
from gateway.admission.admissions import Admissions
from gateway.admission.live import DeviceRow, JournalStatus, Live, Overview
from gateway.bedside import checks_bluetooth, checks_machine, doctor, words
from gateway.bedside.advice import SILENT_AFTER_S, advice
from gateway.bedside.checks_clinic import broker
from gateway.bedside.finding import Finding, Verdict
from gateway.bedside.overview import Endpoint, ask_daemon, endpoint, gather, look_if_any
from gateway.bedside.patient import Patient
from gateway.bedside.status import look
from gateway.journal.journal import Journal
from schemas.clock import SystemClock
from schemas.errors import MisconfiguredError
from tests.gateway.records import STREAM, notification

ADDRESS = "C0:00:00:00:00:01"
ADAPTER = {"/org/bluez/hci0": {"org.bluez.Adapter1": {"Powered": True}}}
LIVE = Live("home-1", "v", connected=True)


@dataclass(frozen=True)
class Told:
    """A clock that says whether it is kept true."""

    true: bool
    boot_id: str = "b" * 32

    def monotonic_ms(self) -> int:
        return 7_200_000

    def wall_ms(self) -> int:
        return 1_764_000_000_000

    def synchronised(self) -> bool:
        return self.true


def patient(state: Path, *, settings: Path = Path("/nowhere"), mqtt: str | None = None) -> Patient:
    return Patient(state, "hci0", mqtt, SystemClock(), settings)


def journal_check(state: Path) -> Finding:
    return checks_machine.journal(patient(state), look_if_any(state))


def seen(state: Path, live: Live | None, clock: Told) -> Overview:
    return gather(state, look_if_any(state), live, clock)


def is_bad(finding: Finding, words: str) -> bool:
    return finding.verdict is Verdict.BAD and words in finding.found and finding.do != ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("VITALWIRE_GATEWAY_ID=home-1\nnonsense\n", "line 2"),
        ("VITALWIRE_GATEWAY_ID=Home 1\nVITALWIRE_MQTT=mqtt://h\n", "VITALWIRE_GATEWAY_ID"),
        ("VITALWIRE_GATEWAY_ID=home-1\nVITALWIRE_MQTT=http://h\n", "no MQTT address"),
        ("VITALWIRE_GATEWAY_ID=home-1\n", "does not say VITALWIRE_MQTT"),
        ("\xff\xfe\0", "is no text"),
    ],
)
def test_bad_settings(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "gateway.env"
    file.write_bytes(text.encode("latin-1"))
    assert is_bad(checks_machine.settings(patient(tmp_path, settings=file)), words)


def test_good_settings_and_none(tmp_path: Path) -> None:
    file = tmp_path / "gateway.env"
    missing = checks_machine.settings(patient(tmp_path, settings=file))
    assert missing.verdict is Verdict.NOTICE
    file.write_text("VITALWIRE_GATEWAY_ID=home-1\nVITALWIRE_MQTT=mqtt://broker:1883\n")
    assert checks_machine.settings(patient(tmp_path, settings=file)).verdict is Verdict.GOOD


def test_a_disk_without_room_or_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks_machine.disk(patient(tmp_path)).verdict is Verdict.GOOD
    assert is_bad(checks_machine.disk(patient(tmp_path / "no")), "no directory")
    monkeypatch.setattr(checks_machine, "FREE_WANTED_BYTES", 1 << 62)
    assert checks_machine.disk(patient(tmp_path)).verdict is Verdict.NOTICE
    monkeypatch.setattr(checks_machine, "FREE_NEEDED_BYTES", 1 << 62)
    assert is_bad(checks_machine.disk(patient(tmp_path)), "MiB free")


def test_a_disk_that_is_read_only_is_no_matter_of_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = SimpleNamespace(f_flag=os.ST_RDONLY | os.ST_NOSUID)
    monkeypatch.setattr(os, "statvfs", lambda _path: told)
    found = checks_machine.disk(patient(tmp_path))
    assert is_bad(found, "read-only")
    assert "reboot" in found.do


def test_a_journal_that_is_missing_whole_damaged_or_set_aside(tmp_path: Path) -> None:
    assert journal_check(tmp_path).verdict is Verdict.NOTICE
    with closing(Journal(tmp_path, STREAM)) as journal:
        for number in range(200):
            journal.append(notification(bytes([number]) * 100))
    assert journal_check(tmp_path).verdict is Verdict.GOOD
    file = tmp_path / "journal.db"
    content = bytearray(file.read_bytes())
    content[8192:16384] = b"\xff" * 8192
    file.write_bytes(content)
    assert journal_check(tmp_path).verdict is Verdict.BAD
    file.rename(tmp_path / "journal.db.broken-1")
    assert is_bad(journal_check(tmp_path), "set aside")


@pytest.mark.parametrize("content", [b"", b"no database " * 1000])
def test_a_journal_that_is_none_is_damaged_and_not_a_matter_of_rights(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "journal.db"
    file.write_bytes(content)
    for found in (journal_check(tmp_path), _status(tmp_path)):
        assert is_bad(found, "is damaged")
        assert ("restart" in found.do, "sudo vitalwire" in found.do) == (True, False)
    file.unlink()
    file.mkdir()
    assert is_bad(journal_check(tmp_path), "is damaged")
    assert is_bad(_status(tmp_path), "is damaged")


def _status(state: Path) -> Finding:
    with pytest.raises(MisconfiguredError) as told:
        look(state)
    return Finding("status", Verdict.BAD, told.value.cause, told.value.way_out)


def test_a_program_that_runs_hangs_or_is_gone(tmp_path: Path) -> None:
    gone = checks_machine.program(patient(tmp_path), Overview())
    assert is_bad(gone, "not running")
    (tmp_path / "daemon.lock").write_text('{"pid": 1, "port": 1}')
    assert endpoint(tmp_path) == Endpoint(1, 1)
    hangs = checks_machine.program(patient(tmp_path), Overview())
    assert is_bad(hangs, "does not answer")
    assert checks_machine.program(patient(tmp_path), Overview(live=LIVE)).verdict is Verdict.GOOD


NESTED = b'{"x":' * 100_000
NO_TEXT = b'{"gateway_id": "\xff\xfe"}'


@pytest.mark.parametrize("written", [b"", NESTED, b'{"pid": 1, "port": 70000}'])
def test_a_lock_file_that_tells_no_port_names_no_daemon(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "daemon.lock").write_bytes(written)
    assert (endpoint(tmp_path), ask_daemon(tmp_path)) == (None, None)


@pytest.mark.parametrize("body", [b"{}", NESTED, NO_TEXT], ids=["empty", "nested", "no text"])
def test_a_port_that_somebody_else_has_is_no_daemon(tmp_path: Path, body: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + body)

        thread = threading.Thread(target=answer)
        thread.start()
        port = server.getsockname()[1]
        (tmp_path / "daemon.lock").write_text(f'{{"pid": 1, "port": {port}}}')
        assert ask_daemon(tmp_path) is None
        thread.join()


@pytest.mark.parametrize(("true", "verdict"), [(True, Verdict.GOOD), (False, Verdict.NOTICE)])
def test_a_clock_that_nobody_keeps_true(tmp_path: Path, true: bool, verdict: Verdict) -> None:
    examined = Patient(tmp_path, "hci0", None, Told(true))
    assert checks_machine.clock(examined).verdict is verdict


@pytest.mark.parametrize(
    ("soft", "hard", "words"), [("1", "0", "blocked"), ("0", "1", "switch"), ("0", "0", None)]
)
def test_a_radio_that_is_switched_off(
    tmp_path: Path, soft: str, hard: str, words: str | None
) -> None:
    for number, kind in enumerate(("wlan", "bluetooth")):
        switch = tmp_path / f"rfkill{number}"
        switch.mkdir()
        for name, text in (("type", kind), ("soft", soft), ("hard", hard)):
            (switch / name).write_text(f"{text}\n")
    found = checks_bluetooth.rfkill(tmp_path)
    assert is_bad(found, words) if words else found.verdict is Verdict.GOOD


def test_versions_that_are_known_bad(tmp_path: Path) -> None:
    assert is_bad(checks_bluetooth.kernel("6.6.62+rpt-rpi-2712"), "hears no advertisements")
    assert checks_bluetooth.kernel("6.12.20").verdict is Verdict.GOOD
    program = tmp_path / "bluetoothctl"
    told = {
        "bluetoothctl: 5.66": Verdict.GOOD,
        "bluetoothctl: 5.64": Verdict.BAD,
        "bluetoothctl: 5.50": Verdict.BAD,
        "": Verdict.SKIPPED,
    }
    for text, verdict in told.items():
        program.write_text(f"#!/bin/sh\necho '{text}'\n")
        program.chmod(0o700)
        assert checks_bluetooth.bluez_version(str(program)).verdict is verdict
    assert checks_bluetooth.bluez_version("/nowhere").verdict is Verdict.SKIPPED


def test_an_adapter_that_is_missing_or_has_another_name() -> None:
    assert is_bad(checks_bluetooth.adapter("hci0", {}), "there is none")
    other = checks_bluetooth.adapter("hci1", ADAPTER)
    assert is_bad(other, "no hci1, but hci0")
    assert "--adapter hci0" in other.do
    assert checks_bluetooth.adapter("hci0", ADAPTER).verdict is Verdict.GOOD


def test_keys_that_are_gone_or_that_nobody_admitted() -> None:
    service = "00001810-0000-1000-8000-00805f9b34fb"
    bonded = {"Address": ADDRESS, "Bonded": True, "UUIDs": [service]}
    shown = {"/org/bluez/hci0/dev_C0_00_00_00_00_01": {"org.bluez.Device1": bonded}}
    admitted = Overview([DeviceRow(ADDRESS, "CUFF", "person")])
    assert checks_bluetooth.pairings(shown, admitted).verdict is Verdict.GOOD
    assert is_bad(checks_bluetooth.pairings({}, admitted), "no longer holds")
    outside = checks_bluetooth.pairings(shown, Overview())
    assert (outside.verdict, "outside" in outside.found) == (Verdict.NOTICE, True)
    unpaired = checks_bluetooth.pairings(shown, Overview(unpaired=[ADDRESS]))
    assert (unpaired.verdict, "forgotten here" in unpaired.found) == (Verdict.NOTICE, True)
    assert f"gateway unpair {ADDRESS}" in unpaired.do


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_broker_that_is_away_mute_or_misspelt(
    tmp_path: Path, mute: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.bedside.checks_clinic.MQTT_TIMEOUT_S", 0.3)
    monkeypatch.delenv("VITALWIRE_MQTT", raising=False)
    assert is_bad(broker(patient(tmp_path, mqtt="mqtt://127.0.0.1:1")), "does not answer")
    assert is_bad(broker(patient(tmp_path, mqtt=f"mqtt://127.0.0.1:{mute}")), "not speak MQTT")
    assert is_bad(broker(patient(tmp_path, mqtt="http://x")), "no MQTT address")
    assert is_bad(broker(patient(tmp_path)), "VITALWIRE_MQTT is not set")
    file = tmp_path / "gateway.env"
    file.write_text("VITALWIRE_MQTT=mqtt://127.0.0.1:1\n")
    assert is_bad(broker(patient(tmp_path, settings=file)), "127.0.0.1:1 does not answer")


def test_readings_that_wait_for_long_or_are_stuck() -> None:
    journal = JournalStatus(held=3, receipted=0, streams=1, file_bytes=1)
    assert doctor._waiting(Overview()).verdict is Verdict.SKIPPED
    fresh = Overview(journal=journal, live=LIVE, oldest_waiting_s=5)
    assert doctor._waiting(fresh).verdict is Verdict.GOOD
    old = Overview(journal=journal, live=LIVE, oldest_waiting_s=7_200)
    assert "3 readings, the oldest came 2 hours ago" in doctor._waiting(old).found
    assert doctor._waiting(old).verdict is Verdict.NOTICE
    stuck = Overview(journal=journal, live=Live("h", "v", connected=True, stuck=1))
    assert is_bad(doctor._waiting(stuck), "1 reading was sent again")


def test_ages_are_told_only_where_a_clock_can_tell(tmp_path: Path) -> None:
    with closing(Journal(tmp_path, STREAM)) as journal:
        journal.append(notification(b"1"))
    journal_s = seen(tmp_path, None, Told(true=False)).oldest_waiting_s
    assert journal_s is None  # another boot, and nothing keeps the clock true
    assert seen(tmp_path / "nowhere", None, Told(true=True)) == Overview()


async def test_what_the_doctor_says_of_the_journal_is_of_one_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read it twice: what came between was in one finding and not in the other."""
    monkeypatch.setattr(doctor, "bluetooth", nobody_says)
    monkeypatch.setattr(doctor, "broker", lambda _: Finding("Broker", Verdict.GOOD, ""))
    found = {}
    with closing(Journal(tmp_path, STREAM)) as opened:
        async for finding in doctor.examine(patient(tmp_path)):
            found[finding.check] = finding
            if finding.check == "Journal of readings":
                opened.append(notification(b"1"))
    assert found["Readings waiting"].found == "none: the clinic has everything"


async def nobody_says(*_: object) -> AsyncIterator[Finding]:
    yield Finding("Bluetooth", Verdict.GOOD, "")


def test_a_reading_from_before_a_restart_is_not_said_never_to_have_come(tmp_path: Path) -> None:
    with closing(Journal(tmp_path, STREAM)) as journal, Admissions(tmp_path) as admissions:
        journal.append(notification(b"1"))
        admissions.admit(Admission(ADDRESS, AdmittedBy.PERSON, name="CUFF"))
        admissions.admit(Admission("C0:00:00:00:00:09", AdmittedBy.PERSON, name="NEW"))
    live = Live("home-1", "v", connected=True)
    found = seen(tmp_path, live, Told(true=False))
    old, new = found.devices
    assert (words.last_reading(old), words.last_reading(new)) == ("before this start", "never")
    assert old.last_reading_s == 7_200
    assert [one.what for one in advice(found)] == ["NEW: No reading yet."]
    with Admissions(tmp_path) as admissions:
        for days in (29, 31):
            paired_ms = Told(true=True).wall_ms() - days * 24 * 3600 * 1000
            admitted = Admission(f"{days}", AdmittedBy.PERSON, f"AT {days}", paired_ms)
            admissions.admit(admitted)
    before, behind, *_ = seen(tmp_path, live, Told(true=True)).devices
    assert (words.last_reading(before), words.last_reading(behind)) == (
        "never",
        "not in the last 30 days",  # longer than what it gave is kept here
    )
    (told,) = advice(Overview([behind], live))
    assert told.what == "AT 31: No reading in the last 30 days."
    late = msgspec.structs.replace(old, last_reading_s=SILENT_AFTER_S + 1)
    (told,) = advice(Overview([late], live))
    assert told.what == "CUFF: The last reading came before this start."
