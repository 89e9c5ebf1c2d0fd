"""Of a log's lines that cannot be read each is named: why, or at least which it is."""

import json
from pathlib import Path

from click.testing import Result

from tests.alerts.judge.written_log import READING, judged


def unreadable(tmp_path: Path, text: bytes) -> Result:
    result = judged(tmp_path, text, ["adult-diabetes"])
    assert result.exit_code == 65, result.output
    return result


def test_of_many_that_cannot_be_read_the_others_are_named_by_their_numbers(tmp_path: Path) -> None:
    result = unreadable(tmp_path, b"no\n" * 22 + f"{READING}\n".encode() + b"no\n")
    assert "line 20: malformed" in result.stderr
    assert "line 21: malformed" not in result.stderr
    said = "23 lines could not be read: left out, and not judged. Beside those above: 21-22, 24.\n"
    assert said in result.stderr
    lines = [READING if number % 2 else "no" for number in range(2 * 45)]
    result = unreadable(tmp_path, "\n".join(lines).encode())
    assert ", 77, 79 and others up to 89.\n" in result.stderr


def test_of_a_device_that_nobody_wears_each_reading_is_a_line(tmp_path: Path) -> None:
    nobodys = READING.replace('"p1"', "null")
    line = '{"patient_id": null, "received_at": "2026-11-24T08:00Z", "readings": [{}]}'
    result = unreadable(tmp_path, f"{nobodys}\n{line}".encode())
    (one,) = [json.loads(told) for told in result.stdout.splitlines()]
    assert one["reason"].endswith("; A device: nobody wears it")
    assert (
        "line 2: malformed: of a device that nobody wears each reading is a line" in result.stderr
    )
