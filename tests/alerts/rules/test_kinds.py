"""Every kind of rule: what it may say, what is refused and where, and what is true of it."""

from decimal import Decimal

import numpy as np
import pytest

from alerts.rules.book import Baseline, Matching, Mean
from alerts.rules.bounds import Statement
from alerts.rules.condition import Limit
from alerts.rules.errors import BookError
from alerts.rules.reader import read_book
from alerts.rules.values import CLEAR, NOT_ASSESSED, SET, Chosen, Requirement, Sums, Values
from tests.alerts.rules.one_rule import HEAD, KEEP, PLAIN, RULE, book, judged, refusal, said, values


def sums(total: list[int], count: list[int], before: list[int], days: list[int]) -> Sums:
    def row(numbers: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        return np.array([numbers], np.int64)

    return Sums(row(total), row(count), np.zeros((1, 4), np.int8), row(before), row(days))


def test_windows_are_read() -> None:
    window = 'window = { matching = 3, of = 5, within = "14d", days = 2, apart = "15min" }'
    rule = judged(PLAIN, window)
    assert rule.window == Matching(3, 5, 14 * 86_400_000, 2, 900_000)
    assert judged(PLAIN, "window = { matching = 2, of = 3 }").window == Matching(2, 3)
    mean = judged(PLAIN, "window = { mean_days = 7, readings = 12, days = 3 }")
    assert mean.window == Mean(7, 12, 3)
    assert not mean.single
    assert (mean.cooldown_ms, mean.notify) == (86_400_000, True)


def test_a_baseline_a_confirmation_and_an_absence_are_read() -> None:
    before = 'baseline = { readings = 6, days = 14, before = "therapy" }'
    rise = judged(
        'when = "systolic rise >= 20 mmHg or map rise >= 15 mmHg"', before, 'band = ["2 mmHg"]'
    )
    assert rise.baseline == Baseline(6, 14, "therapy")
    alone = judged(PLAIN, 'confirm = { within = "10min" }', 'repeat = { within = "5min" }')
    assert alone.single
    assert (alone.confirm_within_ms, alone.repeat_within_ms, alone.cooldown_ms) == (
        600_000,
        300_000,
        0,
    )
    silent = RULE.replace("bp-high", "absence-blood-pressure")
    (absence,) = book('absent_for = "3d"', "notify = true", rule=silent).absences
    assert (absence.ladder, absence.absent_for_ms) == ("absence-blood-pressure", 3 * 86_400_000)
    assert absence.notify


def test_a_limit_of_the_book_is_compared_with_by_name() -> None:
    found = book()
    (limit,) = found.limits
    assert (limit.name, limit.relaxing) == ("systolic-goal", "up")
    assert found.rules[0].settings == ("systolic-goal",)
    assert found.from_age_years == 13


MEAN = "window = { mean_days = 7, readings = 12, days = 3 }"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([PLAIN, "window = { matching = 2, of = 9 }"], "looks back at most 8 readings, not 9"),
        ([PLAIN, "window = { matching = 3, of = 2 }"], "3 of 2 readings cannot match"),
        (
            [PLAIN, "window = { matching = 2, of = 3, days = 3 }"],
            "2 matching readings cannot",
        ),
        ([PLAIN, "window = { matching = 2 }"], "A window is N of M readings"),
        ([PLAIN, 'window = { matching = 2, of = 3, within = "long" }'], "'long' is no duration"),
        (
            [PLAIN, "window = { matching = 2, of = 3, readings = 3 }"],
            "of readings has no 'readings'",
        ),
        ([PLAIN, "window = { mean_days = 7 }"], "A mean needs the least number of readings"),
        ([PLAIN, "window = { mean_days = 9, readings = 12, days = 3 }"], "1 to 8 days, not 9"),
        ([PLAIN, "window = { mean_days = 7, readings = 12, days = 8 }"], "on 8 of 7 days"),
        (
            [PLAIN, "window = { mean_days = 7, readings = 2, days = 3 }"],
            "2 readings cannot be on",
        ),
        ([PLAIN, MEAN.replace("}", ', apart = "1h" }')], "mean of days has no 'apart'"),
        ([PLAIN, MEAN, 'confirm = { within = "10min" }'], "rests on more than one reading already"),
        ([PLAIN, 'confirm = { within = "0min" }'], "No reading can come within 0min"),
        ([PLAIN, 'baseline = { readings = 0, days = 14, before = "plan" }'], "at least 1 reading"),
        (
            [PLAIN, 'baseline = { readings = 6, days = 14, before = "plan" }'],
            "'systolic rise'",
        ),
        ([PLAIN, MEAN, 'baseline = { readings = 6, days = 14, before = "plan" }'], "not both"),
        (
            [PLAIN, 'baseline = { readings = 6, days = 14, before = "now" }'],
            "'now' is no word for before: write therapy or plan.",
        ),
        (['when = "systolic rise > 20 mmHg"', 'band = ["2 mmHg"]'], "A rise needs a baseline"),
        (['when = "systolic is HI"', MEAN], "'is HI' is a reading's, and this rule judges a mean"),
        (['when = "status is irregular-pulse"', MEAN], "A status is a reading's"),
        (
            ['when = "status is iregular-pulse"'],
            "'iregular-pulse'; it reports: body-moved",
        ),
        (['when = "status is and"'], "Expected a flag such as irregular-pulse"),
        (['when = "map is HI"'], "No device says HI or LO of map"),
        (['when = "systolic > limit.goal"'], "The book has no limit 'goal'; it has: systolic-goal"),
        (['when = "pulse > limit.systolic-goal"'], "pulse is not measured in mmHg"),
        (["notify = false"], "Rule 'r' has neither 'when' nor 'absent_for'"),
        ([PLAIN, "requires = { meal = [] }"], "Name the words of 'meal' that do"),
        (['absent_for = "3d"', 'band = ["5 mmHg"]'], "readings that do not come has no 'band'"),
        (['absent_for = "3d"'], "missing blood_pressure is 'absence-blood-pressure'"),
    ],
)
def test_what_a_rule_cannot_mean_is_refused(lines: list[str], says: str) -> None:
    assert says in refusal(*lines)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('value = ["135 mmHg"]', 'value = ["170 mmHg"]', "170 mmHg is outside the range"),
        ('value = ["135 mmHg"]', 'value = ["135 mmHg", "136 mmHg"]', "once in each unit"),
        ('value = ["135 mmHg"]', "value = []", "once in each unit"),
        ('value = ["135 mmHg"]', 'value = ["135"]', "Expected a number with its unit"),
        ('[["120 mmHg"], ["160 mmHg"]]', '[["16 kPa"], ["160 mmHg"]]', "different units"),
        ('["160 mmHg"]]', '["1600 mmHg"]]', "No patient's systolic can be 1600 mmHg"),
        ('"up"', '"sideways"', "'sideways' is no word for relaxing: write up or down."),
        ("[limits.systolic-goal]", "[limits.Goal]", "'Goal' is no name"),
        (">= limit.systolic-goal", ">= 135 mmHg", "No rule compares with limit.systolic-goal"),
        ('fresh = "4h"', 'fresh = "4h"\ngated = { wobble = "w" }', "has no flag 'wobble'"),
    ],
)
def test_what_a_limit_cannot_mean_is_refused(old: str, new: str, says: str) -> None:
    text = HEAD + KEEP
    assert old in text
    with pytest.raises(BookError) as caught:
        read_book("test.toml", text.replace(old, new))
    assert says in caught.value.sentence


