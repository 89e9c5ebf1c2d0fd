"""``vitalwire decode``: what a payload says, for the person who looks into a rejected reading."""

import json
from collections.abc import Mapping
from decimal import Decimal

import click

from schemas.errors import InvalidInput
from schemas.gatt import uuids
from schemas.gatt.measurement import Measurement, measure
from schemas.reading import Quantity
from schemas.vitals import VITALS, Vital

_KNOWN = ", ".join(
    f"{number} ({vital.title.lower()})"
    for vital in VITALS.values()
    for number in vital.characteristics
)


@click.command()
@click.argument("characteristic")
@click.argument("payload", metavar="HEX")
def decode(characteristic: str, payload: str) -> None:
    """Print what a payload (HEX) of a CHARACTERISTIC (2a35, or its UUID) says, as one JSON object.

    The bytes are read strictly by their flags, as the gateway reads them.
    """
    measurement = measure(_number(characteristic), _octets(payload))
    click.echo(json.dumps(_described(measurement), indent=2, ensure_ascii=False))


def _number(characteristic: str) -> str:
    assigned = uuids.assigned(characteristic.lower().removeprefix("0x"))
    number = None if assigned is None else f"{assigned:04x}"
    if number not in {known for vital in VITALS.values() for known in vital.characteristics}:
        raise InvalidInput(
            "characteristic", f"{characteristic} holds no record of a vital; known: {_KNOWN}"
        )
    return number


def _octets(payload: str) -> bytes:
    try:
        return bytes.fromhex(payload.removeprefix("0x"))
    except ValueError as error:
        raise InvalidInput("hex", f"{payload} is not pairs of hexadecimal digits") from error


def _described(measurement: Measurement) -> Mapping[str, object]:
    stamp = measurement.stamp
    attributes = dict(measurement.attributes)
    trailing = attributes.pop("trailing", "")
    return {
        "kind": measurement.vital.name,
        "outcome": measurement.outcome,
        **{name: _quantity(quantity) for name, quantity in measurement.quantities.items()},
        "device_time": stamp.recorded.text if stamp else None,
        "time_offset_min": stamp.offset_min if stamp else None,
        "time_fault": stamp.fault if stamp else False,
        "user": measurement.user_slot,
        "sequence": measurement.record_number,
        "status": measurement.status,
        **attributes,
        "canonical": _canonical(measurement.vital, measurement.quantities),
        "trailing_hex": trailing,
    }


def _quantity(quantity: Quantity) -> Mapping[str, object]:
    value = None if quantity.value is None else float(quantity.value)
    return {"value": value, "unit": quantity.unit, "absent": quantity.absent}


def _canonical(vital: Vital, received: Mapping[str, Quantity]) -> Mapping[str, float]:
    """Give each value in its canonical unit; to look at, not to compare with limits."""
    found = {}
    for quantity in vital.quantities:
        value, unit = received[quantity.name].value, received[quantity.name].unit
        conversion = quantity.conversion(unit)
        if value is not None and conversion is not None:
            found[quantity.name] = float(round(conversion.canonical(Decimal(value)), 3))
    return found
