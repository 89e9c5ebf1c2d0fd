"""Names that follow from the log alone: whoever judges it again gives the same ones."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Identities = npt.NDArray[np.uint64]

_BYTES = 16
_OURS = re.compile(r"[0-9a-f]{32}")
_HEX = re.compile(r"[0-9a-f]*")


def alert_id(patient_id: str, scope: str, origin: str) -> str:
    """Name an alert: ``scope`` is its ladder, ``origin`` the reading with which it began."""
    return _digest("alert", patient_id, scope, origin)


def event_id(alert: str, event: str, occasion: str) -> str:
    """Name what happened to an alert: ``occasion`` is the reading that did it, or its deadline."""
    return _digest("event", alert, event, occasion)


def kept_name(reading_id: str) -> str:
    """Give a reading_id as it is remembered: itself, or of one that is not ours a digest."""
    if _OURS.fullmatch(reading_id):
        return reading_id
    return hashlib.sha256(reading_id.encode()).hexdigest()[: 2 * _BYTES]


def long_identity(reading_id: str) -> tuple[int, int]:
    """Give a reading_id as two numbers of 64 bits."""
    name = kept_name(reading_id)
    return int(name[:_BYTES], 16), int(name[_BYTES:], 16)


def identities(reading_ids: Sequence[str]) -> tuple[Identities, Identities]:
    """Give many reading_ids as ``long_identity`` gives one: columns of the two numbers."""
    names = "".join(reading_ids)
    if {*map(len, reading_ids)} != {2 * _BYTES} or not _HEX.fullmatch(names):
        names = "".join(map(kept_name, reading_ids))
    table = np.frombuffer(bytes.fromhex(names), ">u8").reshape(-1, 2).astype(np.uint64)
    return table[:, 0], table[:, 1]


def device_digest(address: str) -> str:
    """Name a device that is not registered without saying its address."""
    return _digest("device", address)


def name_of(high: int, low: int) -> str:
    """Give the reading_id back."""
    return "%016x%016x" % (high, low)  # noqa: UP031 - a third of the time of an f-string


def _digest(*parts: str) -> str:
    told: list[bytes] = []
    for part in parts:  # lengths in front: no two lists of parts can give the same bytes
        encoded = part.encode()
        told += (len(encoded).to_bytes(4, "big"), encoded)
    return hashlib.sha256(b"".join(told)).hexdigest()[: 2 * _BYTES]


def short_identity(reading_id: str) -> int:
    """Name a reading by 64 bits, as the table of recent ones does; never 0."""
    return max(long_identity(reading_id)[1], 1)
