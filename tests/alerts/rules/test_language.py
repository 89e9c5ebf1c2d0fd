"""The rule language: what it accepts, what it refuses and where, and what is true."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules.compiler import Context, compile_expression
from alerts.rules.condition import Condition
from alerts.rules.errors import ExpressionError
from alerts.rules.syntax import Amount, parse, parse_amount
from alerts.rules.tokens import tokens
from alerts.rules.values import HI, LO, Values
from schemas.vitals import BLOOD_PRESSURE, GLUCOSE, Vital

PRESSURE_BAND = (parse_amount("5 mmHg"),)
GLUCOSE_BAND = (parse_amount("10 mg/dL"), parse_amount("0.6 mmol/L"))
NAN = float("nan")


def compiled(text: str, vital: Vital = BLOOD_PRESSURE) -> Condition:
    if vital is GLUCOSE:
        return compile_expression(parse(text), Context(vital, ("mg/dL", "mmol/L"), GLUCOSE_BAND))
    return compile_expression(parse(text), Context(vital, ("mm[Hg]",), PRESSURE_BAND))


@dataclass(frozen=True)
class Value:
    """One quantity of one reading."""

    number: float
    unit: int = 0
    beyond: int = 0


ABSENT = Value(NAN)
HIGH = Value(NAN, 0, HI)
LOW = Value(NAN, 0, LO)


def truth_of(condition: Condition, *row: Value, widened: bool = False) -> bool | None:
    """Evaluate for one reading; None is unknown."""
    values = Values(
        np.array([[value.number for value in row]]),
        np.array([[value.unit for value in row]], np.int8),
        np.array([[value.beyond for value in row]], np.int8),
    )
    truth = condition.truth(values, widened=widened)
    assert not (truth.true & truth.false).any()
    return True if truth.true[0] else False if truth.false[0] else None


def pressures(systolic: float, diastolic: float) -> tuple[Value, ...]:
    return Value(systolic), Value(diastolic), ABSENT, ABSENT


@pytest.mark.parametrize(
    ("text", "offset", "says"),
    [
        ("", 0, "Expected the name of a field, found the end"),
        ("glucose > 7/9mmol/L", 11, "'/9mmol/L' is no unit: compare each value by itself"),
        ("systolic", 8, "Expected <, <=, >, >= or 'is' after a field, found the end"),
        ("systolic = 3 mmHg", 9, "'=' means nothing"),
        ("systolic > ", 11, "Expected a number with its unit, found the end"),
        ("systolic > 180", 11, "180 has no unit"),
        ("systolic > 180 or diastolic > 120 mmHg", 11, "180 has no unit"),
        ("systolic > 180 mmHg diastolic > 120 mmHg", 20, "Expected 'and', 'or' or the end"),
        ("(systolic > 180 mmHg", 20, "Expected ')'"),
        ("systolic > (180 mmHg", 20, "Expected ')'"),
        ("systolic is high", 12, "Expected HI or LO"),
        ("systolic is 180 mmHg", 12, "Expected HI or LO"),
        ("and", 0, "Expected the name of a field"),
        ("not " * 40 + "systolic is HI", 120, "Nested deeper than 30"),
        ("systolic is HI or " * 60 + "systolic is HI", 0, "longer than 1000"),
    ],
)
def test_what_cannot_be_parsed_is_refused_at_its_place(text: str, offset: int, says: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert says in caught.value.sentence
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "vital", "offset", "says"),
    [
        ("sugar > 3 mmHg", BLOOD_PRESSURE, 0, "no field 'sugar'; it has: systolic, diastolic"),
        ("systolic is HI and sugar is LO", BLOOD_PRESSURE, 19, "no field 'sugar'"),
        ("systolic > 180 mg/dL", BLOOD_PRESSURE, 11, "not measured in mg/dL, but in: mmHg, kPa"),
        ("systolic > 24 kPa", BLOOD_PRESSURE, 11, "mmHg is missing"),
        ("systolic > (180 mmHg, 181 mmHg)", BLOOD_PRESSURE, 22, "stated twice"),
        ("systolic > 1800 mmHg", BLOOD_PRESSURE, 11, "No patient's systolic can be 1800 mmHg"),
        ("pulse > 130 /min", BLOOD_PRESSURE, 0, "its band is not stated"),
        ("glucose < 54 mg/dL", GLUCOSE, 10, "mmol/L is missing"),
        ("glucose < 3.0 mmol/L", GLUCOSE, 10, "mg/dL is missing"),
    ],
)
def test_what_does_not_fit_the_vital_is_refused(
    text: str, vital: Vital, offset: int, says: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        compiled(text, vital)
    assert says in caught.value.sentence
    assert caught.value.offset == offset


def refusal(text: str) -> ExpressionError | None:
    try:
        compiled(text)
    except ExpressionError as error:
        return error
    return None


@given(st.text(alphabet="systolic <>=()180mHg.,andornotHILO&", max_size=60))
def test_any_text_is_parsed_or_refused_inside_itself(text: str) -> None:
    error = refusal(text)
    assert error is None or (0 <= error.offset <= len(text) and error.sentence)


def test_tokens_know_where_they_stand() -> None:
    text = "systolic>=(180 mmHg, 24.0kPa)"
    for token in tokens(text)[:-1]:
        assert text[token.offset :].startswith(token.text)


def test_not_binds_closer_than_and_which_binds_closer_than_or() -> None:
    loose = compiled("systolic > 180 mmHg or diastolic > 120 mmHg and not systolic < 90 mmHg")
    explicit = compiled(
        "systolic > 180 mmHg or (diastolic > 120 mmHg and (not systolic < 90 mmHg))"
    )
    grid = [80.0, 100.0, 181.0, NAN]
    for systolic, diastolic in itertools.product(grid, [100.0, 121.0, NAN]):
        row = pressures(systolic, diastolic)
        assert truth_of(loose, *row) is truth_of(explicit, *row)


KLEENE = {True: "systolic > 100 mmHg", False: "systolic < 100 mmHg", None: "diastolic > 100 mmHg"}


@pytest.mark.parametrize("left", [True, False, None])
@pytest.mark.parametrize("right", [True, False, None])
def test_kleene_truth_tables(left: bool | None, right: bool | None) -> None:
    row = pressures(120, NAN)
    both = compiled(f"{KLEENE[left]} and {KLEENE[right]}")
    either = compiled(f"{KLEENE[left]} or {KLEENE[right]}")
    expected_and = False if False in (left, right) else None if None in (left, right) else True
    expected_or = True if True in (left, right) else None if None in (left, right) else False
    assert truth_of(both, *row) is expected_and
    assert truth_of(either, *row) is expected_or
    assert truth_of(compiled(f"not {KLEENE[left]}"), *row) is (None if left is None else not left)


def test_an_absent_value_is_unknown_and_never_severe() -> None:
    severe = compiled("systolic > 180 mmHg or diastolic > 120 mmHg")
    assert truth_of(severe, *pressures(NAN, 130)) is True
    assert truth_of(severe, *pressures(NAN, 100)) is None
    assert truth_of(severe, *pressures(NAN, NAN)) is None
    assert truth_of(compiled("not systolic < 90 mmHg"), *pressures(NAN, 80)) is None


@pytest.mark.parametrize(
    ("systolic", "diastolic", "severe"),
    [(180, 120, False), (181, 120, True), (180, 121, True), (180.1, 80, True)],
)
def test_a_limit_itself_is_not_above_it(systolic: float, diastolic: float, severe: bool) -> None:
    rule = compiled("systolic > 180 mmHg or diastolic > 120 mmHg")
    assert truth_of(rule, *pressures(systolic, diastolic)) is severe


@pytest.mark.parametrize(
    ("operator", "at", "high", "low"),
    [
        ("<", False, False, True),
        ("<=", True, False, True),
        (">", False, True, False),
        (">=", True, True, False),
    ],
)
def test_every_operator_at_its_limit_and_beyond_the_range(
    operator: str, at: bool, high: bool, low: bool
) -> None:
    rule = compiled(f"glucose {operator} (70 mg/dL, 3.9 mmol/L)", GLUCOSE)
    assert truth_of(rule, Value(70.0, 0)) is at
    assert truth_of(rule, Value(3.9, 1)) is at
    assert truth_of(rule, Value(3.9, 0)) is operator.startswith("<")
    assert truth_of(rule, HIGH) is high
    assert truth_of(rule, LOW) is low
    assert truth_of(rule, ABSENT) is None


def test_hi_and_lo_are_predicates_of_their_own() -> None:
    high, low = compiled("glucose is HI", GLUCOSE), compiled("glucose is LO", GLUCOSE)
    assert [truth_of(high, value) for value in (HIGH, LOW, Value(100.0), ABSENT)] == [
        True,
        False,
        False,
        None,
    ]
    assert [truth_of(low, value) for value in (HIGH, LOW, Value(100.0), ABSENT)] == [
        False,
        True,
        False,
        None,
    ]


@pytest.mark.parametrize(
    ("systolic", "diastolic", "returned"),
    [(175, 115, True), (176, 115, False), (175, 116, False), (NAN, 100, False), (100, NAN, False)],
)
def test_a_condition_returns_below_its_limits_minus_the_band(
    systolic: float, diastolic: float, returned: bool
) -> None:
    rule = compiled("systolic > 180 mmHg or diastolic > 120 mmHg")
    widened = truth_of(rule, *pressures(systolic, diastolic), widened=True)
    assert (widened is False) is returned


def test_bands_are_stated_in_the_unit_received() -> None:
    rule = compiled("glucose < (54 mg/dL, 3.0 mmol/L)", GLUCOSE)
    assert truth_of(rule, Value(63.9, 0), widened=True) is True
    assert truth_of(rule, Value(64.0, 0), widened=True) is False
    assert truth_of(rule, Value(3.59, 1), widened=True) is True
    assert truth_of(rule, Value(3.6, 1), widened=True) is False


def test_a_pressure_in_kilopascal_meets_the_same_limit() -> None:
    rule = compiled("systolic > 180 mmHg")
    row = pressures(0, 0)[1:]
    assert truth_of(rule, Value(23.99, 1), *row) is False
    assert truth_of(rule, Value(24.0, 1), *row) is True


numbers = st.one_of(st.just(NAN), st.integers(50, 250).map(float))


@given(numbers, numbers, st.sampled_from(["not ", ""]), st.sampled_from(["and", "or"]))
def test_widening_never_makes_a_condition_that_holds_false(
    systolic: float, diastolic: float, negation: str, word: str
) -> None:
    rule = compiled(f"{negation}(systolic < 90 mmHg {word} not diastolic > 120 mmHg)")
    row = pressures(systolic, diastolic)
    if truth_of(rule, *row) is True:
        assert truth_of(rule, *row, widened=True) is True


def test_an_amount_is_read_exactly() -> None:
    amount = parse_amount("0.6 mmol/L")
    assert isinstance(amount, Amount)
    assert (str(amount.number), amount.unit) == ("0.6", "mmol/L")
    for wrong in ("", "5", "5 mmHg 6", "mmHg"):
        with pytest.raises(ExpressionError):
            parse_amount(wrong)


def test_what_is_no_amount_is_wrong_from_its_first_character() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_amount("wide")
    assert caught.value.offset == 0
