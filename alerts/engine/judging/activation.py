"""Rules come into force for a patient, or go: by a new version of a book, or by the care plan.

No judged reading is judged again. What is true at the newest reading already is told as work
(``standing``); what would have paged counts one severity lower until a reading says so anew, which
is told. Only what is critical and fresh opens as it would have. An alert of which no rule is left
is closed (``retired``).
"""

from collections.abc import Iterator

import msgspec
import numpy as np
from msgspec.structs import replace

from alerts.engine.judging.notices import expect_baselines, expect_limits
from alerts.engine.judging.warming import warming
from alerts.engine.ladders.findings import WORK_LIST_RANK, Facts, Finding
from alerts.engine.ladders.ladder import Ladder, VitalLadders, mask, severity
from alerts.engine.readings.columns import Integers
from alerts.engine.readings.identity import alert_id, event_id
from alerts.engine.readings.local_days import local_day
from alerts.engine.readings.sight import Sight
from alerts.engine.state.partition_state import Orphan, PartitionState
from alerts.engine.state.remembered import is_receipt, sight_of_entry
from alerts.engine.transitions.judge import judge
from alerts.engine.transitions.ladder_state import LadderState
from alerts.engine.transitions.transition import transition
from alerts.engine.transitions.wording import rule_text
from alerts.engine.windows.standing import newest, window_at
from schemas.alert import SEVERITIES, Evidence, Transition

Told = tuple[int, Transition]
"""Row of the patient, and what is told."""


def activate(state: PartitionState) -> Iterator[Told]:
    """Bring the rules in force to the patients for whom they changed; patients go by row."""
    told = [
        (row, one)
        for row, orphans in state.orphans.items()
        for orphan in orphans
        for one in _without_rule(state, row, orphan)
    ]
    state.orphans.clear()
    told += warming(state)
    rows = np.fromiter(state.changed, np.int64, len(state.changed))
    rows.sort()
    limited = state.limits.keys() & state.changed
    state.changed.clear()
    for row in _need_baselines(state, rows):
        expect_baselines(state, row, state.log_ms, anew=True)
    for row in limited:
        expect_limits(state, row)
    rows = rows[(state.known[rows] != state.in_force[rows]).any(axis=1)]
    if len(rows):
        told += _retire(state, rows)
        for vital in state.rule_set.vitals:
            told += _stand(state, vital, rows)
        state.known[rows] = state.in_force[rows]
    yield from sorted(told, key=lambda one: one[0])


def _need_baselines(state: PartitionState, rows: Integers) -> list[int]:
    need = np.zeros(len(rows), np.bool_)
    for vital, kinds in zip(state.rule_set.vitals, state.kinds, strict=True):
        for one, _ in kinds.rises:
            need |= (state.in_force[rows, vital.ladders[one.place].index] & one.bit) != 0
    found: list[int] = rows[need].tolist()
    return found


def _retire(state: PartitionState, rows: Integers) -> Iterator[Told]:
    """Take rungs that are no longer in force from what is open."""
    gone = state.known[rows] & ~state.in_force[rows]
    for at, index in np.argwhere(gone != 0).tolist():
        row, key = int(rows[at]), (int(rows[at]), index)
        held = state.ladders.get(key)
        if held is None:
            continue
        ladder, rungs = state.rule_set.ladders[index], int(gone[at, index])
        before, was_held = ladder.voice(held.latched, held.lowered), (held.latched, held.lowered)
        sight = Sight(held.onset_reading_id, ladder.vital, state.log_ms, "receipt", {})
        held.drop(rungs)
        after = ladder.voice(held.latched, held.lowered)
        state.put_ladder(key, held)
        if before is None or (after and after[0] <= before[0]):
            continue
        rank, rung = after or before
        finding = Finding(
            "eased" if after else "retired",
            rung,
            before[1],
            rank,
            held.onset_reading_id,
            sight,
            state.log_ms,
            held=was_held,
        )
        vital = next(item for item in state.rule_set.vitals if ladder in item.ladders)
        yield row, transition(state.patients[row], ladder, finding, vital.gated, _anew(state))


def _stand(state: PartitionState, vital: VitalLadders, rows: Integers) -> Iterator[Told]:
    """Tell what is true already of the rungs that come into force."""
    found = newest(state, vital, rows)
    coming = state.in_force[found.row] & ~state.known[found.row]
    new = found.true & coming[:, [ladder.index for ladder in vital.ladders]]
    for at, number in np.argwhere(new != 0).tolist():
        row, ladder, entry = int(found.row[at]), vital.ladders[number], found.entries[at].item()
        sight = sight_of_entry(entry, vital.vital, state.kinds[vital.index])
        key = (row, ladder.index)
        held = state.ladders.get(key) or LadderState()
        rungs = int(new[at, number]) & ~held.latched
        own = state.own(row, sight.measured_at_ms)
        newest_one = _Newest(sight, _day(state, row, sight), sure=not is_receipt(entry))
        for finding in _open(held, ladder, rungs, newest_one, state.log_ms):
            rung = ladder.rungs[finding.cause]
            window = None if rung.rule.single else window_at(state, vital, row, entry, rung)
            told = replace(finding, own=own, window=window)
            yield row, transition(state.patients[row], ladder, told, vital.gated, _anew(state))
        state.put_ladder(key, held)


