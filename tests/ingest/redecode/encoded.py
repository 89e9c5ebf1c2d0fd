"""Well-formed payloads of every characteristic that is decoded anew."""

import struct

from hypothesis import strategies as st

from schemas.gatt.checksum import e2e_crc
from tests.schemas.gatt.codecs import CODECS

NAMES = {
    "2a35": "blood pressure",
    "2b34": "enhanced blood pressure",
    "2a18": "glucose",
    "2a34": "glucose context",
    "2a9d": "weight",
    "2a5e": "spot-check",
    "2a1c": "temperature",
}
ENCODED = {
    characteristic: codec.values.map(codec.encode)
    for characteristic, name in NAMES.items()
    for codec in CODECS
    if codec.name == name
}
WHOLE, CARRIED = 0b11, ("2a35", "2b34")


def segment(
    header: int, sequence: int, characteristic: str, part: bytes, seal: int | None
) -> bytes:
    """Write 0x2B36. ``seal``: what the checksum is wrong by, None for a segment without one."""
    body = struct.pack("<BHH", header, sequence, int(characteristic, 16)) + part
    return body if seal is None else body + struct.pack("<H", e2e_crc(body) ^ seal)


headers, words16, seals = st.integers(0, 255), st.integers(0, 0xFFFF), st.sampled_from([None, 0, 1])
ENCODED["2b36"] = st.sampled_from(CARRIED).flatmap(
    lambda inside: st.builds(
        segment, headers.map(WHOLE.__or__), words16, st.just(inside), ENCODED[inside], seals
    )
)
