"""What a step found, and where it belongs: the order does not depend on how it was found."""

import msgspec

from schemas.alert import Transition

Order = tuple[int, int, int, str, int]
"""Entry; timers before readings; deadline or place in the record; patient; ladder."""


class Found(msgspec.Struct, frozen=True):
    """A transition with its place among all that a step gives; ``row`` -1: it is nobody's."""

    order: Order
    row: int
    transition: Transition
