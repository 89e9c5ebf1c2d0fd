"""Who was in contact: what a batch of records says of it, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Contacts:
    """Readings and failed attempts of a batch, in the order of the log; arrays of one length.

    ``entry``: the record's place in the batch; ``place``: the reading's place in it; ``vital``: its
    number (one that no rule waits for is left out); ``at_ms``: when it was measured; ``gateway``:
    its number; ``device``: what stands for its address.
    """

    entry: Integers
    place: Integers
    row: Integers
    vital: Integers
    at_ms: Integers
    gateway: Integers
    device: Integers


def contacts_of(rows: Sequence[tuple[int, ...]]) -> Contacts:
    """Lay out contacts: entry, place, row, vital, measured at, gateway, device."""
    return Contacts(*np.array(rows, np.int64).reshape(-1, 7).T)
