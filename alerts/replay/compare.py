"""What was written against what the log gives now, event by event and field by field."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.alert import Transition


class Difference(msgspec.Struct, frozen=True):
    """A field that says two things."""

    field: str
    written: Any
    replayed: Any


class Event(msgspec.Struct, frozen=True):
    """One event of the alert; what only one side has is ``missing`` on the other."""

    event_id: str
    event: str
    severity: str
    at_ms: int
    reason: str
    missing: str = ""
    differences: list[Difference] = []

    @property
    def same(self) -> bool:
        """Whether both sides say the same."""
        return not (self.missing or self.differences)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All events of an alert in log order."""

    events: list[Event]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return all(event.same for event in self.events)


def compare(written: Sequence[Transition], replayed: Iterable[Transition]) -> Comparison:
    """Compare by ``event_id``; an event that was written twice counts once."""
    before = {one.event_id: one for one in reversed(written)}
    again = {one.event_id: one for one in replayed}
    both = {one.event_id: one for one in (*again.values(), *written)}
    events = [
        _event(one, before.get(event_id), again.get(event_id)) for event_id, one in both.items()
    ]
    return Comparison(sorted(events, key=lambda event: (event.at_ms, event.event_id)))


def _event(one: Transition, before: Transition | None, again: Transition | None) -> Event:
    missing = "replayed" if again is None else "written" if before is None else ""
    differences = [] if before is None or again is None else list(_differences(before, again))
    return Event(one.event_id, one.event, one.severity, one.at_ms, one.reason, missing, differences)


def _differences(before: Transition, again: Transition) -> Iterable[Difference]:
    written, replayed = msgspec.to_builtins(before), msgspec.to_builtins(again)
    for field in sorted(written.keys() | replayed.keys()):
        if written.get(field) != replayed.get(field):
            yield Difference(field, written.get(field), replayed.get(field))
