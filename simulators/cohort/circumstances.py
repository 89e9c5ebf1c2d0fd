"""Under which circumstances an episode was measured, and why no critical page told of it.

Both are worked out from what truly happened and what displays showed, never from what an engine
said of it: a miss that none of these reasons explains is the rules' or the engine's.
"""

from collections.abc import Sequence
from typing import Literal, get_args

from simulators.cohort.clinical import Definition
from simulators.cohort.facts import Fact

Circumstance = Literal[
    "wrong-clock", "technique", "flagged", "hi-or-lo", "failed", "late", "twice", "shared-cuff",
]  # fmt: skip
CIRCUMSTANCES: tuple[Circumstance, ...] = get_args(Circumstance)
"""``technique``: movement, a loose cuff, a wrong position, no rest, noticed by the device or not.
``late``: over ten minutes from measuring to the clinic. ``failed``: an attempt without a value."""

Reason = Literal["harmless-display", "late", "flagged", "repeat", "overtaken", "unexplained"]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""``harmless-display``: no display showed what is beyond the limit. ``late``: those that did came
when they were no longer fresh. ``flagged``: the device doubted each that was fresh. ``repeat``: one
that was not beyond followed on each within the time that the books wait. ``overtaken``: or was at
the clinic no later than it, measured after it."""

_LATE_MS = 600_000


def circumstances(beyond: Sequence[Fact], *, failed: bool, shared: bool) -> frozenset[Circumstance]:
    """Name those of an episode, by its readings of truth beyond the limit."""
    found: dict[Circumstance, bool] = {
        "wrong-clock": any(one.went_wrong("wrong-clock") for one in beyond),
        "technique": any(
            one.went_wrong("movement", "loose-cuff", "position", "no-rest") for one in beyond
        ),
        "flagged": any(one.flagged for one in beyond),
        "hi-or-lo": any(one.beyond_the_meter for one in beyond),
        "failed": failed,
        "late": any(one.arrived_ms - one.at_ms > _LATE_MS for one in beyond),
        "twice": any(one.went_wrong("twice") for one in beyond),
        "shared-cuff": shared,
    }
    return frozenset(name for name, holds in found.items() if holds)


def reason(
    inside: Sequence[Fact], every: Sequence[Fact], definition: Definition, confirm_ms: int
) -> Reason:
    """Say why an episode with the readings ``inside`` was not told of; ``every``: the patient's."""
    shown = [one for one in inside if one.shows(definition)]
    if not shown:
        return "harmless-display"
    fresh = [one for one in shown if one.fresh]
    if not fresh:
        return "late"
    believed = [one for one in fresh if not one.flagged]
    if not believed:
        return "flagged"
    lower = [one for one in every if not one.flagged and not one.shows(definition)]
    if all(any(_repeats(two, one, confirm_ms) for two in lower) for one in believed):
        return "repeat"
    if all(
        any(_repeats(two, one, confirm_ms) or _overtakes(two, one) for two in lower)
        for one in believed
    ):
        return "overtaken"
    return "unexplained"


def _repeats(later: Fact, one: Fact, confirm_ms: int) -> bool:
    return one.at_ms < later.at_ms <= one.at_ms + confirm_ms


def _overtakes(later: Fact, one: Fact) -> bool:
    return one.at_ms < later.at_ms and later.arrived_ms <= one.arrived_ms