class _Newest(msgspec.Struct, frozen=True):
    """A patient's newest reading; ``day``: its own, there; ``sure``: by the device's clock."""

    sight: Sight
    day: int
    sure: bool


def _day(state: PartitionState, row: int, sight: Sight) -> int:
    plan = state.plans.of(state.patients[row])
    return local_day(plan.zone(sight.measured_at_ms), sight.measured_at_ms)


def _open(
    held: LadderState, ladder: Ladder, rungs: int, newest_one: _Newest, log_ms: int
) -> Iterator[Finding]:
    sight = newest_one.sight
    age_ms = log_ms - sight.measured_at_ms
    fresh = mask(place for place, rung in enumerate(ladder.rungs) if age_ms <= rung.fresh_ms)
    urgent = rungs & fresh & ladder.critical
    if urgent:
        facts = Facts(
            matched=urgent,
            denied=0,
            returned=0,
            fresh=urgent,
            flagged=False,
            uncensored=True,
            device_clock=newest_one.sure,
            older=False,
            cleared=0,
            measured_ms=sight.measured_at_ms,
            log_ms=log_ms,
            sight=sight,
            day=newest_one.day,
        )
        yield from (one for one in judge(held, facts, ladder) if one.event != "again")
    rest = rungs & ~urgent
    before, was_held = ladder.voice(held.latched, held.lowered), (held.latched, held.lowered)
    if not rest:
        return
    work = mask(place for place, rung in enumerate(ladder.rungs) if rung.rank >= WORK_LIST_RANK)
    held.hold(rest, work)
    held.rest_on(sight.reading_id, sight.measured_at_ms, rest)
    held.last_match_ms = max(held.last_match_ms, sight.measured_at_ms)
    if before is None:
        held.onset_reading_id = sight.reading_id
    after = ladder.voice(held.latched, held.lowered)
    assert after is not None, "something has just latched"
    if before is None or after[0] < before[0]:
        yield Finding(
            "standing",
            after[1],
            after[1],
            max(after[0], WORK_LIST_RANK),
            held.onset_reading_id,
            sight,
            log_ms,
            ("standing",),
            held=was_held,
        )


def _anew(state: PartitionState) -> str:
    """Name the activation: a rule may go and come back over one reading, each time an event."""
    return f"/activated {state.log_ms}"


def _without_rule(state: PartitionState, row: int, orphan: Orphan) -> Iterator[Transition]:
    """Close an alert of which no loaded book knows a rule; what another one keeps open is eased."""
    if not orphan.reading_id:
        yield from _silence_without_rule(state, row, orphan)
        return
    ladder = next((one for one in state.rule_set.ladders if one.name == orphan.ladder), None)
    held = state.ladders.get((row, ladder.index)) if ladder else None
    voice = ladder.voice(held.latched, held.lowered) if ladder and held else None
    if ladder is None or voice is None:
        yield _closed(state, row, orphan)
    elif voice[0] > orphan.voice[0]:
        yield _eased(state, row, orphan, ladder, voice)


def _silence_without_rule(state: PartitionState, row: int, orphan: Orphan) -> Iterator[Transition]:
    voice = state.absences.voice(row, orphan.onset_reading_id)
    if voice is None:
        yield _closed(state, row, orphan)
    elif SEVERITIES.index(voice[0]) > orphan.voice[0]:
        told = state.absences.eased(state.patients[row], row, voice[1], state.log_ms)
        yield replace(told, held_before=orphan.rungs)


def _closed(state: PartitionState, row: int, orphan: Orphan) -> Transition:
    patient_id, (rank, key) = state.patients[row], orphan.voice
    alert = alert_id(patient_id, orphan.ladder, orphan.onset_reading_id)
    book, _, rule = key.partition("/")
    return Transition(
        event_id=event_id(alert, "retired", f"{orphan.onset_reading_id}{_version(state)}"),
        alert_id=alert,
        patient_id=patient_id,
        ladder=orphan.ladder,
        rule=rule,
        event="retired",
        severity=severity(rank),
        at_ms=state.log_ms,
        title="Closed with its rule",
        reason=f"The rule {rule} of {book} is no longer in force",
        evidence=Evidence(orphan.reading_id, "", state.log_ms, "receipt", {}),
        book=book,
        book_sha256="",
        held_before=orphan.rungs,
    )


def _eased(
    state: PartitionState, row: int, orphan: Orphan, ladder: Ladder, voice: tuple[int, int]
) -> Transition:
    vital = next(item for item in state.rule_set.vitals if ladder in item.ladders)
    rank, rung = voice
    origin = orphan.onset_reading_id
    sight = Sight(origin, ladder.vital, state.log_ms, "receipt", {})
    finding = Finding("eased", rung, rung, rank, origin, sight, state.log_ms)
    told = transition(state.patients[row], ladder, finding, vital.gated, _version(state))
    book, _, rule = orphan.voice[1].partition("/")
    said = f"The rule {rule} of {book} is no longer in force; {rule_text(ladder.rungs[rung])} holds"
    return msgspec.structs.replace(told, reason=said, held_before=orphan.rungs)


def _version(state: PartitionState) -> str:
    """Name what a version left out, beside what a plan takes away in the same moment."""
    return f"{_anew(state)}/version"
