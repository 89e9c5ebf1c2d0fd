"""A checked rule book: what its TOML says, as types. ``alerts.rules.reader`` makes it."""

from dataclasses import dataclass
from typing import Literal

from alerts.rules.compiler import NamedLimit
from alerts.rules.condition import Condition, Limit
from alerts.rules.values import Requirement
from schemas.alert import Severity

OF_MAX = 8
"""N of M: M is at most this."""
RUNGS_MAX = 32
"""Rules on one ladder, of all books in force: the engine keeps a set of them as a mask."""
MEAN_DAYS_MAX = 8
"""Calendar days of which sums are kept."""


@dataclass(frozen=True, slots=True)
class VitalSettings:
    """How a book treats the readings of one vital.

    ``fresh_ms``: age on arrival up to which a reading is fresh. ``gated``: status flags that make
    a match wait for a repeat, with the words for them; the repeat has ``repeat_within_ms``.
    """

    fresh_ms: int
    repeat_within_ms: int
    gated: dict[str, str]


@dataclass(frozen=True, slots=True)
class Matching:
    """N of M: ``matching`` of the last ``of`` eligible readings, in the order of measurement.

    ``within_ms``: only those measured inside so long before the newest of them (0: any).
    ``days``: the matching ones fall on at least so many days of the patient. ``apart_ms``: counted
    from the oldest, a match counts only if measured so long after the last one that counted.
    """

    matching: int
    of: int
    within_ms: int = 0
    days: int = 1
    apart_ms: int = 0


@dataclass(frozen=True, slots=True)
class Mean:
    """Fields mean the mean over the patient's calendar days D-``days``+1 to D, of enough data.

    ``readings`` on ``on_days`` days are needed at least.
    """

    days: int
    readings: int
    on_days: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """The mean of what was measured in ``days`` before the therapy, or the care plan, began."""

    readings: int
    days: int
    before: Literal["therapy", "plan"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rung of a ladder, judged by readings.

    ``confirm_within_ms``: the page waits so long for a confirming repeat (0: it does not wait).
    ``repeat_within_ms``: how long a flagged match waits for a repeat. ``cooldown_ms``: no further
    notification so long after the last one. ``notify`` False: work list only.
    """

    id: str
    ladder: str
    title: str
    vital: str
    text: str
    condition: Condition
    severity: Severity
    source: str
    advice: str
    keeps_severity_when_delayed: bool
    window: Matching | Mean | None
    baseline: Baseline | None
    requires: tuple[Requirement, ...]
    band: tuple[str, ...]
    confirm_within_ms: int
    repeat_within_ms: int
    cooldown_ms: int
    notify: bool

    @property
    def single(self) -> bool:
        """Tell whether one reading alone decides."""
        return self.window is None and self.baseline is None

    @property
    def settings(self) -> tuple[str, ...]:
        """Name the limits of the book that the rule compares with."""
        limits = [test for test in self.condition.tests() if isinstance(test, Limit)]
        return tuple(dict.fromkeys(limit.setting for limit in limits if limit.setting))


@dataclass(frozen=True, slots=True)
class Absence:
    """A rule about readings that do not come: nothing of ``vital`` for ``absent_for_ms``."""

    id: str
    ladder: str
    title: str
    vital: str
    severity: Severity
    source: str
    advice: str
    absent_for_ms: int
    notify: bool


@dataclass(frozen=True, slots=True)
class Book:
    """A checked rule book; ``sha256`` names exactly this text.

    ``from_age_years``: no patient younger than this may be watched by it.
    """

    name: str
    title: str
    population: str
    sha256: str
    rules: tuple[Rule, ...]
    vitals: dict[str, VitalSettings]
    absences: tuple[Absence, ...]
    limits: tuple[NamedLimit, ...]
    from_age_years: int
    text: str

    @property
    def every_rule(self) -> list[Rule | Absence]:
        """List what is judged by readings, then what is by their absence."""
        return [*self.rules, *self.absences]
