import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.registry.view import Attributed, RegistryView, Waiting
from schemas.errors import InvalidInput
from schemas.kafka import Stamp, StampedReading
from schemas.registry import Assignment, PatientEntry
from tests.ingest.factories import device, reading

ANNA = Assignment("a", "anna", 1_000, 2_000)
BEN = Assignment("b", "ben", 2_000)


def measured(earliest_ms: int, latest_ms: int, slot: int | None = None) -> StampedReading:
    stamp = Stamp(9_999, latest_ms, latest_ms, earliest_ms, latest_ms, "receipt")
    return StampedReading(reading(user_slot=slot), stamp)


def patient_of(view: RegistryView, stamped: StampedReading) -> str:
    found = view.attribute(stamped)
    return found.patient_id if isinstance(found, Attributed) else found.reason


def test_a_cuff_handed_over_moves_no_old_reading_and_gives_no_new_one_to_the_old_patient() -> None:
    view = RegistryView([device(ANNA, BEN)])
    assert patient_of(view, measured(1_000, 1_000)) == "anna"
    assert patient_of(view, measured(1_500, 1_999)) == "anna"
    assert patient_of(view, measured(2_000, 2_000)) == "ben"


def test_an_interval_across_the_hand_over_waits() -> None:
    view = RegistryView([device(ANNA, BEN)])
    assert view.attribute(measured(1_999, 2_000)) == Waiting("ambiguous-time", "cuff-1")
    assert view.attribute(measured(999, 1_000)) == Waiting("ambiguous-time", "cuff-1")


def test_each_reason_has_its_name() -> None:
    view = RegistryView([device(ANNA)])
    assert view.attribute(measured(0, 999)) == Waiting("no-assignment", "cuff-1")
    assert view.attribute(measured(2_000, 2_000)) == Waiting("no-assignment", "cuff-1")
    assert RegistryView().attribute(measured(1, 1)) == Waiting("unknown-device")


def test_slots_are_people() -> None:
    slots = [
        Assignment("a", "anna", 0, user_slot=1),
        Assignment("b", "ben", 0, user_slot=2),
    ]
    view = RegistryView([device(*slots)])
    assert patient_of(view, measured(5, 5, slot=1)) == "anna"
    assert patient_of(view, measured(5, 5, slot=2)) == "ben"
    for unknown in (None, 3, 255):
        assert patient_of(view, measured(5, 5, slot=unknown)) == "unknown-user-slot"


def test_a_whole_device_takes_whatever_slot_it_reports() -> None:
    view = RegistryView([device(Assignment("a", "anna", 0))])
    for slot in (None, 0, 7, 255):
        assert patient_of(view, measured(5, 5, slot=slot)) == "anna"


def test_a_device_that_changed_its_address_leaves_none_behind() -> None:
    view = RegistryView([device(ANNA)])
    view.put(device(ANNA, address="C0:FF:EE:00:00:02"))
    assert view.attribute(measured(1_500, 1_500)) == Waiting("unknown-device")
    assert len(view) == 1


def test_records_come_in_and_patients_pass() -> None:
    view = RegistryView()
    assert view.apply(msgspec.json.encode(device(BEN))) == device(BEN)
    assert view.apply(msgspec.json.encode(PatientEntry("ben", "Blue"))) == PatientEntry(
        "ben", "Blue"
    )
    assert view.apply(b"") is None
    assert patient_of(view, measured(2_000, 2_000)) == "ben"


@pytest.mark.parametrize("junk", [b"{", b"\xff", b"null", b'{"kind":"cow"}', b'{"kind":"device"}'])
def test_junk_is_refused_by_name(junk: bytes) -> None:
    with pytest.raises(InvalidInput):
        RegistryView().apply(junk)


def test_a_record_without_an_end_is_refused() -> None:
    long = msgspec.json.encode(PatientEntry("p", "P", books=["b" * 999_000]))
    assert RegistryView().apply(long) is not None
    with pytest.raises(InvalidInput, match="of which 1000000 are read"):
        RegistryView().apply(long + b" " * 1_000)


def test_another_major_version_is_refused() -> None:
    foreign = msgspec.structs.replace(device(BEN), version=2)
    with pytest.raises(InvalidInput) as refused:
        RegistryView().apply(msgspec.json.encode(foreign))
    assert refused.value.reason == "version"


@given(
    borders=st.lists(st.integers(0, 50), min_size=2, max_size=6, unique=True).map(sorted),
    earliest=st.integers(0, 60),
    length=st.integers(0, 10),
)
def test_nobody_is_given_a_reading_that_could_be_somebody_else_s(
    borders: list[int], earliest: int, length: int
) -> None:
    assigned = [
        Assignment(str(first), f"patient-{first}", first, after)
        for first, after in itertools.pairwise(borders)
    ]
    found = RegistryView([device(*assigned)]).attribute(measured(earliest, earliest + length))
    owners = {
        next(
            (a.patient_id for a in assigned if a.valid_from_ms <= t < (a.valid_until_ms or 0)), None
        )
        for t in range(earliest, earliest + length + 1)
    }
    if isinstance(found, Attributed):
        assert owners == {found.patient_id}
    else:
        assert None in owners or len(owners) > 1
