"""A device's local time in the zone of whoever wears it, and whether its stamps prove right. Pure.

Where a session could not read the device's clock, the stamps of its last five sessions speak for
it: the freshest of each lies beside its capture, and the smallest of these lags says how wrong the
clock can be. It is trusted if that is at most ten minutes, either way. All of it travels with the
reading, so a bridge that was restarted, or another one, judges alike.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.reading import Coincidence, DeviceTime

LAG_MOST_MS = 600_000
SESSIONS_MAX = 5
"""However many a gateway sends: a lag of long ago says nothing of a clock that was moved since."""


@dataclass(frozen=True, slots=True)
class Instants:
    """What a local time can mean, UTC ms: one instant, or two in the hour that comes twice."""

    earliest_ms: int
    latest_ms: int

    @property
    def ambiguous(self) -> bool:
        """Whether the clocks went back over it."""
        return self.earliest_ms != self.latest_ms


@dataclass(frozen=True, slots=True)
class Proven:
    """What a stamp can mean, and how wrong the clock that made it can be: ``lag_ms`` behind."""

    instants: Instants
    lag_ms: int


def instants_of(local: datetime, zone: ZoneInfo) -> Instants | None:
    """Find when the clocks of a zone show ``local``; None for a time that they skip."""
    found = []
    for fold in (0, 1):
        aware = local.replace(tzinfo=zone, fold=fold)
        utc = aware.astimezone(UTC)
        if utc.astimezone(zone).replace(tzinfo=None) == local:
            found.append(int(utc.timestamp() * 1000))
    return Instants(min(found), max(found)) if found else None


def measured_at(device_time: DeviceTime, zone: ZoneInfo, captured_ms: int) -> Proven | None:
    """Give when a record was measured by its stamp; None if the stamp is not to be trusted."""
    if device_time.fault or device_time.screens:
        return None
    lags = [_lag_ms(one, zone) for one in device_time.coincidences[-SESSIONS_MAX:]]
    known = [lag for lag in lags if lag is not None]
    if not known or abs(min(known)) > LAG_MOST_MS:
        return None
    try:
        local = datetime.fromisoformat(device_time.local)
        local += timedelta(minutes=device_time.offset_min or 0)
        found = instants_of(local, zone)
    except (ValueError, OverflowError):
        return None
    if found is None or found.earliest_ms - captured_ms > LAG_MOST_MS:
        return None
    if found.latest_ms - captured_ms > LAG_MOST_MS:  # the second time is still to come
        found = Instants(found.earliest_ms, found.earliest_ms)
    return Proven(found, min(known))


def _lag_ms(one: Coincidence, zone: ZoneInfo) -> int | None:
    """Give how long after its stamp a record was captured; of two meanings the shorter one."""
    try:
        found = instants_of(datetime.fromisoformat(one.local), zone)
    except (ValueError, OverflowError):
        return None
    if found is None:
        return None
    lags = (one.captured_ms - found.earliest_ms, one.captured_ms - found.latest_ms)
    return min(lags, key=abs)
