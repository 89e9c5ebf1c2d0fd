"""The values of one reading in a line that a person or another program wrote.

What the bridge would refuse is refused here: a value that cannot be read must not pass for one that
the device did not send, for then no rule would speak of it.
"""

import json
from decimal import Decimal
from typing import Any, get_args

from schemas.errors import InvalidInput
from schemas.plausible import check_values, received_value
from schemas.reading import Absence, Quantity
from schemas.units import accepted, shown, ucum
from schemas.vitals import VITALS, Vital

_SHOWN_CHARACTERS_MAX = 40
_ABSENCES = get_args(Absence)
_HOW = '"absent": "positive-infinity" says HI, "negative-infinity" LO, "not-a-number" none'


def vital_named(name: object) -> Vital:
    """Find a vital; raise ``InvalidInput`` with those that there are."""
    if isinstance(name, str) and name in VITALS:
        return VITALS[name]
    known = ", ".join(VITALS)
    raise InvalidInput("unknown-vital", f"no vital is called {brief(name)}; there are: {known}")


def quantities_of(vital: Vital, raw: object) -> dict[str, Any]:
    """Give quantities as the wire writes them, checked as the bridge does; ``InvalidInput``."""
    told = as_sent(vital, raw)
    check_values(vital, {name: Quantity(**one) for name, one in told.items()})
    return told


def as_sent(vital: Vital, raw: object) -> dict[str, Any]:
    """Give quantities as the wire writes them: numbers may be numbers, units as people write them.

    Raises ``InvalidInput``; whether a patient can have such values is not asked.
    """
    if not isinstance(raw, dict):
        example = f'{{"{vital.quantities[0].name}": {_example(vital)}}}'
        raise InvalidInput("malformed", f"quantities are missing: an object such as {example}")
    return {name: _quantity(vital, name, one) for name, one in raw.items()}


def brief(value: object) -> str:
    """Show what stood in a line, as far as it fits into a sentence."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text.encode(errors="backslashreplace").decode()  # bytes that were no UTF-8
    return text if len(text) <= _SHOWN_CHARACTERS_MAX else f"{text[:_SHOWN_CHARACTERS_MAX]}…"


def _quantity(vital: Vital, name: str, raw: object) -> dict[str, Any]:
    if not isinstance(raw, dict):
        said = f"{name} is {brief(raw)}, and no object such as {_example(vital)}"
        raise InvalidInput("malformed", said)
    unit, value, absent = raw.get("unit"), raw.get("value"), raw.get("absent")
    if not isinstance(unit, str):
        known = vital.quantity(name)
        units = f", one of: {', '.join(map(shown, accepted(known)))}" if known else ""
        raise InvalidInput("unknown-unit", f"{name} has no unit{units}; none is guessed")
    if (value is None) == (absent is None):
        said = f"{name} has either a value or absent, which says why there is none"
        raise InvalidInput("malformed", said)
    if value is not None:
        return {"unit": ucum(unit), "value": _number(name, value)}
    if absent not in _ABSENCES:
        said = f"{name}: absent is {brief(absent)}, and none of: {', '.join(_ABSENCES)}"
        raise InvalidInput("malformed", said)
    return {"unit": ucum(unit), "absent": absent}


def _number(name: str, value: object) -> str:
    """Keep the digits of a text; write those of a number out."""
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        text = str(value)
        try:
            number = received_value(text)
        except InvalidInput:  # said below, with its name
            pass
        else:
            return text if isinstance(value, str) else format(number, "f")
    raise InvalidInput("malformed", f"{name}: {brief(value)} is no number; {_HOW}")


def _example(vital: Vital) -> str:
    return f'{{"unit": "{shown(vital.quantities[0].unit)}", "value": …}}'
