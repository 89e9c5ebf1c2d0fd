from hypothesis import given
from hypothesis import strategies as st

from schemas.reading import Capture, DeviceTime
from schemas.stamp import Sending, stamp
from tests.ingest.factories import BOOT, RECEIVED_MS, SENT_MONOTONIC_MS, reading

LIVE = Sending(RECEIVED_MS, BOOT, SENT_MONOTONIC_MS)
OTHER_BOOT = "cd" * 16
HOUR_MS = 3_600_000
INSTANTS = st.integers(-(1 << 70), 1 << 70)


def captured(monotonic_ms: int = SENT_MONOTONIC_MS - 2_000, **known: int) -> Capture:
    return Capture(BOOT, monotonic_ms, **known)


def test_the_monotonic_clock_dates_a_capture_without_any_wall_clock() -> None:
    found = stamp(reading(capture=captured()), LIVE)
    assert found.captured_at_ms == RECEIVED_MS - 2_000
    assert found.measured_at_ms == found.earliest_ms == found.latest_ms == found.captured_at_ms
    assert found.quality == "receipt"


def test_a_true_wall_clock_tells_how_long_the_broker_kept_the_message() -> None:
    queued = captured(wall_ms=RECEIVED_MS - HOUR_MS)
    assert stamp(reading(capture=queued), LIVE).captured_at_ms == RECEIVED_MS - HOUR_MS


def test_without_one_the_broker_itself_tells_how_long_it_kept_the_message() -> None:
    queued = Sending(RECEIVED_MS, BOOT, SENT_MONOTONIC_MS, waited_ms=HOUR_MS)
    assert stamp(reading(capture=captured()), queued).captured_at_ms == (
        RECEIVED_MS - HOUR_MS - 2_000
    )
    rebooted = stamp(reading(capture=Capture(OTHER_BOOT, 5)), queued)
    assert rebooted.latest_ms == RECEIVED_MS - HOUR_MS - SENT_MONOTONIC_MS


def test_a_wall_clock_that_is_ahead_is_not_believed() -> None:
    ahead = captured(wall_ms=RECEIVED_MS + HOUR_MS)
    assert stamp(reading(capture=ahead), LIVE).captured_at_ms == RECEIVED_MS - 2_000


def test_the_time_of_sending_dates_a_capture_before_the_clock_was_true() -> None:
    sending = Sending(RECEIVED_MS, BOOT, SENT_MONOTONIC_MS, RECEIVED_MS - HOUR_MS)
    found = stamp(reading(capture=captured()), sending)
    assert found.captured_at_ms == RECEIVED_MS - HOUR_MS - 2_000


def test_after_a_reboot_the_wall_clock_at_capture_counts() -> None:
    found = stamp(reading(capture=Capture(OTHER_BOOT, 5, wall_ms=1_700_000_000_000)), LIVE)
    assert (found.captured_at_ms, found.quality) == (1_700_000_000_000, "receipt")


def test_after_a_reboot_without_a_clock_there_are_bounds() -> None:
    capture = Capture(OTHER_BOOT, 5, not_before_ms=RECEIVED_MS - HOUR_MS)
    found = stamp(reading(capture=capture), LIVE)
    assert found.earliest_ms == RECEIVED_MS - HOUR_MS
    assert found.measured_at_ms == found.latest_ms == RECEIVED_MS - SENT_MONOTONIC_MS
    assert found.quality == "bounded"


def test_nothing_at_all_is_known_of_a_first_boot() -> None:
    found = stamp(reading(capture=Capture(OTHER_BOOT, 5)), LIVE)
    assert (found.earliest_ms, found.quality) == (0, "bounded")


def test_a_monotonic_clock_that_went_back_tells_nothing() -> None:
    found = stamp(reading(capture=captured(SENT_MONOTONIC_MS + 1)), LIVE)
    assert (found.earliest_ms, found.latest_ms, found.quality) == (0, RECEIVED_MS, "bounded")


