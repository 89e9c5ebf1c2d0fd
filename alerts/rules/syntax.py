"""The rule language: fields compared with limits, ``is HI``, a status, and, or, not, brackets.

    either     = both { "or" both }
    both       = negation { "and" negation }
    negation   = "not" negation | "(" either ")" | test
    test       = FIELD "is" ( "HI" | "LO" ) | "status" "is" FLAG
               | FIELD [ "rise" ] ( "<" | "<=" | ">" | ">=" ) limit
    limit      = AMOUNT | "(" AMOUNT { "," AMOUNT } ")" | "limit." NAME

An AMOUNT is a number with its unit. A limit in brackets states itself in several units; a reading
is compared in its own. ``rise`` is the difference to the patient's baseline; ``limit.NAME`` is a
limit of the book that a care plan may replace; a FLAG is one that the device reports. What a field
means in a rule with a mean, the rule's window says, not the expression.
"""

import dataclasses
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, cast

from alerts.rules.errors import ExpressionError
from alerts.rules.tokens import KEYWORDS, LIMIT_PREFIX, Token, tokens

Operator = Literal["<", "<=", ">", ">="]
Side = Literal["HI", "LO"]

LENGTH_MAX = 1000
DEPTH_MAX = 30
STATUS = "status"


def _offset() -> int:
    """Keep where a word stood, for errors: two expressions are the same wherever they stand."""
    offset: int = dataclasses.field(compare=False)
    return offset


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as written, with its unit as written."""

    number: Decimal
    unit: str
    offset: int = _offset()


@dataclass(frozen=True, slots=True)
class Named:
    """A limit of the book by its name: ``limit.severe-systolic``."""

    name: str
    offset: int = _offset()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field, or its rise over the baseline, against a limit stated once in each unit."""

    field: str
    operator: Operator
    limit: tuple[Amount, ...] | Named
    rise: bool
    offset: int = _offset()


@dataclass(frozen=True, slots=True)
class Beyond:
    """Whether the device could only say that the value is above (HI) or below (LO) its range."""

    field: str
    side: Side
    offset: int = _offset()


@dataclass(frozen=True, slots=True)
class HasStatus:
    """Whether the device reported a flag; unknown if it did not look for it."""

    flag: str
    offset: int = _offset()


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


Expression = Comparison | Beyond | HasStatus | Not | And | Or


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
            small = self._next.text.lower()
            meant = f" In small letters: {small}." if small in KEYWORDS else ""
            raise ExpressionError(
                self._next.offset, f"Expected 'and', 'or' or the end, found {self._next}.{meant}"
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
            return self._is(name)
        rise = self._accept("rise")
        operator = self._take()
        if operator.kind != "operator":
            raise ExpressionError(
                operator.offset, f"Expected <, <=, >, >= or 'is' after a field, found {operator}."
            )
        compared = cast("Operator", operator.text)
        return Comparison(name.text, compared, self._limit(), rise, name.offset)

    def _is(self, name: Token) -> Expression:
        word = self._take()
        if name.text == STATUS:
            if word.kind != "word" or word.text in KEYWORDS:
                raise ExpressionError(
                    word.offset, f"Expected a flag such as irregular-pulse, found {word}."
                )
            return HasStatus(word.text, word.offset)
        if word.text not in ("HI", "LO"):
            large = word.text.upper()
            meant = f" In capital letters: {large}." if large in ("HI", "LO") else ""
            raise ExpressionError(
                word.offset, f"Expected HI or LO after 'is', found {word}.{meant}"
            )
        return Beyond(name.text, cast("Side", word.text), name.offset)

    def _limit(self) -> tuple[Amount, ...] | Named:
        if self._next.text.startswith(LIMIT_PREFIX):
            token = self._take()
            return Named(token.text.removeprefix(LIMIT_PREFIX), token.offset)
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
            name = token.text.removeprefix("limits.")
            meant = "" if name == token.text else f" Write {LIMIT_PREFIX}{name}."
            raise ExpressionError(
                token.offset, f"Expected a number with its unit, found {token}.{meant}"
            )
        if not token.unit:
            raise ExpressionError(token.offset, self._without_unit(token))
        return Amount(Decimal(token.text), token.unit, token.offset)

    def _without_unit(self, token: Token) -> str:
        comma, decimals = self._next, self._words[min(self._position + 1, len(self._words) - 1)]
        if comma.text == "," and decimals.kind == "amount" and decimals.offset == comma.offset + 1:
            return f"Write {token.text}.{decimals.text} with a point, not with a comma."
        return f"{token.text} has no unit: write it behind the number, such as mmHg or mg/dL."

    def _close(self) -> None:
        if not self._accept(")"):
            raise ExpressionError(self._next.offset, f"Expected ')', found {self._next}.")


def parse_amount(text: str) -> Amount:
    """Read one number with its unit, such as a band. Raises ``ExpressionError``."""
    words = tokens(text)
    if len(words) != 2 or words[0].kind != "amount" or not words[0].unit:
        point = " Write decimals with a point, such as 0.6." if "," in text else ""
        raise ExpressionError(0, f"Expected a number with its unit, found {text!r}.{point}")
    return Amount(Decimal(words[0].text), words[0].unit, 0)
