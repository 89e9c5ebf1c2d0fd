"""Does a reading mean what it says? Units known, numbers numbers, values of a living patient."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from schemas.errors import InvalidInput
from schemas.reading import DeviceTime, Quantity, Reading
from schemas.vitals import VITALS, Vital
from schemas.vitals import Quantity as Definition

_ADDRESS = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}")
_IDENTIFIER_DIGITS = 32
_DECIMAL_CHARACTERS_MAX = 32
_EXPONENT_MAX = 30
_SLOTS = range(256)
_RECORD_NUMBERS = range(1 << 32)
_FLAGS_MAX = 40  # an oximeter has two fields of status, of 16 and 24 bits
_FLAG_CHARACTERS_MAX = 64
_SESSIONS_MAX = 5
_SCREENS_MAX = 8
_LOCAL_CHARACTERS_MAX = 32
_OFFSETS_MIN = range(-32_768, 32_768)


def check(reading: Reading) -> None:
    """Raise ``InvalidInput`` with the reason why a reading must not reach the rules."""
    vital = VITALS.get(reading.vital)
    if vital is None:
        raise InvalidInput("unknown-vital", f"no vital is called {reading.vital!r}")
    if not _ADDRESS.fullmatch(reading.device.address):
        raise InvalidInput("malformed", "the device's address is no Bluetooth address")
    for name in ("reading_id", "amends"):
        _check_identifier(name, getattr(reading, name))
    offset_min = reading.device_time.offset_min if reading.device_time else None
    _check_number("user_slot", reading.user_slot, _SLOTS)
    _check_number("record_number", reading.record_number, _RECORD_NUMBERS)
    _check_number("offset_min", offset_min, _OFFSETS_MIN)
    if reading.device_time is not None:
        _check_device_time(reading.device_time)
    flags = reading.status or ()
    if len(flags) > _FLAGS_MAX or any(len(flag) > _FLAG_CHARACTERS_MAX for flag in flags):
        # Alerts keep them with what they wait for: one home's nonsense must not outgrow Kafka.
        raise InvalidInput("malformed", "status has more than any device can notice")
    try:
        bytes.fromhex(reading.raw)
    except ValueError as error:
        raise InvalidInput("malformed", f"raw is not hexadecimal: {error}") from error
    check_values(vital, reading.quantities)


def _check_device_time(told: DeviceTime) -> None:
    """Refuse more than a gateway of ours says; the bridge works through all of it."""
    too_long = any(len(one.local) > _LOCAL_CHARACTERS_MAX for one in told.coincidences)
    if too_long or len(told.coincidences) > _SESSIONS_MAX or len(told.screens) > _SCREENS_MAX:
        raise InvalidInput("malformed", "device_time tells more than five sessions can")


def check_values(vital: Vital, quantities: Mapping[str, Quantity]) -> None:
    """Raise ``InvalidInput`` for units, numbers or values that no living patient has."""
    values = canonical_values(vital, quantities)
    for high, low in vital.descending:
        if high in values and low in values and values[high] <= values[low]:
            raise InvalidInput("implausible", f"{high} {values[high]} is not above {low}")


def canonical_values(vital: Vital, quantities: Mapping[str, Quantity]) -> dict[str, Decimal]:
    """Give those quantities that have a value in canonical units; raise ``InvalidInput``."""
    values = {}
    for name, quantity in quantities.items():
        definition = vital.quantity(name)
        if definition is None:
            raise InvalidInput("unknown-quantity", f"{vital.name} has no {name!r}")
        conversion = definition.conversion(quantity.unit)
        if conversion is None:
            raise InvalidInput("unknown-unit", f"{name} cannot be in {quantity.unit!r}")
        if quantity.value is not None:
            value = conversion.canonical(received_value(quantity.value))
            values[name] = _plausible(definition, value)
    return values


def received_value(text: str) -> Decimal:
    """Read a decimal exactly as the device sent it; raise ``InvalidInput``."""
    try:
        value = Decimal(text) if len(text) <= _DECIMAL_CHARACTERS_MAX else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, str) or max(abs(exponent), abs(value.adjusted())) > _EXPONENT_MAX:
        raise InvalidInput("malformed", f"{text[:_DECIMAL_CHARACTERS_MAX]!r} is no number")
    return value


def _plausible(definition: Definition, value: Decimal) -> Decimal:
    low, high = definition.plausible
    if not low <= value <= high:
        raise InvalidInput(
            "implausible", f"{definition.name} {value:.6g} {definition.unit} is not {low}..{high}"
        )
    return value


def _check_number(name: str, value: int | None, allowed: range) -> None:
    if value is not None and value not in allowed:
        raise InvalidInput("malformed", f"{name} is not {allowed.start}..{allowed.stop - 1}")


def _check_identifier(name: str, value: str | None) -> None:
    if value is None and name == "amends":
        return
    if (
        value is None
        or len(value) != _IDENTIFIER_DIGITS
        or not set(value) <= set("0123456789abcdef")
    ):
        raise InvalidInput("malformed", f"{name} is not 32 hexadecimal digits")
