"""What of an engine's transitions reaches a person at once or on duty. The desk decides alike.

A page: a critical or high alert that begins, worsens or is confirmed, unless it still waits for its
repeat or only stands in the work list; and a critical one that matches again when its last page is
half an hour old. A match before that attaches to the page that was.
"""

from collections.abc import Iterable, Iterator

from schemas.alert import SEVERITIES, Event, Mark, Severity, Transition

RECURS_AFTER_MS = 30 * 60_000
PAGED: tuple[Severity, ...] = ("critical", "high")
_BEGINS: frozenset[Event] = frozenset({"onset", "worsened", "confirmed"})
_SILENT: frozenset[Mark] = frozenset({"awaiting-confirmation", "standing"})


def heard(transitions: Iterable[Transition]) -> Iterator[tuple[Transition, int]]:
    """Give what a person is told, in the order of the log, and when (UTC ms): now or before."""
    last_ms: dict[str, int] = {}
    for one in transitions:
        if one.severity not in PAGED or not _SILENT.isdisjoint(one.marks):
            continue
        paged_ms = last_ms.get(one.alert_id)
        if one.event in _BEGINS:
            paged_ms = one.at_ms
        elif one.event != "again" or one.severity != "critical" or paged_ms is None:
            continue
        elif one.at_ms - paged_ms >= RECURS_AFTER_MS:
            paged_ms = one.at_ms
        last_ms[one.alert_id] = paged_ms
        yield one, paged_ms


def pages(transitions: Iterable[Transition]) -> list[Transition]:
    """Give the pages: of the alerts of one patient at one moment, the gravest."""
    chosen: dict[tuple[str, int], Transition] = {}
    for one, paged_ms in heard(transitions):
        if paged_ms != one.at_ms:
            continue
        key = one.patient_id, one.at_ms
        other = chosen.get(key)
        if other is None or SEVERITIES.index(one.severity) < SEVERITIES.index(other.severity):
            chosen[key] = one
    return list(chosen.values())
