"""Random histories of a few patients, aimed at every limit, age, flag and order that matters."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import strategies as st

from alerts.engine.ladders.ladder import RuleSet
from alerts.engine.state.archive import Source, decode_patient
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.engine.step import step
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord, Tick, TimeQuality
from schemas.reading import Outcome
from schemas.registry import PatientEntry
from tests.alerts.engine.one_patient import encode_patient, restore_patient
from tests.alerts.readings import (
    BOTH,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    fresh_state,
    glucose,
    pressure,
    record,
    trial,
)

PATIENTS = [
    PatientEntry("p1", "Robin", BOTH, zone="America/New_York"),
    PatientEntry("p4", "Alex", [*BOTH, "clinic-trial"]),
    PatientEntry("p2", "Kim", ["adult-diabetes"], care_plan_from_ms=NOON + HOUR),
    PatientEntry("p3", "Sam", []),
]

systolic = st.sampled_from([85, 90, 91, 95, 96, 120, 175, 176, 180, 181, 190, "NaN", "HI"])
diastolic = st.sampled_from([50, 80, 115, 116, 120, 121, 130, "NaN"])
flags = st.sampled_from([(), (), (), ("body-moved",), ("irregular-pulse",), ("cuff-too-loose",)])
mg_dl = st.sampled_from(
    ["LO", "HI", "NaN", 40, "53.9", 54, 63, 64, 69, 70, "79.9", 80, 100, 239, 240, 250, 251, 400]
)
mmol_l = st.sampled_from(["LO", "2.9", "3.0", "3.5", "3.6", "3.8", "3.9", "4.4", "4.5", 5, "13.2"])
kilopascal = st.sampled_from([11, "12.0", "12.1", 16, "23.3", "23.4", "24.0", 25])
ages = st.one_of(
    st.integers(0, 20).map(lambda minutes: minutes * MINUTE),
    st.sampled_from([0, 0, -2 * MINUTE, HOUR, HOUR + 1, 2 * HOUR + 1, 4 * HOUR, 4 * HOUR + 1])
    | st.sampled_from([DAY, DAY + 1, 3 * DAY]),
)
QUALITIES: list[TimeQuality] = ["device-clock", "device-clock", "receipt", "bounded", "untrusted"]
OUTCOMES: list[Outcome] = ["measured", "measured", "measured", "measured", "control-solution"]


@st.composite
def measured(draw: st.DrawFn, received_ms: int) -> Measured:
    at_ms = received_ms - draw(ages)
    match draw(st.sampled_from(["pressure", "pressure", "kPa", "mg/dL", "mg/dL", "mmol/L"])):
        case "pressure":
            one = pressure(at_ms, draw(systolic), draw(diastolic), *draw(flags))
        case "kPa":
            one = pressure(at_ms, draw(kilopascal), 10, *draw(flags), unit="kPa")
        case "mg/dL":
            one = glucose(at_ms, draw(mg_dl))
        case _:
            one = glucose(at_ms, draw(mmol_l), "mmol/L")
    time = draw(st.sampled_from(QUALITIES))
    earliest_ms = at_ms - draw(st.sampled_from([0, HOUR, 5 * HOUR])) if time == "bounded" else None
    outcome = draw(st.sampled_from(OUTCOMES))
    return replace(one, time=time, earliest_ms=earliest_ms, outcome=outcome)


@st.composite
def histories(draw: st.DrawFn) -> list[ReadingsRecord]:
    log: list[ReadingsRecord] = []
    sent: list[Measured] = []
    now_ms = NOON
    for _ in range(draw(st.integers(1, 25))):
        now_ms += draw(st.sampled_from([0, 1, MINUTE, 5 * MINUTE, 14 * MINUTE, 16 * MINUTE, HOUR]))
        stamp_ms = now_ms - draw(st.sampled_from([0, 0, 0, 3 * MINUTE]))  # bridges' clocks differ
        if draw(st.integers(0, 5)) == 0:
            log.append(Tick(stamp_ms))
            continue
        readings = draw(st.lists(measured(stamp_ms), min_size=1, max_size=4))
        if sent:
            readings += draw(st.lists(st.sampled_from(sent), max_size=2))
        sent += readings
        patient_id = draw(st.sampled_from(["p1", "p1", "p4", "p4", "p2", "p3"]))
        log.append(record(stamp_ms, readings, patient_id))
    log.append(Tick(now_ms + HOUR))
    return log


def judged(log: list[ReadingsRecord]) -> list[Transition]:
    return step(fresh_state(*PATIENTS, rules=trial()), log).transitions


def written(state: PartitionState, row: int) -> bytes:
    return encode_patient(state, row, Source("topic", 7))


def reborn(
    state: PartitionState,
    rule_set: RuleSet | None = None,
    patients: Sequence[PatientEntry] = PATIENTS,
    kept: Mapping[str, bytes] | None = None,
) -> PartitionState:
    """Write a state down, or take what was ``kept`` of patients, and read it into a new engine."""
    plans = Plans(rule_set or trial())
    for patient in patients:
        plans.put(patient)
    plans.surroundings = state.plans.surroundings
    other = PartitionState(rule_set or trial(), plans)
    other.log_ms = state.log_ms
    for row, patient_id in enumerate(state.patients):
        said = written(state, row) if kept is None else kept.get(patient_id)
        other.row(patient_id)
        if said is not None:
            record = decode_patient(said)
            assert record is not None
            restore_patient(other, patient_id, record)
    other.absences.go_on_like(state.absences)
    return other
