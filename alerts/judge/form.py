"""The form of a line: JSON whose numbers are exact, made into our records or refused in words."""

import json
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from alerts.judge.values import brief
from schemas.errors import InvalidInput

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
        raise InvalidInput("malformed", str(error)) from error


def _no_number(text: str) -> None:
    raise InvalidInput("malformed", f"{text} is no number; absent says why there is none")
