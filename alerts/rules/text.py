"""A rule book as its TOML writes it, before anything is checked but the form."""

from typing import Any, Literal

import msgspec

from schemas.alert import Severity


class VitalText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[vitals.NAME]``."""

    fresh: str
    units: list[str]
    repeat_within: str = "15min"
    gated: dict[str, str] = {}


class LimitText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[limits.NAME]``: amounts; ``allowed`` is the lowest and the highest value."""

    value: list[str]
    allowed: tuple[list[str], list[str]]
    relaxing: Literal["up", "down"]


class WindowText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``window = { … }``: N of M readings, or the mean of some days."""

    matching: int | None = None
    of: int | None = None
    within: str | None = None
    days: int | None = None
    apart: str | None = None
    mean_days: int | None = None
    readings: int | None = None


class BaselineText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``baseline = { … }``."""

    readings: int
    days: int
    before: Literal["therapy", "plan"]


class WithinText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``confirm = { within = "10min" }``, ``repeat = { within = "5min" }``."""

    within: str


class RuleText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[[rule]]``."""

    id: str
    ladder: str
    title: str
    vital: str
    severity: Severity
    source: str
    advice: str
    when: str | None = None
    absent_for: str | None = None
    band: list[str] | None = None
    window: WindowText | None = None
    baseline: BaselineText | None = None
    requires: dict[str, list[str]] | None = None
    confirm: WithinText | None = None
    repeat: WithinText | None = None
    cooldown: str | None = None
    notify: bool | None = None
    keeps_severity_when_delayed: bool | None = None


class BookText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; what stands in its rules, vitals and limits is read one by one."""

    book: str
    title: str
    population: str
    rule: list[Any]
    vitals: dict[str, Any]
    limits: dict[str, Any] = {}
    from_age: int = 13
