"""What the characteristics that hold no measurement say: features, clocks, texts, requests."""

from collections.abc import Callable, Mapping

from schemas.gatt import (
    blood_pressure,
    continuous_glucose,
    contour_clock,
    current_time,
    date_time,
    device_information,
    glucose,
    local_time,
    oximeter,
    racp,
    thermometer,
    uuids,
    weight,
)
from schemas.gatt.codes import Bits
from schemas.gatt.continuous_glucose import ContinuousGlucose
from schemas.gatt.measurement.form import PER_MINUTE, PERCENT, quantity
from schemas.gatt.number import Number
from schemas.gatt.oximeter import Pair
from schemas.gatt.racp import CountResponse, Opcode

Description = Mapping[str, object]

_TEXTS = {
    uuids.MODEL_NUMBER: "model_number",
    uuids.SERIAL_NUMBER: "serial_number",
    uuids.FIRMWARE_REVISION: "firmware_revision",
    uuids.HARDWARE_REVISION: "hardware_revision",
    uuids.SOFTWARE_REVISION: "software_revision",
    uuids.MANUFACTURER_NAME: "manufacturer_name",
}


def _blood_pressure_feature(payload: bytes) -> Description:
    feature = blood_pressure.decode_feature(payload)
    silent = blood_pressure.not_assessed(feature)
    return _feature("blood_pressure_feature", feature, silent) | _rest(
        payload, blood_pressure.encode_feature(feature)
    )


def _glucose_feature(payload: bytes) -> Description:
    feature = glucose.decode_feature(payload)
    silent = glucose.not_assessed(feature)
    return _feature("glucose_feature", feature, silent) | _rest(
        payload, glucose.encode_feature(feature)
    )


def _feature(kind: str, feature: Bits, silent: Bits) -> dict[str, object]:
    return {"kind": kind, "features": feature.labels, "not_assessed": silent.labels}


def _weight_scale_feature(payload: bytes) -> Description:
    feature = weight.decode_feature(payload)
    return {
        "kind": "weight_scale_feature",
        "features": feature.abilities.labels,
        "weight_resolution": feature.weight_resolution.label,
        "height_resolution": feature.height_resolution.label,
    } | _rest(payload, weight.encode_feature(feature))


def _oximeter_features(payload: bytes) -> Description:
    features = oximeter.decode_features(payload)
    measurement, sensor = features.measurement_status, features.sensor_status
    return {
        "kind": "pulse_oximeter_features",
        "features": features.abilities.labels,
        "measurement_status": None if measurement is None else measurement.labels,
        "sensor_status": None if sensor is None else sensor.labels,
    } | _rest(payload, oximeter.encode_features(features))


def _oximeter_stream(payload: bytes) -> Description:
    stream = oximeter.decode_continuous(payload)
    fields: tuple[Bits | None, ...] = (stream.measurement_status, stream.sensor_status)
    sent = [status for status in fields if status is not None]
    return {
        "kind": "continuous_oximetry",
        **_quantities(
            **_pair("", stream.normal),
            **_pair("fast_", stream.fast),
            **_pair("slow_", stream.slow),
            pulse_amplitude=_quantity(stream.pulse_amplitude_percent, PERCENT),
        ),
        "status": [name for status in sent for name in status.labels] if sent else None,
        "trailing_hex": stream.trailing.hex(),
    }


def _continuous_glucose(payload: bytes) -> Description:
    first, *further = map(_sensor_value, continuous_glucose.decode(payload))
    return {"kind": "continuous_glucose", **first, "further_records": further}


def _sensor_value(record: ContinuousGlucose) -> Description:
    noticed = record.annunciation
    return {
        **_quantities(
            glucose=_quantity(record.glucose_mg_dl, "mg/dL"),
            trend=_quantity(record.trend_mg_dl_min, "mg/dL/min"),
            quality=_quantity(record.quality_percent, PERCENT),
        ),
        "time_offset_min": record.offset_min,
        "status": None if noticed is None else noticed.labels,
        "checksum_fits": record.checksum_fits,
        "trailing_hex": record.trailing.hex(),
    }


def _pair(prefix: str, pair: Pair | None) -> dict[str, Description]:
    spo2, pulse_rate = (pair.spo2_percent, pair.pulse_rate) if pair is not None else (None, None)
    return {
        f"{prefix}spo2": _quantity(spo2, PERCENT),
        f"{prefix}pulse_rate": _quantity(pulse_rate, PER_MINUTE),
    }


def _temperature_type(payload: bytes) -> Description:
    place = thermometer.decode_type(payload)
    return {"kind": "temperature_type", "place": place.label} | _rest(
        payload, thermometer.encode_type(place)
    )


def _current_time(payload: bytes) -> Description:
    current = current_time.decode(payload)
    return {
        "kind": "current_time",
        "device_time": current.date_time.told,
        "fractions_256": current.fractions_256,
        "weekday": current.weekday,
        "adjust_reason": current.adjust_reason.labels,
    } | _rest(payload, current_time.encode(current))


