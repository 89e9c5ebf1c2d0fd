"""Random lives in which stored readings are corrected, or turn out to be another patient's."""

from hypothesis import strategies as st

from schemas.kafka import (
    CorrectedReading,
    Corrections,
    PatientReadings,
    StampedReading,
    Withdrawals,
    WithdrawnReading,
)
from schemas.reading import Quantity
from tests.alerts.engine.lives import Item, Life, lives
from tests.alerts.readings import MINUTE


@st.composite
def correction(
    draw: st.DrawFn, sent: list[tuple[str, StampedReading]], at_ms: int, revision: int
) -> Corrections | Withdrawals:
    """Take one reading back, or read its values in another way."""
    patient_id, one = draw(st.sampled_from(sent))
    reading, stamp = one.reading, one.stamp
    if draw(st.booleans()):
        withdrawn = WithdrawnReading(
            reading.reading_id,
            reading.vital,
            stamp.measured_at_ms,
            stamp.quality,
            reading.quantities,
            reading.outcome,
            reading.status,
        )
        return Withdrawals(patient_id, at_ms, "the cuff was lent", [withdrawn])
    now = {
        name: Quantity(value.unit, value=draw(st.sampled_from(["60", "100", "150", "200"])))
        for name, value in reading.quantities.items()
    }
    corrected = CorrectedReading(
        reading.reading_id,
        revision,
        reading.vital,
        stamp.measured_at_ms,
        stamp.quality,
        now,
        reading.quantities,
        reading.outcome,
        reading.status,
    )
    return Corrections(patient_id, at_ms, "a decoder was mended", [corrected])


@st.composite
def corrected_lives(draw: st.DrawFn) -> Life:
    """Each reading is corrected or withdrawn once at most: a store knows what it said before."""
    life = draw(lives())
    log, sent, now_ms, done = list[Item](), list[tuple[str, StampedReading]](), 0, set[str]()
    for item in life.log:
        log.append(item)
        if isinstance(item, PatientReadings):
            sent += [
                (item.patient_id, one)
                for one in item.readings
                if one.reading.amends is None and one.reading.reading_id not in done
            ]
        if hasattr(item, "received_at_ms"):
            now_ms = max(now_ms, item.received_at_ms)
        if sent and draw(st.integers(0, 4)) == 0:
            change = draw(correction(sent, now_ms + draw(st.sampled_from([0, MINUTE])), 2))
            done.add(change.readings[0].reading_id)
            sent = [one for one in sent if one[1].reading.reading_id not in done]
            log.append(change)
    return Life(life.books, life.patients, tuple(log))
