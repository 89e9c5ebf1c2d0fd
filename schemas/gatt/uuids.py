"""Assigned numbers: 16-bit names of GATT services and characteristics, and their full UUIDs."""

BLOOD_PRESSURE_SERVICE = 0x1810
BLOOD_PRESSURE_MEASUREMENT = 0x2A35
INTERMEDIATE_CUFF_PRESSURE = 0x2A36
BLOOD_PRESSURE_FEATURE = 0x2A49
ENHANCED_BLOOD_PRESSURE_MEASUREMENT = 0x2B34
ENHANCED_INTERMEDIATE_CUFF_PRESSURE = 0x2B35
BLOOD_PRESSURE_RECORD = 0x2B36

GLUCOSE_SERVICE = 0x1808
GLUCOSE_MEASUREMENT = 0x2A18
GLUCOSE_MEASUREMENT_CONTEXT = 0x2A34
GLUCOSE_FEATURE = 0x2A51
RECORD_ACCESS_CONTROL_POINT = 0x2A52

CONTINUOUS_GLUCOSE_MEASUREMENT = 0x2AA7

WEIGHT_SCALE_SERVICE = 0x181D
WEIGHT_MEASUREMENT = 0x2A9D
WEIGHT_SCALE_FEATURE = 0x2A9E

PULSE_OXIMETER_SERVICE = 0x1822
PLX_SPOT_CHECK_MEASUREMENT = 0x2A5E
PLX_CONTINUOUS_MEASUREMENT = 0x2A5F
PLX_FEATURES = 0x2A60

HEALTH_THERMOMETER_SERVICE = 0x1809
TEMPERATURE_MEASUREMENT = 0x2A1C
TEMPERATURE_TYPE = 0x2A1D
INTERMEDIATE_TEMPERATURE = 0x2A1E

CURRENT_TIME_SERVICE = 0x1805
CURRENT_TIME = 0x2A2B
LOCAL_TIME_INFORMATION = 0x2A0F
DATE_TIME = 0x2A08

DEVICE_INFORMATION_SERVICE = 0x180A
SYSTEM_ID = 0x2A23
MODEL_NUMBER = 0x2A24
SERIAL_NUMBER = 0x2A25
FIRMWARE_REVISION = 0x2A26
HARDWARE_REVISION = 0x2A27
SOFTWARE_REVISION = 0x2A28
MANUFACTURER_NAME = 0x2A29
PNP_ID = 0x2A50

BATTERY_SERVICE = 0x180F
BATTERY_LEVEL = 0x2A19

# Ascensia's own, in the Contour meters (github.com/weliem/blessed-android, BluetoothHandler.java).
CONTOUR_SERVICE = "00000000-0002-11e2-9e96-0800200c9a66"
CONTOUR_CLOCK = "00001026-0002-11e2-9e96-0800200c9a66"

_ASSIGNED_MAX = 0xFFFF
_BASE = "-0000-1000-8000-00805f9b34fb"


def full(assigned: int) -> str:
    """Return the 128-bit UUID of an assigned number, in lower case: ``0000180f-0000-...``."""
    if not 0 <= assigned <= _ASSIGNED_MAX:
        message = f"{assigned:#x} is not a 16-bit assigned number"
        raise ValueError(message)
    return f"{assigned:08x}{_BASE}"


def assigned(uuid: str) -> int | None:
    """Return the assigned number of a UUID (128-bit or 4 hex digits), or None if it has none."""
    text = uuid.lower().removesuffix(_BASE)
    if len(text) == len("0000180f") and text.startswith("0000") and len(uuid) > len(text):
        text = text[4:]
    try:
        return int(text, 16) if len(text) == len("180f") else None
    except ValueError:
        return None
