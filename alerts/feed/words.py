"""Values and times as a tired person reads them at a glance."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import get_args

from alerts.rules.flags import known_flags
from schemas.kafka import TimeQuality
from schemas.reading import Absence
from schemas.units import shown
from schemas.vitals import VITALS, Vital, spoken

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

NO_VALUE = "–"
_ABSENT = frozenset(get_args(Absence))
_TIME_NOTES: dict[str, str] = {
    "device-clock": "",
    "receipt": "time of arrival",
    "bounded": "exact time unknown",
    "untrusted": "device clock not trusted",
}
assert set(_TIME_NOTES) == set(get_args(TimeQuality))


def vital_title(vital: str) -> str:
    """Name a vital: ``Blood pressure``; one that this program does not know keeps its own name."""
    known = VITALS.get(vital)
    return known.title if known else vital.replace("_", " ").capitalize()


def headline(vital: str, quantities: Mapping[str, str]) -> str:
    """Give the value that matters: ``192/124 mmHg``, ``HI``; an absent one is a dash."""
    names = _headline_names(VITALS.get(vital), quantities)
    values = [_split(quantities[name]) if name in quantities else (NO_VALUE, "") for name in names]
    if not values:
        return NO_VALUE
    unit = next((unit for _, unit in values if unit), "")
    return f"{'/'.join(value for value, _ in values)} {unit}".strip()


_READ_IN_OTHERS = frozenset({"kPa"})
"""Units that a device may send and no clinic reads: the value is said in the canonical one too."""


def converted(vital: str, quantities: Mapping[str, str]) -> str:
    """Give the headline in the canonical unit, if it is in one that no limit is stated in."""
    known = VITALS.get(vital)
    if known is None:
        return ""
    values, unit = [], ""
    for name in _headline_names(known, quantities):
        quantity = known.quantity(name)
        value, received = _split(quantities.get(name, NO_VALUE))
        conversion = quantity.conversion(received) if quantity else None
        if quantity is not None and conversion is not None and received in _READ_IN_OTHERS:
            unit = shown(quantity.unit)
            value = str(conversion.canonical(Decimal(value)).quantize(Decimal(1), ROUND_HALF_UP))
        values.append(value)
    return f"{'/'.join(values)} {unit}" if unit else ""


def rest(vital: str, quantities: Mapping[str, str]) -> str:
    """Give what else was measured, in other units than the headline: ``pulse 88 /min``."""
    leading = _headline_names(VITALS.get(vital), quantities)
    units = {_split(quantities[name])[1] for name in leading if name in quantities}
    parts = [said] if (said := converted(vital, quantities)) else []
    for name, text in quantities.items():
        value, unit = _split(text)
        if name not in leading and unit not in units and value != NO_VALUE:
            parts.append(f"{spoken(name)} {value} {unit}".strip())
    return ", ".join(parts)


def words(code: str) -> str:
    """Turn a code such as ``irregular-pulse`` into words."""
    return code.replace("-", " ")


_NAMED_MAX = 3
_ONE_CHECK: tuple[tuple[str, str, str], ...] = (
    ("pulse-above-range", "pulse-below-range", "pulse range"),
    ("result-above-range", "result-below-range", "result range"),
    ("temperature-too-high", "temperature-too-low", "temperature"),
)
"""One bit of a device's features says that it looks for both. Of "not assessed: pulse above range"
whoever is tired reads the last three words."""


def _checks(silent: Sequence[str]) -> list[str]:
    named = list(silent)
    for above, below, check in _ONE_CHECK:
        if above in named and below in named:
            named[named.index(above)] = check
            named.remove(below)
    return named


def not_assessed(vital: str, status: Sequence[str] | None, silent: Sequence[str]) -> str:
    """Say what a device did not look for: that it reports no trouble says nothing then.

    ``status`` None: for nothing that devices of this vital may notice; ``silent``: not for these,
    of which a meter may have many: so many names would bury the value.
    """
    if status is None and known_flags(vital):
        return "quality not assessed by the device"
    checks = _checks(silent)
    if len(checks) > _NAMED_MAX:
        return f"{len(checks)} checks not made by the device"
    return f"not assessed: {', '.join(map(words, checks))}" if checks else ""


def time_note(quality: str) -> str:
    """Say what a nurse should know of how a time is known; empty if it is simply known."""
    return _TIME_NOTES.get(quality, words(quality))


def absolute(at_ms: int, now_ms: int, zone: tzinfo) -> str:
    """Write a time in a zone: ``14:32``, ``yesterday 14:32``, ``Fri 20 Nov 14:32``."""
    at = datetime.fromtimestamp(at_ms / 1000, zone)
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    days = (now.date() - at.date()).days
    if days == 0:
        return f"{at:%H:%M}"
    if days == 1:
        return f"yesterday {at:%H:%M}"
    return f"{at:%a} {at.day} {at:%b} {at:%H:%M}"


def relative(at_ms: int, now_ms: int) -> str:
    """Write how long ago: ``just now``, ``119 min ago``, ``47 h ago``, ``3 days ago``.

    Units change at two, not at one: of 119 minutes ``1 h ago`` would hide half.
    """
    ago_ms = now_ms - at_ms
    if ago_ms < -MINUTE_MS:
        return "in the future"
    if ago_ms < MINUTE_MS:
        return "just now"
    if ago_ms < 2 * HOUR_MS:
        return f"{ago_ms // MINUTE_MS} min ago"
    if ago_ms < 2 * DAY_MS:
        return f"{ago_ms // HOUR_MS} h ago"
    return f"{ago_ms // DAY_MS} days ago"


def _headline_names(vital: Vital | None, quantities: Mapping[str, str]) -> tuple[str, ...]:
    """A pair that only makes sense together stays together; else the vital's first quantity."""
    if vital is None:
        return tuple(quantities)[:1]
    return vital.descending[0] if vital.descending else (vital.quantities[0].name,)


def _split(text: str) -> tuple[str, str]:
    value, _, unit = text.partition(" ")
    return NO_VALUE if value in _ABSENT else value, shown(unit)
