"""A book at its edges: the largest and smallest that is allowed, and every word that it shows."""

import numpy as np
import pytest

from alerts.rules import show
from alerts.rules.book import Baseline, Book, Matching, Mean
from alerts.rules.compare import compare
from alerts.rules.entry import book_of, entry_of
from alerts.rules.errors import BookError, ExpressionError
from alerts.rules.positions import Path, Positions
from alerts.rules.reader import read_book
from alerts.rules.syntax import Or, parse, parse_amount
from schemas.registry import BookLimit
from schemas.vitals import VITALS
from tests.alerts.rules.one_rule import (
    HEAD,
    KEEP,
    PLAIN,
    RULE,
    book,
    judged,
    refusal,
    said,
    values,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ matching = 8, of = 8 }", Matching(8, 8)),
        ("{ matching = 1, of = 1 }", Matching(1, 1)),
        ("{ matching = 2, of = 3, days = 2 }", Matching(2, 3, days=2)),
        ("{ matching = 2, of = 3, days = 1 }", Matching(2, 3)),
        ("{ mean_days = 8, readings = 8, days = 8 }", Mean(8, 8, 8)),
        ("{ mean_days = 1, readings = 1, days = 1 }", Mean(1, 1, 1)),
    ],
)
def test_the_largest_and_the_smallest_window(text: str, expected: Matching | Mean) -> None:
    assert judged(PLAIN, f"window = {text}").window == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{ matching = 0, of = 3 }", "0 of 3 readings cannot match"),
        ("{ matching = 2, of = 3, days = 0 }", "cannot be on 0 days"),
        ("{ mean_days = 0, readings = 12, days = 3 }", "1 to 8 days, not 0"),
        ("{ mean_days = 7, readings = 12, days = 0 }", "Readings on 0 of 7 days"),
        ("{ mean_days = 7, readings = 12 }", "A mean needs the least number"),
        ("{ mean_days = 7, days = 3 }", "A mean needs the least number"),
        ("{ of = 3 }", "A window is N of M readings"),
    ],
)
def test_windows_that_nobody_can_fill(text: str, says: str) -> None:
    assert says in refusal(PLAIN, f"window = {text}")


def test_the_smallest_baseline() -> None:
    rise = 'when = "systolic rise >= 20 mmHg"', 'band = ["2 mmHg"]'
    least = judged(*rise, 'baseline = { readings = 1, days = 1, before = "plan" }')
    assert least.baseline == Baseline(1, 1, "plan")
    says = refusal(*rise, 'baseline = { readings = 1, days = 0, before = "plan" }')
    assert "at least 1 reading in at least 1 day" in says


@pytest.mark.parametrize(
    "line",
    [
        "window = { matching = 2, of = 3, wide = 1 }",
        'confirm = { within = "10min", twice = true }',
        'repeat = { within = "10min", twice = true }',
        'baseline = { readings = 6, days = 14, before = "plan", after = 1 }',
        'colour = "red"',
    ],
)
def test_a_word_that_no_rule_knows_is_refused(line: str) -> None:
    assert "Nothing is called" in refusal(PLAIN, line)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('population = "Nobody"', 'population = "Nobody"\ncolour = "red"'),
        ('fresh = "4h"', 'fresh = "4h"\nstale = "1d"'),
        ('relaxing = "up"', 'relaxing = "up"\nlowest = 1'),
    ],
)
def test_a_word_that_no_book_knows_is_refused(old: str, new: str) -> None:
    with pytest.raises(BookError, match="Nothing is called"):
        read_book("test.toml", (HEAD + KEEP).replace(old, new, 1))


def test_under_a_not_a_band_moves_the_other_way() -> None:
    """``not (systolic < 90)`` holds from 90 on, and returns below 85: towards what ends it."""
    rule = judged('when = "not systolic < 90 mmHg"', 'band = ["5 mmHg"]')
    held = [said(rule, values(value)) for value in (89, 90)]
    widened = [said(rule, values(value), widened=True) for value in (84, 85)]
    assert (held, widened) == ([False, True], [False, True])
    twice = judged('when = "not not systolic > 140 mmHg"', 'band = ["5 mmHg"]')
    assert [said(twice, values(value), widened=True) for value in (135, 136)] == [False, True]
    unknown = said(rule, values(np.nan))
    assert unknown is None, "an absent value is not above anything"


def test_a_mistake_says_its_sentence_wherever_it_is_caught() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("systolic >")
    assert str(caught.value) == caught.value.sentence
    assert caught.value.offset == len("systolic >")


# -- records ---------------------------------------------------------------------------------------

