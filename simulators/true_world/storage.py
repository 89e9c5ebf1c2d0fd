"""What bluetoothd keeps on disk about a device that it is bonded with: doc/settings-storage.txt."""

from collections.abc import Sequence
from typing import Final

__all__ = ["STORAGE", "info_file", "info_path"]

STORAGE: Final = "/var/lib/bluetooth"
_INFO: Final = """\
[General]
Name={name}
AddressType=static
SupportedTechnologies=LE;
Trusted=false
Blocked=false
Services={services}

[LongTermKey]
Key={key}
Authenticated=2
EncSize=16
EDiv=0
Rand=0
"""  # 2: made by LE Secure Connections, without a passkey


def info_path(adapter: str, device: str) -> str:
    """Return the path for the device with this address."""
    return f"{STORAGE}/{adapter}/{device}/info"


def info_file(name: str, service_uuids: Sequence[str], long_term_key: bytes) -> str:
    """Return the content; the key is as on the air, as bumble has it too."""
    services = "".join(f"{uuid};" for uuid in service_uuids)
    return _INFO.format(name=name, services=services, key=long_term_key.hex().upper())