def _date_time(payload: bytes) -> Description:
    moment = date_time.decode(payload)
    return {"kind": "date_time", "device_time": moment.told} | _rest(
        payload, date_time.encode(moment)
    )


def _local_time(payload: bytes) -> Description:
    local = local_time.decode(payload)
    return {
        "kind": "local_time_information",
        "zone_quarters": local.zone_quarters,
        "daylight_saving": local.daylight_saving.label,
        "offset_min": local.offset_min,
    } | _rest(payload, local_time.encode(local))


def _contour_clock(payload: bytes) -> Description:
    clock = contour_clock.decode(payload)
    return {
        "kind": "contour_clock",
        "command": clock.command,
        "utc": clock.utc.text,
        "offset_min": clock.offset_min,
        "trailing_hex": clock.trailing.hex(),
    }


def _battery(payload: bytes) -> Description:
    percent = device_information.decode_battery_percent(payload)
    return {
        "kind": "battery_level",
        **_quantities(battery={"value": percent, "unit": PERCENT, "absent": None}),
    } | _rest(payload, device_information.encode_battery_percent(percent))


def _system_id(payload: bytes) -> Description:
    found = device_information.decode_system_id(payload)
    return {
        "kind": "system_id",
        "manufacturer_hex": f"{found.manufacturer:010x}",
        "organisation_hex": f"{found.organisation:06x}",
    } | _rest(payload, device_information.encode_system_id(found))


def _pnp_id(payload: bytes) -> Description:
    found = device_information.decode_pnp_id(payload)
    return {
        "kind": "pnp_id",
        "vendor_source": found.source.label,
        "vendor": found.vendor,
        "product": found.product,
        "version": found.version,
    } | _rest(payload, device_information.encode_pnp_id(found))


def _control_point(payload: bytes) -> Description:
    """Describe what a collector wrote, or what a meter answered: the opcode tells which."""
    request = racp.decode_request(payload)
    if request.opcode not in (Opcode.COUNT_RESPONSE, Opcode.RESPONSE_CODE):
        asked = request.sequences
        return {
            "kind": "record_access_request",
            "opcode": request.opcode.label,
            "operator": request.operator.label,
            "operand_hex": request.operand.hex(),
            "sequences": None if asked is None else [asked.start, asked.stop - 1],
        }
    response = racp.decode_response(payload)
    if isinstance(response, CountResponse):
        return {"kind": "record_access_count", "count": response.count}
    return {
        "kind": "record_access_response",
        "request": response.request.label,
        "response": response.value.label,
    } | _rest(payload, racp.encode_response(response))


def _text(kind: str) -> Callable[[bytes], Description]:
    def describe(payload: bytes) -> Description:
        return {"kind": kind, "text": device_information.decode_text(payload)}

    return describe


def _quantity(value: Number | None, unit: str) -> Description:
    found = quantity(value, unit)
    return {
        "value": value if found.absent is None else None,
        "unit": unit,
        "absent": found.absent,
    }


def _quantities(**named: Description) -> dict[str, object]:
    """Name quantities, and their values: all that are described here come in canonical units."""
    values = {name: said["value"] for name, said in named.items() if said["value"] is not None}
    return {**named, "canonical": values}


def _rest(payload: bytes, understood: bytes) -> dict[str, object]:
    """Show what is left over behind the fields."""
    return {"trailing_hex": payload[len(understood) :].hex()}


_BY_NUMBER: dict[int, Callable[[bytes], Description]] = {
    uuids.BLOOD_PRESSURE_FEATURE: _blood_pressure_feature,
    uuids.GLUCOSE_FEATURE: _glucose_feature,
    uuids.WEIGHT_SCALE_FEATURE: _weight_scale_feature,
    uuids.PLX_FEATURES: _oximeter_features,
    uuids.PLX_CONTINUOUS_MEASUREMENT: _oximeter_stream,
    uuids.CONTINUOUS_GLUCOSE_MEASUREMENT: _continuous_glucose,
    uuids.TEMPERATURE_TYPE: _temperature_type,
    uuids.CURRENT_TIME: _current_time,
    uuids.DATE_TIME: _date_time,
    uuids.LOCAL_TIME_INFORMATION: _local_time,
    uuids.BATTERY_LEVEL: _battery,
    uuids.SYSTEM_ID: _system_id,
    uuids.PNP_ID: _pnp_id,
    uuids.RECORD_ACCESS_CONTROL_POINT: _control_point,
    **{number: _text(kind) for number, kind in _TEXTS.items()},
}

OTHERS: Mapping[str, Callable[[bytes], Description]] = {
    **{f"{number:04x}": describe for number, describe in _BY_NUMBER.items()},
    uuids.CONTOUR_CLOCK: _contour_clock,
}
"""By four hex digits, or the whole UUID of a maker's own; each raises ``MalformedPayload``."""
