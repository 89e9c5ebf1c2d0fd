"""What is remembered of one patient on one ladder; nothing of most patients on most ladders."""

import msgspec

from alerts.engine.ladders.ladder import bits
from alerts.engine.readings.sight import Sight

LONG_AGO_MS = -(2**62)
BASIS_MAX = 8
"""Matches of an open alert that are known one by one: a correction of them may retract it."""
UNANSWERED_MAX = 4
"""Flagged matches whose repeat may still come late: a rung has two of them before its third counts
as confirmed."""
UNANSWERED_MS = 24 * 3_600_000
"""So long after its time, by log time: what was measured in time and comes later is stale."""


class Pending(msgspec.Struct):
    """A flagged match that waits for a repeat measured at most ``repeat_within_ms`` after it.

    At ``deadline_ms`` of log time it opens unverified.
    """

    sight: Sight
    rungs: int
    deadline_ms: int
    repeat_within_ms: int
    delayed: bool


class Unanswered(msgspec.Struct):
    """A flagged match whose wait is over: a repeat measured in its time may come yet."""

    reading_id: str
    measured_ms: int
    rungs: int
    repeat_within_ms: int


class Awaiting(msgspec.Struct):
    """An extreme reading that latched ``rungs``, on the feed at once, whose page waits.

    It comes by a repeat measured at most ``within_ms`` later, or at ``deadline_ms`` of log time.
    """

    sight: Sight
    rungs: int
    deadline_ms: int
    within_ms: int


class Match(msgspec.Struct):
    """A reading on which an open alert rests, and the rungs that it matched."""

    reading_id: str
    measured_ms: int
    rungs: int


class Ended(msgspec.Struct):
    """Rungs that held until readings met their return conditions: one may yet prove to be wrong.

    ``held``: what was remembered of them; ``enders``: of each the reading that ended it, and when
    that was measured; ``at_ms``: log time.
    """

    held: "LadderState"
    enders: dict[int, tuple[str, int]]
    at_ms: int


class LadderState(msgspec.Struct):
    """Rungs that hold (``latched``), those among them that count one severity lower, and the rest.

    ``flagged``: measurement time and rungs of recent flagged matches. ``basis``: the last matches
    of the rungs that hold; ``older``: rungs that also rest on matches no longer among them.
    ``said``: the last day of the patient on which each rung of a mean was spoken of. ``ended``: see
    ``alerts.engine.transitions.ended``.
    """

    latched: int = 0
    lowered: int = 0
    last_match_ms: int = LONG_AGO_MS
    onset_reading_id: str = ""
    pending: list[Pending] = []
    unanswered: list[Unanswered] = []
    flagged: list[tuple[int, int]] = []
    awaiting: Awaiting | None = None
    basis: list[Match] = []
    older: int = 0
    said: dict[int, int] = {}
    ended: list[Ended] = []

    def silent(self, rungs: int, day: int) -> bool:
        """Tell whether a match of rungs about means adds nothing to what was said that day."""
        return not rungs & ~(self.latched & ~self.lowered) and all(
            self.said.get(rung) == day for rung in bits(rungs)
        )

    def rest_on(self, reading_id: str, measured_ms: int, rungs: int) -> None:
        """Remember a match of rungs that hold now."""
        self.last_match_ms = max(self.last_match_ms, measured_ms)
        self.basis = [*self.basis, Match(reading_id, measured_ms, rungs)]
        for match in self.basis[:-BASIS_MAX]:
            self.older |= match.rungs
        self.basis = self.basis[-BASIS_MAX:]

    def note_unanswered(self, pending: Pending) -> None:
        """Remember a flagged match that nobody repeated in time; of many the last ones."""
        sight, within_ms = pending.sight, pending.repeat_within_ms
        one = Unanswered(sight.reading_id, sight.measured_at_ms, pending.rungs, within_ms)
        self.unanswered = [*self.unanswered, one][-UNANSWERED_MAX:]

    def hold(self, rungs: int, full: int) -> None:
        """Let rungs hold: in full if in ``full``, else one lower unless they held already."""
        newly = rungs & ~self.latched
        self.lowered = (self.lowered | newly) & ~(rungs & full)
        self.latched |= rungs

    def drop(self, rungs: int) -> None:
        """Forget rungs, and all that waits for them."""
        self.let_go(rungs)
        for pending in self.pending:
            pending.rungs &= ~rungs
        self.pending = [pending for pending in self.pending if pending.rungs]
        for unanswered in self.unanswered:
            unanswered.rungs &= ~rungs
        self.unanswered = [unanswered for unanswered in self.unanswered if unanswered.rungs]
        self.flagged = [(at_ms, left) for at_ms, of in self.flagged if (left := of & ~rungs)]
        if self.awaiting is not None:
            self.awaiting.rungs &= ~rungs
            self.awaiting = self.awaiting if self.awaiting.rungs else None
        for ended in self.ended:
            ended.held.drop(rungs)
        self.forget_ended()

    def forget_ended(self) -> None:
        """Forget ended alerts of which no rung is left."""
        self.ended = [ended for ended in self.ended if ended.held.latched]

    def let_go(self, rungs: int) -> None:
        """Let rungs hold no more, and forget on what they rested."""
        self.latched &= ~rungs
        self.lowered &= self.latched
        self.older &= self.latched
        for match in self.basis:
            match.rungs &= self.latched
        self.basis = [match for match in self.basis if match.rungs]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to remember."""
        waits = self.pending or self.unanswered
        return not (self.latched or waits or self.flagged or self.ended)

    @property
    def waits(self) -> bool:
        """Whether a reading may be a repeat, in time or late, that somebody waits for."""
        return bool(self.pending or self.unanswered or self.awaiting)

    @property
    def deadline_ms(self) -> int | None:
        """When the first of its timers fires; None if none is set."""
        if not self.pending:
            return None if self.awaiting is None else self.awaiting.deadline_ms
        times_ms = [pending.deadline_ms for pending in self.pending]
        if self.awaiting is not None:
            times_ms.append(self.awaiting.deadline_ms)
        return min(times_ms)
