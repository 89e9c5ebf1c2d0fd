"""Timers, by log time: a flagged match that nobody repeated opens, a page that waits goes out."""

from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace

from alerts.engine.ladders.findings import Finding
from alerts.engine.ladders.ladder import Ladder
from alerts.engine.readings.columns import Integers
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.transitions.confirmation import expire_wait
from alerts.engine.transitions.found import Found
from alerts.engine.transitions.judge import expire
from alerts.engine.transitions.ladder_state import LadderState
from alerts.engine.transitions.transition import transition


def expire_due(state: PartitionState, log_ms: Integers) -> Iterator[Found]:
    """Fire what is due by the end of the batch for patients whom no walk has visited since."""
    until_ms = int(log_ms[-1])
    for row, index in state.timers.before(until_ms):
        yield from _expire(state, state.rule_set.ladders[index], row, log_ms, until_ms)


def expire_row(
    state: PartitionState,
    ladders: tuple[Ladder, ...],
    row: int,
    log_ms: Integers,
    until_ms: int,
) -> Iterator[Found]:
    """Fire a patient's timers whose deadline lies before ``until_ms``."""
    for ladder in ladders:
        if state.timers.due((row, ladder.index), until_ms):
            yield from _expire(state, ladder, row, log_ms, until_ms)


def _expire(
    state: PartitionState, ladder: Ladder, row: int, log_ms: Integers, until_ms: int
) -> Iterator[Found]:
    key = (row, ladder.index)
    held = state.ladders[key]
    vital = next(item for item in state.rule_set.vitals if ladder in item.ladders)
    patient_id = state.patients[row]
    for finding in _findings(held, ladder, until_ms, int(state.clear[key])):
        own = state.own(row, finding.sight.measured_at_ms)
        anew = state.anew(row, finding.sight.reading_id)
        entry = int(np.searchsorted(log_ms, finding.at_ms, side="right"))
        yield Found(
            (entry, 0, finding.at_ms, patient_id, ladder.index),
            row,
            transition(patient_id, ladder, replace(finding, own=own), vital.gated, anew),
        )
    state.put_ladder(key, held)


def _findings(held: LadderState, ladder: Ladder, until_ms: int, cleared: int) -> Iterator[Finding]:
    """Fire in the order of the deadlines; a page that is due goes out before a new one opens."""
    due = sorted(
        (pending for pending in held.pending if pending.deadline_ms < until_ms),
        key=lambda pending: (pending.deadline_ms, pending.sight.reading_id),
    )
    held.pending = [pending for pending in held.pending if pending not in due]
    for pending in due:
        if held.awaiting and held.awaiting.deadline_ms <= pending.deadline_ms:
            yield expire_wait(held, ladder)
        finding = expire(held, pending, ladder, cleared)
        if finding is not None:
            yield finding
    if held.awaiting and held.awaiting.deadline_ms < until_ms:
        yield expire_wait(held, ladder)
