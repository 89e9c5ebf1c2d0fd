"""Every codec, with the values that it can encode."""

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from schemas.gatt import (
    blood_pressure,
    blood_pressure_record,
    continuous_glucose,
    contour_clock,
    current_time,
    date_time,
    device_information,
    enhanced_blood_pressure,
    glucose,
    glucose_context,
    local_time,
    omron_advertisement,
    oximeter,
    racp,
    thermometer,
    weight,
)
from schemas.gatt.number import Absent, decode_float, decode_sfloat, exact

octet = st.integers(0, 0xFF)
word = st.integers(0, 0xFFFF)
nibble = st.integers(0, 0xF)
uint24 = st.integers(0, 0xFF_FFFF)
uint32 = st.integers(0, 0xFFFF_FFFF)
sint16 = st.integers(-0x8000, 0x7FFF)
special = st.sampled_from(Absent)  # by chance alone five words of 65536 would hardly ever come
sfloat = special | st.binary(min_size=2, max_size=2).map(decode_sfloat)
float32 = special | st.binary(min_size=4, max_size=4).map(decode_float)
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
enhanced_details = st.builds(
    enhanced_blood_pressure.Details,
    unit=st.sampled_from(blood_pressure.PressureUnit),
    timestamp_s=st.none() | uint32,
    pulse=st.none() | sfloat,
    user=st.none() | octet,
    status=st.none() | word.map(blood_pressure.Status),
    user_facing_time_s=st.none() | uint32,
    since_2000=st.booleans(),
    reserved_flags=st.sampled_from([0, 0x80]),
    trailing=trailing,
)
enhanced_measurement = st.builds(
    enhanced_blood_pressure.EnhancedMeasurement,
    systolic=sfloat,
    diastolic=sfloat,
    mean=sfloat,
    details=enhanced_details,
)
enhanced_cuff_pressure = st.builds(
    enhanced_blood_pressure.EnhancedCuffPressure, cuff_pressure=sfloat, details=enhanced_details
)
segment = st.builds(
    blood_pressure_record.Segment,
    first=st.booleans(),
    last=st.booleans(),
    counter=st.integers(0, 63),
    sequence=word,
    characteristic=word,
    part=st.binary(max_size=15),
)
sensor_value = st.builds(
    continuous_glucose.ContinuousGlucose,
    glucose_mg_dl=sfloat,
    offset_min=word,
    status=st.none() | octet,
    calibration=st.none() | octet,
    warnings=st.none() | octet,
    trend_mg_dl_min=st.none() | sfloat,
    quality_percent=st.none() | sfloat,
    checksum=st.none() | word,
    reserved_flags=st.sampled_from([bits << 2 for bits in range(8)]),
)
measurement_status = st.none() | word.map(oximeter.MeasurementStatus)
sensor_status = st.none() | uint24.map(oximeter.SensorStatus)
pair = st.builds(oximeter.Pair, sfloat, sfloat)
spot_check = st.builds(
    oximeter.SpotCheck,
    spo2_percent=sfloat,
    pulse_rate=sfloat,
    timestamp=st.none() | moment,
    measurement_status=measurement_status,
    sensor_status=sensor_status,
    pulse_amplitude_percent=st.none() | sfloat,
    clock_not_set=st.booleans(),
    reserved_flags=reserved_flags,
    trailing=trailing,
)
stream = st.builds(
    oximeter.Continuous,
    normal=pair,
    fast=st.none() | pair,
    slow=st.none() | pair,
    measurement_status=measurement_status,
    sensor_status=sensor_status,
    pulse_amplitude_percent=st.none() | sfloat,
    reserved_flags=reserved_flags,
    trailing=trailing,
)
temperature = st.builds(
    thermometer.TemperatureMeasurement,
    unit=st.sampled_from(thermometer.TemperatureUnit),
    temperature=float32,
    timestamp=st.none() | moment,
    type=st.none() | octet.map(thermometer.TemperatureType),
    reserved_flags=st.sampled_from([bits << 3 for bits in range(32)]),
    trailing=trailing,
)
scale_feature = st.builds(
    weight.Feature,
    uint32.map(lambda bits: weight.Ability(bits & ~0x3F8)),
    nibble.map(weight.WeightResolution),
    st.integers(0, 7).map(weight.HeightResolution),
)


