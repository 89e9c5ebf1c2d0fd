"""From a device's stamp to the server's: the wall clock of a Raspberry Pi may do what it likes."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.clocks import wall
from gateway.decoding.decode import decode
from gateway.record import BLOOD_PRESSURE, DeviceClock, Entry, Record, SessionFacts
from schemas.reading import Capture, Device, Reading
from schemas.stamp import Sending, stamp
from tests.gateway.hand_clock import HandClock
from tests.gateway.records import ADDRESS, STREAM, cuff_payload

RECEIVED_MS = 1_795_334_400_000
SHOWS = datetime(2020, 2, 29, 23, 59)  # noqa: DTZ001  (and years behind, which does not matter)
JUMPS_MS = st.integers(-40 * 365 * 24 * 3_600_000, 40 * 365 * 24 * 3_600_000)


@given(
    jumps=st.lists(JUMPS_MS, min_size=4, max_size=4),
    ages_s=st.lists(st.integers(0, 40 * 24 * 3600), min_size=3, max_size=3),
)
def test_a_jump_of_the_wall_clock_within_a_session_changes_no_interval(
    jumps: list[int], ages_s: list[int]
) -> None:
    """Before each capture, and before sending, the clock that nobody keeps true jumps somewhere."""
    clock = HandClock(now_ms=10_000)
    facts = SessionFacts("session", Device(ADDRESS), DeviceClock(SHOWS, clock.monotonic_ms()))
    items: list[Reading] = []
    for seq, (jump_ms, age_s) in enumerate(zip(jumps, ages_s, strict=False), 1):
        clock.now_ms += 7_000
        clock.wall += jump_ms
        moment = wall.read(clock)
        capture = Capture(moment.boot_id, moment.monotonic_ms, moment.wall_ms)
        shown = SHOWS + timedelta(milliseconds=clock.now_ms - 10_000, seconds=-age_s)
        payload = cuff_payload(shown.replace(microsecond=0))
        record = Record(STREAM, seq, ADDRESS, BLOOD_PRESSURE, payload, "session", capture)
        item = decode(Entry(record, facts), "home-1")
        assert isinstance(item, Reading)
        items.append(item)
    clock.wall += jumps[-1]
    clock.now_ms += 3_000
    sent = wall.read(clock)
    sending = Sending(RECEIVED_MS, sent.boot_id, sent.monotonic_ms, sent.wall_ms)
    for seq, (item, age_s) in enumerate(zip(items, ages_s, strict=True), 1):
        found = stamp(item, sending)
        assert found.captured_at_ms == RECEIVED_MS - 3_000 - 7_000 * (len(items) - seq)
        assert found.quality == "device-clock"
        assert found.measured_at_ms == found.captured_at_ms - age_s * 1000
