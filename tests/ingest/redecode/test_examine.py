"""A row differs exactly if a derived column says something else than its bytes."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.redecode.compare import unchanged
from ingest.redecode.decoders import DECODERS
from ingest.redecode.derived import DECODED_ATTRIBUTES, derive
from ingest.redecode.examine import Difference, Refusal, StoredRow, examine
from ingest.redecode.payloads import joined
from schemas.errors import InvalidInput
from schemas.gatt.blood_pressure import Feature
from schemas.gatt.quirks import BEURER_BM
from schemas.reading import Reading
from tests.ingest.redecode.encoded import ENCODED
from tests.ingest.redecode.stored import decoded, scales, stored_row

SEVERE = bytes.fromhex("1EC0007C009300EA07030E0705096000010400")
NO_FEATURE, EVERY_FEATURE = 0, 0xFFFF
BY_HAND: dict[str, Callable[[Any], Any]] = {
    "outcome": lambda outcome: "failed" if outcome == "measured" else "measured",
    "status": lambda _: ["never-heard-of"],
    "attributes": lambda attributes: {**attributes, "trailing": "never sent"},
    "user_slot": lambda _: 77,
    "record_number": lambda _: 70_000,
    "device_time": lambda _: "2001-02-03T04:05:06",
    "device_offset_min": lambda _: 40_000,
    "unit_received": lambda _: "furlong",
}


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    """Give readings that the sink takes, from devices whose features are known or not."""
    characteristic = draw(st.sampled_from(sorted(DECODERS)))
    payload = draw(ENCODED[characteristic])
    feature = draw(st.none() | st.sampled_from([NO_FEATURE, EVERY_FEATURE]) | st.integers(0, 255))
    if characteristic == "2b36" and feature is not None:
        feature |= Feature.CHECKSUM  # else the checksum that it denies is one, by fitting
    return decoded(characteristic, payload, feature)


@given(reading=readings())
def test_what_a_gateway_decoded_today_does_not_differ(reading: Reading) -> None:
    try:
        layout, row = stored_row(reading)
    except InvalidInput:
        return
    found = list(examine(layout, [row]))
    assert all(isinstance(one, Refusal) and one.reason == "implausible" for one in found)


@given(reading=readings(), data=st.data())
def test_any_other_value_of_a_derived_column_differs(reading: Reading, data: st.DataObject) -> None:
    try:
        layout, row = stored_row(reading)
        now = derive(layout, layout.named(row.values), BEURER_BM).columns
    except InvalidInput:
        return
    column = data.draw(st.sampled_from(layout.derived))
    other = otherwise(column, now[column])
    changed_row = changed(row, layout.place(column), other)
    (found,) = examine(layout, [replace(changed_row, scales=scales(layout, changed_row.values))])
    assert isinstance(found, Difference)
    if column == "status" and now[column] is None and found.fields[column] == (other, []):
        return  # clear bits; only a stored None says that the device could not set them
    assert found.fields == {column: (other, now[column])}
    assert found.corrected() == row.values


def otherwise(column: str, value: Any) -> Any:  # noqa: ANN401
    if column in BY_HAND:
        return BY_HAND[column](value)
    if column.endswith("_absent"):
        return "error" if value == "unknown" else "unknown"
    if column.endswith("_received"):
        return Decimal("7.000") if value is None else value * Decimal("1.0")  # one more decimal
    return 7.5 if value is None else value + 1


def changed(row: StoredRow, place: int, value: object) -> StoredRow:
    values = (*row.values[:place], value, *row.values[place + 1 :])
    return replace(row, values=values)


def test_most_rows_need_no_second_look() -> None:
    layout, row = stored_row(decoded("2a35", SEVERE))
    columns = DECODERS["2a35"](joined([SEVERE] * 3))
    wrong = changed(row, layout.place("systolic"), 191.0)
    rows = [row.values, wrong.values, row.values]
    assert unchanged(layout, rows, [row.scales] * 3, columns).tolist() == [True, False, True]


def test_not_assessed_stays_not_assessed() -> None:
    """A cuff without features says clear bits, which means nothing; no row keeps the features."""
    clear = SEVERE[:-2] + bytes(2)
    reading = decoded("2a35", clear, NO_FEATURE)
    assert reading.status is None
    layout, row = stored_row(reading)
    assert list(examine(layout, [row])) == []
    partly = decoded("2a35", SEVERE, 0b0_0100)
    assert "not_assessed" in partly.attributes
    layout, row = stored_row(partly)
    wrong = changed(row, layout.place("pulse"), 95.0)
    (found,) = examine(layout, [wrong])
    assert isinstance(found, Difference)
    assert set(found.fields) == {"pulse"}


def test_bytes_that_cannot_be_decoded_any_more_stay_as_they_are() -> None:
    layout, row = stored_row(decoded("2a35", SEVERE))
    short = changed(row, layout.place("raw"), SEVERE[:5])
    unknown = changed(row, layout.place("characteristic"), "2aff")
    other = changed(row, layout.place("characteristic"), "2a18")
    found = [
        one.reason for one in examine(layout, [short, unknown, other]) if isinstance(one, Refusal)
    ]
    assert found == ["malformed-payload", "malformed-payload", "other-vital"]


@pytest.mark.parametrize("characteristic", DECODERS)
@given(data=st.data())
def test_every_attribute_of_the_payload_is_known_as_one(
    characteristic: str, data: st.DataObject
) -> None:
    """Else an attribute that a mended decoder no longer gives would stay for ever."""
    reading = decoded(characteristic, data.draw(ENCODED[characteristic]))
    assert reading.attributes.keys() <= DECODED_ATTRIBUTES | {"place"}
