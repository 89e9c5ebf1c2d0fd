"""A stored reading was decoded anew: what that means to the alerts that rest on it.

It opens, repeats, worsens and ends nothing: nobody is paged because a decoder was mended. An open
alert that began with the reading, or that it matched last, is told what the reading says now.
Windows and retraction are not judged here.
"""

from collections.abc import Iterator

import msgspec

from alerts.engine.findings import Finding
from alerts.engine.ladder_state import LadderState
from alerts.engine.ladders import Ladder, VitalLadders
from alerts.engine.sight import Sight, value_text
from alerts.engine.state import PartitionState
from alerts.engine.transitions import transition
from schemas.alert import Transition
from schemas.kafka import CorrectedReading, Corrections


def correct(state: PartitionState, record: Corrections) -> Iterator[Transition]:
    """Take a record into the state, at the present log time; give what open alerts are told."""
    row = state.rows.get(record.patient_id)
    if row is None:
        return
    for reading in sorted(record.readings, key=_order):
        for vital in state.rule_set.vitals:
            if vital.vital.name == reading.vital:
                yield from _vital(state, row, vital, reading)


def _vital(
    state: PartitionState, row: int, vital: VitalLadders, reading: CorrectedReading
) -> Iterator[Transition]:
    if reading.measured_at_ms == state.newest_ms[row, vital.index]:
        # It may have stood for "back within limits": nothing is resolved by it any more.
        state.clear[row, [ladder.index for ladder in vital.ladders]] = 0
    for ladder in vital.ladders:
        held = state.ladders.get((row, ladder.index))
        if held is not None and held.latched and _rests_on(held, reading):
            yield _told(state, row, ladder, held, reading, vital.gated)


def _order(reading: CorrectedReading) -> tuple[int, str, int]:
    return reading.measured_at_ms, reading.reading_id, reading.revision


def _rests_on(held: LadderState, reading: CorrectedReading) -> bool:
    began = reading.reading_id == held.onset_reading_id
    return began or reading.measured_at_ms == held.last_match_ms


def _told(  # noqa: PLR0913, PLR0917
    state: PartitionState,
    row: int,
    ladder: Ladder,
    held: LadderState,
    reading: CorrectedReading,
    gated: dict[str, str],
) -> Transition:
    rung = ladder.speaking(held.latched, held.lowered)
    assert rung is not None, "something is latched"
    sight = Sight(
        reading.reading_id,
        reading.vital,
        reading.measured_at_ms,
        reading.time_quality,
        reading.quantities,
        reading.status,
    )
    finding = Finding(
        "corrected",
        rung,
        rung,
        ladder.rank(rung, held.lowered),
        held.onset_reading_id,
        sight,
        state.log_ms,
        count=reading.revision,
    )
    told = transition(state.patients[row], ladder, finding, gated)
    return msgspec.structs.replace(told, reason=_sentence(reading))


def _sentence(reading: CorrectedReading) -> str:
    """Say what the reading says now, and what it said when it was judged."""
    changes = [
        f"{name.replace('_', ' ')} {value_text(now)} (before: {value_text(before)})"
        for name, now in reading.quantities.items()
        if (before := reading.before.get(name)) is not None and before != now
    ]
    said = "; ".join(changes) or "its values are the same"
    return f"Corrected, its device's bytes were misread: {said}"
