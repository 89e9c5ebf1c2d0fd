"""What holds for every codec, whatever the bytes or the value."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.gatt.errors import MalformedPayload
from tests.schemas.gatt.codecs import CODECS, Codec

every_codec = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: str(codec.name))


@every_codec
@given(data=st.data())
def test_what_was_encoded_is_decoded_to_the_same(codec: Codec, data: st.DataObject) -> None:
    value = data.draw(codec.values)
    again = codec.decode(codec.encode(value))
    assert again == value
    assert repr(again) == repr(value)  # 2.0 and 2.00 are equal, but not the same


@every_codec
@given(payload=st.binary(max_size=40))
def test_any_bytes_are_either_malformed_or_stable(codec: Codec, payload: bytes) -> None:
    with suppress(MalformedPayload):
        value = codec.decode(payload)
        assert codec.decode(codec.encode(value)) == value


@every_codec
@given(data=st.data())
def test_a_payload_that_was_cut_is_never_something_worse_than_malformed(
    codec: Codec, data: st.DataObject
) -> None:
    payload = codec.encode(data.draw(codec.values))
    length = data.draw(st.integers(0, len(payload)))
    with suppress(MalformedPayload):
        codec.decode(payload[:length])
