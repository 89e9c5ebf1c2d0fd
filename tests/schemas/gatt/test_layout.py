"""The table-driven way to take fields, against the one that takes them one by one."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.gatt.errors import MalformedPayload
from schemas.gatt.layout import Field, Layout
from schemas.gatt.octets import Octets

FORMS = {"B": Octets.uint8, "H": Octets.uint16, "h": Octets.sint16}


@st.composite
def field(draw: st.DrawFn) -> Field:
    form = draw(st.sampled_from([*FORMS, "2s", "7s"]))
    flag = draw(st.none() | st.integers(0, 7).map(lambda bit: 1 << bit))
    return Field(f"the {form} of {flag}", form, flag)


def one_by_one(fields: list[Field], payload: bytes) -> tuple[Any, ...]:
    octets = Octets(payload, "thing")
    flags = octets.uint8("the flags")
    values: list[Any] = [flags]
    for name, form, flag in fields:
        if flag is not None and not flags & flag:
            values.append(None)
        elif form in FORMS:
            values.append(FORMS[form](octets, name))
        else:
            values.append(octets.take(int(form[:-1]), name))
    return (*values, octets.rest())


def outcome(unpack: Callable[..., object], *arguments: object) -> object:
    try:
        return unpack(*arguments)
    except MalformedPayload as error:
        return str(error)


@given(st.lists(field(), max_size=8), st.binary(max_size=30))
def test_all_at_once_gives_what_one_by_one_gives(fields: list[Field], payload: bytes) -> None:
    layout = Layout("thing", *fields)
    expected = outcome(one_by_one, fields, payload)
    assert outcome(layout.unpack, payload) == expected
    assert outcome(layout.unpack, payload) == expected  # from the plan that the first call made


def test_the_field_that_has_no_room_is_named() -> None:
    layout = Layout("thing", Field("the size", "H"), Field("the user", "B", 1))
    assert layout.unpack(b"\x00\x02\x01\xff") == (0, 258, None, b"\xff")
    assert layout.unpack(b"\x01\x02\x01\xff") == (1, 258, 255, b"")
    with pytest.raises(MalformedPayload, match=r"3 bytes are too few for the user \(byte 3\)"):
        layout.unpack(b"\x01\x02\x01")
    with pytest.raises(MalformedPayload, match=r"0 bytes are too few for the flags \(byte 0\)"):
        layout.unpack(b"")
