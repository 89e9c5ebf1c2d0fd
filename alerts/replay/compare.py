"""What was written against what the log gives now, event by event and field by field."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
    """One event of the alert; what only one side has is ``missing`` on the other.

    ``written_as``: its name in the log, if only that is another: a former release named it so.
    """

    event_id: str
    event: str
    severity: str
    at_ms: int
    reason: str
    missing: str = ""
    differences: list[Difference] = []
    written_as: str = ""

    @property
    def same(self) -> bool:
        """Whether both sides say the same, under whichever names."""
        return not (self.missing or self.differences)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All events of an alert in log order."""

    events: list[Event]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return all(event.same for event in self.events)

    @property
    def renamed(self) -> int:
        """Count the events of which nothing but the name differs."""
        return sum(bool(event.written_as) for event in self.events)


def compare(written: Sequence[Transition], replayed: Iterable[Transition]) -> Comparison:
    """Compare by ``event_id``, then what is left over by all else, one event with one.

    An event that was written twice counts once.
    """
    before: dict[str, Transition] = {}
    for one in written:
        before.setdefault(one.event_id, one)
    again = {one.event_id: one for one in replayed}
    former = _former_names(before, again)
    for name, was in former.items():
        before[name] = before.pop(was)
    events = [
        _event(name, before.get(name), again.get(name), former.get(name, ""))
        for name in before | again
    ]
    return Comparison(sorted(events, key=lambda event: (event.at_ms, event.event_id)))


def _former_names(
    before: Mapping[str, Transition], again: Mapping[str, Transition]
) -> dict[str, str]:
    """Find by its present name how an event was written that differs in nothing else."""
    waiting: defaultdict[bytes, list[str]] = defaultdict(list)
    for name, one in before.items():
        if name not in again:
            waiting[_content(one)].append(name)
    found = {}
    for name, one in again.items():
        if name not in before and (names := waiting[_content(one)]):
            found[name] = names.pop(0)
    return found


def _content(one: Transition) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(one, event_id=""))


def _event(
    name: str, before: Transition | None, again: Transition | None, written_as: str
) -> Event:
    one = before or again
    assert one is not None, "one side has it"
    missing = "replayed" if again is None else "written" if before is None else ""
    differences = list(_differences(before, again)) if before and again and not written_as else []
    return Event(
        name, one.event, one.severity, one.at_ms, one.reason, missing, differences, written_as
    )


def _differences(before: Transition, again: Transition) -> Iterable[Difference]:
    written, replayed = msgspec.to_builtins(before), msgspec.to_builtins(again)
    for field in sorted(written.keys() | replayed.keys()):
        if written.get(field) != replayed.get(field):
            yield Difference(field, written.get(field), replayed.get(field))