def oximeter_features(
    abilities: oximeter.Ability,
    measurement: oximeter.MeasurementStatus | None,
    sensor: oximeter.SensorStatus | None,
) -> oximeter.Features:
    """Let the two bits follow the fields, as the wire must."""
    for bit, status in (
        (oximeter.Ability.MEASUREMENT_STATUS, measurement),
        (oximeter.Ability.SENSOR_STATUS, sensor),
    ):
        others = abilities.value & ~bit.value
        abilities = oximeter.Ability(others | bit.value if status is not None else others)
    return oximeter.Features(abilities, measurement, sensor)


@st.composite
def weight_measurement(draw: st.DrawFn) -> weight.WeightMeasurement:
    system = draw(st.sampled_from(weight.System))
    step = 5 if system is weight.System.SI else 1
    indices = word.map(lambda count: exact(count, -1))
    heights = word.map(lambda count: exact(count, -3 if system is weight.System.SI else -1))
    weights = st.integers(0, 0xFFFE).map(
        lambda count: exact(count * step, -3 if system is weight.System.SI else -2)
    )
    return weight.WeightMeasurement(
        system=system,
        weight=draw(st.just(Absent.ERROR) | weights),
        timestamp=draw(st.none() | moment),
        user=draw(st.none() | octet),
        body=draw(st.none() | st.builds(weight.Body, indices, heights)),
        reserved_flags=draw(st.sampled_from([bits << 4 for bits in range(16)])),
        trailing=draw(trailing),
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
    Codec(
        "continuous glucose",
        continuous_glucose.decode,
        continuous_glucose.encode,
        st.lists(sensor_value, min_size=1, max_size=3).map(tuple),
    ),
    Codec("date time", date_time.decode, date_time.encode, moment),
    Codec("current time", current_time.decode, current_time.encode, clock),
    Codec(
        "enhanced blood pressure",
        enhanced_blood_pressure.decode,
        enhanced_blood_pressure.encode,
        enhanced_measurement,
    ),
    Codec(
        "enhanced cuff pressure",
        enhanced_blood_pressure.decode_cuff_pressure,
        enhanced_blood_pressure.encode_cuff_pressure,
        enhanced_cuff_pressure,
    ),
    Codec(
        "blood pressure record",
        blood_pressure_record.decode_segment,
        blood_pressure_record.encode_segment,
        segment,
    ),
    Codec("weight", weight.decode, weight.encode, weight_measurement()),
    Codec("scale feature", weight.decode_feature, weight.encode_feature, scale_feature),
    Codec("spot-check", oximeter.decode, oximeter.encode, spot_check),
    Codec("oximeter", oximeter.decode_continuous, oximeter.encode_continuous, stream),
    Codec(
        "oximeter features",
        oximeter.decode_features,
        oximeter.encode_features,
        st.builds(oximeter_features, word.map(oximeter.Ability), measurement_status, sensor_status),
    ),
    Codec("temperature", thermometer.decode, thermometer.encode, temperature),
    Codec(
        "temperature type",
        thermometer.decode_type,
        thermometer.encode_type,
        octet.map(thermometer.TemperatureType),
    ),
    Codec(
        "local time",
        local_time.decode,
        local_time.encode,
        st.builds(
            local_time.LocalTime, st.integers(-128, 127), octet.map(local_time.DaylightSaving)
        ),
    ),
    Codec(
        "contour clock",
        contour_clock.decode,
        contour_clock.encode,
        st.builds(contour_clock.ContourClock, moment, sint16, octet, trailing),
    ),
    Codec(
        "omron advertisement",
        omron_advertisement.decode,
        omron_advertisement.encode,
        st.builds(
            omron_advertisement.Advertisement,
            flags=octet.map(lambda bits: omron_advertisement.Flags(bits & ~3)),
            users=st.lists(
                st.builds(omron_advertisement.Memory, word, octet), min_size=1, max_size=4
            ).map(tuple),
            trailing=trailing,
        ),
    ),
    Codec(
        "system id",
        device_information.decode_system_id,
        device_information.encode_system_id,
        st.builds(device_information.SystemId, st.integers(0, (1 << 40) - 1), uint24),
    ),
    Codec(
        "pnp id",
        device_information.decode_pnp_id,
        device_information.encode_pnp_id,
        st.builds(
            device_information.PnpId,
            octet.map(device_information.VendorSource),
            word,
            word,
            word,
        ),
    ),
    Codec("request", racp.decode_request, racp.encode_request, request),
    Codec("response", racp.decode_response, racp.encode_response, response),
]
