"""Names that follow from the log alone: whoever judges it again gives the same ones."""

import hashlib

_BYTES = 16


def alert_id(patient_id: str, scope: str, origin: str) -> str:
    """Name an alert: ``scope`` is its ladder, ``origin`` the reading with which it began."""
    return _digest("alert", patient_id, scope, origin)


def event_id(alert: str, event: str, occasion: str) -> str:
    """Name what happened to an alert: ``occasion`` is the reading that did it, or its deadline."""
    return _digest("event", alert, event, occasion)


def short_identity(reading_id: str) -> int:
    """Give 64 bits of a reading_id for the table of recent ones; never 0, which means empty."""
    try:
        return int(reading_id[-16:], 16) or 1
    except ValueError:  # not ours, but no reason to stop
        return int.from_bytes(hashlib.sha256(reading_id.encode()).digest()[:8]) or 1


def device_digest(address: str) -> str:
    """Name a device that is not registered without saying its address."""
    return _digest("device", address)


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:  # lengths in front: no two lists of parts can give the same bytes
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.digest()[:_BYTES].hex()
