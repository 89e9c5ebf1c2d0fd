"""Where a desk may begin to read: behind what is past, with the records of what is not.

``until_ms`` parts the log. Of an alert of which anything was said until then, all that is still
needed stands in the bookmark itself; of any other alert of that time nothing is needed. What was
said later stands in the log behind ``offsets``. So an alert that nobody closes for a year costs a
few records, not a year of reading. Which record is of which time its own stamp says, no clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alerts.desk.fold import Desk
from alerts.desk.past import PAST_AFTER_MS, is_past
from alerts.desk.staffing import DAY_MS
from alerts.records import Place
from schemas.alert import Action, Transition


@dataclass(slots=True)
class Days:
    """By partition and day: the first offset of a record that is of this day by its stamp."""

    _first: dict[Place, dict[int, int]] = field(default_factory=dict)

    def note(self, place: Place, offset: int, at_ms: int) -> None:
        """Take note of a record that was read."""
        days, day = self._first.setdefault(place, {}), at_ms // DAY_MS
        days[day] = min(offset, days.get(day, offset))

    def since(self, until_ms: int, reached: Mapping[Place, int]) -> dict[Place, int]:
        """Give offsets behind which all lies that is later than ``until_ms``.

        ``reached``: what was read; where nothing of it is later nothing before it is needed.
        """
        last = until_ms // DAY_MS
        return {
            place: min(
                (one for day, one in self._first.get(place, {}).items() if day >= last),
                default=offset,
            )
            for place, offset in reached.items()
        }


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where to begin; what was read by then, in ``reached``; ``log_ms``: the log's time by then.

    ``carried``: all that was said of the alerts that began until ``until_ms`` and are not past.
    """

    until_ms: int
    log_ms: int
    offsets: dict[Place, int]
    reached: dict[Place, int]
    carried: tuple[Transition | Action, ...]
    _known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Know by id what is carried."""
        known = frozenset(name for one in self.carried for name in _begun_by(one))
        object.__setattr__(self, "_known", known)

    def leaves_out(self, record: Transition | Action, place: Place, offset: int) -> bool:
        """Whether a record opens, or goes on with, what is past.

        What came later is news, however old: an engine may have been away for a month.
        """
        if record.at_ms > self.until_ms or offset >= self.reached.get(place, 0):
            return False
        names = _begun_by(record)
        return bool(names) and self._known.isdisjoint(names)


def _begun_by(record: Transition | Action) -> Sequence[str]:
    """Name the alerts that are there by a record: an answer to one makes none."""
    if isinstance(record, Transition):
        return [record.alert_id]
    return record.alert_ids if record.kind == "technical" else ()


def bookmark(desk: Desk, days: Days, reached: Mapping[Place, int], log_ms: int) -> Bookmark | None:
    """Make one from what a desk has read; None: not now.

    Whether a notice that reached nobody has reached somebody since is asked of all alerts: while
    that lasts none of them is past.
    """
    if any(one.demand.rule == "undelivered" and not one.settled for one in desk.technical_cases()):
        return None
    until_ms = max(0, log_ms - PAST_AFTER_MS)
    carried: dict[str, Transition | Action] = {}
    for one in desk.histories():
        if one.first_ms <= until_ms and not is_past(one, until_ms):
            carried |= {event.event_id: event for event in one.events}
            carried |= {action.action_id: action for action in one.actions}  # trouble is one itself
    offsets = days.since(until_ms, reached)
    return Bookmark(until_ms, log_ms, offsets, dict(reached), tuple(carried.values()))
