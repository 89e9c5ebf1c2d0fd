"""The rule language: fields compared with limits, ``is HI``, ``is LO``, and, or, not, brackets.

    either     = both { "or" both }
    both       = negation { "and" negation }
    negation   = "not" negation | "(" either ")" | test
    test       = FIELD "is" ( "HI" | "LO" ) | FIELD ( "<" | "<=" | ">" | ">=" ) limit
    limit      = AMOUNT | "(" AMOUNT { "," AMOUNT } ")"

An AMOUNT is a number with its unit. A limit in brackets states itself in several units; a reading
is compared in its own.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, cast

from alerts.rules.errors import ExpressionError
from alerts.rules.tokens import KEYWORDS, Token, tokens

Operator = Literal["<", "<=", ">", ">="]
Side = Literal["HI", "LO"]

LENGTH_MAX = 1000
DEPTH_MAX = 30


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as written, with its unit as written."""

    number: Decimal
    unit: str
    offset: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field against a limit, stated once in each unit."""

    field: str
    operator: Operator
    limit: tuple[Amount, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Beyond:
    """Whether the device could only say that the value is above (HI) or below (LO) its range."""

    field: str
    side: Side
    offset: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    inner: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    parts: tuple["Expression", ...]


Expression = Comparison | Beyond | Not | And | Or


def parse(text: str) -> Expression:
    """Read an expression. Raises ``ExpressionError``, nothing else."""
    if len(text) > LENGTH_MAX:
        raise ExpressionError(0, f"The expression is longer than {LENGTH_MAX} characters.")
    parser = _Parser(tokens(text))
    expression = parser.either()
    parser.expect_end()
    return expression


class _Parser:
    """Recursive descent, one method for each line of the grammar."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._position = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._words[self._position]

    def _take(self) -> Token:
        token = self._next
        self._position += 1
        return token

    def _accept(self, text: str) -> bool:
        found = self._next.kind != "amount" and self._next.text == text
        self._position += found
        return found

    def expect_end(self) -> None:
        if self._next.kind != "end":
            raise ExpressionError(
                self._next.offset, f"Expected 'and', 'or' or the end, found {self._next}."
            )

    def either(self) -> Expression:
        parts = [self._both()]
        while self._accept("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self) -> Expression:
        parts = [self._negation()]
        while self._accept("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self) -> Expression:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ExpressionError(self._next.offset, f"Nested deeper than {DEPTH_MAX}.")
        try:
            if self._accept("not"):
                return Not(self._negation())
            if self._accept("("):
                inner = self.either()
                self._close()
                return inner
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Expression:
        name = self._take()
        if name.kind != "word" or name.text in KEYWORDS:
            raise ExpressionError(name.offset, f"Expected the name of a field, found {name}.")
        if self._accept("is"):
            side = self._take()
            if side.text not in ("HI", "LO"):
                raise ExpressionError(side.offset, f"Expected HI or LO after 'is', found {side}.")
            return Beyond(name.text, cast("Side", side.text), name.offset)
        operator = self._take()
        if operator.kind != "operator":
            raise ExpressionError(
                operator.offset, f"Expected <, <=, >, >= or 'is' after a field, found {operator}."
            )
        return Comparison(name.text, cast("Operator", operator.text), self._limit(), name.offset)

    def _limit(self) -> tuple[Amount, ...]:
        if not self._accept("("):
            return (self._amount(),)
        amounts = [self._amount()]
        while self._accept(","):
            amounts.append(self._amount())
        self._close()
        return tuple(amounts)

    def _amount(self) -> Amount:
        token = self._take()
        if token.kind != "amount":
            raise ExpressionError(token.offset, f"Expected a number with its unit, found {token}.")
        if not token.unit:
            raise ExpressionError(
                token.offset, f"{token.text} has no unit: write it as '{token.text} mmHg'."
            )
        return Amount(Decimal(token.text), token.unit, token.offset)

    def _close(self) -> None:
        if not self._accept(")"):
            raise ExpressionError(self._next.offset, f"Expected ')', found {self._next}.")


def parse_amount(text: str) -> Amount:
    """Read one number with its unit, such as a band. Raises ``ExpressionError``."""
    words = tokens(text)
    if len(words) != 2 or words[0].kind != "amount" or not words[0].unit:
        raise ExpressionError(0, f"Expected a number with its unit, found {text!r}.")
    return Amount(Decimal(words[0].text), words[0].unit, 0)
