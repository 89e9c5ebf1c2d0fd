"""What the arrays say of a reading, and what follows from it for one ladder."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.engine.sight import Sight
from alerts.rules.values import Sums
from schemas.alert import SEVERITIES, Event, Mark
from schemas.registry import PersonalLimit

Own = Mapping[str, PersonalLimit]
"""The limits of a patient that replace those of the books, by name."""


WORK_LIST_RANK = SEVERITIES.index("medium")
"""What is over before anybody saw it is due by the end of the shift, however bad it was."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A reading that is not stale, as the arrays saw it; the first four are sets of rungs.

    ``matched``: in force and definitely true; ``denied``: definitely false; ``returned``: widened
    condition definitely false; ``fresh``: young enough by the rung's book, else delayed.
    ``older``: than the newest judged reading of its vital; ``cleared``: rungs whose return
    condition that one met. ``uncensored``: no HI or LO. ``device_clock``: the session read the
    device's clock. ``day``: the patient's, of the measurement; only rungs of means ask for it.
    """

    matched: int
    denied: int
    returned: int
    fresh: int
    flagged: bool
    uncensored: bool
    device_clock: bool
    older: bool
    cleared: int
    measured_ms: int
    log_ms: int
    sight: Sight
    day: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """What a rung counted or averaged when it judged a reading.

    ``readings``: those of the window that are still known in full, oldest first; ``matching`` of
    them match, on ``days`` days of the patient. ``sums``: of a mean, or a rise, one row; they are
    over ``averaged`` readings on ``days`` days, ``beyond`` others there were HI or LO.
    """

    readings: tuple[Sight, ...] = ()
    matching: int = 0
    days: int = 0
    sums: Sums | None = None
    averaged: int = 0
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """A change worth a record.

    ``speaking`` is the rung that speaks for the ladder; ``cause`` the rung that the reading
    matched, or that is over; ``origin`` the reading with which the alert began. For ``stale``,
    ``scope`` and ``origin`` name the vital and the day, and ``count`` the readings so far; for
    ``corrected``, ``count`` is the reading's revision; ``occasion`` names what an event rests on
    that its reading did not bring about.

    ``held``: what held before, as (latched, lowered). ``deadline_ms``: of a page or a task that
    waits for a repeat. ``unanswered``: nobody repeated the reading in time. ``window``: what
    ``cause`` counted, unless a single reading decides. ``own``: the patient's own limits when it
    was measured.
    """

    event: Event
    speaking: int
    cause: int
    rank: int
    origin: str
    sight: Sight
    at_ms: int
    marks: tuple[Mark, ...] = ()
    scope: str = ""
    count: int = 0
    occasion: str = ""
    held: tuple[int, int] = (0, 0)
    deadline_ms: int | None = None
    unanswered: bool = False
    window: Window | None = None
    own: Own = field(default_factory=dict)


Voice = tuple[int, int]
"""The rank and the rung that speaks for a ladder."""
