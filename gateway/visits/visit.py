"""One visit to one device, as its table says: events in, orders out, no clock.

An event that the table does not know in a state is a bug, and raises.
"""

from dataclasses import dataclass
from random import Random

from gateway.visits.table import (
    ANSWERS,
    COMPLETE,
    DEADLINES_S,
    TRANSITIONS,
    Command,
    Event,
    Guard,
    State,
)
from schemas.gatt.quirks import Quirk

CONNECT_PAUSES_S = (0.1, 0.25)  # between quick tries, give or take half
CONNECT_SHORTEST_S = 1.0  # a try with less time left is not worth its begin


class IllegalEvent(Exception):
    """A programmer's error: the shell told something that cannot happen in this state."""


@dataclass(frozen=True, slots=True)
class Order:
    """One command: begin it ``after_s`` from now, and give it up ``within_s`` after that."""

    command: Command
    after_s: float
    within_s: float


class Visit:
    """One visit. ``begin`` it, then answer each order with the event that it ended in."""

    def __init__(
        self,
        rng: Random,
        quirk: Quirk | None = None,
        *,
        bonded: bool = True,
        may_bond_anew: bool = False,
    ) -> None:
        """Visit a device of this kind; the kind may become known later.

        ``may_bond_anew``: it drops its bonds, and is told from others by its serial number.
        """
        self._rng = rng
        self._bonded = bonded
        self._may_bond_anew = may_bond_anew
        self.quirk = quirk
        self.state = State.SEEN
        self._outcome: str | None = None
        self._command = Command.AWAIT_TURN
        self._deadline_ms = 0
        self._tries = 0
        self._refused = 0
        self.linked: bool | None = None
        """Whether a link came about, if only for a moment; None: that was not tried."""

    @property
    def outcome(self) -> str:
        """How it went: ``COMPLETE``, or the first reason why not."""
        return self._outcome or COMPLETE

    def begin(self, now_ms: int) -> Order:
        """Begin with a sighting at ``now_ms`` (monotonic)."""
        self._deadline_ms = now_ms + int(DEADLINES_S[State.SEEN] * 1000)
        return self._order(State.SEEN, Command.AWAIT_TURN, now_ms, 0.0)

    def handle(self, event: Event, now_ms: int, outcome: str | None = None) -> Order:
        """Take what an order ended in; raise ``IllegalEvent`` for what the table does not know.

        ``outcome``: what a dialogue with the device says of itself, if it went wrong.
        """
        if outcome is not None and outcome != COMPLETE:
            self._outcome = self._outcome or outcome
        self._refused += event is Event.LINK_REFUSED
        self._note_link(event)
        answers = ANSWERS.get(event, self._command) is self._command
        edges = TRANSITIONS[self.state].get(event, ()) if answers else ()
        edge = next((edge for edge in edges if self._holds(edge.when, now_ms)), None)
        if edge is None:
            message = f"{event.name} in {self.state.name}"
            raise IllegalEvent(message)
        self._outcome = self._outcome or edge.outcome
        return self._order(edge.to, edge.command, now_ms, self._pause_s(edge.command))

    def _note_link(self, event: Event) -> None:
        if event in (Event.LINK_UP, Event.LINK_REFUSED, Event.BONDED_ANEW):
            self.linked = True
        elif self._command is Command.CONNECT and event is not Event.ADAPTER_LOST:
            self.linked = self.linked or (None if event is Event.VANISHED else False)

    def _order(self, to: State, command: Command, now_ms: int, after_s: float) -> Order:
        if to is not self.state:
            self._deadline_ms = now_ms + int(DEADLINES_S[to] * 1000)
        self.state, self._command = to, command
        left_s = (self._deadline_ms - now_ms) / 1000 - after_s
        return Order(command, after_s, max(0.0, left_s))

    def _pause_s(self, command: Command) -> float:
        if command is Command.CONNECT:
            self._tries += 1
            first = self._tries == 1
            return 0.0 if first else CONNECT_PAUSES_S[self._tries - 2] * self._rng.uniform(0.5, 1.5)
        if command is Command.SUBSCRIBE and self.quirk is not None:
            return self.quirk.pause_before_subscribing_s
        return 0.0

    def _holds(self, guard: Guard | None, now_ms: int) -> bool:
        match guard:
            case None:
                return True
            case Guard.ANOTHER_TRY_FITS:
                if self._tries > len(CONNECT_PAUSES_S):
                    return False
                needed_s = CONNECT_PAUSES_S[self._tries - 1] * 1.5 + CONNECT_SHORTEST_S
                return now_ms + needed_s * 1000 <= self._deadline_ms
            case Guard.UNBONDED:
                return self._may_bond_anew and not self._bonded
            case Guard.MAY_BOND_ANEW:
                return self._may_bond_anew
            case Guard.REFUSED_TWICE:  # slow tries: the third, begun in time, outlasts the window
                return self._may_bond_anew and self._refused > 1
            case Guard.LEAVES_AFTER_BONDING:
                return self.quirk is not None and self.quirk.disconnect_after_bonding
            case Guard.COMPLETE:
                return self._outcome is None
