"""Rules that a new text makes critical: who activates it hears what is open by them already."""

import pytest

from alerts.rules.book import Book
from alerts.rules.raised import raised, sentences
from alerts.rules.reader import read_book
from tests.alerts.book_text import PRESSURE, head, rule


def book(**severities: str) -> Book:
    rules = [
        rule(name, "systolic > 180 mmHg", severity=severity)
        for name, severity in severities.items()
    ]
    return read_book("ours.toml", head("ours", PRESSURE) + "".join(rules))


def test_only_what_becomes_critical_is_raised_with_what_it_was() -> None:
    before = book(kept="critical", raised="high", gone="high", eased="critical")
    now = book(kept="critical", raised="critical", new="critical", eased="high")
    assert raised(before, now) == {"raised": "high"}


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, "r is critical now, and was high: nothing is open by it."),
        ({"other": 3}, "r is critical now, and was high: nothing is open by it."),
        ({"r": 1}, "r is critical now, and was high: 1 alert is open by it. None pages"),
        ({"r": 2}, "r is critical now, and was high: 2 alerts are open by it. None pages"),
    ],
)
def test_what_is_open_by_a_rule_is_counted(known: dict[str, int], said: str) -> None:
    (sentence,) = sentences({"r": "high"}, known)
    assert sentence.startswith(said)