def test_a_mistake_in_an_inline_table_is_named_at_its_line() -> None:
    with pytest.raises(BookError) as caught:
        book(PLAIN + "window = { matching = 2, of = 9 }")
    assert caught.value.place.line == (HEAD + KEEP + "\n" + RULE + PLAIN).count("\n") + 1
    assert caught.value.place.column == len("window = ") + 1


def test_a_mean_is_compared_without_rounding() -> None:
    rule = judged('when = "systolic >= 135 mmHg"', 'band = ["2 mmHg"]', MEAN)
    below = sums([3 * 1350 - 1, 0, 0, 0], [3, 0, 0, 0], [0] * 4, [0] * 4)
    assert said(rule, sums([3 * 1350, 0, 0, 0], [3, 0, 0, 0], [0] * 4, [0] * 4)) is True
    assert said(rule, below) is False
    assert said(rule, below, widened=True) is True
    assert said(rule, sums([0] * 4, [0] * 4, [0] * 4, [0] * 4)) is None


def test_a_rise_of_the_mean_arterial_pressure_is_compared_without_rounding() -> None:
    before = 'baseline = { readings = 6, days = 14, before = "plan" }'
    rule = judged('when = "map rise >= 15 mmHg"', before, 'band = ["2 mmHg"]')
    # Baseline 120/80, six times: map 93.33…; 135/95 is 108.33…, a rise of 15 exactly.
    base, six = [7200, 4800, 0, 0], [6, 6, 0, 0]
    assert said(rule, sums([1350, 950, 0, 0], [1, 1, 0, 0], base, six)) is True
    assert said(rule, sums([1349, 950, 0, 0], [1, 1, 0, 0], base, six)) is False
    assert said(rule, sums([1350, 950, 0, 0], [1, 1, 0, 0], base, [6, 5, 0, 0])) is None
    assert said(rule, values(200)) is None


