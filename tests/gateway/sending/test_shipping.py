"""Packing: contiguous, sealed, never too large."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.sending.shipping import PAYLOAD_BYTES_MAX, Departure, pack
from schemas.kafka import ITEM_DECODER
from schemas.reading import Capture, Device, Item, Undecodable
from schemas.wire import ITEMS_MAX, PACKET_BYTES_MAX, ReadingsMessage, open_envelope
from tests.gateway.records import ADDRESS, BOOT, STREAM

DEPARTURE = Departure(BOOT, 5_000, None)


def item(seq: int, raw: str = "00") -> Item:
    capture = Capture(BOOT, seq)
    return Undecodable(seq, Device(ADDRESS), "2a35", raw, "why", "session", capture)


@given(first=st.integers(1, 2**40), count=st.integers(1, 20))
def test_what_is_packed_can_be_opened(first: int, count: int) -> None:
    items = [item(seq) for seq in range(first, first + count)]
    envelope, payload = pack(STREAM, items, DEPARTURE)
    opened = open_envelope(envelope.user_properties(), payload)
    assert opened == envelope
    assert (opened.stream, opened.numbers) == (STREAM, range(first, first + count))
    message = msgspec.json.decode(payload, type=ReadingsMessage)
    assert [ITEM_DECODER.decode(body) for body in message.items] == items
    assert (message.boot_id, message.sent_monotonic_ms, message.sent_wall_ms) == (BOOT, 5_000, None)


def test_a_true_wall_clock_is_told() -> None:
    _, payload = pack(STREAM, [item(1)], Departure(BOOT, 5_000, 1_800_000_000_000))
    assert msgspec.json.decode(payload, type=ReadingsMessage).sent_wall_ms == 1_800_000_000_000


@given(bytes_each=st.integers(2_000, 20_000))
def test_what_does_not_fit_waits_for_the_next_message(bytes_each: int) -> None:
    items = [item(seq, "00" * bytes_each) for seq in range(1, 101)]
    envelope, payload = pack(STREAM, items, DEPARTURE)
    assert envelope.count in range(1, 100)
    assert len(payload) <= PACKET_BYTES_MAX
    assert len(payload) > PAYLOAD_BYTES_MAX - 3 * bytes_each


def test_a_message_has_no_more_items_than_the_wire_allows() -> None:
    envelope, _ = pack(STREAM, [item(seq) for seq in range(1, ITEMS_MAX + 10)], DEPARTURE)
    assert envelope.count == ITEMS_MAX
