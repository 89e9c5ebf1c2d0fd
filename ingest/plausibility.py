"""Does a reading mean what it says? Its names, clock and bytes; values: ``schemas.plausible``."""

import re

from schemas.errors import InvalidInput
from schemas.plausible import check_values
from schemas.reading import DeviceTime, Reading
from schemas.vitals import VITALS

_ADDRESS = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}")
_IDENTIFIER_DIGITS = 32
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
