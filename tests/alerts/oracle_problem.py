"""One ladder of one patient: what holds, what waits, on what it rests, and what was ended."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from tests.alerts.oracle_rules import DAY

if TYPE_CHECKING:
    from tests.alerts.oracle_case import Case

KNOWN_MATCHES = 8
"""On so many matches an alert is known to rest; what rests on others too is never taken back."""
KNOWN_OVERDUE = 4
KNOWN_ENDS = 4
KNOWN_ENDS_MS = 28 * DAY
"""So many ends of a ladder are known, and for so long."""


@dataclass
class Waiting:
    """A flagged match that waits for a repeat."""

    case: "Case"
    rules: set[str]
    deadline_ms: int
    within_ms: int
    delayed: bool


@dataclass
class Awaiting:
    """One unflagged extreme reading: it is on the feed, and its page waits."""

    case: "Case"
    rules: set[str]
    deadline_ms: int
    within_ms: int


@dataclass
class Match:
    """A reading on which an alert rests, for the rules that it matched."""

    reading_id: str
    at_ms: int
    rules: set[str]


@dataclass
class End:
    """What readings ended: ``was`` is as it was before, ``enders`` name them by rule.

    Of what was over before it came, the newest reading then is the ender, whichever that was: "".
    """

    was: "Problem"
    enders: dict[str, str]
    at_ms: int


@dataclass(frozen=True)
class Gone:
    """An alert of which a version has left out rules: who spoke before."""

    ladder: str
    rank: int
    rule: str
    origin: str
    reading_id: str


@dataclass
class Problem:
    """``beyond``: rules that rest on matches older than those that are known, too.

    ``overdue``: what has waited in vain; a repeat may still come that was measured in time.
    """

    holding: set[str] = field(default_factory=set)
    lowered: set[str] = field(default_factory=set)
    last_match_ms: float = float("-inf")
    origin: str = ""
    waiting: list[Waiting] = field(default_factory=list)
    overdue: list[Waiting] = field(default_factory=list)
    awaiting: Awaiting | None = None
    flagged: list[tuple[int, set[str]]] = field(default_factory=list)
    mean_said: dict[str, date] = field(default_factory=dict)
    before: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
    rests: list[Match] = field(default_factory=list)
    beyond: set[str] = field(default_factory=set)
    ends: list[End] = field(default_factory=list)

    def note_before(self) -> None:
        """Remember what holds, and what counts lower, before something changes."""
        self.before = frozenset(self.holding), frozenset(self.lowered)

    def rest_on(self, reading_id: str, at_ms: int, rules: Iterable[str]) -> None:
        self.last_match_ms = max(self.last_match_ms, at_ms)
        self._rest([*self.rests, Match(reading_id, at_ms, set(rules))])

    def _rest(self, matches: list[Match]) -> None:
        for match in matches[:-KNOWN_MATCHES]:
            self.beyond |= match.rules
        self.rests = matches[-KNOWN_MATCHES:]

    def let_go(self, rules: Iterable[str]) -> None:
        """These hold no more, and rest on nothing."""
        self.holding -= set(rules)
        self.lowered &= self.holding
        self.beyond &= self.holding
        for match in self.rests:
            match.rules &= self.holding
        self.rests = [match for match in self.rests if match.rules]

    def drop(self, rules: Iterable[str]) -> None:
        """Forget rules: nothing waits for them, and nothing of them comes back."""
        gone = set(rules)
        self.let_go(gone)
        self.flagged = [(when, names - gone) for when, names in self.flagged]
        for waiting in [*self.waiting, *self.overdue]:
            waiting.rules -= gone
        self.waiting = [waiting for waiting in self.waiting if waiting.rules]
        if self.awaiting is not None:
            self.awaiting.rules -= gone
            self.awaiting = self.awaiting if self.awaiting.rules else None
        for end in self.ends:
            end.was.drop(gone)
        self.forget_ends()

    def forget_ends(self) -> None:
        """Nothing is left of some."""
        self.ends = [end for end in self.ends if end.was.holding]

    # -- what was ended ---------------------------------------------------------------------------

    def part(self, rules: Iterable[str]) -> "Problem":
        """Copy what is known of some rules."""
        some = set(rules)
        awaiting = self.awaiting
        if awaiting is not None:
            left = awaiting.rules & some
            whole = awaiting.case, left, awaiting.deadline_ms, awaiting.within_ms
            awaiting = Awaiting(*whole) if left else None
        return Problem(
            holding=some & self.holding,
            lowered=self.lowered & some,
            last_match_ms=self.last_match_ms,
            origin=self.origin,
            awaiting=awaiting,
            rests=[
                Match(match.reading_id, match.at_ms, match.rules & some)
                for match in self.rests
                if match.rules & some
            ],
            beyond=self.beyond & some,
        )

    def join(self, other: "Problem") -> None:
        """Let what another one holds hold here, too, with all on which it rests."""
        full = (self.holding - self.lowered) | (other.holding - other.lowered)
        self.holding |= other.holding
        self.lowered = self.holding - full
        self.last_match_ms = max(self.last_match_ms, other.last_match_ms)
        self.beyond |= other.beyond
        matches = {match.reading_id: match for match in other.part(other.holding).rests}
        for match in self.rests:
            matches.setdefault(match.reading_id, match).rules |= match.rules
        self._rest(sorted(matches.values(), key=lambda one: (one.at_ms, one.reading_id)))
        self.awaiting = self.awaiting or other.awaiting

    def ended(self, rules: set[str], by: str, log_ms: int) -> None:
        """Remember what a reading ends; what had ended of the same alert before is part of it."""
        was, enders, others = self.part(rules), dict.fromkeys(rules, by), list[End]()
        for earlier in self.ends:
            if earlier.was.origin != self.origin:
                others.append(earlier)
                continue
            left = earlier.was.holding - self.holding
            enders |= {rule: earlier.enders[rule] for rule in left}
            was.join(earlier.was.part(left))
        self.ends = [*others, End(was, enders, log_ms)][-KNOWN_ENDS:]

    def never_held(self, was: "Problem", by: str, log_ms: int) -> None:
        """Remember a match that opened nothing, for a reading had contradicted it."""
        was.holding = set().union(*(match.rules for match in was.rests))
        was.last_match_ms = was.rests[-1].at_ms
        was.origin = was.rests[-1].reading_id
        self.ends = [*self.ends, End(was, dict.fromkeys(was.holding, by), log_ms)][-KNOWN_ENDS:]

    def forget_old_ends(self, log_ms: int) -> None:
        self.ends = [end for end in self.ends if log_ms - end.at_ms <= KNOWN_ENDS_MS]
