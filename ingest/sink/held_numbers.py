"""How far the database has a meter's memory without a gap: rows in, a cursor out. Pure.

Only an unbroken run counts. The newest record alone proves nothing: a gateway that died may have
sent it first and taken older ones, which the meter still has, with it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.wire import DeviceCursor

NUMBERS = 0x10000
_DIGEST_DIGITS = 16


@dataclass(frozen=True, slots=True, order=True)
class Numbered:
    """A stored record of a numbered memory."""

    time_ms: int
    number: int
    raw: bytes


def cursor_of(records: Iterable[Numbered]) -> DeviceCursor | None:
    """Find the newest record, and how many end with it, each one number and some time before.

    Records of another epoch of the meter break the run, whatever their numbers: they lie elsewhere
    in time.
    """
    newest_first = sorted(set(records), reverse=True)
    if not newest_first:
        return None
    newest = newest_first[0]
    held, expected = 0, newest.number
    for record in newest_first:
        if record.number != expected:
            break
        held += 1
        expected = (expected - 1) % NUMBERS
    digest = hashlib.sha256(newest.raw).hexdigest()[:_DIGEST_DIGITS]
    return DeviceCursor(newest.number, digest, held)
