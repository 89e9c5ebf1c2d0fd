"""Times in any JSON, as people and other programs write them: in ms, under our records' keys."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from alerts.judge.values import brief
from schemas.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"-?[0-9]+")
_FURTHEST_MS = 10**15
_INSTANTS = {
    "care_plan_from",
    "therapy_start",
    "valid_from",
    "valid_until",
    "entered_at",
    "from",
    "until",
    "measured_at",
    "received_at",
}
"""Keys that may stand without their ``_ms``."""


def instants(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Turn every time into UTC ms, under the name that it has in the records; ``InvalidInput``."""
    if isinstance(value, list):
        return [instants(one) for one in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, inner in value.items():
        name = f"{key}_ms" if key in _INSTANTS else key
        timed = name.endswith("_ms") and isinstance(inner, str | Decimal)
        found[name] = _instant(inner) if timed else instants(inner)
    return found


def _instant(value: str | Decimal) -> int:
    if isinstance(value, Decimal) or _DIGITS.fullmatch(value.strip()):
        number = Decimal(value)
        if (
            not -_FURTHEST_MS <= number <= _FURTHEST_MS
        ):  # as an integer it may have a million digits
            raise InvalidInput("time", "a time that no calendar has")
        return int(number)
    try:
        instant = datetime.fromisoformat(value.strip())
        instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return (instant - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            "time", f"{brief(value)} is no time such as 2026-11-24T08:00Z"
        ) from error
