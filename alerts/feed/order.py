"""Which alerts a page shows, and where: a page bears so many; who waits longest is always there."""

from collections.abc import Callable

import msgspec

from alerts.desk.case import Case
from alerts.desk.fold import Sections
from schemas.alert import SEVERITIES, Severity

CRITICAL_SHOWN_MAX = 500
SHOWN_MAX = 200
SETTLED_SHOWN_MAX = 20
BEYOND_SHOWN_MAX = 100
"""On each of the pages that hold what found no room on the first."""


class Longest(msgspec.Struct, frozen=True):
    """Of the ``count`` most severe alerts that wait, at the bottom of them, the one longest."""

    alert_id: str
    severity: Severity
    count: int
    since_ms: int


class Order(msgspec.Struct, frozen=True):
    """The ids of the alerts shown, part by part, in order; ``hidden`` counts what is not shown.

    ``counts``: how many each part has, whether or not all of them are shown. ``longest``: None if
    fewer than two are as severe as the most severe that waits.
    """

    waiting: list[str]
    acknowledged: list[str]
    work: list[str]
    settled: list[str]
    counts: dict[str, int]
    hidden: int = 0
    longest: Longest | None = None


def arranged(parts: Sections, since_ms: Callable[[Case], int]) -> tuple[dict[str, Case], Order]:
    """Choose what is shown, by its id, and put it in order; ``since_ms``: how long a card waits."""
    waiting, acknowledged = (fitting(one, since_ms) for one in (parts.waiting, parts.acknowledged))
    work, settled = parts.work[:SHOWN_MAX], parts.settled[:SETTLED_SHOWN_MAX]
    found = {case.alert_id: case for case in (*waiting, *acknowledged, *work, *settled)}
    left = len(parts.waiting) + len(parts.acknowledged) + len(parts.work) + len(settled)
    counts = {
        "waiting": len(parts.waiting),
        "acknowledged": len(parts.acknowledged),
        "work": len(parts.work),
        "settled": len(settled),
    }
    order = Order(
        _ids(waiting),
        _ids(acknowledged),
        _ids(work),
        _ids(settled),
        counts,
        hidden=left - len(found),
        longest=_longest(parts.waiting, since_ms),
    )
    return found, order


def fitting(cases: list[Case], since_ms: Callable[[Case], int]) -> list[Case]:
    """Give, in their order, what a page can bear: every critical alert, and of others 200.

    What is left out, beyond 500 critical ones too, came last: whoever waits longest is shown, and
    each answer makes room for another one.
    """
    left = {case.alert_id for case in _left_out(cases, since_ms)}
    return [case for case in cases if case.alert_id not in left]


def beyond(parts: Sections, since_ms: Callable[[Case], int]) -> list[Case]:
    """Give what is open and found no room: first what waits, the gravest and longest first."""
    waiting, acknowledged = (
        _left_out(one, since_ms) for one in (parts.waiting, parts.acknowledged)
    )
    return [*waiting, *parts.work[SHOWN_MAX:], *acknowledged]


def _left_out(cases: list[Case], since_ms: Callable[[Case], int]) -> list[Case]:
    ranked = sorted(cases, key=lambda case: (SEVERITIES.index(case.severity), since_ms(case)))
    critical = sum(case.severity == "critical" for case in cases)
    return [*ranked[:critical][CRITICAL_SHOWN_MAX:], *ranked[critical:][SHOWN_MAX:]]


def _longest(waiting: list[Case], since_ms: Callable[[Case], int]) -> Longest | None:
    """Find who waits longest: the list is by what is newest, and ends far below the screen."""
    gravest = [case for case in waiting if case.severity == waiting[0].severity]
    if len(gravest) < 2:  # it is in sight
        return None
    first = min(gravest, key=lambda case: (since_ms(case), case.alert_id))
    return Longest(first.alert_id, first.severity, len(gravest), since_ms(first))


def _ids(cases: list[Case]) -> list[str]:
    return [case.alert_id for case in cases]
