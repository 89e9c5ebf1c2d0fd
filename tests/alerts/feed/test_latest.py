from hypothesis import given
from hypothesis import strategies as st

from alerts.feed.latest import LatestReadings
from schemas.kafka import CorrectedReading, Corrections, PatientReadings
from schemas.reading import Quantity
from tests.alert_records import pressure, readings


def reading(patient: str, number: int) -> PatientReadings:
    return readings(patient, f"{number:032x}", pressure(120, 80), at_ms=number)


@given(st.permutations(range(8)), st.integers(1, 10))
def test_the_newest_are_on_top_in_whichever_order_partitions_were_read(
    order: list[int], recent_max: int
) -> None:
    latest = LatestReadings(recent_max=recent_max)
    for number in order:
        assert latest.take(reading(f"p{number % 3}", number))
    newest = [stamped.stamp.received_at_ms for _, stamped in latest.recent(10)]
    assert newest == list(range(7, -1, -1))[:recent_max]


def test_a_reading_delivered_twice_is_shown_once() -> None:
    latest = LatestReadings()
    assert latest.take(reading("p", 1))
    assert not latest.take(reading("p", 1))
    assert len(latest.recent(10)) == len(latest.of("p")) == 1


def test_memory_is_bounded_by_patient_and_by_patients() -> None:
    latest = LatestReadings(per_patient_max=3, patients_max=2)
    for number in range(10):
        latest.take(reading("p", number))
    assert [stamped.stamp.measured_at_ms for stamped in latest.of("p")] == [9, 8, 7]
    latest.take(reading("q", 11))
    latest.take(reading("r", 12))
    assert latest.of("p") == []


def test_a_vital_that_is_measured_often_leaves_the_others_their_latest_value() -> None:
    latest = LatestReadings(per_patient_max=4)
    weight = readings("p", "f" * 32, {"weight": Quantity("kg", "83.8")}, at_ms=0, vital="weight")
    latest.take(weight)
    for number in range(1, 20):
        latest.take(reading("p", number))
    shown = latest.of("p")
    assert [stamped.stamp.measured_at_ms for stamped in shown] == [19, 18, 17, 0]
    assert shown[-1].reading.vital == "weight"


def correction(patient: str, number: int, revision: int = 2) -> Corrections:
    now = CorrectedReading(
        reading_id=f"{number:032x}",
        revision=revision,
        vital="blood_pressure",
        measured_at_ms=number,
        time_quality="device-clock",
        quantities=pressure(150, 95),
        before=pressure(120, 80),
        status=["irregular-pulse"],
    )
    return Corrections(patient, 100, "a decoder was mended", [now])


def test_a_reading_that_was_corrected_is_shown_as_it_says_now() -> None:
    latest = LatestReadings()
    for patient, number in (("p", 1), ("p", 2), ("q", 3)):
        latest.take(reading(patient, number))
    assert latest.correct(correction("p", 1))
    assert not latest.take(reading("p", 1))  # delivered once more, as it was
    shown = {stamped.reading.reading_id: stamped.reading for stamped in latest.of("p")}
    assert shown[f"{1:032x}"].quantities == pressure(150, 95)
    assert shown[f"{1:032x}"].status == ["irregular-pulse"]
    assert shown[f"{2:032x}"].quantities == pressure(120, 80)
    moving = [stamped.reading.quantities for _, stamped in latest.recent(3)]
    assert moving == [pressure(120, 80), pressure(120, 80), pressure(150, 95)]


def test_a_correction_of_what_is_no_longer_shown_changes_nothing() -> None:
    latest = LatestReadings()
    latest.take(reading("p", 1))
    assert not latest.correct(correction("p", 9))
    assert not latest.correct(correction("stranger", 1))
    assert [stamped.reading.quantities for stamped in latest.of("p")] == [pressure(120, 80)]
