import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.gatt.blood_pressure_record import (
    Record,
    decode_segment,
    encode_segment,
    join,
    split,
)
from schemas.gatt.checksum import e2e_crc
from schemas.gatt.errors import MalformedPayload

PAYLOAD = bytes.fromhex("468E005B006C0025C547314600")
RECORD = Record(sequence=7, characteristic=0x2B34, payload=PAYLOAD)


def test_the_checksum_of_the_standard_and_of_a_real_packet() -> None:
    assert e2e_crc(b"123456789") == 0x6F91
    # A glucose sensor: github.com/NordicSemiconductor/Android-nRF-Connect/issues/174
    packet = bytes.fromhex("0D4373002C010324001A003E04")
    assert e2e_crc(packet[:-2]) == int.from_bytes(packet[-2:], "little")


def test_a_record_in_one_segment() -> None:
    segment = decode_segment(bytes.fromhex("030700342B") + PAYLOAD)
    assert (segment.first, segment.last, segment.counter) == (True, True, 0)
    assert join([segment]) == RECORD


@given(st.binary(max_size=60), st.integers(1, 20), st.booleans(), st.integers(0, 63), st.booleans())
def test_what_was_split_is_joined(
    payload: bytes, size: int, checksum: bool, counter: int, announced: bool
) -> None:
    record = Record(sequence=0xFFFF, characteristic=0x2B34, payload=payload)
    packets = map(encode_segment, split(record, size, checksum=checksum, counter=counter))
    known = checksum if announced else None
    joined = join([decode_segment(packet, checksum=known) for packet in packets])
    assert joined.payload == payload
    if checksum:
        assert joined.checksums_fit is True


def test_an_announced_checksum_that_does_not_fit_is_told_and_costs_nothing() -> None:
    (segment,) = split(RECORD, 20, checksum=True)
    damaged = encode_segment(segment)[:-1] + b"\0"
    joined = join([decode_segment(damaged, checksum=True)])
    assert joined == replace(RECORD, checksums_fit=False)


def test_a_segment_without_room_for_its_announced_checksum_is_malformed() -> None:
    with pytest.raises(MalformedPayload, match="there is no checksum"):
        decode_segment(bytes.fromhex("030700342B00"), checksum=True)
    with pytest.raises(MalformedPayload, match=r"the recorded characteristic \(bytes 3 to 4\)"):
        decode_segment(bytes.fromhex("03070034"))


def test_missing_and_mixed_segments_are_malformed() -> None:
    first, second, third = split(RECORD, 5, checksum=False, counter=63)
    assert (second.counter, third.counter) == (0, 1)
    assert join([first, second, third]) == RECORD
    for wrong in ([], [second, third], [first, second]):
        with pytest.raises(MalformedPayload, match="first or last segment is missing"):
            join(wrong)
    for wrong in ([first, third], [first, third, second, third], [first, first, third]):
        with pytest.raises(MalformedPayload, match="missing or out of order"):
            join(wrong)
    with pytest.raises(MalformedPayload, match="two records are mixed"):
        join([first, replace(second, sequence=8), third])
