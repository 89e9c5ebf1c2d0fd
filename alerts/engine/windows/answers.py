"""What repeats that are here already say of a flagged match that comes after them.

Some cuffs tell their newest record first: of two readings the later one is the repeat. The first
that knows answers, as it would have in the order of measurement, and nobody is asked again. Of
those that were flagged themselves nothing is known but that they matched.
"""

from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace

from alerts.engine.ladders.findings import Denial, Facts
from alerts.engine.readings.identity import name_of
from alerts.engine.state.memory import Structured
from alerts.engine.state.remembered import values_of_entries
from alerts.engine.transitions.ended import BY_THE_NEWEST
from alerts.engine.windows.rounds import Rounds


def answered(facts: Facts, rounds: Rounds, row: int, place: int, later: Structured) -> Facts:
    """Add what repeats say; ``later``: the kept readings after the match, oldest first."""
    repeated, denials = 0, []
    for bit, within_ms, known in _known(facts, rounds, row, place, later):
        if known is None:
            apart_ms = int(rounds.state.newest_ms[row, rounds.vital.index]) - facts.measured_ms
            if facts.cleared & bit and apart_ms <= within_ms:
                denials.append(Denial(bit, *BY_THE_NEWEST, within_ms))
            continue
        number, true = known
        if true:
            repeated |= bit
            continue
        entry = later[number]
        name = name_of(int(entry["high"]), int(entry["low"]))
        denials.append(Denial(bit, name, int(entry["at_ms"]), within_ms))
    return replace(facts, repeated=repeated, denials=_together(denials))


def _known(
    facts: Facts, rounds: Rounds, row: int, place: int, later: Structured
) -> Iterator[tuple[int, int, tuple[int, bool] | None]]:
    """Give of each rung that the match satisfies the first repeat that knows, and what it says."""
    kinds, rows = rounds.kinds, np.full(len(later), row)
    chosen = rounds.state.chosen(kinds.settings, rows, later["at_ms"])
    values = values_of_entries(later, kinds, chosen)
    for one in kinds.single:
        if one.place != place or not facts.matched & one.bit:
            continue
        within_ms, truth = one.rung.rule.repeat_within_ms, one.rung.rule.condition.truth(values)
        near = later["at_ms"] - facts.measured_ms <= within_ms
        known = np.flatnonzero(near & (truth.true | truth.false))
        first = (int(known[0]), bool(truth.true[known[0]])) if len(known) else None
        yield one.bit, within_ms, first


def _together(denials: list[Denial]) -> tuple[Denial, ...]:
    """Let one repeat deny all its rungs at once: they wait on together if it is taken back."""
    found: dict[tuple[int, str, int], Denial] = {}
    for one in denials:
        key = one.measured_ms, one.reading_id, one.within_ms
        rungs = one.rungs | (found[key].rungs if key in found else 0)
        found[key] = replace(one, rungs=rungs)
    return tuple(found[key] for key in sorted(found))
