"""What is told of an absence, before it is a record: which one, and what became of it."""

from dataclasses import dataclass
from typing import Literal

from schemas.alert import Cause


@dataclass(frozen=True, slots=True)
class Open:
    """What somebody was told: an absence by its deadline, a gateway by when it went.

    ``since_ms``: the last contact, or the beginning of the care plan. ``gateway``: the number of
    the one that the patient's readings come by. ``alert``: what a patient's is named after, the
    rule and deadline of the first of its ladder.
    """

    origin_ms: int
    since_ms: int
    cause: Cause
    gateway: int
    alert: str = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    """A change of a patient's absence (``row`` and ``rule``) or, with row -1, of a gateway.

    ``entry``: the record before which it belongs or, with ``place`` >= 0, the reading that is it.
    ``occasion``: tells two changes of one absence apart.
    """

    event: Literal["onset", "worsened", "eased", "returned", "cause"]
    row: int
    rule: int
    absence: Open
    at_ms: int
    entry: int
    place: int = -1
    occasion: str = ""
