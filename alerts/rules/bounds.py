"""A limit in every unit that a reading may carry, as written and moved by its band."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from schemas.units import accepted, convert, rounded, shown
from schemas.vitals import Quantity

MILLIONTHS = 1_000_000

Statement = tuple[tuple[str, Decimal], ...]
"""A limit as somebody stated it: (UCUM unit, number), once for each unit."""


@dataclass(frozen=True, eq=False, slots=True)
class Bounds:
    """One entry a unit code. ``widened``: moved towards normal by the band.

    ``exact`` and ``exact_widened`` are the same in integers, millionths of the unit.
    ``shown``: the limit as a person reads it.
    """

    limits: npt.NDArray[np.float64]
    widened: npt.NDArray[np.float64]
    exact: npt.NDArray[np.int64]
    exact_widened: npt.NDArray[np.int64]
    shown: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Scale:
    """How limits of one comparison are laid out.

    ``book``: the limit that is the book's, once for each unit in which limits are stated.
    ``band``: by unit, how far the limit moves; ``direction``: -1 if it moves down, 1 if up.
    ``rise``: it is a difference, and is converted as one.
    """

    quantity: Quantity
    book: Statement
    band: Statement
    direction: int
    rise: bool

    def bounds(self, stated: Statement) -> Bounds:
        """Lay out a limit, the book's or a personal one.

        Where the book states limits, a personal one that does not is rounded; one that is stated in
        no unit of the quantity is none, and the book's holds.
        """
        return _bounds(self, stated)


@lru_cache(maxsize=4096)
def _bounds(scale: Scale, stated: Statement) -> Bounds:
    band, stated_in = dict(scale.band), _completed(scale, stated)
    moved = {unit: number + scale.direction * band[unit] for unit, number in stated_in.items()}
    limits = _in_every_unit(scale, stated_in)
    widened = _in_every_unit(scale, moved)
    return Bounds(
        limits=_floats(limits),
        widened=_floats(widened),
        exact=_exact(limits),
        exact_widened=_exact(widened),
        shown=tuple(_shown(unit, stated_in) for unit in accepted(scale.quantity)),
    )


def _completed(scale: Scale, stated: Statement) -> dict[str, Decimal]:
    known = {unit: number for unit, number in stated if scale.quantity.conversion(unit)}
    if not known:
        return dict(scale.book)
    source = next(iter(known))
    return {
        unit: known[unit]
        if unit in known
        else rounded(_converted(scale, known[source], source, unit), unit)
        for unit, _ in scale.book
    }


def _in_every_unit(scale: Scale, stated: dict[str, Decimal]) -> list[Decimal]:
    source = next(iter(stated))
    return [
        stated[unit] if unit in stated else _converted(scale, stated[source], source, unit)
        for unit in accepted(scale.quantity)
    ]


def _converted(scale: Scale, number: Decimal, source: str, unit: str) -> Decimal:
    converted = convert(number, scale.quantity, source, unit)
    if scale.rise:  # a difference of 1 °C is one of 1.8 °F, not of 33.8
        return converted - convert(Decimal(0), scale.quantity, source, unit)
    return converted


def _floats(numbers: Iterable[Decimal]) -> npt.NDArray[np.float64]:
    # A Decimal becomes the nearest float, as does a value received: equal decimals compare equal.
    return np.array([float(number) for number in numbers])


def _exact(numbers: Iterable[Decimal]) -> npt.NDArray[np.int64]:
    scaled = (
        (number * MILLIONTHS).quantize(Decimal(1), rounding=ROUND_HALF_UP) for number in numbers
    )
    return np.array([int(number) for number in scaled], dtype=np.int64)


def _shown(unit: str, stated: dict[str, Decimal]) -> str:
    unit = unit if unit in stated else next(iter(stated))
    return f"{stated[unit]} {shown(unit)}"
