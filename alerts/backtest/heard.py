"""What of an engine's transitions reaches a person at once or on duty, if nobody does anything.

The desk's rules on the stream alone (``alerts/desk``): a critical or high alert that begins,
worsens or is confirmed pages, unless it still waits for its repeat, only stands in the work list,
or its rule cools down: then it pages at the end of that, if it still holds and no step up came
before. A critical alert that matches again is told again once its last page is half an hour old; a
match before that attaches to the page that was. What is told again depends on what people did, and
here nobody does anything: it is no new page.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from schemas.alert import SEVERITIES, Event, Mark, Severity, Transition

RECURS_AFTER_MS = 30 * 60_000
PAGED: tuple[Severity, ...] = ("critical", "high")
ENDS: frozenset[Event] = frozenset({"returned", "retracted", "not-confirmed", "retired"})
_BEGINS: frozenset[Event] = frozenset({"onset", "worsened", "confirmed", "reopened"})
_SILENT: frozenset[Mark] = frozenset({"awaiting-confirmation", "standing"})


@dataclass(frozen=True, slots=True)
class Heard:
    """A match and the page that tells of it (UTC ms): a first one, a repeat, or the one before."""

    transition: Transition
    paged_ms: int
    kind: Literal["first", "repeated", "attached"]


@dataclass(slots=True)
class _Memory:
    """When a person was last told: of an alert, and of a patient's ladder with its severity."""

    of_alert: dict[str, int] = field(default_factory=dict)
    of_ladder: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    cooling: dict[str, tuple[int, Transition]] = field(default_factory=dict)

    def page(
        self, one: Transition, at_ms: int, kind: Literal["first", "repeated"] = "first"
    ) -> Heard:
        self.of_alert[one.alert_id] = at_ms
        self.of_ladder[one.patient_id, one.ladder] = at_ms, SEVERITIES.index(one.severity)
        self.cooling.pop(one.alert_id, None)
        return Heard(one, at_ms, kind)

    def cools_until_ms(self, one: Transition) -> int | None:
        """Give the end of a cool-down that is in force; a step up breaks it."""
        last = self.of_ladder.get((one.patient_id, one.ladder))
        if not one.cooldown_ms or last is None or one.event == "worsened":
            return None
        until_ms = last[0] + one.cooldown_ms
        graver = SEVERITIES.index(one.severity) < last[1]
        return None if graver or one.at_ms >= until_ms else until_ms


def heard(transitions: Iterable[Transition]) -> Iterator[Heard]:
    """Give what a person is told, in the order of the log."""
    memory = _Memory()
    for one in transitions:
        for until_ms, waiting in sorted(memory.cooling.values(), key=lambda item: item[0]):
            if until_ms <= one.at_ms:
                yield memory.page(waiting, until_ms)
        if one.event in ENDS:
            memory.cooling.pop(one.alert_id, None)
        if one.severity not in PAGED or not one.notify or not _SILENT.isdisjoint(one.marks):
            continue
        told = _told(one, memory)
        if told is not None:
            yield told


def _told(one: Transition, memory: _Memory) -> Heard | None:
    if one.event in _BEGINS:
        until_ms = memory.cools_until_ms(one)
        if until_ms is None:
            return memory.page(one, one.at_ms)
        memory.cooling[one.alert_id] = until_ms, one
        return None
    last_ms = memory.of_alert.get(one.alert_id)
    critical = one.severity == "critical" and one.matched is None  # what matched, not what holds
    if one.event != "again" or not critical or last_ms is None:
        return None
    if one.at_ms - last_ms > RECURS_AFTER_MS:
        return memory.page(one, one.at_ms, "repeated")
    return Heard(one, last_ms, "attached")


def pages(transitions: Iterable[Transition]) -> list[Transition]:
    """Give first pages: of the alerts of one patient at one moment, the gravest."""
    chosen: dict[tuple[str, int], Transition] = {}
    for told in heard(transitions):
        if told.kind != "first":
            continue
        one, key = told.transition, (told.transition.patient_id, told.paged_ms)
        other = chosen.get(key)
        if other is None or SEVERITIES.index(one.severity) < SEVERITIES.index(other.severity):
            chosen[key] = one
    return list(chosen.values())
