"""What the arrays say of a reading, and what follows from it for one ladder."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from alerts.engine.readings.sight import Sight
from alerts.rules.condition import Test
from alerts.rules.values import Sums
from schemas.alert import SEVERITIES, Event, Evidence, Mark
from schemas.registry import PersonalLimit

Own = Mapping[str, PersonalLimit]
"""The limits of a patient that replace those of the books, by name."""


WORK_LIST_RANK = SEVERITIES.index("medium")
"""What is over before anybody saw it is due by the end of the shift, however bad it was."""


class Denial(msgspec.Struct, frozen=True):
    """Rungs of a flagged match that its repeat, which had come before it, says are not true.

    ``reading_id``, ``measured_ms``: the repeat; "" and 0: the newest reading, whichever it is.
    """

    rungs: int
    reading_id: str
    measured_ms: int
    within_ms: int


class Facts(msgspec.Struct, frozen=True):
    """A reading that is not stale, as the arrays saw it; the first four are sets of rungs.

    ``matched``: in force and definitely true; ``denied``: definitely false; ``returned``: widened
    condition definitely false; ``fresh``: young enough by the rung's book, else delayed.
    ``older``: than the newest judged reading of its vital; ``cleared``: rungs whose return
    condition that one met. ``uncensored``: no HI or LO. ``device_clock``: the session read the
    device's clock. ``day``: the patient's, of the measurement; only rungs of means ask for it.
    ``repeated`` and ``denials``: what repeats say of a flagged match that comes after them.
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
    repeated: int = 0
    denials: tuple[Denial, ...] = ()


class Summed(msgspec.Struct, frozen=True):
    """A mean, or a rise, as plain numbers: one row of ``Sums``.

    ``holding``: of a rule's comparisons, in the order in which they are written, those that hold.
    """

    total: list[int]
    count: list[int]
    unit: list[int]
    baseline_total: list[int] | None
    baseline_count: list[int] | None
    holding: list[bool]


def summed(tests: Sequence[Test], sums: Sums) -> list[Summed]:
    """Give each row of sums, as the comparisons of a rule see it."""
    size = len(sums.total)
    nothing = [None] * size
    holding = [test.truth(sums).true.tolist() for test in tests]
    before = sums.baseline_total, sums.baseline_count
    columns = (
        sums.total.tolist(),
        sums.count.tolist(),
        sums.unit.tolist(),
        *(nothing if column is None else column.tolist() for column in before),
        [list(row) for row in zip(*holding, strict=True)] or [[]] * size,
    )
    return [Summed(*row) for row in zip(*columns, strict=True)]


class Window(msgspec.Struct, frozen=True):
    """What a rung counted or averaged when it judged a reading.

    ``readings``: those of the window that are still known in full, oldest first; ``matching`` of
    them match, on ``days`` days of the patient, ``censored`` have HI or LO. ``sums``: of a mean,
    or a rise; they are over ``averaged`` readings on ``days`` days, ``beyond`` others there were HI
    or LO.
    """

    readings: list[Evidence] = []
    matching: int = 0
    days: int = 0
    censored: int = 0
    sums: Summed | None = None
    averaged: int = 0
    beyond: int = 0


class Finding(msgspec.Struct, frozen=True):
    """A change worth a record.

    ``speaking`` is the rung that speaks for the ladder; ``cause`` the rung that the reading
    matched, or that is over; ``origin`` the reading with which the alert began. For ``stale``,
    ``scope`` and ``origin`` name the vital and the day, and ``count`` the readings so far; for
    ``corrected``, ``count`` is the reading's revision; ``occasion`` names what an event rests on
    that its reading did not bring about; ``late`` the reading that came later and made it match.

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
    late: str = ""
    held: tuple[int, int] = (0, 0)
    deadline_ms: int | None = None
    unanswered: bool = False
    window: Window | None = None
    own: Own = {}


Heard = Callable[[Finding], bool]
"""Whether somebody wants to hear of a finding: of others no sentence is made."""


def everything(finding: Finding) -> bool:
    """Hear of everything, as the engine's own process does."""
    del finding
    return True


Voice = tuple[int, int]
"""The rank and the rung that speaks for a ladder."""
