"""All that was said of one alert: as records, or packed, where nobody asks for it any more.

Packed it takes a tenth of the memory, and none of the time in which memory is searched for garbage.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import dropwhile

import msgspec

from alerts.desk.case import Case, begins, judge
from alerts.desk.past import History, is_over
from schemas.alert import Action, Transition

_LEVEL = 1  # the next ones take twice the time to save a twentieth

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[Transition], list[Action]]).decode


@dataclass(slots=True)
class Records:
    """All that was said of one alert, by id, in the order in which it came."""

    events: dict[str, Transition] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)
    _case: Case | None = None

    def add_event(self, event: Transition) -> None:
        """Take one; what was judged is judged again when somebody asks."""
        self.events[event.event_id] = event
        self._case = None

    def add_action(self, action: Action) -> None:
        """Take one."""
        self.actions[action.action_id] = action
        self._case = None

    @property
    def case(self) -> Case | None:
        """Give what the records say by now; None if none of them begins an alert.

        What comes after the last of one that was forgotten makes no alert.
        """
        if self._case is None:
            self._case = self.judged(self.actions.values())
        return self._case

    def judged(self, actions: Iterable[Action]) -> Case | None:
        """Give what the events come to with these actions."""
        events = [*dropwhile(lambda one: not begins(one), self.events.values())]
        return judge(events, actions) if events else None

    @property
    def history(self) -> History | None:
        """Give them all; None if none of them begins an alert."""
        case = self.case
        if case is None:
            return None
        return History([*self.events.values()], [*self.actions.values()], case)

    @property
    def over(self) -> bool:
        """Whether nothing is left to do, and nothing goes on."""
        history = self.history
        return history is not None and is_over(history)


class Filed(msgspec.Struct, frozen=True, gc=False):
    """The records of one alert, packed, and what is asked of it without looking into them.

    ``who``: whose it is; empty if no alert is known. ``latest_ms``: its last event's time.
    ``over``: it is settled, and the engine does not go on with it.
    """

    who: str
    latest_ms: int
    settled: bool
    over: bool
    packed: bytes

    @property
    def records(self) -> Records:
        """Unpack them."""
        events, actions = _decode(zlib.decompress(self.packed))
        return Records(
            {event.event_id: event for event in events},
            {action.action_id: action for action in actions},
        )


def filed(records: Records) -> Filed:
    """Pack the records of one alert."""
    packed = zlib.compress(
        _encode(([*records.events.values()], [*records.actions.values()])), _LEVEL
    )
    case = records.case
    if case is None:
        return Filed("", 0, settled=False, over=False, packed=packed)
    return Filed(whose(case.demand), case.latest.at_ms, case.settled, records.over, packed)


def whose(event: Transition) -> str:
    """Name the patient of an event, or the subject that belongs to no patient."""
    return event.patient_id or event.subject
