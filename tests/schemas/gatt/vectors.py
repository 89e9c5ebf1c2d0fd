"""The payload vectors, as the tests of the codecs read them."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from schemas.gatt.date_time import DateTime
from schemas.gatt.number import Absent, Number

Fields = dict[str, Any]

FOLDER = Path(__file__).parents[2] / "vectors"


def load(name: str) -> tuple[list[Fields], list[Fields]]:
    """Read a file of vectors: those that can be decoded, and those that cannot."""
    vectors: list[Fields] = json.loads((FOLDER / f"{name}.json").read_text())
    bad = [vector for vector in vectors if "error" in vector["fields"]]
    return [vector for vector in vectors if vector not in bad], bad


def number(text: str) -> Number:
    return Absent(text) if text in {absent.value for absent in Absent} else Decimal(text)


def numbers(fields: Fields, *names: str) -> Fields:
    """Turn the named fields, which are decimals as text or reasons, into numbers."""
    return {name: number(value) if name in names else value for name, value in fields.items()}


def stamp(moment: DateTime | None) -> list[int] | None:
    if moment is None:
        return None
    day = [moment.year, moment.month, moment.day]
    return [*day, moment.hour, moment.minute, moment.second]


def only_sent(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}


def ident(vector: Fields) -> str:
    return str(vector["id"])
