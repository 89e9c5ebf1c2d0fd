"""The form of a line: JSON whose numbers are exact, made into our records or refused in words."""

import json
import re
from decimal import Decimal
from typing import Any, TypeVar, get_args

import msgspec

from alerts.judge.values import brief
from schemas.errors import InvalidInput
from schemas.kafka import TimeQuality
from schemas.reading import Outcome
from schemas.registry import Role

_WORDS = {
    name: get_args(words)
    for name, words in {
        "outcome": Outcome,
        "quality": TimeQuality,
        "role": Role,
        "time_quality": TimeQuality,
    }.items()
}
_NO_SUCH_WORD = re.compile(r"Invalid enum value '(.*)' - at `\$.*?(\w+)`")
_T = TypeVar("_T", bound=msgspec.Struct)


def object_of(text: str) -> dict[str, Any]:
    """Read the JSON object that a text is."""
    try:
        return as_object(json.loads(text, parse_float=Decimal, parse_constant=_no_number))
    except json.JSONDecodeError as error:  # its own message counts lines within this one
        raise InvalidInput("malformed", f"not JSON: {error.msg}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput("malformed", f"not JSON: {error}") from error


def as_object(value: object) -> dict[str, Any]:
    """Take a value that has to be an object."""
    if not isinstance(value, dict):
        raise InvalidInput(
            "malformed", f"{brief(value)} is no object: a line is one JSON object, {{…}}"
        )
    return value


def converted(raw: dict[str, Any], kind: type[_T]) -> _T:
    """Make a record of an object; numbers may be text, and text numbers."""
    try:
        return msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput("malformed", _in_words(str(error))) from error


def _in_words(problem: str) -> str:
    """Name the words that there are in place of one that is none."""
    found = _NO_SUCH_WORD.fullmatch(problem)
    if found is None or found[2] not in _WORDS:
        return problem
    return f"{found[2]} is {brief(found[1])}, and none of: {', '.join(_WORDS[found[2]])}"


def _no_number(text: str) -> None:
    raise InvalidInput("malformed", f"{text} is no number; absent says why there is none")
