"""The connection policy as a table: states, events, commands, and what follows from what.

Rule 1: whatever decides how a visit goes on stands in ``TRANSITIONS``; ``gateway.visits.visit``
follows it, and the shell (gateway/bluetooth/session.py) only carries out orders and tells what
happened, one event per order.
Rule 2: a cuff is awake for 10 to 30 s, so all tries to connect share ``WAKE_WINDOW_S``; after that
the next advertisement begins a new visit, and ``gateway.visits.dialling`` says when that may be.
Rule 3: what could make a device forget comes last. The clock is set only after ``DRAINED``, which
the shell tells only when every record is on the disk; before it disconnects it waits for the disk.
"""

from dataclasses import dataclass
from enum import Enum

WAKE_WINDOW_S = 10.0

COMPLETE = "complete"
NOT_BONDED = "not-bonded"
_NO_TURN = "no-turn"
_BONDED = "bonded"
BONDED_ELSEWHERE = "bonded-elsewhere"
"""Another adapter holds its bond and will hear it too; no visit was begun."""
UNFINISHED = frozenset({_NO_TURN, _BONDED, BONDED_ELSEWHERE})
"""Outcomes of visits that are no failures, and are to be begun anew at the next sighting."""


class State(Enum):
    """Where a visit stands."""

    SEEN = "seen"
    CONNECTING = "connecting"
    BONDING = "bonding"
    SUBSCRIBING = "subscribing"
    SYNCING = "syncing"
    DRAINING = "draining"
    DONE = "done"
    BACKOFF = "backoff"


class Event(Enum):
    """What happened; the value is for people."""

    TURN = "its turn"
    LINK_UP = "connected, with services"
    CONNECT_FAILED = "connect failed"
    LINK_REFUSED = "link ended at once"
    VANISHED = "bluetoothd knows it no more"
    BONDED = "encrypted with its bond"
    BONDED_ANEW = "a new bond"
    NOT_BONDED = "no bond"
    ACQUAINTED = "clock and features read"
    REFUSED = "not the device that was admitted"
    SUBSCRIBED = "subscribed"
    SYNCED = "nothing more to ask"
    DRAINED = "silent, all on disk"
    CLOCK_SET = "clock set"
    CLOSED = "disconnected"
    LEFT = "left, all given"
    LINK_LOST = "link lost"
    FAILED = "no answer"
    DISK_REFUSES = "disk refuses"
    ADAPTER_LOST = "adapter lost"
    DEADLINE = "deadline"


class Command(Enum):
    """What the shell is to do next."""

    AWAIT_TURN = "await the adapter"
    CONNECT = "connect"
    BOND = "bond"
    BOND_ANEW = "pair anew"
    READ = "read acquaintance"
    SUBSCRIBE = "subscribe"
    SYNC = "sync"
    DRAIN = "drain"
    SET_CLOCK = "set clock"
    DISCONNECT = "disconnect"
    REST = "rest"


class Guard(Enum):
    """A condition on an edge; the edges of one event are tried in their order."""

    ANOTHER_TRY_FITS = "another try fits the wake window"
    UNBONDED = "no bond here, may be paired anew"
    MAY_BOND_ANEW = "may be paired anew"
    REFUSED_TWICE = "two links ended at once, may be paired anew"
    LEAVES_AFTER_BONDING = "its pairing ends with the link"
    COMPLETE = "complete"


ANSWERS = {
    Event.TURN: Command.AWAIT_TURN,
    Event.LINK_UP: Command.CONNECT,
    Event.CONNECT_FAILED: Command.CONNECT,
    Event.LINK_REFUSED: Command.CONNECT,
    Event.VANISHED: Command.CONNECT,
    Event.BONDED: Command.BOND,
    Event.BONDED_ANEW: Command.BOND_ANEW,
    Event.ACQUAINTED: Command.READ,
    Event.REFUSED: Command.READ,
    Event.SUBSCRIBED: Command.SUBSCRIBE,
    Event.SYNCED: Command.SYNC,
    Event.DRAINED: Command.DRAIN,
    Event.CLOCK_SET: Command.SET_CLOCK,
    Event.CLOSED: Command.DISCONNECT,
}
"""Which command an event ends; those that are not here may end any."""

DEADLINES_S = {
    State.SEEN: 30.0,  # no cuff is awake for longer
    State.CONNECTING: WAKE_WINDOW_S,
    State.BONDING: 30.0,  # the Security Manager's own timeout
    State.SUBSCRIBING: 60.0,  # a dozen reads and subscriptions, each with a shorter wait
    State.SYNCING: 1800.0,  # the dialogue has its own timeout, re-armed by each record
    State.DRAINING: 300.0,  # a cuff's whole memory, or a disk that is full and may be freed
    State.DONE: 30.0,  # bluetoothd takes 2.0 to 2.8 s to disconnect
    State.BACKOFF: 0.0,
}
"""The longest stay in each state, in seconds since it was entered."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One row of the table: where to, what to do there, on which condition, with which outcome.

    ``outcome`` is a word for metrics; the first one that a visit meets is the one that it keeps.
    """

    to: State
    command: Command
    when: Guard | None = None
    outcome: str | None = None