def test_the_mean_arterial_pressure_of_a_reading_is_derived() -> None:
    rule = judged('when = "map > 93.3 mmHg"', 'band = ["2 mmHg"]')
    assert said(rule, values(120, 80)) is True  # 93.33…
    assert said(rule, values(119.9, 80)) is False  # 93.3
    assert said(rule, values(120, np.nan)) is None


@pytest.mark.parametrize(("flag", "holds"), [(SET, True), (CLEAR, False), (NOT_ASSESSED, None)])
def test_a_flag_that_was_not_assessed_is_unknown(flag: int, holds: bool | None) -> None:
    rule = judged('when = "status is irregular-pulse"')
    flags = {"irregular-pulse": np.array([flag], np.int8)}
    assert said(rule, values(120, status=flags)) is holds
    assert said(rule, values(120)) is None


def test_a_rule_that_requires_a_circumstance_says_nothing_elsewhere() -> None:
    rule = judged(PLAIN, 'requires = { position = ["lying"] }')
    (requirement,) = rule.requires
    assert requirement == Requirement("position", ("lying",))
    assert (requirement.met({"position": "lying"}), requirement.met({})) == (True, False)
    lying = {requirement: np.array([True])}
    assert said(rule, values(150, met=lying)) is True
    assert said(rule, values(100, met=lying)) is False
    assert said(rule, values(150)) is None
    assert said(rule, values(100)) is None
    assert rule.condition.tests()


def test_a_personal_limit_stands_in_for_that_of_the_book() -> None:
    rule = book().rules[0]
    number = np.array([[140.0, 80, np.nan, np.nan]] * 3)
    codes = np.zeros((3, 4), np.int8)
    stated = ((("mm[Hg]", Decimal(145)),), (("mm[Hg]", Decimal(130)),))
    chosen = {"systolic-goal": Chosen(np.array([0, 1, 2]), stated)}
    columns = Values(number, codes, codes, chosen=chosen)
    assert rule.condition.truth(columns).true.tolist() == [True, False, True]
    assert rule.condition.truth(columns, widened=True).false.tolist() == [False, True, False]
    mean = Sums(
        (np.nan_to_num(number) * 10).astype(np.int64),
        np.ones((3, 4), np.int64),
        codes,
        chosen=chosen,
    )
    assert rule.condition.truth(mean).true.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        # 60 mg/dL is 3.3299 mmol/L, 3.25 mmol/L is 58.559 mg/dL, 3.0 mmol/L 54.0546 mg/dL
        ((("mg/dL", Decimal(60)),), ["60 mg/dL", "3.3 mmol/L"]),
        ((("mmol/L", Decimal("3.25")),), ["59 mg/dL", "3.25 mmol/L"]),
        ((("mmol/L", Decimal("3.0")),), ["54 mg/dL", "3.0 mmol/L"]),
        ((("mg/dL", Decimal(60)), ("mmol/L", Decimal("3.4"))), ["60 mg/dL", "3.4 mmol/L"]),
        ((("mmHg", Decimal(60)),), ["70 mg/dL", "3.9 mmol/L"]),
    ],
)
def test_a_personal_limit_is_stated_in_the_units_of_the_book(
    stated: Statement, expected: list[str]
) -> None:
    glucose = RULE.replace("blood_pressure", "glucose").replace("bp-high", "glucose-low")
    when = 'when = "glucose < (70 mg/dL, 3.9 mmol/L)"'
    rule = book(when, 'band = ["10 mg/dL", "0.6 mmol/L"]', rule=glucose).rules[-1]
    (limit,) = rule.condition.tests()
    assert isinstance(limit, Limit)
    assert list(limit.scale.bounds(stated).shown) == expected
