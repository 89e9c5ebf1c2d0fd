"""All rules of a vital against all readings of a batch, at once: no loop over readings here."""

from dataclasses import dataclass

import numpy as np

from alerts.engine.columns import Booleans, Columns, Integers
from alerts.engine.ladders import VitalLadders
from alerts.engine.state import PartitionState


@dataclass(frozen=True, slots=True)
class Sheet:
    """Sets of rungs, shape (readings, ladders of the vital); see ``alerts.engine.findings.Facts``.

    ``clear``: the reading, being the newest, meets every return condition of the ladder.
    """

    matched: Integers
    denied: Integers
    returned: Integers
    fresh: Integers
    clear: Booleans
    uncensored: Booleans

    def loud(self) -> Booleans:
        """Tell which readings match anything."""
        loud: Booleans = np.logical_or.reduce(self.matched != 0, axis=1)
        return loud


def evaluate(vital: VitalLadders, columns: Columns, state: PartitionState) -> Sheet:
    """Judge every reading by every rung; only rungs in force match."""
    shape = (len(columns), len(vital.ladders))
    matched, denied, returned, fresh = (np.zeros(shape, np.int64) for _ in range(4))
    for place, ladder in enumerate(vital.ladders):
        for number, rung in enumerate(ladder.rungs):
            bit = np.int64(1 << number)
            plain = rung.rule.condition.truth(columns.values)
            widened = rung.rule.condition.truth(columns.values, widened=True)
            young = columns.trusted & (columns.age_ms <= rung.fresh_ms)
            matched[:, place] |= plain.true * bit
            denied[:, place] |= plain.false * bit
            returned[:, place] |= widened.false * bit
            fresh[:, place] |= young * bit
    in_force = state.in_force[columns.row][:, [ladder.index for ladder in vital.ladders]]
    uncensored = ~np.logical_or.reduce(columns.values.beyond != 0, axis=1)
    able = uncensored & columns.trusted & ~columns.flagged
    critical = in_force & np.array([ladder.critical for ladder in vital.ladders])
    sure = columns.device_clock[:, None] | (critical == 0)
    clear = able[:, None] & sure & (in_force != 0) & (in_force & ~(returned & fresh) == 0)
    return Sheet(matched & in_force, denied, returned, fresh, clear, uncensored)
