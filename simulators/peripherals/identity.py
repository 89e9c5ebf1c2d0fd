"""Who a device is, to people and on the air."""

from dataclasses import dataclass

__all__ = ["DeviceIdentity"]


@dataclass(frozen=True)
class DeviceIdentity:
    """What is printed on the device; `address` is its static random address, upper case."""

    address: str
    name: str
    manufacturer: str
    model: str
    serial: str
    firmware: str = "1.0"
