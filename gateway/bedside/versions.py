"""Versions of BlueZ and of the kernel that are known to fail Bluetooth LE, with sources."""

import re
from dataclasses import dataclass

BLUEZ_OLDEST = (5, 55)
"""What bleak's documentation asks for (bleak.readthedocs.io, Linux backend)."""


@dataclass(frozen=True, slots=True)
class KnownBad:
    """Versions from ``first`` to ``last``, both included, and what goes wrong with them."""

    first: tuple[int, ...]
    last: tuple[int, ...]
    harm: str
    source: str


BLUEZ = (
    KnownBad(
        first=(5, 64),
        last=(5, 64),
        harm="drops links by itself and loses notifications",
        source="github.com/bluez/bluez/issues/509",
    ),
)
KERNEL = (
    KnownBad(
        first=(6, 6, 62),
        last=(6, 6, 62),
        harm="hears no advertisements on a Raspberry Pi 5",
        source="github.com/raspberrypi/bookworm-feedback/issues/350",
    ),
)


def numbers(text: str) -> tuple[int, ...]:
    """Read the first dotted number of a version text: ``6.1.0-18-amd64`` is (6, 1, 0)."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def known_bad(version: tuple[int, ...], table: tuple[KnownBad, ...]) -> KnownBad | None:
    """Find the row of a bad version; None if it is not known to be bad."""
    for row in table:
        if row.first <= version[: len(row.first)] and version[: len(row.last)] <= row.last:
            return row
    return None
