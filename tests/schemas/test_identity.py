from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import Undated, reading_id

DEVICE = "C0:00:00:00:00:01"
PAYLOADS = st.binary(max_size=40)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31))  # noqa: DTZ001  (device-local)
UNDATED = st.builds(
    Undated, st.text(max_size=8), st.text(max_size=8), st.integers(1), st.integers(0, 2**47)
)


@given(PAYLOADS, TIMES | UNDATED)
def test_an_id_is_16_bytes_and_depends_on_nothing_else(
    payload: bytes, time: datetime | Undated
) -> None:
    first = reading_id(DEVICE, "2a35", payload, time)
    assert len(bytes.fromhex(first)) == 16
    assert first == reading_id(DEVICE, "2a35", payload, time)


@given(PAYLOADS, TIMES)
def test_ids_sort_by_the_devices_own_time(payload: bytes, time: datetime) -> None:
    earlier = reading_id(DEVICE, "2a35", payload, time - timedelta(milliseconds=1))
    if time > datetime(1970, 1, 1, 0, 0, 1):  # noqa: DTZ001  (before 1970 is clamped)
        assert earlier[:12] < reading_id(DEVICE, "2a35", payload, time)[:12]


def test_the_time_is_the_devices_own_in_ms() -> None:
    stamp = datetime(2026, 3, 14, 7, 5, 9, tzinfo=UTC)
    found = reading_id(DEVICE, "2a18", b"", stamp.replace(tzinfo=None))
    assert int(found[:12], 16) == int(stamp.timestamp() * 1000)


def test_device_characteristic_and_payload_each_matter() -> None:
    time = datetime(2026, 3, 14)  # noqa: DTZ001  (device-local)
    ids = {
        reading_id(DEVICE, "2a35", b"a", time),
        reading_id(DEVICE, "2a35", b"b", time),
        reading_id(DEVICE, "2a18", b"a", time),
        reading_id("C0:00:00:00:00:02", "2a35", b"a", time),
        reading_id(DEVICE + "2", "a35", b"a", time),
    }
    assert len(ids) == 5


def test_undated_records_are_told_apart_by_their_capture() -> None:
    first = Undated("home-1", "00" * 8, 1, 5_000)
    second = Undated("home-1", "00" * 8, 2, 5_000)
    assert reading_id(DEVICE, "2a35", b"a", first) != reading_id(DEVICE, "2a35", b"a", second)
