"""Milliseconds since 1970 to and from ``datetime`` without a float in between."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def from_ms(instant_ms: int) -> datetime:
    """Give the instant as UTC; raise ``OverflowError`` beyond the year 9999."""
    return _EPOCH + instant_ms * _MILLISECOND


def to_ms(instant: datetime) -> int:
    """Give milliseconds since 1970, cut."""
    return (instant - _EPOCH) // _MILLISECOND
