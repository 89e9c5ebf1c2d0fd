"""What of an engine's transitions reaches a person at once or on duty, if nobody does anything.

Whether an event tells anybody is the desk's to say: its table of reasons (``alerts.desk.verdicts``)
is asked about each, as if the desk had decided the moment it came. Critical and high alerts page. A
match that attaches to a page that was, and what is told again, depend on what people did, and here
nobody does anything: they are no new pages, nor are steps of the chain.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from alerts.desk.case import matches_critical
from alerts.desk.verdicts import Occasion, Standing, Tell, tells_of, verdict
from schemas.alert import ENDING, SEVERITIES, Event, Severity, Transition

PAGED: tuple[Severity, ...] = ("critical", "high")
_BEGINS: frozenset[Event] = frozenset({"onset", "worsened", "reopened"})
_NEVER_WAS: frozenset[Event] = frozenset({"retracted", "retired"})
"""After these nobody is told of what waited; of what came and went meanwhile somebody is."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A match and the page that tells of it (UTC ms): a first one, a repeat, or the one before."""

    transition: Transition
    paged_ms: int
    kind: Literal["first", "repeated", "attached"]


@dataclass(slots=True)
class _Memory:
    """When a person was last told: of an alert, and of a patient's ladder with what was told.

    ``chained``: alerts of which somebody was told since they asked for attention last; ``ended``:
    those whose condition is over; ``never_were``: those that were taken back.
    """

    of_alert: dict[str, int] = field(default_factory=dict)
    of_ladder: dict[tuple[str, str], tuple[int, Transition]] = field(default_factory=dict)
    cooling: dict[str, tuple[int, Transition]] = field(default_factory=dict)
    chained: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    never_were: set[str] = field(default_factory=set)

    def page(self, one: Transition, at_ms: int) -> Heard:
        """Remember that somebody is told. A further match is told again: it is no new page."""
        self.of_alert[one.alert_id] = at_ms
        self.of_ladder[one.patient_id, one.ladder] = at_ms, one
        self.cooling.pop(one.alert_id, None)
        self.chained.add(one.alert_id)
        return Heard(one, at_ms, "repeated" if one.event == "again" else "first")

    def occasion(self, one: Transition) -> Occasion:
        """Say what the desk would know when this event came."""
        alert = Standing(
            severity=one.severity,
            overtaken=False,
            chained=one.alert_id in self.chained,
            told=one.alert_id in self.of_alert,
            last_ms=self.of_alert.get(one.alert_id),
            reopens=one.event == "again" and one.alert_id in self.ended,
            ended=None,
            shelved=False,
            answered=False,
            closed_ms=None,
        )
        last_ms, last = self.of_ladder.get((one.patient_id, one.ladder), (None, None))
        severity = last.severity if last else None
        return Occasion(one, alert, one.at_ms, last_ms, severity, succeeds=False)

    def follow(self, one: Transition) -> None:
        """Note what begins, and what is over."""
        if one.event in _BEGINS:
            self.chained.discard(one.alert_id)
            self.never_were.discard(one.alert_id)
        if one.event in ENDING:
            self.ended.add(one.alert_id)
        if one.event in _NEVER_WAS:
            self.cooling.pop(one.alert_id, None)
        if one.event == "retracted":
            self.never_were.add(one.alert_id)

    def cooled(self, now_ms: int) -> Iterator[Heard]:
        """Tell what a cool-down has held back until now; what came back meanwhile is told once."""
        due = sorted(
            (item for item in self.cooling.values() if item[0] <= now_ms), key=lambda item: item[0]
        )
        for until_ms, waiting in due:
            others = [other for ends_ms, other in due if ends_ms == until_ms]
            if waiting.alert_id in self.ended and self._told_by(waiting, others):
                del self.cooling[waiting.alert_id]
            else:
                yield self.page(waiting, until_ms)

    def _told_by(self, one: Transition, others: Iterable[Transition]) -> bool:
        """Whether a later alert tells of it: one that is told now, or was told last."""
        _, last = self.of_ladder.get((one.patient_id, one.ladder), (0, one))
        told = [] if last.alert_id in self.never_were else [last]
        return any(tells_of(other, one) for other in (*others, *told))


def heard(transitions: Iterable[Transition]) -> Iterator[Heard]:
    """Give what a person is told, in the order of the log."""
    memory = _Memory()
    for one in transitions:
        yield from memory.cooled(one.at_ms)
        memory.follow(one)
        if one.severity in PAGED and one.event not in ENDING:
            told = _told(one, memory)
            if told is not None:
                yield told
            memory.ended.discard(one.alert_id)


def _told(one: Transition, memory: _Memory) -> Heard | None:
    if one.event not in _BEGINS | {"confirmed", "again"}:
        return None  # eased, corrected, a cause: the desk decides on none of them
    found = verdict(memory.occasion(one))
    if isinstance(found, Tell):
        return memory.page(one, one.at_ms)
    if found.reason == "cool-down":
        assert found.until_ms is not None
        memory.cooling[one.alert_id] = found.until_ms, one
    last_ms = memory.of_alert.get(one.alert_id)
    attached = found.reason == "attached" and one.event == "again" and matches_critical(one)
    return Heard(one, last_ms, "attached") if attached and last_ms is not None else None


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
