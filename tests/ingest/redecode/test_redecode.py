"""Stored readings, a mended decoder, and what a run leaves in the database."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alerts.engine.step import step
from ingest.redecode import selection as selections
from ingest.redecode.correct import Order
from ingest.redecode.report import Report
from ingest.redecode.run import Run
from ingest.redecode.selection import Selection
from ingest.registry.assignments import NewAssignment
from ingest.registry.store import RegistryStore
from ingest.sink import configs, custody
from schemas.alert import WORK_LIST
from schemas.errors import InvalidInput, MisconfiguredError
from schemas.gatt.measurement import Measurement, measure
from schemas.kafka import READINGS_DECODER, Corrections, PatientReadings, Rejected
from schemas.reading import Capture, Device, Quantity, Reading, Undecodable
from schemas.vitals import VITALS
from tests.alerts.readings import fresh_state
from tests.ingest.factories import CUFF, GATEWAY, RECEIVED_MS, STREAM
from tests.ingest.redecode.stored import (
    BM85,
    SEVERE,
    UNKNOWN,
    Database,
    decoded,
    misread,
    rows,
    stamped,
    stored_row,
    take,
)
from tests.servers import NOW, HandClock

NORMAL = bytes.fromhex("1E78005000600EEA07030E0705094800010000")
BEURER = bytes.fromhex("16780050006000EA07030E0705000048020004")
VECTORS = Path(__file__).parents[2] / "vectors"
ORDER = Order("run", "Ada", "the pulse of BM85 was unknown")
DAY_MS = 24 * 3600 * 1000

pytestmark = pytest.mark.usefixtures("registry")


@pytest.fixture
def run(connection: Database, other: Database, clock: HandClock) -> Callable[..., Report]:
    def through(order: Order | None = None, **selected: Any) -> Report:  # noqa: ANN401
        selection = Selection(list(VITALS.values()), **selected)
        quiet = lambda *_: None  # noqa: E731
        return Run(other, connection, selection, order, "run", clock, quiet).through()

    return through


def is_stored(characteristic: str, payload: bytes) -> bool:
    """Tell whether the sink takes it: some packets are cut, or implausible."""
    with suppress(InvalidInput):
        stored_row(decoded(characteristic, payload))
        return True
    return False


def told(connection: Database) -> list[Corrections]:
    found = rows(connection, "key, value FROM vitalwire.outbox ORDER BY outbox_id")
    records = [(key, READINGS_DECODER.decode(value)) for key, value in found]
    corrections = [record for _, record in records if isinstance(record, Corrections)]
    assert [(one.patient_id, one) for one in corrections] == records
    return corrections


def test_what_was_decoded_today_does_not_differ(
    connection: Database, run: Callable[..., Report]
) -> None:
    """Whatever PostgreSQL makes of a row: decimals, arrays, JSON."""
    payloads = [
        (characteristic, bytes.fromhex(packet["hex"]))
        for characteristic, name in (("2a35", "blood_pressure"), ("2a18", "glucose"))
        for packet in json.loads((VECTORS / f"{name}.json").read_text())
    ]
    seqs = count()
    readings = [
        decoded(characteristic, payload, feature, next(seqs))
        for characteristic, payload in payloads
        for feature in (None, 0, 0b11)
        if is_stored(characteristic, payload)
    ]
    take(connection, *readings)
    take(connection, decoded("2a34", bytes.fromhex("031000013CD001")))
    report = run()
    assert report.vitals["blood_pressure"].rows > 10
    assert report.vitals["glucose"].rows > 10
    assert report.vitals["glucose_context"].rows == 1
    assert [vital.differ for vital in report.vitals.values()] == [0] * len(VITALS)
    assert not any(vital.held_back for vital in report.vitals.values())


def test_a_dry_run_tells_and_changes_nothing(
    connection: Database, run: Callable[..., Report]
) -> None:
    take(connection, misread(1), decoded("2a35", NORMAL, seq=2))
    report = run()
    seen = report.vitals["blood_pressure"]
    assert (seen.rows, seen.differ, seen.corrected) == (2, 1, 0)
    assert seen.by_field == {"pulse": 1, "pulse_received": 1, "pulse_absent": 1}
    assert seen.by_model == {"BM85": 1}
    (example,) = seen.examples
    assert example.reading_id == misread(1).reading_id
    assert example.fields["pulse"] == [None, "96.0"]
    assert example.fields["pulse_absent"] == ["unknown", None]
    assert "p-1" not in "\n".join(report.lines())
    assert rows(connection, "count(*) FROM vitalwire.corrections") == [(0,)]
    assert rows(connection, "count(*) FROM vitalwire.audit_log") == [(0,)]
    assert told(connection) == []


def test_a_correction_is_a_new_version_beside_the_old_row(
    connection: Database, run: Callable[..., Report], clock: HandClock
) -> None:
    take(connection, misread())
    before = rows(connection, "* FROM vitalwire.blood_pressure")
    report = run(ORDER)
    assert report.vitals["blood_pressure"].corrected == 1
    assert any("Nobody was paged. What a rule finds" in line for line in report.lines())
    versions = rows(
        connection, "version, pulse, pulse_absent FROM vitalwire.blood_pressure ORDER BY version"
    )
    assert versions == [(1, None, "unknown"), (2, 96.0, None)]
    assert rows(connection, "version, pulse FROM vitalwire.blood_pressure_current") == [(2, 96.0)]
    assert rows(connection, "* FROM vitalwire.blood_pressure WHERE version = 1") == before
    kept = "time, patient_id, reading_id, systolic, status, raw, session_id, seq, device_model"
    assert len(rows(connection, f"DISTINCT {kept} FROM vitalwire.blood_pressure")) == 1
    ((who, action, subject, after),) = rows(
        connection, "who, action, subject, after FROM vitalwire.audit_log"
    )
    assert (who, action, subject) == ("Ada", "redecode", "blood_pressure")
    fields = ["pulse", "pulse_absent", "pulse_received"]
    assert after == {"run": "run", "reason": ORDER.reason, "readings": 1, "fields": fields}
    assert rows(connection, "version, vital, fields FROM vitalwire.corrections") == [
        (2, "blood_pressure", fields)
    ]
    (record,) = told(connection)
    (reading,) = record.readings
    assert (record.patient_id, record.received_at_ms) == ("p-1", clock.wall_ms())
    assert (reading.reading_id, reading.revision) == (misread().reading_id, 2)
    assert reading.quantities == decoded("2a35", SEVERE).quantities
    assert reading.before == misread().quantities
    assert (reading.outcome_before, reading.status_before) == ("measured", misread().status)


def test_a_quirk_that_has_become_known_mends_what_its_cuffs_sent(
    connection: Database, run: Callable[..., Report]
) -> None:
    """By what the device says itself, and for older rows by what the registry says."""
    by_the_flags = as_it_was(measure("2a35", BEURER), decoded("2a35", BEURER))
    take(connection, by_the_flags, again(by_the_flags, 2, None), again(by_the_flags, 3, "BM96"))
    query = (
        "seq, version, pulse, user_slot, status, attributes FROM vitalwire.blood_pressure_current"
        " ORDER BY seq"
    )
    unread = (1, None, None, None, {"trailing": "04"})
    assert rows(connection, query) == [(seq, *unread) for seq in (1, 2, 3)]
    assert run(ORDER).vitals["blood_pressure"].corrected == 1
    read = (2, 72.0, 2, ["irregular-pulse"], {"quirk": "beurer-bm"})
    assert rows(connection, query) == [(1, *read), (2, *unread), (3, *unread)]
    connection.execute("UPDATE vitalwire.devices SET model = 'Beurer BM 85'")
    assert run(ORDER).vitals["blood_pressure"].corrected == 1
    assert rows(connection, query) == [(1, *read), (2, *read), (3, *unread)]


def as_it_was(measurement: Measurement, reading: Reading) -> Reading:
    """Give a reading as a decoder without quirks made it."""
    return msgspec.structs.replace(
        reading,
        quantities=measurement.quantities,
        status=measurement.status,
        user_slot=measurement.user_slot,
        attributes=measurement.attributes,
    )


def again(reading: Reading, seq: int, model: str | None) -> Reading:
    return msgspec.structs.replace(
        reading, seq=seq, reading_id=f"{seq:032x}", device=Device(CUFF, model)
    )


def test_a_second_run_changes_nothing_and_a_later_fix_makes_a_third_version(
    connection: Database, run: Callable[..., Report]
) -> None:
    take(connection, misread())
    run(ORDER)
    again = run(ORDER)
    assert (again.vitals["blood_pressure"].rows, again.vitals["blood_pressure"].differ) == (1, 0)
    assert len(told(connection)) == 1
    assert len(rows(connection, "FROM vitalwire.audit_log")) == 1
    connection.execute("UPDATE vitalwire.blood_pressure SET mean = 1 WHERE version = 2")
    assert run(ORDER).vitals["blood_pressure"].corrected == 1
    current = rows(connection, "version, mean, pulse FROM vitalwire.blood_pressure_current")
    assert current == [(3, 147.0, 96.0)]


def test_the_sink_knows_every_version_as_a_repetition_and_no_other_value(
    connection: Database, run: Callable[..., Report]
) -> None:
    take(connection, misread())
    run(ORDER)
    for repeated in (misread(), decoded("2a35", SEVERE)):
        outcomes = take(connection, repeated).outcomes
        assert (outcomes["duplicate"], outcomes["conflict"]) == (1, 0)
    otherwise = msgspec.structs.replace(misread(), quantities=UNKNOWN)
    assert take(connection, otherwise).outcomes["conflict"] == 1
    assert len(rows(connection, "FROM vitalwire.blood_pressure")) == 2


def test_the_engine_is_told_and_pages_nobody(
    connection: Database, run: Callable[..., Report]
) -> None:
    """Stored as normal, severe by its bytes: an arrival pages, a correction is work."""
    normal = {"systolic": Quantity("mm[Hg]", "120"), "diastolic": Quantity("mm[Hg]", "80")}
    wrong = decoded("2a35", SEVERE)
    wrong = msgspec.structs.replace(wrong, quantities={**wrong.quantities, **normal})
    take(connection, wrong)
    run(ORDER)
    arrival = PatientReadings("p1", GATEWAY, STREAM, RECEIVED_MS, [stamped(wrong)])
    (correction,) = told(connection)
    correction = msgspec.structs.replace(correction, patient_id="p1")
    (reading,) = correction.readings
    assert reading.quantities["systolic"] == Quantity("mm[Hg]", "192")
    (work,) = step(fresh_state(), [arrival, correction]).transitions
    assert (work.event, work.severity) == ("corrected-match", "medium")
    assert work.event in WORK_LIST
    severe = stamped(decoded("2a35", SEVERE))
    arrived = PatientReadings("p1", GATEWAY, STREAM, RECEIVED_MS, [severe])
    assert [one.event for one in step(fresh_state(), [arrived]).transitions] == ["onset"]


def test_a_run_that_was_interrupted_is_started_again(
    connection: Database,
    other: Database,
    clock: HandClock,
    run: Callable[..., Report],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selections, "BATCH_ROWS", 3)
    take(connection, *(misread(seq) for seq in range(1, 11)))

    def killed(_vital: str, seen: int, _until: datetime) -> None:
        if seen == 6:
            raise KeyboardInterrupt

    selection = Selection([VITALS["blood_pressure"]])
    with pytest.raises(KeyboardInterrupt):
        Run(other, connection, selection, ORDER, "run", clock, killed).through()
    assert rows(connection, "count(*) FROM vitalwire.corrections") == [(6,)]
    report = run(ORDER)
    assert report.vitals["blood_pressure"].corrected == 4
    pulses = rows(connection, "DISTINCT version, pulse FROM vitalwire.blood_pressure_current")
    assert pulses == [(2, 96.0)]


def test_a_batch_that_fails_leaves_nothing(
    connection: Database, run: Callable[..., Report]
) -> None:
    take(connection, misread())
    connection.execute("ALTER TABLE vitalwire.outbox RENAME TO away")
    try:
        with pytest.raises(Exception, match=r"outbox.* does not exist"):
            run(ORDER)
    finally:
        connection.execute("ALTER TABLE vitalwire.away RENAME TO outbox")
    for table in ("corrections", "audit_log"):
        assert rows(connection, f"count(*) FROM vitalwire.{table}") == [(0,)]
    assert rows(connection, "version FROM vitalwire.blood_pressure") == [(1,)]


def test_a_table_that_does_not_fit_its_keys_is_not_corrected(
    connection: Database, run: Callable[..., Report]
) -> None:
    take(connection, misread(1), misread(2))
    connection.execute(
        "DELETE FROM vitalwire.reading_keys WHERE reading_id = %s", [misread(1).reading_id]
    )
    with pytest.raises(MisconfiguredError, match="reading_keys lacks readings"):
        run(ORDER)
    assert rows(connection, "DISTINCT version FROM vitalwire.blood_pressure") == [(1,)]


def test_a_slot_that_is_another_patients_is_left_to_a_person(
    connection: Database, registry: RegistryStore, run: Callable[..., Report]
) -> None:
    registry.add_device("cuff-2", "C0:FF:EE:00:00:02")
    wrong = misread(user_slot=None)
    take(connection, wrong)
    connection.execute("UPDATE vitalwire.blood_pressure SET device_id = 'cuff-2'")
    registry.assign(NewAssignment("cuff-2", "p-2", 0, user_slot=1))
    report = run(ORDER).vitals["blood_pressure"]
    assert (report.differ, report.corrected, report.held_back) == (0, 0, {"another-patient": 1})
    connection.execute("UPDATE vitalwire.blood_pressure SET device_id = 'cuff-1'")
    assert run(ORDER).vitals["blood_pressure"].corrected == 1  # the whole cuff is p-1's
    assert rows(connection, "user_slot FROM vitalwire.blood_pressure_current") == [(1,)]


def test_only_what_was_selected_is_read(connection: Database, run: Callable[..., Report]) -> None:
    long_ago_ms = RECEIVED_MS - 40 * DAY_MS
    take(connection, misread(1), at_ms=long_ago_ms)
    take(connection, misread(2))
    take(connection, misread(3, device=msgspec.structs.replace(BM85, model=None)))
    now = datetime.fromtimestamp(RECEIVED_MS / 1000, NOW.tzinfo)
    day = timedelta(days=1)

    def seen(**selected: Any) -> int:  # noqa: ANN401
        return run(**selected).vitals["blood_pressure"].rows

    assert seen() == 3
    assert seen(since=now - day) == 2
    assert seen(until=now - day) == 1
    assert seen(since=now - 41 * day, until=now - 39 * day) == 1
    assert seen(since=now + day) == 0
    assert (seen(device_id="cuff-1"), seen(device_id="cuff-2")) == (3, 0)
    assert (seen(model="bm8"), seen(model="LABEL"), seen(model="M3")) == (2, 1, 0)


def test_days_without_rows_are_not_looked_into(connection: Database, other: Database) -> None:
    for seq, hours in enumerate((0, 1, 7_200), start=1):
        take(connection, misread(seq), at_ms=RECEIVED_MS - hours * DAY_MS // 24)
    vital = VITALS["blood_pressure"]
    found = list(selections.windows(other, vital, Selection([vital])))
    assert len(found) == 2
    assert all(begin < end <= begin + selections.WINDOW for begin, end in found)


def test_a_home_is_told_the_same_cursor_as_before(
    connection: Database, run: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions are no further records: they do not push records out of what is looked at."""
    monkeypatch.setattr(configs, "RECORDS_MAX", 2)
    wrong = {"glucose": Quantity("mg/dL", "75")}
    for number in (5, 6):
        payload = bytes.fromhex(f"03{number:02x}00EA07031007050900004AB011")
        right = decoded("2a18", payload, seq=number)
        take(connection, msgspec.structs.replace(right, quantities=wrong))
    configs.note_devices(connection, [(GATEWAY, CUFF)])
    before = configs.config_of(connection, GATEWAY)
    assert run(ORDER).vitals["glucose"].corrected == 2
    assert configs.config_of(connection, GATEWAY) == before