SUGAR = """
[limits.low]
value = ["70 mg/dL", "3.9 mmol/L"]
allowed = [["50 mg/dL", "2.8 mmol/L"], ["90 mg/dL", "5.0 mmol/L"]]
relaxing = "down"

"""


def several() -> Book:
    severe = RULE.replace('"r"', '"severe"').replace('"medium"', '"critical"')
    low = RULE.replace('"r"', '"low"').replace("blood_pressure", "glucose")
    low = low.replace("bp-high", "glucose-low") + 'when = "glucose < limit.low"\n'
    low += 'band = ["10 mg/dL", "0.6 mmol/L"]\n'
    severe += 'when = "systolic > 180 mmHg or systolic > limit.systolic-goal"\n'
    severe += 'band = ["5 mmHg"]\n'
    return read_book("test.toml", HEAD + SUGAR + KEEP + "\n" + severe + "\n" + low)


def test_a_book_is_written_down_with_what_care_plans_may_do_with_its_limits() -> None:
    entry = entry_of(several(), "Dr. Ito", 7)
    assert (entry.name, entry.who, entry.at_ms, entry.from_age_years) == ("test", "Dr. Ito", 7, 13)
    assert entry.limits == [
        BookLimit(
            name="systolic-goal",
            quantity="systolic",
            value=["135 mmHg"],
            lowest=["120 mmHg"],
            highest=["160 mmHg"],
            relaxing="up",
            critical=True,
        ),
        BookLimit(
            name="low",
            quantity="glucose",
            value=["70 mg/dL", "3.9 mmol/L"],
            lowest=["50 mg/dL", "2.8 mmol/L"],
            highest=["90 mg/dL", "5.0 mmol/L"],
            relaxing="down",
            critical=False,
        ),
    ]
    assert book_of(entry).sha256 == several().sha256 == entry.sha256


# -- words -----------------------------------------------------------------------------------------


def test_a_book_is_shown_line_by_line() -> None:
    shown = show.describe(several()).splitlines()
    assert shown[0] == "test: A test"
    assert shown[1] == "  for: Nobody, from 13 years"
    assert shown[3:5] == [
        "  blood_pressure: fresh for 4 h; asked again within 15 min if nothing",
        "  glucose: fresh for 1 h; asked again within 15 min if nothing",
    ]
    assert shown[6:9] == [
        "  limits that a care plan may replace:",
        "    systolic-goal: 135 mmHg (120 mmHg to 160 mmHg)",
        "    low: 70 mg/dL = 3.9 mmol/L (50 mg/dL = 2.8 mmol/L to 90 mg/dL = 5.0 mmol/L)",
    ]
    gated = HEAD.replace('fresh = "4h"', 'fresh = "4h"\ngated = { body-moved = "it moved" }')
    assert "15 min if it moved" in show.describe(read_book("test.toml", gated + KEEP))


def facts(*lines: str) -> dict[str, str]:
    return dict(show.facts(judged(*lines)))


def test_what_a_rule_looks_at_is_said_fact_by_fact() -> None:
    plain = facts(PLAIN)
    assert list(plain) == ["when", "band", "source", "advice"]
    assert plain["band"] == "5 mmHg towards normal end it"
    alone = facts(PLAIN, 'confirm = { within = "10min" }')
    assert alone["page"] == "after a confirming repeat, or 10 min without one"
    trend = facts(PLAIN, "window = { matching = 2, of = 3 }", 'cooldown = "12h"')
    assert trend["over"] == "2 of the last 3 readings"
    assert trend["rests"] == "12 h after it notified"
    assert facts(PLAIN, "notify = false")["notify"] == "nobody: work list only"
    late = facts(PLAIN, "keeps_severity_when_delayed = true")
    assert late["late"] == "stays medium if it arrives late"
    lying = facts(PLAIN, 'requires = { position = ["lying", "sitting"] }')
    assert lying["only if"] == "position is lying or sitting"
    assert dict(show.facts(book().rules[0]))["now"] == "systolic >= 135 mmHg"


@pytest.mark.parametrize(
    ("window", "says"),
    [
        ("{ matching = 2, of = 3 }", "2 of the last 3 readings"),
        (
            '{ matching = 3, of = 5, within = "14d", days = 2, apart = "15min" }',
            "3 of the last 5 readings, within 14 d, on at least 2 days, at least 15 min apart",
        ),
        (
            "{ mean_days = 7, readings = 12, days = 3 }",
            "mean of 7 days, of at least 12 readings on 3 days",
        ),
    ],
)
def test_over_what_a_rule_judges_is_said(window: str, says: str) -> None:
    assert show.over(judged(PLAIN, f"window = {window}")) == says
    assert show.over(judged(PLAIN)) == "one reading"


