"""Rule books: mistakes are named where they stand; the shipped ones say what the sources say."""

import json
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from alerts.cli import rules
from alerts.rules.book import Book
from alerts.rules.condition import Limit
from alerts.rules.errors import BookError
from alerts.rules.load import SHIPPED, load_books
from alerts.rules.reader import read_book

GOOD = """\
book = "test"
title = "A test"
population = "Nobody"

[vitals.glucose]
fresh = "1h"
units = ["mg/dL", "mmol/L"]

[[rule]]
id = "low"
ladder = "glucose-low"
title = "Low"
vital = "glucose"
when = "glucose < (70 mg/dL, 3.9 mmol/L)"
band = ["10 mg/dL", "0.6 mmol/L"]
severity = "medium"
source = "ADA"
advice = "Eat."
"""
SECOND_RULE = GOOD[GOOD.index("[[rule]]") :]


def book(text: str = GOOD) -> Book:
    return read_book("test.toml", text)


def refusal(text: str) -> str:
    with pytest.raises(BookError) as caught:
        book(text)
    return str(caught.value)


def test_a_good_book_is_read() -> None:
    (rule,) = book().rules
    assert (rule.id, rule.ladder, rule.severity) == ("low", "glucose-low", "medium")
    assert book().vitals["glucose"].fresh_ms == 3_600_000
    assert book().vitals["glucose"].repeat_within_ms == 900_000
    assert len(book().sha256) == 64
    assert book().sha256 != book(GOOD + "\n").sha256


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"A test"', '"A test', "test.toml:2:16: Not TOML"),
        ("glucose <", "sugar <", "test.toml:14:9: glucose has no field 'sugar'"),
        (" mmol/L)", " mmol)", "test.toml:14:30: glucose is not measured in mmol"),
        ("(70 mg/dL, 3.9 mmol/L)", "70 mg/dL", "test.toml:14:19: The book wants each limit in"),
        ('"10 mg/dL", ', "", "test.toml:14:9: The rule compares glucose in mg/dL, but its band"),
        ('"10 mg/dL"', '"wide"', "test.toml:15:8: Expected a number with its unit, found 'wide'"),
        ('"medium"', '"bad"', "test.toml:16:12: 'bad' is no word for severity: write critical or"),
        ('source = "ADA"\n', "", "test.toml:9:1: 'source' is missing: add a line"),
        ('source = "ADA"', 'source = " "', "test.toml:17:10: Rule 'low' states no source"),
        (
            'advice = "Eat."',
            'advise = "Eat."',
            "test.toml:18:10: Nothing is called 'advise' here; is 'advice' meant?",
        ),
        (
            '"Eat."',
            '"Eat."\nurgent = true',
            "test.toml:19:10: Nothing is called 'urgent' here; take it away.",
        ),
        ('"1h"', '"an hour"', "test.toml:6:9: 'an hour' is no duration"),
        (
            '"1h"',
            '"1000000d"',
            "test.toml:6:9: '1000000d' is too long: the longest is 999999d.",
        ),
        (
            '"1h"',
            '"1h"\ngate = {}',
            "test.toml:7:8: Nothing is called 'gate' here; is 'gated' meant?",
        ),
        ('["mg/dL", "mmol/L"]', "[]", "test.toml:7:9: Name the units"),
        ('["mg/dL", "mmol/L"]', '["stone"]', "test.toml:7:9: glucose is not measured in stone"),
        ("[vitals.glucose]", "[vitals.mood]", "test.toml:5:1: There is no vital 'mood'"),
        ('vital = "glucose"', 'vital = "pulse"', "test.toml:13:9: The book has no section"),
        ('id = "low"', 'id = "Low!"', "test.toml:10:6: 'Low!' is no name"),
        ('book = "test"', 'book = "te st"', "test.toml:1:8: 'te st' is no name"),
        (SECOND_RULE, "", "test.toml:1:1: 'rule' is missing: add a line that begins with [[rule]]"),
        (
            "[[rule]]",
            "[[rules]]",
            "test.toml:9:1: Nothing is called 'rules' here; is 'rule' meant?",
        ),
        ("[[rule]]", "[rule]", "test.toml:9:1: Here belongs a list ([…]), not a table."),
        ('"A test"', "“A test”", "test.toml:2:9: Not TOML: Invalid value. A text stands between"),
        ("3.9 mmol", "3,9 mmol", "test.toml:14:30: Write 3.9 with a point, not with a comma."),
        ('"0.6 mmol', '"0,6 mmol', "test.toml:15:8: Expected a number with its unit, found '0,6"),
        ("70 mg/dL,", "70,", "test.toml:14:20: 70 has no unit: write it behind the number, such"),
        ("<", "≤", "test.toml:14:17: '≤' means nothing in a rule. Write <=."),
        (
            "3.9 mmol/L)",
            "3.9 mmol/L) OR glucose is LO",
            "test.toml:14:42: Expected 'and', 'or' or the end, found 'OR'. In small letters: or.",
        ),
        (SECOND_RULE, SECOND_RULE * 2, "test.toml:20:6: Two rules are called 'low'"),
        (
            "[vitals.glucose]",
            "[vital.glucose]",
            "test.toml:5:1: Nothing is called 'vital' here; is 'vitals' meant?",
        ),
        (
            "[[rule]]",
            '[limits.x]\nvalue = ["1 kg"]\nallowed = [["1 kg"]]\nrelaxing = "up"\n[[rule]]',
            "test.toml:11:11: Here belong 2 lists, not 1: the lowest and the highest value.",
        ),
        (
            SECOND_RULE,
            SECOND_RULE + "[rule]\n",
            "test.toml:19:6: Not TOML: Cannot declare ('rule',) twice. A section stands here for",
        ),
        (
            '"A test"',
            '"A "test""',
            "test.toml:2:13: Not TOML: Expected newline or end of document after a statement. In",
        ),
        (
            "glucose < (70 mg/dL, 3.9 mmol/L)",
            "glucose is lo",
            "test.toml:14:20: Expected HI or LO after 'is', found 'lo'. In capital letters: LO.",
        ),
        (
            "(70 mg/dL, 3.9 mmol/L)",
            "limits.low",
            "test.toml:14:19: Expected a number with its unit, found 'limits.low'. Write limit.l",
        ),
        (
            "(70 mg/dL, 3.9 mmol/L)",
            "180/120 mg/dL",
            "test.toml:14:22: '/120' is no unit: compare each value by itself, such as systolic >",
        ),
        (
            '"glucose < (70 mg/dL, 3.9 mmol/L)"',
            '"""\n  glucose <\n  (70 mg/dL, 3.9 mmol)"""',
            "test.toml:16:14: glucose is not measured in mmol",
        ),
        (
            '"glucose < (70 mg/dL, 3.9 mmol/L)"',
            "'''glucose < (70 mg/dL, 3.9 mmol)'''",
            "test.toml:14:32: glucose is not measured in mmol",
        ),
    ],
)
def test_mistakes_are_named_where_they_stand(old: str, new: str, says: str) -> None:
    assert old in GOOD
    assert refusal(GOOD.replace(old, new)).startswith(says)


