"""Who mends a book is told of every mistake at once, and of none that only follows from another."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from alerts.cli import rules
from alerts.rules.errors import BookError
from alerts.rules.load import load_book
from alerts.rules.reader import read_book
from tests.alerts.book_text import GLUCOSE, head, rule
from vitalwire import main

WRONG = """\
book = "Our Clinic"
title = "Ours"
population = 7
form_age = 13

[vitals.blood_pressure]
fresh = "4 hours"
units = ["mmHg", "mmHq"]
gated = { body-mooved = "Sit still." }

[vitals.glucose]
fresh = "1h"
units = ["mg/dL", "mmol/L"]

[vitals.heart]
fresh = "1h"
units = ["/min"]

[limits.severe]
value = ["180 mg/dL", "10.0 mmol/L"]
allowed = [["200 mg/dL", "11.1 mmol/L"], ["160 mg/dL", "8.9 mmol/L"]]
relaxing = "sideways"

[[rule]]
id = "high"
ladder = "glucose high"
title = ""
vital = "glucose"
when = "glucose > limit.severe"
band = ["10 mg/dL", "0.6 mmol/L"]
cooldown = "soon"
severity = "high"
source = "S"
advice = " "

[[rule]]
id = "low"
ladder = "glucose-low"
title = "Low"
vital = "glucose"
when = "glucos < (70 mg/dL, 3.9 mmol/L)"
band = ["10 mg/dL", "0.6 mmol/L"]
window = { matching = 3, of = 2 }
confirm = { within = "0min" }
repeat = { within = "a while" }
severity = "high"
source = "S"
advice = "A"

[[rule]]
id = "low"
ladder = "absence-glucos"
title = "Silent"
vital = "glucose"
absent_for = "three days"
severity = "medium"
source = "S"
advice = "A"

[[rule]]
id = "silent"
ladder = "absence-glucos"
title = "Silent"
vital = "glucose"
absent_for = "three days"
band = ["1 mg/dL"]
severity = "medium"
source = "S"
advice = "A"

[[rule]]
id = "heavy"
ladder = "weight-high"
titel = "Heavy"
vital = "weight"
when = "weight > 100 kg"
window = { matching = "two", off = 2 }
severity = "grave"
source = "S"

[[rule]]
id = "pressure"
ladder = "bp-high"
title = "On a vital that is wrong itself"
vital = "blood_pressure"
when = "systolic > 180 mmHg"
severity = "high"
source = "S"
advice = "A"
"""
EVERY = [
    "1:8: 'Our Clinic' is no name: use a-z, 0-9 and '-'.",
    '3:14: Here belongs a text ("…"), not a whole number.',
    "4:12: Nothing is called 'form_age' here; is 'from_age' meant?",
    "7:9: '4 hours' is no duration: write it as '15min', '4h' or '3d'.",
    "8:9: blood_pressure is not measured in mmHq; did you mean 'mmHg'?",
    "9:9: blood_pressure has no flag 'body-mooved'; did you mean 'body-moved'?",
    (
        "15:1: There is no vital 'heart' that rules could judge; there are: blood_pressure, "
        "glucose, weight, oximetry, body_temperature."
    ),
    "22:12: 'sideways' is no word for relaxing: write up or down.",
    "26:10: 'glucose high' is no name: use a-z, 0-9 and '-'.",
    "27:9: Rule 'high' states no title.",
    "31:12: 'soon' is no duration: write it as '15min', '4h' or '3d'.",
    "34:10: Rule 'high' states no advice.",
    "41:9: glucose has no field 'glucos'; it has: glucose.",
    "43:10: 3 of 2 readings cannot match.",
    "44:11: A rule with a window rests on more than one reading already.",
    "44:11: No reading can come within 0min.",
    "45:10: 'a while' is no duration: write it as '15min', '4h' or '3d'.",
    "51:6: Two rules are called 'low': rename one.",
    "62:10: The ladder of a rule about missing glucose is 'absence-glucose'.",
    "65:14: 'three days' is no duration: write it as '15min', '4h' or '3d'.",
    "66:8: A rule about readings that do not come has no 'band'.",
    "71:1: 'advice' is missing: add a line that begins with advice =",
    "74:9: Nothing is called 'titel' here; is 'title' meant?",
    '77:10: Here belongs a whole number, not a text ("…").',
    "77:10: Nothing is called 'off' here; is 'of' meant?",
    "78:12: 'grave' is no word for severity: write critical or high or medium or info.",
]


def test_every_mistake_is_named_in_the_order_of_the_file_for_people_and_machines(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(WRONG)
    result = CliRunner().invoke(rules, ["check", str(file)])
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [f"{file}:{mistake}" for mistake in EVERY]
    result = CliRunner().invoke(rules, ["check", str(file), "--json"])
    assert result.exit_code == 2
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [f"{one['line']}:{one['column']}: {one['sentence']}" for one in told] == EVERY


@pytest.mark.parametrize("command", [["show"], ["judge", "--log", "-"], ["activate", "--by", "A"]])
def test_every_command_that_reads_a_book_names_all_its_mistakes(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(WRONG)
    monkeypatch.setattr("sys.argv", ["vitalwire", "rules", *command, str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 78
    assert capsys.readouterr().err.splitlines() == [f"error: {file}:{one}" for one in EVERY]


def test_what_cannot_be_meant_is_named_every_time(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    good = Path("alerts/books/adult-diabetes.toml").read_text()
    file.write_text(good.replace('fresh = "1h"', 'fresh = "0h"').replace('"0.6 mmol', '"6.0 mmol'))
    with pytest.raises(BookError) as caught:
        load_book(file)
    assert [one.sentence for one in caught.value.every] == [
        "Nothing is fresh for no time at all: write it as '4h'.",
        *["10 mg/dL and 6.0 mmol/L are not the same: 10 mg/dL are 0.6 mmol/L."] * 6,
    ]


def test_a_section_that_cannot_be_read_is_not_missed_by_its_rules_too() -> None:
    text = head("test", GLUCOSE.replace('"1h"', "1")) + rule(
        "low", "glucose < (54 mg/dL, 3.0 mmol/L)", vital="glucose"
    )
    with pytest.raises(BookError) as caught:
        read_book("test.toml", text)
    (sentence,) = caught.value.sentences
    assert 'Here belongs a text ("…"), not a whole number.' in sentence


def test_the_error_itself_is_the_first_mistake() -> None:
    with pytest.raises(BookError) as caught:
        read_book("ours.toml", WRONG)
    assert str(caught.value) == f"ours.toml:{EVERY[0]}"
    assert caught.value.every[0].place == caught.value.place
