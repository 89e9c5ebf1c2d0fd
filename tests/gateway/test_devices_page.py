"""The tables of docs/devices.md: each promise names tests, and they exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "devices.md"
ROW = re.compile(r"^\| [^|]+ \| (`[\w/]+\.py::\w+`(?:, `[\w/]+\.py::\w+`)*) \|$")
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
HEAD = ("| promise | test |", "|---|---|")
SECTIONS = PAGE.read_text("utf-8").split("\n## ")[1:]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_every_promise_names_tests_that_exist(section: str) -> None:
    lines = [line for line in section.splitlines() if line.startswith("|")]
    assert tuple(lines[:2]) == HEAD
    rows = [ROW.fullmatch(line) for line in lines[2:]]
    assert rows
    assert all(rows), "a row that nobody can read"
    for file, name in NAMED.findall(section):
        text = (TESTS / file).read_text("utf-8")
        is_there = re.search(rf"^(?:(?:async )?def {name}\(|{name} = )", text, re.MULTILINE)
        assert is_there, f"{file} has no {name}"


def test_no_section_is_missing() -> None:
    """Of the bytes, of asking, visits, time, people, models, and of Linux."""
    assert len(SECTIONS) == 10
    assert sum(section.count("\n| ") - 1 for section in SECTIONS) >= 130
