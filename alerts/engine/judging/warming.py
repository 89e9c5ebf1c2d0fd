"""A book judges a vital of which a former release kept nothing, for no book judged it then.

Windows are kept of every vital, whether a book judges it or not, so only this is missed. Until its
ring is full such rules can only be too quiet, and one item of the work list says so, for each
patient whom they judge.
"""

from collections.abc import Iterator

import msgspec

from alerts.engine.ladders.findings import Finding
from alerts.engine.ladders.ladder import Ladder, VitalLadders
from alerts.engine.readings.sight import Sight
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.transitions.transition import transition
from alerts.rules.book import Matching, Mean
from schemas.alert import SEVERITIES, Transition
from schemas.vitals import spoken

DAY_MS = 24 * 3_600_000
SHOWN_MS = 7 * DAY_MS
"""How long the item stays, at least: a window of N of M is full when M readings have come."""
_INFO = SEVERITIES.index("info")


def warming(state: PartitionState) -> Iterator[tuple[int, Transition]]:
    """Tell of windows that begin empty, patients by row; each only once."""
    unfilled, state.unfilled = sorted(state.unfilled), set()
    for row, index in unfilled:
        vital = state.rule_set.vitals[index]
        if state.memories[index].full(row):
            continue
        rungs = [
            (ladder, place)
            for ladder in vital.ladders
            for place, rung in enumerate(ladder.rungs)
            if int(state.in_force[row, ladder.index]) >> place & 1 and rung.rule.window
        ]
        if rungs:
            yield row, _told(state, row, vital, rungs)


def _told(
    state: PartitionState, row: int, vital: VitalLadders, rungs: list[tuple[Ladder, int]]
) -> Transition:
    ladder, place = rungs[0]
    those = [ladder.rungs[place].rule for ladder, place in rungs]
    until_ms = state.log_ms + max(SHOWN_MS, *(_length_ms(rule.window) for rule in those))
    finding = Finding(
        event="warming",
        speaking=place,
        cause=place,
        rank=_INFO,
        origin=ladder.rungs[place].key,
        sight=Sight("", vital.vital.name, state.log_ms, "receipt", {}),
        at_ms=state.log_ms,
        scope=f"warming/{vital.vital.name}",
        deadline_ms=until_ms,
    )
    told = transition(state.patients[row], ladder, finding, vital.gated)
    titles = ", ".join(f"{rule.title.lower()} ({_need(rule.window)})" for rule in those)
    said = (
        f"Not all readings of {spoken(vital.vital.name)} from before now are known to these rules,"
        f" which look at several: {titles}"
    )
    return msgspec.structs.replace(told, reason=said)


def _length_ms(window: Matching | Mean | None) -> int:
    assert window is not None, "only windows begin empty"
    return window.days * DAY_MS if isinstance(window, Mean) else window.within_ms


def _need(window: Matching | Mean | None) -> str:
    assert window is not None, "only windows begin empty"
    if isinstance(window, Mean):
        return f"the mean of {window.days} days, from {window.readings} readings on"
    return f"{window.matching} of the last {window.of} readings"
