"""Bluetooth addresses in what people read: they tell who owns which device, so logs have none."""

import hashlib
import re

# As bleak writes it, or as the last part of a D-Bus path (dev_C0_00_00_00_00_01).
_ADDRESS = re.compile(
    r"(?<![0-9A-F])(?:dev_)?([0-9A-F]{2}([:_])[0-9A-F]{2}(?:\2[0-9A-F]{2}){4})(?![0-9A-F])",
    re.IGNORECASE,
)


def short(address: str) -> str:
    """Name a device in logs without its address."""
    return hashlib.sha256(address.encode()).hexdigest()[:8]


def without_addresses(text: str) -> str:
    """Put short names where ``text`` has addresses: the same as those of ``short``."""
    return _ADDRESS.sub(lambda found: short(found[1].replace("_", ":").upper()), text)
