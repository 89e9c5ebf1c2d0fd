"""All rules of a vital against all readings of a batch, at once: no loop over readings here."""

from dataclasses import dataclass

import numpy as np

from alerts.engine.ladders.ladder import VitalLadders, mask
from alerts.engine.readings.columns import Booleans, Columns, Integers, pick
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.remembered import with_circumstances
from alerts.rules.values import Values


@dataclass(frozen=True, slots=True)
class Sheet:
    """Sets of rungs, shape (readings, ladders of the vital).

    See ``alerts.engine.ladders.findings.Facts``. A ladder's lie together: numpy is slow along short
    rows. Rungs that look at more than the reading are in none of them until
    ``alerts.engine.windows.rounds`` puts them in; ``own``: those of N of M whose ``when`` the
    reading itself satisfies. ``able``: rungs that the reading may end, by age, values and quality.
    ``values``: all that a rule may ask for.
    """

    matched: Integers
    denied: Integers
    returned: Integers
    fresh: Integers
    able: Integers
    own: Integers
    in_force: Integers
    uncensored: Booleans
    values: Values


def evaluate(vital: VitalLadders, columns: Columns, state: PartitionState) -> Sheet:
    """Judge every reading by every rung; only rungs in force match."""
    kinds = state.kinds[vital.index]
    chosen = state.chosen(kinds.settings, columns.row, columns.measured_ms)
    values = with_circumstances(columns, kinds, chosen)
    shape = (len(columns), len(vital.ladders))
    matched, denied, returned, fresh, own = (np.zeros(shape, np.int64, "F") for _ in range(5))
    for one in kinds.single:
        plain = one.rung.rule.condition.truth(values)
        widened = one.rung.rule.condition.truth(values, widened=True)
        matched[:, one.place] |= plain.true * np.int64(one.bit)
        denied[:, one.place] |= plain.false * np.int64(one.bit)
        returned[:, one.place] |= widened.false * np.int64(one.bit)
    for one, _ in kinds.counted:
        own[:, one.place] |= one.rung.rule.condition.truth(values).true * np.int64(one.bit)
    young = {
        fresh_ms: columns.trusted & (columns.age_ms <= fresh_ms)
        for fresh_ms in {rung.fresh_ms for ladder in vital.ladders for rung in ladder.rungs}
    }
    for place, ladder in enumerate(vital.ladders):
        for fresh_ms in {rung.fresh_ms for rung in ladder.rungs}:
            rungs = mask(n for n, rung in enumerate(ladder.rungs) if rung.fresh_ms == fresh_ms)
            fresh[:, place] |= young[fresh_ms] * np.int64(rungs)
    in_force = np.zeros(shape, np.int64, "F")
    for place, ladder in enumerate(vital.ladders):
        in_force[:, place] = state.in_force[columns.row, ladder.index]
    uncensored = ~(values.beyond != 0).any(axis=1)
    able = uncensored & ~columns.flagged
    return Sheet(
        matched=matched & in_force,
        denied=denied,
        returned=returned,
        fresh=fresh,
        able=fresh * able[:, None],
        own=own & in_force,
        in_force=in_force,
        uncensored=uncensored,
        values=values,
    )


def settle_newest(
    state: PartitionState, vital: VitalLadders, columns: Columns, sheet: Sheet, positions: Integers
) -> None:
    """Note readings as the newest of their patients, each of another one.

    Whether a window has returned is asked when it must be known: a late reading can change it.
    """
    kinds = state.kinds[vital.index]
    row = pick(columns.row, positions)
    state.newest_ms[row, vital.index] = pick(columns.measured_ms, positions)
    told = pick(columns.device_clock, positions)
    for place, ladder in enumerate(vital.ladders):
        ends = pick(sheet.returned[:, place], positions) | kinds.windowed[place]
        ends &= pick(sheet.able[:, place], positions)
        if kinds.critical[place]:
            ends &= np.where(told, -1, ~kinds.critical[place])
        state.clear[row, ladder.index] = ends
