"""Words of the rule language: numbers with their units, names, operators, brackets."""

import re
from dataclasses import dataclass
from typing import Literal

from alerts.rules.errors import ExpressionError

Kind = Literal["amount", "word", "operator", "mark", "end"]

KEYWORDS = frozenset({"and", "or", "not", "is", "rise"})
LIMIT_PREFIX = "limit."
DIGITS_MAX = 6
"""Of a number, before its point: nothing measured has more, and sums of such stay integers."""

_MEANT = {
    "≥": " Write >=.",
    "≤": " Write <=.",
    "=": " Values are compared by <, <=, > and >=.",
    "&": " Write 'and'.",
    "|": " Write 'or'.",
    "!": " Write 'not'.",
}
_APART = "compare each value by itself, such as systolic > 180 mmHg or diastolic > 120 mmHg."
_PATTERN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<amount>\d+(?:\.\d+)?)(?:\s*(?P<unit>[A-Za-z/%°][A-Za-z0-9²/%\[\]_]*))?"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:[.-][A-Za-z0-9_]+)*)"
    r"|(?P<operator><=|>=|<|>)"
    r"|(?P<mark>[(),])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word. ``unit`` is empty unless ``kind`` is an amount that states one."""

    kind: Kind
    text: str
    offset: int
    unit: str = ""

    def __str__(self) -> str:
        """Name the word in an error."""
        return "the end" if self.kind == "end" else repr(f"{self.text} {self.unit}".strip())


def tokens(text: str) -> list[Token]:
    """Split an expression; the last token is always ``end``."""
    found: list[Token] = []
    offset = 0
    while offset < len(text):
        match = _PATTERN.match(text, offset)
        if match is None:
            meant = _MEANT.get(text[offset], "")
            raise ExpressionError(offset, f"{text[offset]!r} means nothing in a rule.{meant}")
        offset = match.end()
        if match["amount"]:
            if len(match["amount"].partition(".")[0]) > DIGITS_MAX:
                sentence = f"A number has at most {DIGITS_MAX} digits before its point."
                raise ExpressionError(match.start(), sentence)
            unit = match["unit"] or ""
            if unit[1:2].isdigit():  # "180/120 mmHg"
                raise ExpressionError(match.start("unit"), f"{unit!r} is no unit: {_APART}")
            if unit in KEYWORDS:  # "180 or ...": the unit is missing, the word is not one
                offset, unit = match.start("unit"), ""
            found.append(Token("amount", match["amount"], match.start(), unit))
        elif match["word"]:
            found.append(Token("word", match["word"], match.start()))
        elif match["operator"]:
            found.append(Token("operator", match["operator"], match.start()))
        elif match["mark"]:
            found.append(Token("mark", match["mark"], match.start()))
    return [*found, Token("end", "", len(text))]
