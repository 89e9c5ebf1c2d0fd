"""The deterministic reading_id: two gateways, or a replaced one, give one reading one name.

16 bytes: 6 bytes of the device's own record time in ms (big-endian, so that ids sort by time),
then 10 bytes of SHA-256 over what identifies the record. No counter of a gateway enters it, except
where the device gives us nothing to tell two records apart (see ``Undated``).
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

_TIME_BYTES = 6
_TIME_MS_MAX = (1 << (8 * _TIME_BYTES)) - 1
_DIGEST_BYTES = 10


@dataclass(frozen=True, slots=True)
class Undated:
    """Where a payload has neither device time nor record number, or comes from a clock never set.

    The capture names the record: its gateway, stream and number, and the gateway's capture time.
    The same bytes again within 60 s are the same record: the caller passes the first capture.
    """

    gateway_id: str
    stream: str
    seq: int
    captured_ms: int


def reading_id(
    device: str, characteristic: str, payload: bytes, record_time: datetime | Undated
) -> str:
    """Name a record: 32 hex digits.

    ``device`` is the identity address or serial number, never a private resolvable address;
    ``characteristic`` its 16-bit number as four hex digits; ``record_time`` the device's own local
    time exactly as sent (never corrected), or ``Undated``.
    """
    parts = [device.encode(), characteristic.encode(), payload]
    if isinstance(record_time, Undated):
        time_ms = record_time.captured_ms
        parts += [
            record_time.gateway_id.encode(),
            record_time.stream.encode(),
            str(record_time.seq).encode(),
        ]
    else:
        time_ms = int(record_time.replace(tzinfo=UTC).timestamp() * 1000)
    digest = hashlib.sha256()
    for part in parts:  # lengths in front: no two lists of parts can give the same bytes
        digest.update(len(part).to_bytes(4, "big") + part)
    clamped_ms = min(max(time_ms, 0), _TIME_MS_MAX)
    return (clamped_ms.to_bytes(_TIME_BYTES, "big") + digest.digest()[:_DIGEST_BYTES]).hex()
