"""A book around one rule: what is read of it, refused in it, and true of values."""

import numpy as np
import pytest

from alerts.rules.book import Book, Rule
from alerts.rules.errors import BookError
from alerts.rules.reader import read_book
from alerts.rules.values import Sums, Values

HEAD = """\
book = "test"
title = "A test"
population = "Nobody"

[vitals.blood_pressure]
fresh = "4h"
units = ["mmHg"]

[vitals.glucose]
fresh = "1h"
units = ["mg/dL", "mmol/L"]

[limits.systolic-goal]
value = ["135 mmHg"]
allowed = [["120 mmHg"], ["160 mmHg"]]
relaxing = "up"

"""
RULE = """\
[[rule]]
id = "r"
ladder = "bp-high"
title = "R"
vital = "blood_pressure"
severity = "medium"
source = "S"
advice = "A."
"""
GOAL = 'when = "systolic >= limit.systolic-goal"\nband = ["2 mmHg"]\n'
PLAIN = 'when = "systolic > 140 mmHg"\nband = ["5 mmHg"]\n'
KEEP = RULE.replace('"r"', '"goal"') + GOAL
"""A second rule, so that the limit of the book is compared with."""


def book(*lines: str, rule: str = RULE) -> Book:
    second = rule + "".join(f"{line}\n" for line in lines) if lines else ""
    return read_book("test.toml", f"{HEAD}{KEEP}\n{second}")


def judged(*lines: str) -> Rule:
    return book(*lines).rules[-1]


def refusal(*lines: str, rule: str = RULE) -> str:
    with pytest.raises(BookError) as caught:
        book(*lines, rule=rule)
    return "\n".join(one.sentence for one in caught.value.every)


def values(systolic: float, diastolic: float = 80, **columns: object) -> Values:
    number = np.array([[systolic, diastolic, np.nan, np.nan]])
    codes = np.zeros((1, 4), np.int8)
    return Values(number, codes, codes, **columns)  # type: ignore[arg-type]


def said(rule: Rule, about: Values | Sums, *, widened: bool = False) -> bool | None:
    """Ask a rule about one reading; None is unknown."""
    truth = rule.condition.truth(about, widened=widened)
    return True if truth.true[0] else False if truth.false[0] else None
