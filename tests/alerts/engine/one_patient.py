"""One patient's state, written down and put back; an engine does so for many at once."""

from alerts.engine.state.archive import PatientRecord, Source, encode_patients
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.restoring import restore_patients


def encode_patient(state: PartitionState, row: int, source: Source) -> bytes:
    return next(encode_patients(state, [row], [source]))


def restore_patient(state: PartitionState, patient_id: str, record: PatientRecord) -> None:
    restore_patients(state, {patient_id: record})
