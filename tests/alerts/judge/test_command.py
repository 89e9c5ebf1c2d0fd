"""`vitalwire rules judge`: a log from a file gives the engine's transitions, however it is cut."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from alerts.cli import rules
from alerts.judge import file as log_file
from schemas.kafka import GatewayReport, Tick
from schemas.registry import PatientEntry, PersonalLimit
from schemas.wire import Health
from tests.alerts.judge.written_log import BOOKS, READING, judge, judged
from tests.alerts.readings import HOUR, MINUTE, NOON, glucose, pressure, record

PLAN = PatientEntry("p1", "Robin", ["adult-standard", "adult-diabetes"])
LOG: list[msgspec.Struct] = [
    PLAN,
    record(NOON, [pressure(NOON, 192), glucose(NOON, 51)]),
    record(NOON + MINUTE, [pressure(NOON + MINUTE, 130)]),
    PatientEntry("p1", "Robin", ["adult-diabetes"]),
    record(NOON + HOUR, [pressure(NOON + HOUR, 200), glucose(NOON + HOUR, "LO")]),
    record(NOON + HOUR, [pressure(NOON + HOUR, 200, 80, "body-moved")], "p2"),
    Tick(NOON + 2 * HOUR),
    record(NOON + 2 * HOUR, [glucose(NOON + 2 * HOUR, 120)]),
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(one) for one in LOG))
    return path


def told(result: Result, exit_code: int = 0) -> list[dict[str, Any]]:
    assert result.exit_code == exit_code, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_transitions_are_printed_as_json(log: Path) -> None:
    found = told(judge(log, "--json"))
    assert [(one["patient_id"], one["rule"], one["event"], one["severity"]) for one in found] == [
        ("p1", "bp-severe", "onset", "critical"),
        ("p1", "glucose-below-54", "onset", "critical"),
        ("p1", "bp-severe", "returned", "critical"),
        ("p1", "glucose-lo", "again", "critical"),
        ("p2", "bp-severe", "repeat-asked", "critical"),
        ("p2", "bp-severe", "onset", "high"),
        ("p1", "glucose-lo", "returned", "critical"),
    ]
    first = found[0]
    assert (first["at"], first["at_ms"]) == ("2026-09-21T12:00:00.000Z", NOON)
    assert first["reading_id"] == first["evidence"]["reading_id"]
    assert first["reason"].startswith("Systolic 192 mmHg is above 180 mmHg")
    assert (first["ladder"], first["marks"]) == ("bp-high", [])
    assert first["alert_id"]
    assert "unverified" in found[5]["marks"]


@pytest.mark.parametrize("cut", [1, 2, 3, 100])
def test_the_cut_changes_nothing(log: Path, cut: int) -> None:
    assert judge(log, "--json", "--cut", str(cut)).stdout == judge(log, "--json").stdout


def test_people_read_lines(log: Path) -> None:
    lines = judge(log).stdout.splitlines()
    assert lines[0].startswith("2026-09-21T12:00:00.000Z p1 critical onset bp-high/bp-severe: Sys")
    assert "[unverified] [flagged]" in lines[5]


def test_what_cannot_be_read_is_named_by_its_line_and_left_out(log: Path) -> None:
    log.write_bytes(b"\xef\xbb\xbf# a note\n\nnonsense\n\xff\n" + log.read_bytes())
    result = judge(log, "--json")
    assert len(told(result, exit_code=65)) == 7
    assert "line 3: malformed: not JSON: Expecting value, column 1.\n" in result.stderr
    assert "line 4: malformed" in result.stderr
    assert "8 lines read.\n2 lines could not be read: left out, and not" in result.stderr
    assert "should be one JSON object" not in result.stderr


@pytest.mark.parametrize("form", ["\ufeff{}", "{}\r\n\r\n", "\n  {}  \n\n", "# a note\n{}"])
def test_however_an_editor_saved_it_a_line_is_read(tmp_path: Path, form: str) -> None:
    result = judged(tmp_path, form.replace("{}", READING).encode())
    assert [one["event"] for one in told(result)] == ["onset"]
    assert result.stderr == "1 line read.\n"


@pytest.mark.parametrize("text", [b"", b"\n\n", b"# a note\n"])
def test_a_log_that_holds_nothing_is_said(tmp_path: Path, text: bytes) -> None:
    result = judged(tmp_path, text)
    assert told(result) == []
    assert "log.jsonl holds no lines: nothing was judged." in result.stderr


def test_whoever_gives_another_kind_of_file_sees_what_a_line_looks_like(tmp_path: Path) -> None:
    result = judged(tmp_path, b"patient;value\np1;45\n")
    assert told(result, exit_code=65) == []
    assert f"should be one JSON object, such as {READING.replace('45', '98')}" in result.stderr


def test_utf_16_is_not_taken_for_a_log_of_broken_lines(tmp_path: Path) -> None:
    result = judged(tmp_path, READING.encode("utf-16"))
    assert "is in UTF-16. Save it as UTF-8." in str(result.exception)


def test_a_line_without_an_end_takes_no_more_memory_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "LINE_BYTES_MAX", 2 * len(READING))
    long = READING.replace("{", "{" + " " * 3 * len(READING), 1)
    result = judged(tmp_path, f"{long}\n{READING}\n{long}".encode())
    assert [one["event"] for one in told(result, exit_code=65)] == ["onset"]
    assert "line 1: too-long" in result.stderr
    assert "line 3: too-long" in result.stderr
    assert "2 lines could not be read" in result.stderr


def _measured(at: str) -> str:
    return READING.replace('"vital"', f'"measured_at": "{at}", "vital"')


def later(at: str, name: str = "r2") -> str:
    return READING.replace("2026-11-24T08:00Z", at).replace('"r1"', f'"{name}"')


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([READING, later("2026-11-24T07:58Z")], "Line 2: received earlier than a line above"),
        ([READING, later("2026-11-24T07:59Z")], ""),
        ([_measured("2026-11-24T08:10:00.001Z")], "Line 1: measured after it was received"),
        ([_measured("2026-11-24T08:10Z")], ""),
        ([later("1795000000")], "Line 1: received before the year 2000: a number counts milli"),
        (
            [READING, later("2026-11-24T09:00Z", "r1"), later("2026-11-24T10:00Z", "r1")],
            "Line 2 and 1 more: a reading_id that its patient had already",
        ),
        ([READING, later("2026-11-24T09:00Z", "r1").replace("p1", "p2")], ""),
    ],
)
def test_what_can_be_read_and_is_odd_is_told(tmp_path: Path, lines: list[str], said: str) -> None:
    result = judged(tmp_path, "\n".join(lines).encode())
    told(result)
    assert said in result.stderr
    assert result.stderr.count("\n") == 1 + bool(said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"patient_id"', '"flags": ["body-moved"], "patient_id"'), "'flags' of a reading."),
        (
            ('"patient_id"', '"statsu": [], "patient_id"'),
            "'statsu' of a reading; is 'status' meant?",
        ),
        (('"unit"', '"censored": "LO", "unit"'), "nobody reads 'censored' of a quantity."),
        (('"reading_id"', '"measured_at": "2026-11-24T07:00Z", "reading_id"'), ""),
        (
            ('"patient_id"', '"status": ["sample-to-small"], "patient_id"'),
            "of a reading's status; is 'sample-too-small' meant?\n",
        ),
        (('"patient_id"', '"status": ["time-fault", "bit-12"], "patient_id"'), ""),
    ],
)
def test_a_key_that_nobody_reads_is_told(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    """It would have meant something: a flagged reading was judged as one that is not."""
    first, second = READING.replace(*change), later("2026-11-24T09:00Z").replace(*change)
    result = judged(tmp_path, f"{first}\n{second}".encode())
    told(result)
    assert ("Line 1 and 1 more: nobody reads" in result.stderr) == bool(said)
    assert said in result.stderr


def test_keys_of_a_plan_and_of_records_are_known_or_told(tmp_path: Path, log: Path) -> None:
    assert "nobody reads" not in judge(log).stderr
    pauses = [{"from": NOON, "to": NOON + HOUR}]
    plan = {"patient_id": "p1", "books": [], "timezone": "Europe/Berlin", "pauses": pauses}
    marked = {**json.loads(READING), "mark": 1}
    batch = {"patient_id": "p1", "received_at": NOON, "sent": 5, "readings": [marked]}
    result = judged(tmp_path, f"{json.dumps(plan)}\n{json.dumps(batch)}".encode())
    assert "Line 1: nobody reads 'timezone' of a patient; is 'zone' meant?" in result.stderr
    assert "Line 1: nobody reads 'to' of a patient's pauses" in result.stderr
    assert "Line 2: nobody reads 'sent' of a record" in result.stderr
    assert "Line 2: nobody reads 'mark' of a reading." in result.stderr


def test_names_of_another_form_are_one_name_in_windows_corrections_and_what_is_printed(
    tmp_path: Path,
) -> None:
    """They were remembered under a digest: a window showed that, and nothing was taken back."""
    low = [READING.replace("45}", "60}"), later("2026-11-24T09:00Z").replace("45}", "60}")]
    gone = {
        "kind": "withdrawals",
        "patient_id": "p1",
        "received_at": "2026-11-24T10:00Z",
        "readings": [
            {
                "reading_id": "r1",
                "vital": "glucose",
                "measured_at": "2026-11-24T08:00Z",
                "time_quality": "receipt",
                "quantities": {"glucose": {"unit": "mg/dL", "value": 60}},
            }
        ],
    }
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([*low, json.dumps(gone)]))
    found = told(judge(path, "--json", books=["adult-diabetes"]))
    assert [(one["event"], one["rule"], one["reading_id"]) for one in found] == [
        ("onset", "glucose-below-70", "r1"),
        ("worsened", "glucose-low-twice", "r2"),
        ("eased", "glucose-below-70", "r1"),
    ]
    assert [one["reading_id"] for one in found[1]["window"]] == ["r1", "r2"]
    assert found[1]["evidence"]["reading_id"] == "r2"


def test_a_book_that_was_not_given_and_a_child_are_told(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    child = PatientEntry("p3", "Kim", ["adult-standard"], under_13=True)
    other = PatientEntry("p5", "Alex", ["adult-standard", "adult-diabetes"], under_13=True)
    lost = PatientEntry("p4", "Alex", ["nobody-has-it"])
    severe = [record(NOON, [pressure(NOON, 200)], name) for name in ("p3", "p4")]
    path.write_bytes(b"\n".join(msgspec.json.encode(one) for one in [child, other, lost, *severe]))
    result = judge(path, "--json")
    assert [one["patient_id"] for one in told(result)] == ["p4"]
    assert "No book nobody-has-it was given" in result.stderr
    assert "Refused: patient p3 is under 13, adult-standard is for older ones." in result.stderr
    assert "p5 is under 13, adult-standard and adult-diabetes are for older" in result.stderr


DAYS = 24 * HOUR


@pytest.mark.parametrize(
    ("changed", "severe", "said"),
    [
        ({}, 191, ""),
        ({"values": ["200 mmHg"]}, 201, ""),
        ({"values": ["201 mmHg"]}, 181, "adult-standard allows severe-systolic from 160 to 200"),
        ({"values": ["159 mmHg"]}, 181, "from 160 to 200 mmHg, not 159 mmHg"),
        ({"values": ["160 mmHg"], "role": "nurse", "valid_until_ms": None}, 161, ""),
        ({"role": "nurse"}, 181, "severe-systolic of adult-standard is critical, and this lets"),
        ({"valid_until_ms": None}, 181, "lets more pass than the book does"),
        ({"valid_until_ms": NOON + 89 * DAYS}, 191, ""),
        (
            {"valid_until_ms": NOON + 89 * DAYS + 1},
            181,
            "than the book does: a physician may, for 90 days at most. The book's holds.",
        ),
        ({"reason": " "}, 181, "A personal limit has an author and a reason"),
        ({"values": []}, 181, "it states no value"),
        ({"values": ["high"]}, 181, "'high' is no number with its unit"),
        ({"values": ["185 mmHg", "190 mmHg"]}, 181, "it states one unit twice."),
        ({"values": ["25 kPa"]}, 181, "adult-standard does not state it in kPa"),
        ({"name": "severe"}, 181, "limit severe: no book given for the patient has it"),
    ],
)
def test_a_limit_that_the_registry_would_refuse_is_told_and_the_book_s_holds(
    tmp_path: Path, changed: dict[str, Any], severe: int, said: str
) -> None:
    own = PersonalLimit(
        "severe-systolic",
        ["190 mmHg"],
        "Dr. Ito",
        "physician",
        "after stroke",
        NOON - DAYS,
        NOON + 2 * DAYS,
        NOON - DAYS,
    )
    entry = PatientEntry(
        "p1", "", ["adult-standard"], limits=[msgspec.structs.replace(own, **changed)]
    )
    path = tmp_path / "log.jsonl"
    for value, events in [(severe - 1, []), (severe, ["onset"])]:
        log = [entry, record(NOON, [pressure(NOON, value)])]
        path.write_bytes(b"\n".join(msgspec.json.encode(one) for one in log))
        result = judge(path, "--json", books=["adult-standard"])
        found = [one["event"] for one in told(result) if one["event"] != "limit-expiring"]
        assert found == events
        assert said in result.stderr
        assert result.stderr.count("\n") == 1 + bool(said)


def test_a_zone_that_there_is_not_is_told(tmp_path: Path) -> None:
    zones = [{"from": NOON, "zone": "Mars/Base"}]
    line = {
        "patient_id": "p1",
        "books": ["adult-diabetes"],
        "zone": "Europe/Berlin",
        "zones": zones,
    }
    result = judged(tmp_path, json.dumps(line).encode())
    assert "Refused: patient p1, zone: 'Mars/Base' is no time zone, UTC is taken." in result.stderr


def test_a_log_that_is_not_there_and_a_book_that_is_wrong_are_said(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in str(judge(tmp_path / "none").exception)
    assert "cannot be read: Is a directory" in str(judge(tmp_path).exception)
    result = judge(tmp_path / "none", books=["nothing"])
    assert "There is no such file; the books that come along are" in str(result.exception)


def test_a_home_that_is_offline_explains_why_nothing_comes(tmp_path: Path) -> None:
    watched = PatientEntry("p1", "Robin", ["adult-standard"], care_plan_from_ms=NOON)
    entries: list[msgspec.Struct] = [watched, record(NOON, [pressure(NOON, 120)])]
    entries.append(GatewayReport("home-1", NOON + HOUR, Health("offline")))
    entries += [Tick(NOON + hours * HOUR) for hours in range(1, 96)]
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(one) for one in entries))
    with_report = told(judge(path, "--json", books=["adult-standard"]))
    path.write_bytes(b"\n".join(msgspec.json.encode(one) for one in entries if one != entries[2]))
    without = told(judge(path, "--json", books=["adult-standard"]))
    assert [(one["ladder"], one["event"]) for one in without] == [
        ("absence-blood-pressure", "onset")
    ]
    assert [(one["ladder"], one["cause"]) for one in with_report] == [
        ("gateway-offline", "gateway-offline")
    ]


@pytest.mark.parametrize("cut", [1, 2, 100])
def test_a_silence_that_was_due_before_its_gateway_went_is_the_patient_s(
    tmp_path: Path, cut: int
) -> None:
    """And when it is late with its next report, that is why; not only when somebody says so."""
    watched = PatientEntry("p1", "Robin", ["adult-standard"], care_plan_from_ms=NOON)
    went = NOON + 4 * DAYS
    entries: list[msgspec.Struct] = [
        watched,
        record(NOON, [pressure(NOON, 120)]),
        *(GatewayReport("home-1", NOON + hour * HOUR, Health("online")) for hour in range(73)),
        GatewayReport("home-1", went, Health("offline")),
    ]
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(one) for one in entries))
    found = told(judge(path, "--json", "--cut", str(cut), books=["adult-standard"]))
    assert [(one["ladder"], one["event"], one["cause"]) for one in found] == [
        ("absence-blood-pressure", "onset", "not-measured"),
        ("absence-blood-pressure", "cause", "gateway-offline"),
    ]
    assert found[0]["at_ms"] < went - HOUR
    assert found[1]["at_ms"] == NOON + 73 * HOUR + 1


def test_a_page_that_waits_goes_out_before_a_later_report_or_reading_of_nobody(
    tmp_path: Path,
) -> None:
    """Both are stamped, and log time is the running maximum of stamps."""
    path = tmp_path / "log.jsonl"
    first = record(NOON, [pressure(NOON, 200)])
    nobody = {**json.loads(READING), "patient_id": None, "received_at": NOON + HOUR}
    later = [msgspec.json.encode(GatewayReport("home-1", NOON + HOUR, Health("online")))]
    for after in [*later, json.dumps(nobody).encode()]:
        path.write_bytes(msgspec.json.encode(first) + b"\n" + after)
        found = told(judge(path, "--json", books=["adult-standard", "adult-diabetes"]))
        assert [one["event"] for one in found if one["ladder"] == "bp-high"] == [
            "onset",
            "confirmed",
        ]
        assert [one["patient_id"] for one in found][:2] == ["p1", "p1"]


def test_stdin_is_read_too(log: Path) -> None:
    arguments = ["judge", *BOOKS, "--log", "-", "--json"]
    result = CliRunner().invoke(rules, arguments, input=log.read_bytes())
    assert result.stdout == judge(log, "--json").stdout
