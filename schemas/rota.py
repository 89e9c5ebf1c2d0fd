"""Who is told: a programme's rota, a record of registry.v1 under ``rota/{programme}``.

People are names of the rota; how to reach one is in ``contacts``, and nowhere else. A clinic writes
the same fields as TOML: `vitalwire registry rota set FILE`.
"""

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from schemas.time_zone import zone_named
from schemas.wire import MAJOR_VERSION

ROTA_KEY = "rota/"

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PROGRAMME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOCAL_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
LocalTime = str
"""``07:00``, in the rota's zone."""


class Channel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A way to reach a contact; ``address``: a URL, an e-mail address, nothing for ``log``."""

    kind: Literal["log", "webhook", "email"]
    address: str = ""


class Contact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person or a duty telephone; every channel is tried, one that takes it is enough."""

    name: str
    channels: list[Channel]


class Shift(msgspec.Struct, frozen=True, omit_defaults=True):
    """Staffed hours that come again every week; one that ends at or before its begin ends next day.

    ``on_duty`` is told first, then ``second``. ``lead`` looks after the work list.
    """

    begins: LocalTime
    ends: LocalTime
    on_duty: list[str]
    second: list[str] = []
    lead: list[str] = []
    days: list[Day] = msgspec.field(default_factory=lambda: list(DAYS))


class OffHours(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is told of a critical alert outside every shift."""

    on_duty: list[str]
    second: list[str] = []


class RotaEntry(msgspec.Struct, frozen=True, omit_defaults=True, tag="rota", tag_field="kind"):
    """How a programme is staffed. ``books`` are the rule books that it answers for.

    A rota without ``books`` answers for every book that no other one names. ``technical``: who is
    told of technical alerts, day and night.
    """

    programme: str
    zone: str = "UTC"
    books: list[str] = []
    contacts: list[Contact] = []
    shifts: list[Shift] = []
    off_hours: OffHours | None = None
    programme_lead: list[str] = []
    technical: list[str] = []
    version: int = MAJOR_VERSION


def problems(rota: RotaEntry) -> list[str]:
    """Say in sentences what is wrong with a rota; nothing if it can be used as it is."""
    found = []
    if not _PROGRAMME.fullmatch(rota.programme):
        found.append(f"{rota.programme!r} is no name of a programme: use letters, digits, dashes.")
    if zone_named(rota.zone) is None:
        found.append(f"{rota.zone!r} is no time zone such as Europe/Berlin.")
    for shift in rota.shifts:
        found += [
            f"{text!r} is no time of day such as 07:00."
            for text in (shift.begins, shift.ends)
            if not _LOCAL_TIME.fullmatch(text)
        ]
        if not shift.on_duty or not shift.days:
            found.append(f"The shift from {shift.begins} has no day, or nobody on duty.")
    if rota.off_hours is None or not rota.off_hours.on_duty:
        found.append("Nobody is told of a critical alert outside the shifts: set off_hours.")
    if not rota.programme_lead:
        found.append("Without a programme_lead the chain ends where nobody answers.")
    if not rota.technical:
        found.append("Nobody is told of technical trouble: set technical.")
    unreachable = sorted(_names(rota) - {one.name for one in rota.contacts if one.channels})
    found += [f"The rota does not say how to reach {name}: add a contact." for name in unreachable]
    return found


def _names(rota: RotaEntry) -> set[str]:
    lists: list[Sequence[str]] = [rota.programme_lead, rota.technical]
    lists += [names for shift in rota.shifts for names in (shift.on_duty, shift.second, shift.lead)]
    if rota.off_hours is not None:
        lists += [rota.off_hours.on_duty, rota.off_hours.second]
    return {name for names in lists for name in names}
