"""Timers: a flagged match that nobody repeated opens at its deadline, by log time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alerts.engine.columns import Integers
from alerts.engine.judge import expire
from alerts.engine.ladders import Ladder
from alerts.engine.state import PartitionState
from alerts.engine.transitions import transition
from schemas.alert import Transition

Order = tuple[int, int, int, str, int]
"""Entry; timers before readings; deadline or place in the record; patient; ladder."""


@dataclass(frozen=True, slots=True)
class Found:
    """A transition with its place in the order of all that a step gives."""

    order: Order
    row: int
    transition: Transition


def expire_due(state: PartitionState, log_ms: Integers) -> list[Found]:
    """Fire what is due by the end of the batch for patients whom no walk has visited since."""
    found: list[Found] = []
    for row, index in sorted(state.pending):
        ladder = state.rule_set.ladders[index]
        found += expire_row(state, (ladder,), row, log_ms, int(log_ms[-1]))
    return found


def expire_row(
    state: PartitionState,
    ladders: tuple[Ladder, ...],
    row: int,
    log_ms: Integers,
    until_ms: int,
) -> Iterator[Found]:
    """Fire a patient's timers whose deadline lies before ``until_ms``."""
    for ladder in ladders:
        key = (row, ladder.index)
        if key not in state.pending:
            continue
        held = state.ladders[key]
        due = sorted(
            (pending for pending in held.pending if pending.deadline_ms < until_ms),
            key=lambda pending: (pending.deadline_ms, pending.sight.reading_id),
        )
        held.pending = [pending for pending in held.pending if pending not in due]
        for pending in due:
            vital = next(item for item in state.rule_set.vitals if ladder in item.ladders)
            finding = expire(held, pending, ladder, resolved=bool(state.clear[key]))
            if finding is None:
                continue
            entry = int(np.searchsorted(log_ms, pending.deadline_ms, side="right"))
            patient_id = state.patients[row]
            yield Found(
                (entry, 0, pending.deadline_ms, patient_id, ladder.index),
                row,
                transition(patient_id, ladder, finding, vital.gated),
            )
        state.put_ladder(key, held)
