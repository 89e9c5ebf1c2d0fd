"""A reading as a walk judges it: when it comes, or again as a late one has completed its window."""

from collections.abc import Callable, Iterator
from itertools import repeat

import msgspec

from alerts.engine.ladders.findings import Facts
from alerts.engine.readings.columns import Integers
from alerts.engine.readings.sight import Sight, sight_of
from alerts.engine.state.remembered import Entry, is_receipt, sight_of_entry
from alerts.engine.windows.rounds import Rounds
from alerts.engine.windows.timeline import Later

DELAYED_MS_MAX = 24 * 3_600_000
"""Older on arrival than this, or than the newest and no longer fresh: stale."""


class Seen(msgspec.Struct):
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
    describe: Callable[[int], Sight]
    entry: Entry | None = None
    """Of a reading that is judged again what the ring keeps; ``position``: of the late one."""
    _sight: Sight | None = None

    @property
    def sight(self) -> Sight:
        """Describe the reading."""
        if self._sight is None:
            self._sight = self.describe(self.position)
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


def arriving(
    rounds: Rounds, positions: Integers, log_ms: Integers, newest_ms: Integers
) -> Iterator[Seen]:
    """Look at readings that arrive.

    ``log_ms``: the time of the log at each record; ``newest_ms``: when the newest judged reading of
    each one's patient was measured.
    """
    columns, sheet = rounds.columns, rounds.sheet
    measured_ms = columns.measured_ms[positions]
    older = measured_ms < newest_ms
    young = columns.least_age_ms[positions] <= DELAYED_MS_MAX
    facts = (
        *(rungs[positions] for rungs in (sheet.matched, sheet.denied, sheet.returned, sheet.fresh)),
        columns.flagged[positions],
        sheet.uncensored[positions],
        columns.device_clock[positions],
        older,
        columns.trusted[positions] & ~older & young,
        columns.place[positions],
        measured_ms,
        log_ms[columns.entry[positions]],
        rounds.added.day[positions],
        positions,
    )

    def describe(position: int) -> Sight:
        return sight_of(columns.sources[position])

    return map(Seen, *(column.tolist() for column in facts), repeat(describe))


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
        describe=lambda _: sight_of_entry(match.entry, vital.vital, kinds),
    )
