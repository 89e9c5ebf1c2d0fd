"""What is fuzzed, and what must hold for whatever bytes come.

Every function of ``schemas.gatt`` whose name begins with ``decode`` is found by itself, and its
``encode`` beside it: a codec that is added tomorrow is fuzzed tomorrow. ``MalformedPayload`` is the
one exception that a decoder may raise; what it took, its encoder writes in a form that says the
same and is written the same again. ``measure`` gets everything that a gateway hands to it.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

from schemas import gatt, vitals
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import measure
from schemas.gatt.quirks import BEURER_BM

Check = Callable[[bytes], None]

MEASURE = "measure"
_KNOWN = sorted(one for vital in vitals.VITALS.values() for one in vital.characteristics)
_CHARACTERISTICS = (*_KNOWN, "2a36")  # the last one never is a reading
_HEADER_BYTES = 4


def targets() -> dict[str, Check]:
    """Find all targets, by name."""
    return dict([*_codecs(), (MEASURE, _check_measure)])


def _codecs() -> Iterator[tuple[str, Check]]:
    for found in pkgutil.iter_modules(gatt.__path__):
        module = importlib.import_module(f"{gatt.__name__}.{found.name}")
        for name, decode in vars(module).items():
            if name.startswith("decode") and decode.__module__ == module.__name__:
                encode = getattr(module, name.replace("decode", "encode", 1))
                yield f"{found.name}.{name}", check_codec(decode, encode)


def check_codec(decode: Callable[[bytes], Any], encode: Callable[[Any], bytes]) -> Check:
    """Give what must hold for a codec, whatever the bytes."""

    def check(payload: bytes) -> None:
        try:
            value = decode(payload)
        except MalformedPayload:
            return
        written = encode(value)
        again = decode(written)
        assert again == value, (again, value)
        assert encode(again) == written, (again, written.hex())  # 2.0 is not 2.00

    return check


def _check_measure(octets: bytes) -> None:
    """Take characteristic, features and quirk from the first bytes; the rest is the payload."""
    header, payload = octets[:_HEADER_BYTES], octets[_HEADER_BYTES:]
    if len(header) < _HEADER_BYTES:
        return
    characteristic = _CHARACTERISTICS[header[0] % len(_CHARACTERISTICS)]
    feature = int.from_bytes(header[1:3], "little") if header[3] & 1 else None
    quirk = BEURER_BM if header[3] & 2 else None
    try:
        measurement = measure(characteristic, payload, feature, quirk)
    except MalformedPayload:
        return
    names = {quantity.name for quantity in measurement.vital.quantities}
    assert measurement.quantities.keys() == names, measurement


def seeds(payloads: list[bytes], target: str) -> Iterator[bytes]:
    """Give the inputs that a target begins with: the payloads, each where ``target`` looks."""
    if target != MEASURE:
        yield from payloads
        return
    for number in range(len(_CHARACTERISTICS)):
        for header in (bytes((number, 0, 0, 0)), bytes((number, 0xFF, 0x07, 3))):
            yield from (header + payload for payload in payloads)
