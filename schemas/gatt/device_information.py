"""Device Information (0x180A) and Battery Level (0x2A19): texts and one percentage."""

from schemas.gatt.errors import MalformedPayload
from schemas.gatt.octets import Octets

PERCENT_MAX = 100


def decode_text(payload: bytes) -> str:
    """Decode a maker, model, serial number or revision.

    Devices pad with zero bytes and blanks, and not all of them write UTF-8: what cannot be read
    becomes a replacement character, since a name must not stop a session.
    """
    return payload.decode("utf-8", errors="replace").split("\0", 1)[0].strip()


def encode_text(text: str) -> bytes:
    """Encode a maker, model, serial number or revision."""
    return text.encode()


def decode_battery_percent(payload: bytes) -> int:
    """Decode 0x2A19, 0 to 100. Raises ``MalformedPayload`` without a byte or above 100."""
    percent = Octets(payload, "battery level").uint8("the percentage")
    if percent > PERCENT_MAX:
        message = f"battery level: {percent} is not a percentage"
        raise MalformedPayload(message)
    return percent


def encode_battery_percent(percent: int) -> bytes:
    """Encode as 0x2A19."""
    return bytes((percent,))