def test_payloads_that_could_be_decoded_now_are_counted(
    connection: Database, run: Callable[..., Report]
) -> None:
    def rejected(seq: int, raw: str, reason: str = "undecodable") -> Rejected:
        return kept(seq, "2a35", [raw], reason)

    def kept(seq: int, number: str, raws: list[str], reason: str = "undecodable") -> Rejected:
        *parts, raw = raws
        capture = Capture("boot", 1)
        item = Undecodable(seq, BM85, number, raw, "short", "session", capture, parts)
        payload = msgspec.json.encode(item)
        return Rejected(GATEWAY, RECEIVED_MS, reason, payload, "", STREAM, seq)

    custody.reject(
        connection,
        [
            rejected(1, SEVERE.hex()),
            rejected(2, SEVERE[:5].hex()),
            rejected(3, "no hexadecimal"),
            rejected(4, SEVERE.hex(), "digest"),
            Rejected(GATEWAY, RECEIVED_MS, "undecodable", b"no JSON"),
            Rejected(GATEWAY, RECEIVED_MS, "undecodable", b'{"x":' * 100_000),
            kept(5, "2b36", ["010700342B468E005B00", "060700342B6C0025C547314600"]),
            kept(6, "2b36", ["010700342B468E005B00", "0A0700342B6C0025C547314600"]),
        ],
    )
    report = run(ORDER)
    assert report.undecodable == {"2a35": 1, "2b36": 1}
    (told,) = (line for line in report.lines() if "could be decoded now" in line)
    assert "2a35 1" in told
    assert "2b36 1" in told
    assert any(line.endswith("resend --since 2026-11-22") for line in report.lines())
    assert rows(connection, "count(*) FROM vitalwire.blood_pressure") == [(0,)]
