"""The end-to-end checksum (E2E-CRC) of newer services: CRC-16/MCRF4XX.

Initial value 0xFFFF, polynomial 0x1021 reflected, no final exclusive or; 0x6F91 over "123456789".
It is the CRC of the continuous glucose monitoring service.
"""

_POLYNOMIAL = 0x8408  # 0x1021, its bits reversed
_BITS = range(8)


def _step(value: int) -> int:
    for _ in _BITS:
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


CRC_START = 0xFFFF
CRC_OF_OCTET = tuple(_step(octet) for octet in range(256))
"""The table of its step; ``ingest.redecode`` takes it for many payloads at once."""


def e2e_crc(payload: bytes) -> int:
    """Return the checksum of the bytes, 16 bits; it travels little-endian behind them."""
    crc = CRC_START
    for octet in payload:
        crc = crc >> 8 ^ CRC_OF_OCTET[(crc ^ octet) & 0xFF]
    return crc
