"""What docs/log.md shows is read at first try, and says what the page says that it does."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alerts.cli import rules

MANUAL = (Path(__file__).parents[3] / "docs" / "log.md").read_text()
LOGS = re.findall(r"```json lines\n(.*?)```", MANUAL, flags=re.DOTALL)
SHOWN = re.findall(r"(?m)^    (\d{4}-.*?) …$", MANUAL)
BOOKS = ("adult-standard", "adult-diabetes", "oncology-antivegf")


def judged(tmp_path: Path, text: str, *books: str) -> Result:
    path = tmp_path / "night.jsonl"
    path.write_text(text)
    return CliRunner().invoke(rules, ["judge", *books, "--log", str(path)])


@pytest.mark.parametrize("text", LOGS)
def test_every_log_is_read_without_a_remark(tmp_path: Path, text: str) -> None:
    result = judged(tmp_path, text, *BOOKS)
    assert result.exit_code == 0
    count = text.count("\n")
    assert result.stderr == ("1 line read.\n" if count == 1 else f"{count} lines read.\n")


def test_what_the_first_one_is_said_to_print_it_prints(tmp_path: Path) -> None:
    printed = judged(tmp_path, LOGS[0], *BOOKS[:2]).stdout.splitlines()
    assert len(SHOWN) == len(printed) == 4
    for shown, line in zip(SHOWN, printed, strict=True):
        assert line.startswith(shown)


def test_the_lines_that_help_shows_are_a_log(tmp_path: Path) -> None:
    shown = CliRunner().invoke(rules, ["judge", "--help"], terminal_width=500).stdout
    lines = [line.strip() for line in shown.splitlines() if line.strip().startswith("{")]
    result = judged(tmp_path, "\n".join(lines), "adult-diabetes")
    assert (result.exit_code, result.stderr) == (0, "3 lines read.\n")
    assert "critical onset glucose-low/glucose-below-54" in result.stdout
