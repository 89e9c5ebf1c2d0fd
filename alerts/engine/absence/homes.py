"""What a gateway's reports explain of the silence behind it, and who is told that it is away."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from alerts.engine.absence.attendance import NO_CONTACT_MS, Attendance, Key
from alerts.engine.absence.noticed import Noticed
from alerts.engine.absence.surroundings import AFRESH_AFTER_MS
from schemas.alert import Cause

LOOK_AGAIN_MS = 3_600_000
"""How often a silence is looked at that a gateway explains which stays away."""


def away_since(attendance: Attendance, gateway: int, at_ms: int) -> int | None:
    """Tell since when a gateway was away, as of an instant; None: it was not, as far as we know.

    One that was told of and never heard of again still is: its last report may be too old for who
    starts now.
    """
    name, told = attendance.gateways[gateway], attendance.away.get(gateway)
    if told is not None and not attendance.surroundings.knew(name, at_ms):
        return told.origin_ms
    return attendance.surroundings.away_since(name, at_ms)


class Explained(NamedTuple):
    """A silence that a gateway explains: when to look next, and since when it is told as away."""

    look_ms: int
    away_ms: int | None


def explained_until(
    attendance: Attendance, gateway: int, due_ms: int, at_ms: int
) -> Explained | None:
    """Tell when a silence is looked at next that a gateway explains; None: it explains none.

    By the hour since it was due, and two hours after the gateway came back: whoever starts between
    two looks, and so looks at once, finds what the last one found, and looks again when it would.
    """
    last_ms = at_ms - (at_ms - due_ms) % LOOK_AGAIN_MS
    while last_ms < at_ms:
        found = _explained(attendance, gateway, due_ms, last_ms)
        if found is None:
            break
        if found.look_ms > at_ms:
            return Explained(found.look_ms, None)
        last_ms = found.look_ms
    return _explained(attendance, gateway, due_ms, at_ms)


def _explained(attendance: Attendance, gateway: int, due_ms: int, at_ms: int) -> Explained | None:
    surroundings, name = attendance.surroundings, attendance.gateways[gateway]
    if surroundings.came_and_went(name, due_ms, at_ms):
        return None
    look_ms = at_ms - (at_ms - due_ms) % LOOK_AGAIN_MS + LOOK_AGAIN_MS
    back_ms = surroundings.back_since(name, at_ms)
    if back_ms is not None and back_ms + AFRESH_AFTER_MS > at_ms:
        return Explained(min(back_ms + AFRESH_AFTER_MS, look_ms), None)
    away_ms = away_since(attendance, gateway, at_ms)
    return None if away_ms is None else Explained(look_ms, away_ms)


def cause_of(attendance: Attendance, key: Key, gateway: int, at_ms: int) -> Cause:
    """Say why nothing came until an instant, as far as the gateway's reports tell."""
    if away_since(attendance, gateway, at_ms) is not None:
        return "gateway-offline"
    place, name = (key[0], attendance.vital_of[key[1]]), attendance.gateways[gateway]
    heard_ms = attendance.surroundings.heard_ms(name, int(attendance.device[place]), at_ms)
    if heard_ms is not None and heard_ms <= attendance.contact_ms[place]:
        return "device-silent"
    return "not-measured"


def explain_anew(attendance: Attendance, before_ms: int) -> None:
    """Look at what is open behind gateways that said something new.

    What a report said of a time that is over counts from now on.
    """
    for gateway in attendance.turned:
        at_ms = before_ms
        if at_ms == NO_CONTACT_MS:
            at_ms = attendance.surroundings.changes_ms(attendance.gateways[gateway], at_ms)
        for key in attendance.open_of(gateway):
            attendance.schedule(key, at_ms)
    attendance.perhaps_back |= attendance.turned
    attendance.turned.clear()


def told_of_gateways(
    attendance: Attendance, noticed: Sequence[Noticed], log_ms: Sequence[int], before_ms: int
) -> Iterator[Noticed]:
    """Of all whom a gateway explains the first tells of it, wherever its row is.

    Then when it is back: within one call it may go, come, and go once more.
    """
    yield from (one for one in noticed if one.row >= 0)
    away, looked = attendance.away, set(attendance.perhaps_back)
    for one in sorted((one for one in noticed if one.row < 0), key=lambda one: one.at_ms):
        gateway = one.absence.gateway
        looked.add(gateway)
        yield from _back(attendance, gateway, one.at_ms, log_ms, before_ms)
        if gateway not in away:
            away[gateway] = one.absence
            yield one
    for gateway in sorted(looked):
        yield from _back(attendance, gateway, log_ms[-1], log_ms, before_ms)
    attendance.perhaps_back = {
        gateway for gateway in looked & away.keys() if _back_ms(attendance, gateway) is not None
    }


def _back(
    attendance: Attendance, gateway: int, until_ms: int, log_ms: Sequence[int], before_ms: int
) -> Iterator[Noticed]:
    """Say that a gateway is back of which somebody was told, if it is before an instant."""
    back_ms = _back_ms(attendance, gateway)
    if back_ms is not None and (at_ms := max(back_ms, before_ms)) < until_ms:
        told = attendance.away.pop(gateway)
        yield Noticed("returned", -1, -1, told, at_ms, bisect_right(log_ms, at_ms))


def _back_ms(attendance: Attendance, gateway: int) -> int | None:
    told = attendance.away.get(gateway)
    name = attendance.gateways[gateway]
    return attendance.surroundings.back_after(name, told.origin_ms) if told else None