def test_the_age_by_the_device_clock_dates_the_measurement_to_its_second() -> None:
    found = stamp(
        reading(device_time=DeviceTime("2021-01-01T00:00:00", age_ms=HOUR_MS), session_newest=None),
        LIVE,
    )
    measured_ms = RECEIVED_MS - 2_000 - HOUR_MS
    assert found.measured_at_ms == measured_ms
    assert (found.earliest_ms, found.latest_ms) == (measured_ms - 1_000, measured_ms + 1_000)
    assert found.quality == "device-clock"


def test_a_record_as_old_as_its_session_is_never_later_than_its_capture() -> None:
    found = stamp(reading(device_time=DeviceTime("2021-01-01T00:00:00", age_ms=0)), LIVE)
    assert found.latest_ms == found.measured_at_ms == found.captured_at_ms


def test_a_stamp_that_the_device_doubts_is_not_used() -> None:
    doubted = DeviceTime("2021-01-01T00:00:00", age_ms=HOUR_MS, fault=True)
    assert stamp(reading(device_time=doubted), LIVE).quality == "receipt"


def test_a_meters_offset_is_no_time_zone() -> None:
    """A real meter said +339 min: its user moved the display. Only the age dates a record."""
    for age_ms, newest in ((HOUR_MS, False), (None, True), (None, False)):
        told = [
            DeviceTime("2024-01-30T05:58:27", offset_min=offset_min, age_ms=age_ms)
            for offset_min in (None, 0, 180, 339)
        ]
        stamps = {stamp(reading(device_time=one, session_newest=newest), LIVE) for one in told}
        assert len(stamps) == 1


def test_a_clock_that_was_never_set_is_not_used() -> None:
    for age_ms in (-1, RECEIVED_MS, 20 * 365 * 24 * HOUR_MS):
        unset = DeviceTime("2000-01-01T00:00:00", age_ms=age_ms)
        assert stamp(reading(device_time=unset), LIVE).quality == "receipt", age_ms


def test_an_old_record_without_a_trusted_time_may_be_of_any_time() -> None:
    found = stamp(reading(session_newest=False), LIVE)
    assert (found.earliest_ms, found.latest_ms) == (0, RECEIVED_MS - 2_000)
    assert found.quality == "untrusted"


def test_the_age_does_not_hide_that_the_capture_is_bounded() -> None:
    capture = Capture(OTHER_BOOT, 5, not_before_ms=RECEIVED_MS - HOUR_MS)
    aged = DeviceTime("2026-11-22T07:00:00", age_ms=HOUR_MS)
    found = stamp(reading(capture=capture, device_time=aged), LIVE)
    assert found.quality == "bounded"
    assert found.earliest_ms == RECEIVED_MS - 2 * HOUR_MS - 1_000
    assert found.measured_at_ms == RECEIVED_MS - SENT_MONOTONIC_MS - HOUR_MS


@given(
    capture=st.builds(
        Capture,
        boot_id=st.sampled_from([BOOT, OTHER_BOOT]),
        monotonic_ms=INSTANTS,
        wall_ms=st.none() | INSTANTS,
        not_before_ms=st.none() | INSTANTS,
    ),
    device_time=st.none()
    | st.builds(DeviceTime, local=st.just("?"), age_ms=st.none() | INSTANTS, fault=st.booleans()),
    newest=st.sampled_from([None, False, True]),
    sending=st.builds(
        Sending,
        received_ms=st.integers(0, 1 << 50),
        boot_id=st.just(BOOT),
        monotonic_ms=INSTANTS,
        wall_ms=st.none() | INSTANTS,
        waited_ms=st.integers(0, 1 << 70),
    ),
)
def test_whatever_a_gateway_claims_the_stamp_is_in_order(
    capture: Capture, device_time: DeviceTime | None, newest: bool | None, sending: Sending
) -> None:
    found = stamp(reading(capture=capture, device_time=device_time, session_newest=newest), sending)
    assert 0 <= found.earliest_ms <= found.measured_at_ms <= found.latest_ms
    assert found.latest_ms <= found.captured_at_ms <= found.received_at_ms
