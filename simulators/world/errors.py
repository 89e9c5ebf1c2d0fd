"""What bluetoothd answers when something fails: names and texts that clients match on."""

from typing import Final

__all__ = ["BluezError", "from_att_code"]

# src/gatt-client.c, create_gatt_dbus_error(): clients see these instead of the ATT code.
_ATT_CODES: Final = {
    0x02: ("NotPermitted", "Read not permitted"),
    0x03: ("NotPermitted", "Write not permitted"),
    0x05: ("NotPermitted", "Not paired"),
    0x06: ("NotSupported", "Operation is not supported"),
    0x07: ("InvalidArguments", "Invalid offset"),
    0x08: ("NotAuthorized", "Operation Not Authorized"),
    0x0C: ("NotPermitted", "Not paired"),
    0x0D: ("InvalidArguments", "Invalid Length"),
    0x0F: ("NotPermitted", "Not paired"),
}
_APPLICATION_CODES: Final = range(0x80, 0xE0)


class BluezError(Exception):
    """A D-Bus error reply; `name` is completed to org.bluez.Error.* unless it has dots."""

    def __init__(self, name: str, text: str) -> None:
        """Keep the full error name and the text."""
        super().__init__(name, text)
        self.name = name if "." in name else f"org.bluez.Error.{name}"
        self.text = text


def from_att_code(code: int) -> BluezError:
    """Translate an ATT error code of the device as bluetoothd does."""
    if code in _ATT_CODES:
        return BluezError(*_ATT_CODES[code])
    kind = "Application Error" if code in _APPLICATION_CODES else "Unknown"
    return BluezError("Failed", f"Operation failed with ATT error: 0x{code:02x} ({kind})")
