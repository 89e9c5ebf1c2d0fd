"""Who is told: a programme's rota, a record of registry.v1 under ``rota/{programme}``.

People are names of the rota; how to reach one is in ``contacts``, and nowhere else. A clinic writes
the same fields as TOML: `vitalwire registry rota set FILE`.
"""

from typing import Literal

import msgspec

from schemas.wire import MAJOR_VERSION

ROTA_KEY = "rota/"

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
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


class Leave(msgspec.Struct, frozen=True, omit_defaults=True):
    """So long a person is told of nothing, in the rota's zone.

    Whole days, the last one too (``2026-12-24``), or from a minute until a minute
    (``2026-12-24T12:00``).
    """

    name: str
    begins: str
    ends: str


class RotaEntry(msgspec.Struct, frozen=True, omit_defaults=True, tag="rota", tag_field="kind"):
    """How a programme is staffed. ``books`` are the rule books that it answers for.

    A rota without ``books`` answers for every book that no other one names. ``technical``: who is
    told of technical alerts, day and night. ``leave``: whom it names and who is away for a time.
    """

    programme: str
    zone: str = "UTC"
    books: list[str] = []
    contacts: list[Contact] = []
    shifts: list[Shift] = []
    off_hours: OffHours | None = None
    programme_lead: list[str] = []
    technical: list[str] = []
    leave: list[Leave] = []
    version: int = MAJOR_VERSION
