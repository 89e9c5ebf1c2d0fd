"""No epoch, cursor or counter of ours names a reading: the meter's own bytes do."""

from datetime import timedelta

from gateway.decoding.decode import decode
from gateway.record import GLUCOSE, Entry, Record, SessionFacts
from schemas.reading import Capture, Device, Reading
from tests.gateway.records import ADDRESS, BOOT, SHOWN, STREAM, meter_payload


def name(payload: bytes, stream: str = STREAM, seq: int = 1, gateway: str = "home-1") -> str:
    """Name a record as some gateway, new or old, captured it."""
    record = Record(stream, seq, ADDRESS, GLUCOSE, payload, f"session-{seq}", Capture(BOOT, seq))
    item = decode(Entry(record, SessionFacts(record.session_id, Device(ADDRESS))), gateway)
    assert isinstance(item, Reading)
    return item.reading_id


def test_after_a_reset_the_same_number_is_another_reading() -> None:
    before, after = meter_payload(1), meter_payload(1, SHOWN + timedelta(days=1))
    at_the_same_second = meter_payload(1) + b"\x00"
    assert len({name(payload) for payload in (before, after, at_the_same_second)}) == 3


def test_what_is_sent_again_is_the_same_reading_on_whatever_gateway() -> None:
    payload = meter_payload(1)
    assert name(payload) == name(payload, "f" * 16, 9_000, "another-home")
