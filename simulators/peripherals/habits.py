"""In what devices differ whatever they measure: pairing, advertising, clock, patience. Pure data.

Each field is a habit that somebody has seen in the field; the defaults are what the standard asks
for. Who has which habit is written in models.py.
"""

from dataclasses import dataclass
from enum import Enum

from schemas.gatt.quirks import ClockWay

__all__ = ["AS_THE_STANDARD_SAYS", "Habits", "Keeps"]


class Keeps(Enum):
    """How long a device that sends by itself keeps what it has sent."""

    UNTIL_CONFIRMED = "until each is confirmed"
    UNTIL_ALL_CONFIRMED = "until the whole burst is confirmed: a broken one comes again whole"
    ALWAYS = "until a person clears its memory: everything comes again each time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a device behaves towards whoever comes to read it."""

    passkey: int | None = None
    """The six digits that its display shows at pairing; None: it has none, and pairs without."""
    keeps: Keeps = Keeps.UNTIL_CONFIRMED
    """What a meter keeps is its own affair: it is asked for records, and keeps them."""
    clock: ClockWay | None = ClockWay.CURRENT_TIME
    """How its clock is read and set; None: it can be neither."""
    always_discoverable: bool = True
    """False: only in pairing mode do its flags say that it wants to be discovered."""
    advertises_service: bool = True
    """False: only in pairing mode does its advertisement name its service; else only itself."""
    pause_before_subscribing_s: float = 0.0
    """It forgets a subscription that comes sooner after another request."""
    pairs_by_reconnecting: bool = False
    """Nothing is handed over on the link on which it was paired: pairing ends with that link."""
    wants_everything_subscribed: bool = False
    """Nothing is handed over, no new bond kept, and pairing mode not left, before all that it can
    push is subscribed."""
    advertises_unread: bool = False
    """Its advertisement tells for each user the newest record's number and how many there are."""
    drops_bond: bool = False
    """It forgets its bonds when a link ends, and then pairs without its button."""
    bonds_max: int | None = None
    """It pairs with no further host once it has so many; None: with any number."""
    wants_encryption_within_s: float | None = None
    """It drops a link that is not encrypted by then; None: it never minds."""
    resumes_after_s: float | None = None
    """It remembers who has subscribed, and on a later link sends without being asked, so long after
    that is encrypted (which the standard lets it do); None: it waits for a new subscription."""
    drops_link_after: int | None = None
    """Every transfer breaks off after so many records; None: none does."""


AS_THE_STANDARD_SAYS = Habits()
