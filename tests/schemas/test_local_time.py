"""Stamps of devices whose clock cannot be read: trusted if the last sessions prove them right."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.registry.view import RegistryView
from schemas.local_time import Instants, instants_of, measured_at
from schemas.reading import Capture, Coincidence, DeviceTime
from schemas.registry import Assignment, PatientEntry, ZonePeriod
from schemas.stamp import Sending, stamp
from tests.ingest.factories import BOOT, CUFF, RECEIVED_MS, device, reading

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
MINUTE_MS = 60_000
LIVE = Sending(RECEIVED_MS, BOOT, 500_000)


def utc_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def lagging(*minutes: float, zone: ZoneInfo = BERLIN) -> list[Coincidence]:
    """Sessions whose freshest stamp lay so many minutes before its capture."""
    found = []
    for number, lag in enumerate(minutes):
        captured_ms = RECEIVED_MS - number * 24 * 60 * MINUTE_MS
        shown = datetime.fromtimestamp(captured_ms / 1000, UTC) - timedelta(minutes=lag)
        local = shown.astimezone(zone).replace(tzinfo=None)
        found.append(Coincidence(captured_ms, local.isoformat(timespec="seconds")))
    return found


def test_the_hour_that_is_skipped_is_no_time() -> None:
    assert instants_of(datetime(2026, 3, 29, 2, 30), BERLIN) is None  # noqa: DTZ001
    assert instants_of(datetime(2026, 3, 29, 3, 30), BERLIN) == Instants(  # noqa: DTZ001
        utc_ms("2026-03-29T01:30"), utc_ms("2026-03-29T01:30")
    )


def test_the_hour_that_comes_twice_is_two_times() -> None:
    twice = instants_of(datetime(2026, 11, 1, 1, 30), NEW_YORK)  # noqa: DTZ001
    assert twice == Instants(utc_ms("2026-11-01T05:30"), utc_ms("2026-11-01T06:30"))
    assert twice.ambiguous


@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001
    st.sampled_from([BERLIN, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")]),
)
def test_every_instant_is_found_by_what_its_clocks_show(utc: datetime, zone: ZoneInfo) -> None:
    instant = utc.replace(microsecond=0, tzinfo=UTC)
    found = instants_of(instant.astimezone(zone).replace(tzinfo=None), zone)
    assert found is not None
    at_ms = int(instant.timestamp() * 1000)
    assert at_ms in (found.earliest_ms, found.latest_ms)
    assert found.latest_ms - found.earliest_ms <= 60 * MINUTE_MS


@pytest.mark.parametrize(
    ("lags", "trusted"),
    [
        ((10,), True),
        ((10.1,), False),
        ((300, 4, 2000, 60, 11), True),  # one session in which somebody had just measured
        ((300, 200, 2000, 60, 11), False),
        ((-10,), True),
        ((3, -10.1), False),  # it runs ahead: a stamp from the future
        ((), False),
        ((4, 300, 200, 2000, 60, 11), False),  # a sixth session, of which nobody asks
        ((-300, 4, 200, 2000, 60, 11), True),
    ],
)
def test_the_smallest_lag_of_the_last_sessions_decides(
    lags: tuple[float, ...], *, trusted: bool
) -> None:
    told = DeviceTime("2026-11-21T20:00:00", coincidences=lagging(*lags))
    found = measured_at(told, BERLIN, RECEIVED_MS)
    assert (found is not None) is trusted
    if found is not None:
        assert found.instants.latest_ms == utc_ms("2026-11-21T19:00")
        assert found.lag_ms == min(lags[-5:]) * MINUTE_MS


def test_in_another_zone_the_same_stamps_prove_nothing() -> None:
    told = DeviceTime("2026-11-21T20:00:00", coincidences=lagging(3))
    assert measured_at(told, NEW_YORK, RECEIVED_MS) is None


def test_neither_a_doubted_nor_a_screened_nor_a_future_stamp_is_used() -> None:
    proof = lagging(1)
    fault = DeviceTime("2026-11-21T20:00:00", fault=True, coincidences=proof)
    screened = DeviceTime("2026-11-21T20:00:00", screens=["out-of-order"], coincidences=proof)
    future = DeviceTime("2026-11-22T20:00:00", coincidences=proof)
    for told in (fault, screened, future):
        assert measured_at(told, BERLIN, RECEIVED_MS) is None


def test_a_proven_stamp_dates_a_stored_reading_and_one_in_the_double_hour_has_bounds() -> None:
    capture = Capture(BOOT, 499_000)
    told = DeviceTime("2026-11-21T20:00:00", coincidences=lagging(2))
    stored = reading(capture=capture, device_time=told, session_newest=False)
    found = stamp(stored, LIVE, lambda _at_ms: BERLIN)
    assert (found.measured_at_ms, found.quality) == (utc_ms("2026-11-21T19:00"), "device-clock")
    assert found.earliest_ms == found.measured_at_ms - MINUTE_MS
    assert found.latest_ms == found.measured_at_ms + 3 * MINUTE_MS
    assert stamp(stored, LIVE).quality == "untrusted"
    assert stamp(stored, LIVE, lambda _at_ms: None).quality == "untrusted"
    twice = DeviceTime("2026-11-01T01:30:00", coincidences=lagging(2, zone=NEW_YORK))
    doubled = stamp(
        reading(capture=capture, device_time=twice, session_newest=False),
        LIVE,
        lambda _at_ms: NEW_YORK,
    )
    assert doubled.quality == "bounded"
    assert doubled.earliest_ms <= utc_ms("2026-11-01T05:30")
    assert doubled.latest_ms >= utc_ms("2026-11-01T06:30")
    skipped = DeviceTime("2026-03-29T02:30:00", coincidences=lagging(2))
    gap = reading(capture=capture, device_time=skipped, session_newest=False)
    assert stamp(gap, LIVE, lambda _at_ms: BERLIN).quality == "untrusted"


@given(
    local=st.text(max_size=20) | st.datetimes().map(datetime.isoformat),
    pairs=st.lists(st.tuples(st.integers(), st.datetimes().map(datetime.isoformat)), max_size=8),
    captured=st.integers(0, RECEIVED_MS),
)
def test_whatever_a_gateway_claims_of_its_sessions_the_stamp_is_in_order(
    local: str, pairs: list[tuple[int, str]], captured: int
) -> None:
    told = DeviceTime(local, coincidences=[Coincidence(*pair) for pair in pairs])
    claimed = reading(capture=Capture(BOOT, 1, wall_ms=captured), device_time=told)
    found = stamp(claimed, LIVE, lambda _at_ms: BERLIN)
    assert 0 <= found.earliest_ms <= found.measured_at_ms <= found.latest_ms
    assert found.latest_ms <= found.captured_at_ms <= found.received_at_ms


def test_the_zone_is_the_wearers_at_that_time_and_nobodys_if_there_are_two() -> None:
    view = RegistryView(
        [
            device(
                Assignment("a", "anna", 0, 1000),
                Assignment("b", "ben", 1000, user_slot=1),
                Assignment("c", "cleo", 2000, user_slot=2),
            )
        ]
    )
    assert view.zone_of(CUFF, 500) is None  # a patient of whom nothing is known
    for patient_id, zone in (("anna", "Europe/Berlin"), ("ben", "Asia/Tokyo"), ("cleo", "No/Zone")):
        view.apply(_encoded(PatientEntry(patient_id, patient_id, zone=zone)))
    assert view.zone_of(CUFF, 500) == BERLIN
    assert view.zone_of(CUFF, 1500) == ZoneInfo("Asia/Tokyo")
    assert view.zone_of(CUFF, 2500) is None
    assert view.zone_of("C0:FF:EE:00:00:77", 500) is None


def test_who_moves_takes_the_device_along_into_the_new_zone() -> None:
    view = RegistryView([device(Assignment("a", "anna", 0))])
    moves = [ZonePeriod(3000, "Europe/Berlin"), ZonePeriod(1000, "Asia/Tokyo")]
    view.apply(_encoded(PatientEntry("anna", "anna", zone="Europe/Berlin", zones=moves)))
    times_ms = (999, 1000, 2999, 3000)
    zones = [str(view.zone_of(CUFF, at_ms)) for at_ms in times_ms]
    assert zones == ["Europe/Berlin", "Asia/Tokyo", "Asia/Tokyo", "Europe/Berlin"]


def _encoded(entry: PatientEntry) -> bytes:
    return msgspec.json.encode(entry)
