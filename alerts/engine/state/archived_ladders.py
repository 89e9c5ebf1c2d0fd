"""What is remembered of a ladder as the archive keeps it: rungs by name, few bytes."""

import msgspec

from alerts.engine.ladders.ladder import Ladder, bits
from alerts.engine.readings.sight import Sight
from alerts.engine.transitions.ladder_state import (
    LONG_AGO_MS,
    Awaiting,
    Ended,
    LadderState,
    Match,
    Pending,
    Unanswered,
)


class KeptPending(msgspec.Struct, frozen=True):
    """A flagged match that waits for a repeat."""

    sight: Sight
    rungs: list[str]
    deadline_ms: int
    repeat_within_ms: int
    delayed: bool


class KeptAwaiting(msgspec.Struct, frozen=True):
    """A page that waits for a confirming repeat."""

    sight: Sight
    rungs: list[str]
    deadline_ms: int
    within_ms: int


class KeptLadder(msgspec.Struct, frozen=True, omit_defaults=True):
    """``LadderState``, with the names of rungs (book/rule) for their places."""

    latched: list[str] = []
    lowered: list[str] = []
    last_match_ms: int = LONG_AGO_MS
    onset_reading_id: str = ""
    pending: list[KeptPending] = []
    unanswered: list[tuple[str, int, list[str], int]] = []
    flagged: list[tuple[int, list[str]]] = []
    awaiting: KeptAwaiting | None = None
    basis: list[tuple[str, int, list[str]]] = []
    older: list[str] = []
    said: dict[str, int] = {}
    clear: bool = False
    ended: "list[KeptEnded]" = []
    voice: tuple[int, str] | None = None
    """Rank and rung of who speaks: what a version of the books leaves of it is told."""


class KeptEnded(msgspec.Struct, frozen=True):
    """An alert that ended, and by which readings."""

    held: KeptLadder
    enders: dict[str, tuple[str, int]]
    at_ms: int


def kept_ladder(ladder: Ladder, held: LadderState) -> KeptLadder:
    """Name what is held."""
    voice = ladder.voice(held.latched, held.lowered)
    return KeptLadder(
        latched=_names(ladder, held.latched),
        lowered=_names(ladder, held.lowered),
        last_match_ms=held.last_match_ms,
        onset_reading_id=held.onset_reading_id,
        pending=[
            KeptPending(
                pending.sight,
                _names(ladder, pending.rungs),
                pending.deadline_ms,
                pending.repeat_within_ms,
                pending.delayed,
            )
            for pending in held.pending
        ],
        unanswered=[
            (one.reading_id, one.measured_ms, _names(ladder, one.rungs), one.repeat_within_ms)
            for one in held.unanswered
        ],
        flagged=[(at_ms, _names(ladder, rungs)) for at_ms, rungs in held.flagged],
        awaiting=_kept(ladder, held.awaiting) if held.awaiting else None,
        basis=[
            (match.reading_id, match.measured_ms, _names(ladder, match.rungs))
            for match in held.basis
        ],
        older=_names(ladder, held.older),
        said={ladder.rungs[rung].key: day for rung, day in held.said.items()},
        ended=[_kept_ended(ladder, ended) for ended in held.ended],
        voice=None if voice is None else (voice[0], ladder.rungs[voice[1]].key),
    )


def _kept_ended(ladder: Ladder, ended: Ended) -> KeptEnded:
    enders = {ladder.rungs[rung].key: ender for rung, ender in ended.enders.items()}
    return KeptEnded(kept_ladder(ladder, ended.held), enders, ended.at_ms)


def held_of(ladder: Ladder, kept: KeptLadder) -> LadderState:
    """Give back what was held; rungs that no longer exist are left out."""
    pending = [
        Pending(
            item.sight,
            _mask(ladder, item.rungs),
            item.deadline_ms,
            item.repeat_within_ms,
            item.delayed,
        )
        for item in kept.pending
    ]
    return LadderState(
        latched=_mask(ladder, kept.latched),
        lowered=_mask(ladder, kept.lowered),
        last_match_ms=kept.last_match_ms,
        onset_reading_id=kept.onset_reading_id,
        pending=[item for item in pending if item.rungs],
        unanswered=[
            Unanswered(reading_id, at_ms, rungs, within_ms)
            for reading_id, at_ms, names, within_ms in kept.unanswered
            if (rungs := _mask(ladder, names))
        ],
        flagged=[(at_ms, _mask(ladder, rungs)) for at_ms, rungs in kept.flagged],
        awaiting=_awaiting(ladder, kept.awaiting) if kept.awaiting else None,
        basis=[
            Match(reading_id, at_ms, rungs)
            for reading_id, at_ms, names in kept.basis
            if (rungs := _mask(ladder, names))
        ],
        older=_mask(ladder, kept.older if kept.basis else kept.latched),
        said={
            place: kept.said[rung.key]
            for place, rung in enumerate(ladder.rungs)
            if rung.key in kept.said
        },
        ended=[ended for one in kept.ended if (ended := _ended(ladder, one)).held.latched],
    )


def _ended(ladder: Ladder, kept: KeptEnded) -> Ended:
    enders = {
        place: kept.enders[rung.key]
        for place, rung in enumerate(ladder.rungs)
        if rung.key in kept.enders
    }
    return Ended(held_of(ladder, kept.held), enders, kept.at_ms)


def _kept(ladder: Ladder, awaiting: Awaiting) -> KeptAwaiting:
    rungs = _names(ladder, awaiting.rungs)
    return KeptAwaiting(awaiting.sight, rungs, awaiting.deadline_ms, awaiting.within_ms)


def _awaiting(ladder: Ladder, kept: KeptAwaiting) -> Awaiting | None:
    rungs = _mask(ladder, kept.rungs)
    return Awaiting(kept.sight, rungs, kept.deadline_ms, kept.within_ms) if rungs else None


def _names(ladder: Ladder, rungs: int) -> list[str]:
    return [ladder.rungs[rung].key for rung in bits(rungs)]


def _mask(ladder: Ladder, names: list[str]) -> int:
    places = {rung.key: place for place, rung in enumerate(ladder.rungs)}
    return sum(1 << places[name] for name in names if name in places)
