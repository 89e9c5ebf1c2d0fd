"""A time zone by its IANA name. Pure, but for the machine's own time zone files."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone_named(name: str) -> ZoneInfo | None:
    """Look a zone up by a name such as Europe/Berlin; None if this machine knows none so named."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder
        return None