_OVER = Edge(State.BACKOFF, Command.REST)
_LEAVE = Edge(State.DONE, Command.DISCONNECT)
_ADAPTER_LOST = Edge(State.BACKOFF, Command.REST, outcome="bluetooth-lost")
_LINK_LOST = Edge(State.BACKOFF, Command.REST, outcome="link-lost")
_NOT_BONDED = Edge(State.DONE, Command.DISCONNECT, outcome=NOT_BONDED)
_NO_ANSWER = Edge(State.DONE, Command.DISCONNECT, outcome="link-failed")
_REFUSED = Edge(State.DONE, Command.DISCONNECT, outcome="refused")
_TOO_LONG = Edge(State.DONE, Command.DISCONNECT, outcome="too-long")
_DISK = Edge(State.DONE, Command.DISCONNECT, outcome="journal")

TRANSITIONS: dict[State, dict[Event, tuple[Edge, ...]]] = {
    State.SEEN: {
        Event.TURN: (
            Edge(State.BONDING, Command.BOND_ANEW, when=Guard.UNBONDED),
            Edge(State.CONNECTING, Command.CONNECT),
        ),
        Event.DEADLINE: (Edge(State.BACKOFF, Command.REST, outcome=_NO_TURN),),
        Event.ADAPTER_LOST: (_ADAPTER_LOST,),
    },
    State.CONNECTING: {
        Event.LINK_UP: (Edge(State.BONDING, Command.BOND),),
        Event.CONNECT_FAILED: (
            Edge(State.CONNECTING, Command.CONNECT, when=Guard.ANOTHER_TRY_FITS),
            Edge(State.BACKOFF, Command.REST, outcome="link-failed"),
        ),
        Event.LINK_REFUSED: (
            Edge(State.CONNECTING, Command.CONNECT, when=Guard.ANOTHER_TRY_FITS),
            Edge(State.BONDING, Command.BOND_ANEW, when=Guard.MAY_BOND_ANEW),
            Edge(State.BACKOFF, Command.REST, outcome="link-failed"),
        ),
        Event.VANISHED: (Edge(State.BACKOFF, Command.REST, outcome="vanished"),),
        Event.DEADLINE: (
            Edge(State.BONDING, Command.BOND_ANEW, when=Guard.REFUSED_TWICE),
            _NO_ANSWER,
        ),
        Event.ADAPTER_LOST: (_ADAPTER_LOST,),
    },
    State.BONDING: {
        Event.BONDED: (Edge(State.SUBSCRIBING, Command.READ),),
        Event.BONDED_ANEW: (
            Edge(
                State.DONE,
                Command.DISCONNECT,
                when=Guard.LEAVES_AFTER_BONDING,
                outcome=_BONDED,
            ),
            Edge(State.SUBSCRIBING, Command.READ),
        ),
        Event.NOT_BONDED: (_NOT_BONDED,),
        Event.FAILED: (_NO_ANSWER,),
        Event.LINK_LOST: (_LINK_LOST,),
        Event.DEADLINE: (_TOO_LONG,),
        Event.ADAPTER_LOST: (_ADAPTER_LOST,),
    },
    State.SUBSCRIBING: {
        Event.ACQUAINTED: (Edge(State.SUBSCRIBING, Command.SUBSCRIBE),),
        Event.REFUSED: (_REFUSED,),
        Event.SUBSCRIBED: (Edge(State.SYNCING, Command.SYNC),),
        Event.NOT_BONDED: (_NOT_BONDED,),
        Event.FAILED: (_NO_ANSWER,),
        Event.DISK_REFUSES: (_DISK,),
        Event.LEFT: (_OVER,),  # a fast cuff: everything came before BlueZ answered
        Event.LINK_LOST: (_LINK_LOST,),
        Event.DEADLINE: (_TOO_LONG,),
        Event.ADAPTER_LOST: (_ADAPTER_LOST,),
    },
    State.SYNCING: {
        Event.SYNCED: (Edge(State.DRAINING, Command.DRAIN),),
        Event.NOT_BONDED: (_NOT_BONDED,),
        Event.FAILED: (_NO_ANSWER,),
        Event.DISK_REFUSES: (_DISK,),
        Event.LEFT: (_OVER,),
        Event.LINK_LOST: (_LINK_LOST,),
        Event.DEADLINE: (_TOO_LONG,),
        Event.ADAPTER_LOST: (_ADAPTER_LOST,),
    },
    State.DRAINING: {
        Event.DRAINED: (
            Edge(State.DONE, Command.SET_CLOCK, when=Guard.COMPLETE),
            _LEAVE,
        ),
        Event.LEFT: (_OVER,),  # what a cuff does when it has given everything
        Event.LINK_LOST: (_LINK_LOST,),
        Event.DEADLINE: (_TOO_LONG,),
        Event.ADAPTER_LOST: (_ADAPTER_LOST,),
    },
    State.DONE: {
        Event.CLOCK_SET: (_LEAVE,),
        Event.CLOSED: (_OVER,),
        Event.LEFT: (_OVER,),
        Event.LINK_LOST: (_OVER,),
        Event.DEADLINE: (_OVER,),
        Event.ADAPTER_LOST: (_OVER,),
    },
    State.BACKOFF: {},
}
