"""Parsing what was written gives the same expression; what was never written means nothing else."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from alerts.rules import syntax
from alerts.rules.load import load_books
from alerts.rules.syntax import parse
from alerts.rules.written import written

names = st.sampled_from(["systolic", "map", "pulse", "spo2", "mass_index"])
flags = st.sampled_from(["irregular-pulse", "body-moved", "bit-12"])
numbers = st.decimals("0", "999", places=1) | st.integers(0, 999).map(Decimal)
amounts = st.builds(syntax.Amount, numbers, st.sampled_from(["mmHg", "mg/dL", "/min", "%", "°C"]))
limits = st.lists(amounts, min_size=1, max_size=3).map(tuple) | st.builds(
    syntax.Named, st.sampled_from(["severe-systolic", "x", "goal_2"])
)
operators = st.sampled_from(["<", "<=", ">", ">="])
tests = st.one_of(
    st.builds(syntax.Comparison, names, operators, limits, st.booleans()),
    st.builds(syntax.Beyond, names, st.sampled_from(["HI", "LO"])),
    st.builds(syntax.HasStatus, flags),
)
expressions = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.builds(syntax.Not, inner),
        st.builds(syntax.And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(syntax.Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


@given(expressions.filter(lambda one: len(written(one)) <= syntax.LENGTH_MAX))
def test_what_was_written_is_parsed_to_the_same(expression: syntax.Expression) -> None:
    assert parse(written(expression)) == expression


def test_the_shipped_books_are_written_as_they_were() -> None:
    for book in load_books():
        for rule in book.rules:
            assert written(parse(rule.text)) == rule.text
