"""The command on a log that a test writes as text."""

from collections.abc import Sequence
from pathlib import Path

from click.testing import CliRunner, Result

from alerts.cli import rules
from tests.alerts.readings import BASIC

BOOKS = [str(BASIC / "adult-standard.toml"), str(BASIC / "adult-diabetes.toml")]
READING = (
    '{"reading_id": "r1", "vital": "glucose", "quantities": {"glucose": {"unit": "mg/dL", '
    '"value": 45}}, "patient_id": "p1", "received_at": "2026-11-24T08:00Z"}'
)


def judge(log: Path, *options: str, books: Sequence[str] = BOOKS) -> Result:
    return CliRunner().invoke(rules, ["judge", *books, "--log", str(log), *options])


def judged(tmp_path: Path, text: bytes, books: Sequence[str] = BOOKS) -> Result:
    path = tmp_path / "log.jsonl"
    path.write_bytes(text)
    return judge(path, "--json", books=books)
