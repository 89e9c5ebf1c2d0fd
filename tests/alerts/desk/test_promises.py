"""The table of docs/desk.md: every promise has a test, and the test exists."""

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
MANUAL = TESTS.parent.parent / "docs" / "desk.md"
ROW = re.compile(r"^\| [^|]+ \| `([\w/]+\.py)::(\w+)` \|$", re.MULTILINE)


def test_every_promise_names_a_test_that_exists() -> None:
    promises = MANUAL.read_text().partition("## What is promised")[2]
    rows = ROW.findall(promises)
    assert len(rows) == promises.count("| ") // 2 - 1, "a row that nobody can read"
    assert len(rows) >= 30
    for file, name in rows:
        assert f"def {name}(" in (TESTS / file).read_text(), f"{file} has no {name}"
