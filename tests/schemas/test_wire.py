import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidInput
from schemas.wire import ITEMS_MAX, envelope_for, open_envelope

STREAM = "0123456789abcdef"


@given(st.integers(1, 2**53), st.integers(1, ITEMS_MAX), st.binary(max_size=50))
def test_what_was_sealed_opens(first: int, count: int, payload: bytes) -> None:
    sealed = envelope_for(STREAM, first, count, payload)
    assert open_envelope(sealed.user_properties(), payload) == sealed


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_another_payload_does_not_pass(payload: bytes, other: bytes) -> None:
    properties = envelope_for(STREAM, 1, 1, payload).user_properties()
    if payload != other:
        with pytest.raises(InvalidInput) as caught:
            open_envelope(properties, other)
        assert caught.value.reason == "digest"


@pytest.mark.parametrize("missing", ["stream", "first", "count", "sha256"])
def test_a_missing_property_is_named(missing: str) -> None:
    properties = envelope_for(STREAM, 1, 1, b"").user_properties()
    with pytest.raises(InvalidInput, match=missing):
        open_envelope([(name, value) for name, value in properties if name != missing], b"")


@pytest.mark.parametrize(
    ("name", "value"),
    [("first", "0"), ("first", "x"), ("count", "0"), ("count", "501"), ("stream", "short")],
)
def test_a_property_out_of_its_bounds_is_refused(name: str, value: str) -> None:
    properties = dict(envelope_for(STREAM, 1, 1, b"").user_properties()) | {name: value}
    with pytest.raises(InvalidInput):
        open_envelope(list(properties.items()), b"")


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=70)), max_size=6), st.binary())
def test_arbitrary_properties_raise_nothing_else(
    properties: list[tuple[str, str]], payload: bytes
) -> None:
    with pytest.raises(InvalidInput):
        open_envelope(properties, payload)