def test_a_string_of_several_lines_hides_no_key() -> None:
    advice = 'advice = """\nfresh = soon\n"""'
    text = GOOD.replace('advice = "Eat."', advice) + "\n[vitals.weight]\nfresh = 3\nunits=[]"
    for quotes in ('"""', "'''"):
        says = refusal(text.replace('"""', quotes).replace('"1h"', "1"))
        assert says.startswith('test.toml:6:9: Here belongs a text ("…"), not a whole number')
        says = refusal(text.replace('"""', quotes))
        assert says.startswith('test.toml:23:9: Here belongs a text ("…"), not a whole number')


def test_shipped_books_state_their_source_and_advice() -> None:
    for shipped in load_books():
        for rule in shipped.rules:
            assert len(rule.source) > 20
            assert len(rule.advice) > 40


def test_check_names_each_book_or_its_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(GOOD.replace("70 mg/dL", "7000 mg/dL"))
    result = CliRunner().invoke(rules, ["check", "adult-standard", str(wrong)])
    assert result.exit_code == 2
    assert "adult-standard: 13 rules" in result.output
    assert f"{wrong}:14:20: No patient's glucose can be 7000 mg/dL" in result.output
    missing = CliRunner().invoke(rules, ["check", "nothing"])
    assert "There is no such file" in missing.output


