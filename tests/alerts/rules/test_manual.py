"""What docs/rules.md shows is what `rules check` takes."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from alerts.cli import rules

MANUAL = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
BLOCKS = re.findall(r"```toml ?([a-z ]*)\n(.*?)```", MANUAL, flags=re.DOTALL)
SMALLEST = next(text for kind, text in BLOCKS if not kind)
HEAD, RULE = SMALLEST[: SMALLEST.index("[[rule]]")], SMALLEST[SMALLEST.index("[[rule]]") :]
PLAIN = re.sub(r"(?m)^(when|band) = .*\n", "", RULE).replace('"critical"', '"high"')
GLUCOSE = (HEAD + PLAIN).replace("blood_pressure", "glucose").replace("bp-high", "glucose-high")
GLUCOSE = GLUCOSE.replace('["mmHg"]', '["mg/dL", "mmol/L"]')
"""The rule of the smallest book without what it looks at; a critical one is never silenced."""


def books() -> list[str]:
    """Complete every example to a whole book."""
    whole = {
        "": lambda text: text,
        "book": lambda text: HEAD + text,
        "rule": lambda text: HEAD + PLAIN + text,
        "rule glucose": lambda text: GLUCOSE + text,
        "rule absence": lambda text: (
            HEAD + PLAIN.replace('ladder = "bp-high"', 'ladder = "absence-blood-pressure"') + text
        ),
    }
    return [whole[kind](text) for kind, text in BLOCKS]


@pytest.mark.parametrize("text", books())
def test_every_example_is_a_book(text: str, tmp_path: Path) -> None:
    file = tmp_path / "our-clinic.toml"
    file.write_text(text)
    result = CliRunner().invoke(rules, ["check", str(file)])
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_mistake_that_is_shown_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = SMALLEST.replace("systolic > 180 mmHg", "systolic > 180 mg/dL")
    Path("our-clinic.toml").write_text(wrong)
    result = CliRunner().invoke(rules, ["check", "our-clinic.toml"])
    assert result.exit_code == 2
    assert f"    {result.stderr.strip()}\n" in MANUAL


def test_the_fields_that_are_listed_are_those_of_the_vitals(tmp_path: Path) -> None:
    rows = re.findall(r"(?m)^\| (`[^|]+`) \|", MANUAL)
    expressions = [text for row in rows for text in re.findall(r"`([^`]+)`", row)]
    assert len(expressions) >= 8
    rises = "baseline = { readings = 6, days = 14, before = 'plan' }\n"
    limits = "[limits.severe]\nvalue = ['180 mmHg']\nallowed = [['160 mmHg'], ['200 mmHg']]\n"
    for number, text in enumerate(expressions):
        vital = "glucose" if "glucose" in text else "blood_pressure"
        settings = f"[vitals.{vital}]\nfresh = '1h'\nunits = "
        settings += "['mg/dL', 'mmol/L']\n" if vital == "glucose" else "['mmHg']\n"
        band = "['10 mg/dL', '0.6 mmol/L']" if vital == "glucose" else "['5 mmHg']"
        book = "book = 'b'\ntitle = 't'\npopulation = 'p'\n" + settings
        book += f"{limits}relaxing = 'up'\n" if "limit." in text else ""
        book += PLAIN.replace("blood_pressure", vital) + f"when = '{text}'\nband = {band}\n"
        book += rises if " rise " in text else ""
        file = tmp_path / f"{number}.toml"
        file.write_text(book)
        result = CliRunner().invoke(rules, ["check", str(file)])
        assert result.exit_code == 0, (text, result.stderr)
