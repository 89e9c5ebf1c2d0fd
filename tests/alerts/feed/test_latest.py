from hypothesis import given
from hypothesis import strategies as st

from alerts.feed.latest import LatestReadings
from schemas.kafka import PatientReadings
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