def test_check_speaks_to_machines_too(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(GOOD.replace("70 mg/dL", "7000 mg/dL"))
    result = CliRunner().invoke(rules, ["check", "adult-standard", str(wrong), "--json"])
    good, bad = (json.loads(line) for line in result.stdout.splitlines())
    assert (good["book"], good["rules"], len(good["sha256"])) == ("adult-standard", 13, 64)
    assert (bad["file"], bad["line"], bad["column"]) == (str(wrong), 14, 20)
    assert bad["sentence"].startswith("No patient's glucose can be 7000 mg/dL")
    assert result.exit_code == 2


def test_show_speaks_to_machines_too() -> None:
    result = CliRunner().invoke(rules, ["show", "--json"])
    shown = {one["book"]: one for one in map(json.loads, result.stdout.splitlines())}
    assert set(shown) == {path.stem for path in SHIPPED.glob("*.toml")}
    book = shown["adult-diabetes"]
    assert book["limits"]["low-glucose"] == {
        "value": "70 mg/dL = 3.9 mmol/L",
        "allowed": ["60 mg/dL = 3.3 mmol/L", "100 mg/dL = 5.6 mmol/L"],
        "relaxing": "down",
    }
    said = {rule["id"]: rule for rule in book["rules"]}
    assert said["glucose-low-twice"]["over"] == "2 of the last 8 readings, within 1 d"
    assert said["glucose-absent"]["notify"] == "nobody: work list only"


@pytest.mark.parametrize("command", ["check", "show", "diff", "activate", "history", "judge"])
def test_the_shell_completes_the_books_that_come_along(command: str) -> None:
    """Behind them stand files, where no book begins so."""
    completion = ShellComplete(rules, {}, "rules", "_COMPLETE")
    found = completion.get_completions([command], "adult")
    assert [(one.type, one.value) for one in found] == [
        ("file", "adult"),
        ("plain", "adult-diabetes"),
        ("plain", "adult-standard"),
    ]


def test_show_prints_the_rules_in_plain_words() -> None:
    result = CliRunner().invoke(rules, ["show"])
    assert result.exit_code == 0
    for name in SHIPPED.glob("*.toml"):
        assert f"{name.stem}: " in result.output
    assert (
        "when:   systolic > limit.severe-systolic or diastolic > limit.severe-diastolic"
        in result.output
    )


def test_the_longest_time_has_six_digits_beside_those_that_say_nothing() -> None:
    for longest in ("999999d", "0999999d"):
        found = book(GOOD.replace('"1h"', f'"{longest}"', 1))
        assert found.vitals["glucose"].fresh_ms == 999_999 * 24 * 3_600_000


def test_an_empty_folder_is_no_rule_book(tmp_path: Path) -> None:
    with pytest.raises(BookError, match=f"{tmp_path}:1:1: There is no rule book"):
        load_books(tmp_path)


FURTHER = """\
book = "further"
title = "Further vitals"
population = "Nobody"

[vitals.body_temperature]
fresh = "1h"
units = ["°C", "°F"]

[vitals.oximetry]
fresh = "1h"
units = ["%"]

[vitals.weight]
fresh = "1h"
units = ["kg"]

[[rule]]
id = "fever"
ladder = "temperature-high"
title = "Fever"
vital = "body_temperature"
when = "temperature >= (38.0 °C, 100.4 °F)"
band = ["0.5 °C", "0.9 °F"]
severity = "medium"
source = "Nobody"
advice = "Rest."

[[rule]]
id = "saturation"
ladder = "saturation-low"
title = "Low"
vital = "oximetry"
when = "spo2 < 92 %"
band = ["2 %"]
severity = "high"
source = "Nobody"
advice = "Call."

[[rule]]
id = "heavy"
ladder = "weight-high"
title = "Heavy"
vital = "weight"
when = "weight > 150 kg or mass_index > 40 kg/m²"
band = ["1 kg", "1 kg/m²"]
severity = "info"
source = "Nobody"
advice = "Look."
"""


def test_every_vital_can_be_judged_in_the_words_of_people() -> None:
    rules = {rule.id: rule for rule in book(FURTHER).rules}
    (fever,) = rules["fever"].condition.tests()
    assert isinstance(fever, Limit)
    assert list(fever.limits) == [38.0, 100.4]
    assert list(fever.bounds.widened) == pytest.approx([37.5, 99.5])
    heavy, _ = rules["heavy"].condition.tests()
    assert isinstance(heavy, Limit)
    assert heavy.limits[1] == pytest.approx(330.693, abs=0.001)  # in pounds, if a scale sends them


def test_a_limit_in_one_scale_holds_in_the_other_too() -> None:
    """A band is a difference: 0.5 °C are 0.9 °F, not 32.9."""
    one_scale = FURTHER.replace("(38.0 °C, 100.4 °F)", "38.0 °C").replace(', "0.9 °F"', "")
    one_scale = one_scale.replace('["°C", "°F"]', '["°C"]')
    (fever,) = book(one_scale).rules[0].condition.tests()
    assert isinstance(fever, Limit)
    assert list(fever.limits) == pytest.approx([38.0, 100.4])
    assert list(fever.bounds.widened) == pytest.approx([37.5, 99.5])
