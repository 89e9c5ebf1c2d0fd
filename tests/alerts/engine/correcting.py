"""Readings that are corrected or withdrawn, and what the engine says of a log with them."""

from collections.abc import Sequence

from hypothesis import strategies as st

from alerts.engine.state.archive import Source
from alerts.engine.state.partition_state import PartitionState
from schemas.alert import Transition
from schemas.kafka import (
    CorrectedReading,
    Corrections,
    ReadingsRecord,
    Tick,
    Withdrawals,
    WithdrawnReading,
)
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.engine.one_patient import encode_patient
from tests.alerts.readings import HOUR, MINUTE, NOON, Measured, pressure, record, stamped

NORMAL, SEVERE = pressure(NOON, 120, 80), pressure(NOON, 192, 124)
LATER = NOON + 10 * MINUTE


def correction(
    was: Measured, now: Measured, at_ms: int = LATER, patient_id: str = "p1", revision: int = 2
) -> Corrections:
    reading = CorrectedReading(
        reading_id=stamped(was, was.at_ms).reading.reading_id,
        revision=revision,
        vital=was.vital,
        measured_at_ms=was.at_ms,
        time_quality=was.time,
        quantities=now.quantities,
        before=was.quantities,
        status=list(now.flags),
    )
    return Corrections(patient_id, at_ms, "a decoder was mended", [reading])


def events(transitions: Sequence[Transition]) -> list[str]:
    return [one.event for one in transitions]


def judged(*records: ReadingsRecord) -> list[Transition]:
    return by_cuts(records)


def withdrawal(*measured: Measured, at_ms: int = LATER, patient_id: str = "p1") -> Withdrawals:
    readings = [
        WithdrawnReading(
            stamped(one, one.at_ms).reading.reading_id,
            one.vital,
            one.at_ms,
            one.time,
            one.quantities,
            status=list(one.flags),
        )
        for one in measured
    ]
    return Withdrawals(patient_id, at_ms, "the cuff was another's", readings)


values = st.sampled_from([60, 85, 95, 120, 150, 182, 192, 230])
moments = st.integers(0, 20).map(lambda minutes: NOON + minutes * MINUTE)


@st.composite
def logs(draw: st.DrawFn) -> list[ReadingsRecord]:
    """Readings in an order of their own, corrections and withdrawals of them, and time."""
    flags = st.sampled_from([(), (), (), ("body-moved",)])
    known = [
        pressure(draw(moments), draw(values), 80, *draw(flags))
        for _ in range(draw(st.integers(1, 6)))
    ]
    log: list[ReadingsRecord] = []
    at_ms = NOON
    for measured in known:
        at_ms = max(at_ms, measured.at_ms) + MINUTE
        log.append(record(at_ms, [measured]))
        was = draw(st.sampled_from(known))
        match draw(st.sampled_from(["nothing", "nothing", "correction", "withdrawal", "tick"])):
            case "correction":
                now = pressure(was.at_ms, draw(values), 80, *was.flags)
                log.append(correction(was, now, at_ms))
            case "withdrawal":
                log.append(withdrawal(was, at_ms=at_ms))
            case "tick":
                at_ms += draw(st.sampled_from([9, 16])) * MINUTE
                log.append(Tick(at_ms))
            case _:
                pass
    return [*log, Tick(at_ms + HOUR)]


def kept(state: PartitionState) -> list[bytes]:
    source = Source("topic", 1)
    return [encode_patient(state, row, source) for row in range(len(state.patients))]
