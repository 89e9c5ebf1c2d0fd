"""What holds for every codec, whatever the bytes or the value."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.gatt import blood_pressure, current_time, date_time, glucose, glucose_context, racp
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.number import decode_sfloat

octet = st.integers(0, 0xFF)
word = st.integers(0, 0xFFFF)
nibble = st.integers(0, 0xF)
sfloat = st.binary(min_size=2, max_size=2).map(decode_sfloat)
moment = st.builds(date_time.DateTime, word, octet, octet, octet, octet, octet)
reserved_flags = st.sampled_from([bits << 5 for bits in range(8)])
trailing = st.binary(max_size=4)

blood_pressure_measurement = st.builds(
    blood_pressure.BloodPressureMeasurement,
    unit=st.sampled_from(blood_pressure.PressureUnit),
    systolic=sfloat,
    diastolic=sfloat,
    mean=sfloat,
    timestamp=st.none() | moment,
    pulse=st.none() | sfloat,
    user=st.none() | octet,
    status=st.none() | word.map(blood_pressure.Status),
    reserved_flags=reserved_flags,
    trailing=trailing,
)


@st.composite
def glucose_measurement(draw: st.DrawFn) -> glucose.GlucoseMeasurement:
    with_concentration = draw(st.booleans())
    return glucose.GlucoseMeasurement(
        sequence=draw(word),
        base_time=draw(moment),
        time_offset_min=draw(
            st.none() | st.integers(-0x7FFF, 0x7FFE) | st.sampled_from(glucose.OffsetUnknown)
        ),
        unit=draw(st.sampled_from(glucose.ConcentrationUnit)),
        concentration=draw(sfloat) if with_concentration else None,
        sample_type=glucose.SampleType(draw(nibble)) if with_concentration else None,
        sample_location=glucose.SampleLocation(draw(nibble)) if with_concentration else None,
        status=draw(st.none() | word.map(glucose.Status)),
        context_follows=draw(st.booleans()),
        reserved_flags=draw(reserved_flags),
        trailing=draw(trailing),
    )


context = st.builds(
    glucose_context.GlucoseContext,
    sequence=word,
    extended_flags=st.none() | octet,
    carbohydrate=st.none()
    | st.builds(glucose_context.Carbohydrate, octet.map(glucose_context.CarbohydrateKind), sfloat),
    meal=st.none() | octet.map(glucose_context.Meal),
    person=st.none()
    | st.builds(
        glucose_context.Person,
        nibble.map(glucose_context.Tester),
        nibble.map(glucose_context.Health),
    ),
    exercise=st.none() | st.builds(glucose_context.Exercise, word, octet),
    medication=st.none()
    | st.builds(
        glucose_context.Medication,
        octet.map(glucose_context.MedicationKind),
        sfloat,
        st.sampled_from(glucose_context.MedicationUnit),
    ),
    hba1c_percent=st.none() | sfloat,
    trailing=trailing,
)

clock = st.builds(
    current_time.CurrentTime, moment, octet, octet, octet.map(current_time.AdjustReason)
)
request = st.builds(
    racp.Request, octet.map(racp.Opcode), octet.map(racp.Operator), st.binary(max_size=15)
)
response = st.builds(racp.CountResponse, st.integers(0, 0xFFFF_FFFF)) | st.builds(
    racp.ResponseCode, octet.map(racp.Opcode), octet.map(racp.ResponseValue)
)


class Codec(NamedTuple):
    name: str
    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    values: st.SearchStrategy[Any]


CODECS = [
    Codec(
        "blood pressure", blood_pressure.decode, blood_pressure.encode, blood_pressure_measurement
    ),
    Codec("glucose", glucose.decode, glucose.encode, glucose_measurement()),
    Codec("glucose context", glucose_context.decode, glucose_context.encode, context),
    Codec("date time", date_time.decode, date_time.encode, moment),
    Codec("current time", current_time.decode, current_time.encode, clock),
    Codec("request", racp.decode_request, racp.encode_request, request),
    Codec("response", racp.decode_response, racp.encode_response, response),
]

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
