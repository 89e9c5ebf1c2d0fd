from datetime import UTC, datetime, timedelta, timezone

import pytest

from schemas.gatt import contour_clock, current_time, date_time, local_time
from schemas.gatt.current_time import AdjustReason
from schemas.gatt.date_time import DateTime
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.local_time import DaylightSaving, LocalTime


def test_current_time_both_ways() -> None:
    payload = bytes.fromhex("EA07030E070509060001")
    current = current_time.decode(payload)
    assert current.naive == datetime.fromisoformat("2026-03-14T07:05:09")
    assert current.weekday == 6
    assert current.adjust_reason is AdjustReason.MANUAL
    assert current_time.encode(current) == payload


def test_current_time_of_a_moment() -> None:
    moment = datetime(2026, 3, 14, 7, 5, 9, 500_000, tzinfo=UTC)
    current = current_time.of(moment)
    assert (current.weekday, current.fractions_256) == (6, 128)
    assert current.naive == moment.replace(tzinfo=None)


def test_fractions_of_a_second_stay_within_the_second() -> None:
    moment = datetime.fromisoformat("2026-03-14T07:05:09.999999")
    naive = current_time.of(moment).naive
    assert naive is not None
    assert naive.microsecond == 255 * 1_000_000 // 256


def test_a_clock_that_knows_no_year_has_no_time() -> None:
    assert current_time.decode(bytes(10)).naive is None


def test_nine_bytes_are_no_current_time() -> None:
    with pytest.raises(MalformedPayload, match=r"the adjust reason \(byte 9\)"):
        current_time.decode(bytes(9))


@pytest.mark.parametrize(
    ("payload", "text", "naive"),
    [
        ("EA07030E070509", "2026-03-14T07:05:09", datetime.fromisoformat("2026-03-14T07:05:09")),
        ("D007010100030C", "2000-01-01T00:03:12", datetime.fromisoformat("2000-01-01T00:03:12")),
        ("0000041114293B", "0000-04-17T20:41:59", None),
        ("00000000000000", "0000-00-00T00:00:00", None),
        ("EA07021E070509", "2026-02-30T07:05:09", None),
        ("FFFFFFFFFFFFFF", "65535-255-255T255:255:255", None),
    ],
)
def test_date_time_is_kept_as_received(payload: str, text: str, naive: datetime | None) -> None:
    moment = date_time.decode(bytes.fromhex(payload))
    assert moment.text == text
    assert moment.naive == naive
    assert date_time.encode(moment).hex().upper() == payload


def test_date_time_of_a_moment() -> None:
    assert date_time.of(datetime.fromisoformat("2026-03-14T07:05:09")) == DateTime(
        2026, 3, 14, 7, 5, 9
    )


def test_six_bytes_are_no_date_time() -> None:
    with pytest.raises(MalformedPayload, match=r"year to second \(bytes 0 to 6\)"):
        date_time.decode(bytes(6))


@pytest.mark.parametrize(
    ("payload", "offset_min"), [("0404", 120), ("1600", 330), ("F004", -180), ("80FF", None)]
)
def test_zone_and_daylight_saving_give_the_offset(payload: str, offset_min: int | None) -> None:
    local = local_time.decode(bytes.fromhex(payload))
    assert local.offset_min == offset_min
    assert local_time.encode(local).hex().upper() == payload


def test_an_unknown_saving_leaves_the_offset_unknown() -> None:
    assert LocalTime(4, DaylightSaving.UNKNOWN).offset_min is None
    assert LocalTime(4, DaylightSaving(7)).offset_min is None
    with pytest.raises(MalformedPayload, match=r"the daylight saving \(byte 1\)"):
        local_time.decode(b"\x04")


def test_a_contour_is_set_by_utc_and_its_zone() -> None:
    moment = datetime(2026, 3, 14, 2, 5, 9, tzinfo=timezone(timedelta(hours=-5)))
    payload = contour_clock.encode(contour_clock.of(moment))
    assert payload.hex().upper() == "01EA07030E070509D4FE"
    clock = contour_clock.decode(payload)
    assert (clock.utc.text, clock.offset_min) == ("2026-03-14T07:05:09", -300)
    with pytest.raises(ValueError, match="has no zone"):
        contour_clock.of(moment.replace(tzinfo=None))
    with pytest.raises(MalformedPayload, match=r"the zone \(bytes 8 to 9\)"):
        contour_clock.decode(payload[:-1])