def test_nothing_is_said_of_what_did_not_change() -> None:
    old = book(PLAIN)
    worse = read_book("test.toml", HEAD + KEEP + "\n" + RULE.replace('"medium"', '"high"') + PLAIN)
    (change,) = compare(old, worse)
    assert change.sentence == "R is more severe: medium -> high."
    (back,) = compare(worse, old)
    assert back.sentence == "R is less severe: high -> medium."


def test_a_vital_that_comes_or_goes_is_said() -> None:
    weight = '\n[vitals.body_temperature]\nfresh = "4h"\nunits = ["°C"]\n'
    text = HEAD + KEEP
    more = text.replace("[limits.systolic-goal]", f"{weight}\n[limits.systolic-goal]")
    old, new = read_book("test.toml", text), read_book("test.toml", more)
    assert [one.sentence for one in compare(old, new)] == ["body_temperature is judged."]
    assert [one.sentence for one in compare(new, old)] == [
        "body_temperature is not judged any more."
    ]


def test_limits_that_no_body_has_are_refused_and_the_outermost_are_not() -> None:
    def refused(limit: str) -> bool:
        try:
            judged(f'when = "systolic > {limit}"', 'band = ["5 mmHg"]')
        except BookError as error:
            assert "No patient's systolic can be" in error.sentence  # noqa: PT017 - told apart
            return True
        return False

    lowest, highest = VITALS["blood_pressure"].quantities[0].plausible
    assert [refused(f"{number} mmHg") for number in (lowest, highest)] == [False, False]
    assert refused(f"{highest + 1} mmHg")
    assert refused(f"{lowest - 1} mmHg") or lowest <= 0
    before = 'baseline = { readings = 6, days = 14, before = "plan" }'
    most = judged(f'when = "systolic rise > {highest - lowest} mmHg"', 'band = ["5 mmHg"]', before)
    assert most.baseline is not None
    says = refusal(
        f'when = "systolic rise > {highest - lowest + 1} mmHg"', 'band = ["5 mmHg"]', before
    )
    assert "No patient's systolic rise can be" in says


def test_an_expression_is_a_thousand_characters_long_at_most() -> None:
    text = "systolic > 180 mmHg"
    assert parse(text + " " * (1_000 - len(text))) == parse(text)
    with pytest.raises(ExpressionError, match="longer than 1000"):
        parse(text + " " * (1_001 - len(text)))


@pytest.mark.parametrize("key", ["id", "ladder"])
def test_what_is_called_by_its_name_has_one_that_can_be_written_anywhere(key: str) -> None:
    line = next(one for one in RULE.splitlines() if one.startswith(f"{key} ="))
    text = RULE.replace(line, f'{key} = "Much too loud"')
    assert "'Much too loud' is no name" in refusal(PLAIN, rule=text)


def test_a_value_that_stands_nowhere_is_shown_at_the_nearest_thing_around_it() -> None:
    found = Positions("f.toml", '[[rule]]\nid = "a"\nwindow = { of = 3 }\n')
    paths: list[Path] = [("rule", 0, "window", "of"), ("rule", 0, "when"), ("limits", "x")]
    assert [found.place(path).line for path in paths] == [3, 1, 1]


@pytest.mark.parametrize(
    ("text", "more"), [("0,6 mmol/L", " Write decimals with a point, such as 0.6."), ("high", "")]
)
def test_an_amount_that_cannot_be_read_says_what_to_write(text: str, more: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_amount(text)
    assert caught.value.sentence == f"Expected a number with its unit, found {text!r}.{more}"


def test_a_range_with_one_end_is_refused_in_words() -> None:
    refused = HEAD.replace('[["120 mmHg"], ["160 mmHg"]]', '[["120 mmHg"]]')
    assert refused != HEAD
    with pytest.raises(BookError, match="Here belong 2 lists, not 1"):
        read_book("e.toml", refused + KEEP)


def test_a_limit_of_the_book_says_what_it_is_a_limit_of() -> None:
    text = HEAD + RULE + 'when = "diastolic > 120 mmHg or systolic > limit.systolic-goal"\n'
    (limit,) = entry_of(read_book("e.toml", text + 'band = ["5 mmHg"]\n'), "Dr. Ito", 1).limits
    assert (limit.name, limit.quantity) == ("systolic-goal", "systolic")


def test_many_conditions_beside_each_other_are_not_nested() -> None:
    """Only brackets and "not" nest: 35 conditions in a row are one level."""
    text = " or ".join("not (systolic > 9 mmHg)" for _ in range(35))
    assert len(text) < 1000
    assert isinstance(parse(text), Or)
