"""A log judged as a whole and record by record: the same is said, and the same is remembered.

By records each reading comes in a round of arrays; in a longer log a patient's later readings, and
all of one who sends late or twice, are taken one by one.
"""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from alerts.engine.ladders.ladder import RuleSet
from alerts.engine.state.memory import RECENT_MAX, Memory
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.engine.transitions.ended import KEPT_MS
from alerts.engine.transitions.ladder_state import LadderState
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from schemas.registry import PatientEntry
from tests.alerts.readings import fresh_state


def ordered(memory: Memory, row: int) -> object:
    """What memory keeps of a patient, oldest first."""
    slot = int(memory.slot_of[row])
    if slot < 0:
        return None
    count = int(memory.table["recent_count"][slot])
    recent = np.roll(memory.table["recent"][slot], -count).tolist()
    days = sorted(str(day) for day in memory.days(np.array([slot]))[0] if day["day"])
    rest = [memory.table[name][slot].tolist() for name in ("forgotten_day", "baseline_total")]
    return recent[-min(count, RECENT_MAX) :], str(memory.ring(slot)), days, rest


def _ladders(state: PartitionState) -> dict[tuple[int, int], LadderState]:
    """What ended too long ago is forgotten when its ladder is looked at, by some sooner."""
    kept = {}
    for key, held in state.ladders.items():
        ended = [one for one in held.ended if state.log_ms - one.at_ms <= KEPT_MS]
        left = replace(held, ended=ended)
        if not left.empty:
            kept[key] = left
    return kept


def remembered(state: PartitionState) -> tuple[object, ...]:
    """All that a state says, in a form that can be compared."""
    size = len(state.patients)
    memory = [[ordered(memory, row) for row in range(size)] for memory in state.memories]
    return (
        state.patients,
        state.newest_ms[:size].tolist(),
        memory,
        state.clear[:size].tolist(),
        state.latched[:size].tolist(),
        state.waits[:size].tolist(),
        _ladders(state),
        state.timers,
        state.arrivals,
        state.known[:size].tolist(),
        state.inactive[:size].tolist(),
        state.withdrawn,
        state.announced,
        state.sessions,
        state.dated.kept(np.arange(size)),
        state.unfilled,
        state.absences.keep(range(size)),
    )


def judged(
    log: Sequence[ReadingsRecord], *patients: PatientEntry, rules: RuleSet | None = None
) -> list[Transition]:
    """Judge a log in both ways."""
    whole, singly = (fresh_state(*patients, rules=rules) for _ in range(2))
    found = step(whole, log).transitions
    assert [one for each in log for one in step(singly, [each]).transitions] == found
    assert remembered(singly) == remembered(whole)
    return found
