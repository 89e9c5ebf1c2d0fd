"""`rules show` and `rules diff`: what a book says, and what changes for patients, in words."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from alerts.cli import rules
from alerts.rules.compare import compare
from alerts.rules.load import SHIPPED, load_book
from alerts.rules.reader import read_book
from alerts.rules.show import describe, duration

TEXT = (SHIPPED / "adult-standard.toml").read_text()
OLD = read_book("old.toml", TEXT)
LAST = TEXT[TEXT.rindex("[[rule]]") :]


def changes(*edits: tuple[str, str]) -> list[tuple[str, str, str]]:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return [
        (change.kind, change.subject, change.sentence)
        for change in compare(OLD, read_book("new.toml", text))
    ]


@pytest.mark.parametrize(
    ("old", "new", "kind", "subject", "sentence"),
    [
        (
            'value = ["180 mmHg"]',
            'value = ["175 mmHg"]',
            "limit",
            "severe-systolic",
            "180 mmHg -> 175 mmHg: more readings count.",
        ),
        (
            'value = ["90 mmHg"]\nallowed = [["80',
            'value = ["85 mmHg"]\nallowed = [["80',
            "limit",
            "low-systolic",
            "90 mmHg -> 85 mmHg: fewer readings count.",
        ),
        (
            '["200 mmHg"]]',
            '["190 mmHg"]]',
            "limit",
            "severe-systolic",
            (
                "May be replaced in another range: severe-systolic: 180 mmHg (160 mmHg to 200 mmHg)"
                " -> severe-systolic: 180 mmHg (160 mmHg to 190 mmHg)."
            ),
        ),
        (
            'severity = "medium"',
            'severity = "high"',
            "severity",
            "bp-often-high",
            "High blood pressure in most readings is more severe: medium -> high.",
        ),
        (
            'severity = "high"',
            'severity = "info"',
            "severity",
            "bp-lo",
            "Blood pressure too low to measure is less severe: high -> info.",
        ),
        (
            "systolic >= 220 mmHg",
            "systolic >= 210 mmHg",
            "rule",
            "bp-extreme",
            "Extreme blood pressure, when: systolic >= 220 mmHg -> systolic >= 210 mmHg.",
        ),
        (
            "matching = 3, of = 5",
            "matching = 4, of = 5",
            "rule",
            "bp-often-high",
            (
                "High blood pressure in most readings, over: 3 of the last 5 readings, on at least"
                " 2 days -> 4 of the last 5 readings, on at least 2 days."
            ),
        ),
        (
            'confirm = { within = "10min" }\n',
            "",
            "rule",
            "bp-severe",
            (
                "Severe blood pressure, page: after a confirming repeat, or 10 min without one ->"
                " at once."
            ),
        ),
        (
            'ladder = "pulse-low"',
            'ladder = "pulse-slow"',
            "rule",
            "pulse-lo",
            "Pulse too slow to measure moves to another ladder: its open alerts begin anew.",
        ),
        (LAST, "", "rule-removed", "bp-absent", "Gone: No blood pressure for three days (medium)"),
        (
            LAST,
            LAST + LAST.replace("bp-absent", "bp-silent").replace('"3d"', '"5d"'),
            "rule-added",
            "bp-silent",
            "New: No blood pressure for three days (medium), no blood_pressure for 5 d.",
        ),
        (
            'fresh = "4h"',
            'fresh = "2h"',
            "vital",
            "blood_pressure",
            "blood_pressure, fresh for: 4 h",
        ),
        ("from_age = 13", "from_age = 16", "book", "age", "The book's age: 13 -> 16."),
        (
            'absent_for = "3d"\n',
            'absent_for = "3d"\nnotify = true\n',
            "rule",
            "bp-absent",
            (
                "No blood pressure for three days, notify: nobody: work list only -> as its"
                " severity asks."
            ),
        ),
        (
            'when = "pulse <= limit.slow-pulse"\n',
            'when = "pulse <= limit.slow-pulse"\nrepeat = { within = "5min" }\n',
            "rule",
            "pulse-slow",
            "Slow pulse, repeat: asked for as of the vital -> asked for within 5 min.",
        ),
        (
            'advice = "Nothing is urgent. Plan',
            'advice = "Plan',
            "rule",
            "bp-mean-high",
            (
                "High mean blood pressure of seven days, advice: Nothing is urgent. Plan a talk"
                " about medicines and how they are taken; send the readings of the week to the"
                " physician, who decides whether the treatment changes. -> Plan a talk about"
                " medicines and how they are taken; send the readings of the week to the"
                " physician, who decides whether the treatment changes."
            ),
        ),
    ],
)
def test_each_change_is_said_in_words(
    old: str, new: str, kind: str, subject: str, sentence: str
) -> None:
    ((found_kind, found_subject, found),) = changes((old, new))
    assert (found_kind, found_subject) == (kind, subject)
    assert found.startswith(sentence)
    assert not found.endswith("..")


def test_a_limit_that_is_stated_in_one_unit_more_or_less_counts_no_other_readings() -> None:
    one = 'value = ["120 mmHg"]\nallowed = [["100 mmHg"], ["130 mmHg"]]'
    two = (
        'value = ["120 mmHg", "16.0 kPa"]\n'
        'allowed = [["100 mmHg", "13.3 kPa"], ["130 mmHg", "17.3 kPa"]]'
    )
    assert one in TEXT
    band = ('["5 mmHg"]\nconfirm', '["5 mmHg", "0.7 kPa"]\nconfirm')
    both = read_book("both.toml", TEXT.replace(one, two).replace(*band))
    for first, second in ((OLD, both), (both, OLD)):
        ((kind, sentence),) = [
            (one.kind, one.sentence)
            for one in compare(first, second)
            if one.subject == "severe-diastolic"
        ]
        assert kind == "limit"
        assert sentence.startswith("Is stated in other units: 120 mmHg")


def test_a_limit_that_becomes_fixed_is_said() -> None:
    found = changes(
        ("diastolic > limit.severe-diastolic", "diastolic > 120 mmHg"),
        ("[limits.severe-diastolic]\n", ""),
        ('value = ["120 mmHg"]\n', ""),
        ('allowed = [["100 mmHg"], ["130 mmHg"]]\nrelaxing = "up"\n', ""),
    )
    assert ("limit", "severe-diastolic") in [(kind, subject) for kind, subject, _ in found]
    assert "Can no longer be replaced: personal values of it have no effect." in found[-1]


def test_the_same_text_changes_nothing() -> None:
    assert compare(OLD, OLD) == []
    result = CliRunner().invoke(rules, ["diff", "adult-standard", "adult-standard"])
    assert result.output == "Nothing changes for patients.\n"


def test_diff_speaks_to_machines_too(tmp_path: Path) -> None:
    other = tmp_path / "ours.toml"
    other.write_text(TEXT.replace('value = ["180 mmHg"]', 'value = ["175 mmHg"]'))
    result = CliRunner().invoke(rules, ["diff", "adult-standard", str(other), "--json"])
    told = json.loads(result.output)
    assert (told["kind"], told["subject"]) == ("limit", "severe-systolic")
    assert told["before"].startswith("severe-systolic: 180 mmHg")
    people = CliRunner().invoke(rules, ["diff", "adult-standard", str(other)]).output
    assert people == "severe-systolic: 180 mmHg -> 175 mmHg: more readings count.\n"


@pytest.mark.parametrize(
    ("book", "line"),
    [
        ("adult-standard", "    severe-systolic: 180 mmHg (160 mmHg to 200 mmHg)"),
        ("adult-standard", "    now:    systolic > 180 mmHg; diastolic > 120 mmHg"),
        ("adult-standard", "    over:   mean of 7 days, of at least 12 readings on 3 days"),
        ("adult-standard", "    page:   after a confirming repeat, or 10 min without one"),
        ("adult-standard", "    when:   no blood_pressure for 3 d"),
        ("adult-standard", "    notify: nobody: work list only"),
        ("adult-diabetes", "    over:   2 of the last 8 readings, within 1 d"),
        ("adult-diabetes", "    late:   stays critical if it arrives late"),
        ("pregnancy-postpartum", "    over:   2 of the last 3 readings, within 7 d, at least 15"),
        ("oncology-antivegf", "    over:   rise over the mean of 14 days before the first dose"),
    ],
)
def test_a_book_is_shown_with_windows_limits_and_bands(book: str, line: str) -> None:
    shown = describe(load_book(SHIPPED / f"{book}.toml")).splitlines()
    assert any(one.startswith(line) for one in shown)


def test_durations_are_read_in_their_largest_unit() -> None:
    assert [duration(minutes * 60_000) for minutes in (15, 60, 90, 1440, 2880)] == [
        "15 min",
        "1 h",
        "90 min",
        "1 d",
        "2 d",
    ]
