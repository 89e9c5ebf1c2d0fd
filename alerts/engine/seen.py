"""A reading as a walk judges it: when it comes, or again as a late one has completed its window."""

from collections.abc import Callable
from dataclasses import dataclass

from alerts.engine.findings import Facts
from alerts.engine.remembered import Entry, is_receipt, sight_of_entry
from alerts.engine.rounds import Rounds
from alerts.engine.sight import Sight, sight_of
from alerts.engine.timeline import Later

DELAYED_MS_MAX = 24 * 3_600_000
"""Older on arrival than this, or than the newest and no longer fresh: stale."""


@dataclass(slots=True)
class Seen:
    """What the arrays say of a reading; sets of rungs, one for each ladder of the vital.

    What it costs to describe it is paid only if somebody asks.
    """

    matched: list[int]
    denied: list[int]
    returned: list[int]
    fresh: list[int]
    flagged: bool
    uncensored: bool
    device_clock: bool
    older: bool
    delayed: bool
    """If it is not fresh, it is delayed and not stale."""
    place: int
    measured_ms: int
    log_ms: int
    day: int
    position: int
    describe: Callable[[], Sight]
    entry: Entry | None = None
    """Of a reading that is judged again what the ring keeps; ``position``: of the late one."""
    _sight: Sight | None = None

    @property
    def sight(self) -> Sight:
        """Describe the reading."""
        if self._sight is None:
            self._sight = self.describe()
        return self._sight

    def stale(self, number: int) -> int:
        """Give the rungs that match, though the reading is stale for them."""
        return 0 if self.delayed else self.matched[number] & ~self.fresh[number]

    def facts(self, number: int, cleared: int) -> Facts | None:
        """Give what one ladder needs to know; None if the reading is stale for all its rungs."""
        judged = -1 if self.delayed else self.fresh[number]
        if not judged:
            return None
        return Facts(
            matched=self.matched[number] & judged,
            denied=self.denied[number] & judged,
            returned=self.returned[number],
            fresh=self.fresh[number],
            flagged=self.flagged,
            uncensored=self.uncensored,
            device_clock=self.device_clock,
            older=self.older,
            cleared=cleared,
            measured_ms=self.measured_ms,
            log_ms=self.log_ms,
            sight=self.sight,
            day=self.day,
        )


def arriving(rounds: Rounds, position: int, log_ms: int, *, older: bool) -> Seen:
    """Look at a reading that arrives."""
    columns, sheet = rounds.columns, rounds.sheet
    least_age_ms = int(columns.least_age_ms[position])
    return Seen(
        matched=sheet.matched[position].tolist(),
        denied=sheet.denied[position].tolist(),
        returned=sheet.returned[position].tolist(),
        fresh=sheet.fresh[position].tolist(),
        flagged=bool(columns.flagged[position]),
        uncensored=bool(sheet.uncensored[position]),
        device_clock=bool(columns.device_clock[position]),
        older=older,
        delayed=bool(columns.trusted[position]) and not older and least_age_ms <= DELAYED_MS_MAX,
        place=int(columns.place[position]),
        measured_ms=int(columns.measured_ms[position]),
        log_ms=log_ms,
        day=int(rounds.added.day[position]),
        position=position,
        describe=lambda: sight_of(columns.sources[position]),
    )


def again(rounds: Rounds, match: Later, by: Seen, ages: tuple[int, int]) -> Seen:
    """Look at a reading that ``by``, which came late, made match.

    ``ages``: when the record was received, and when the newest reading was measured.
    """
    vital, kinds = rounds.vital, rounds.kinds
    received_ms, newest_ms = ages
    measured_ms = match.entry[0]
    age_ms, older = received_ms - measured_ms, measured_ms < newest_ms
    nothing = [0] * len(vital.ladders)
    return Seen(
        matched=match.rungs,
        denied=nothing,
        returned=nothing,
        fresh=[
            sum(1 << n for n, rung in enumerate(ladder.rungs) if age_ms <= rung.fresh_ms)
            for ladder in vital.ladders
        ],
        flagged=False,
        uncensored=True,
        device_clock=not is_receipt(match.entry),
        older=older,
        delayed=not older and age_ms <= DELAYED_MS_MAX,
        place=by.place,
        measured_ms=measured_ms,
        log_ms=by.log_ms,
        day=match.day,
        position=by.position,
        entry=match.entry,
        describe=lambda: sight_of_entry(match.entry, vital.vital, kinds),
    )
