"""What the arrays say of a reading, and what follows from it for one ladder."""

from dataclasses import dataclass

from alerts.engine.sight import Sight
from schemas.alert import SEVERITIES, Event, Mark

WORK_LIST_RANK = SEVERITIES.index("medium")
"""What is over before anybody saw it is due by the end of the shift, however bad it was."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A reading that is not stale, as the arrays saw it; the first four are sets of rungs.

    ``matched``: in force and definitely true; ``denied``: definitely false; ``returned``: widened
    condition definitely false; ``fresh``: young enough by the rung's book, else delayed.
    ``older``: than the newest judged reading of its vital; ``cleared``: rungs whose return
    condition that one met. ``uncensored``: no HI or LO. ``device_clock``: the session read the
    device's clock.
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


@dataclass(frozen=True, slots=True)
class Finding:
    """A change worth a record.

    ``speaking`` is the rung that speaks for the ladder; ``cause`` the rung that the reading
    matched, or that is over; ``origin`` the reading with which the alert began. For ``stale``,
    ``scope`` and ``origin`` name the vital and the day, and ``count`` the readings so far; for
    ``corrected``, ``count`` is the reading's revision.

    ``held``: what held before, as (latched, lowered). ``deadline_ms``: of a page that waits for a
    repeat. ``unanswered``: nobody repeated the reading in time.
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
    held: tuple[int, int] = (0, 0)
    deadline_ms: int | None = None
    unanswered: bool = False


Voice = tuple[int, int]
"""The rank and the rung that speaks for a ladder."""
