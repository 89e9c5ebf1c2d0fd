"""The library that the codecs are measured against."""

import importlib
from collections.abc import Callable
from typing import Any

REFERENCE = "bluetooth-sig 0.6.0"


def decoder(name: str) -> Callable[[Any], Any]:
    """Give its decoder of a characteristic, by the shortest way in; it takes a bytearray."""
    module = importlib.import_module("bluetooth_sig.gatt.characteristics")
    parse: Callable[[Any], Any] = getattr(module, f"{name}Characteristic")().parse_value
    return parse
