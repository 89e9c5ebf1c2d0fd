"""How far a numbered memory was read, and what a request on it has brought so far.

A cursor claims that nothing older is missing. It is moved only over records that came one number
after the other, or when the meter itself said that all was given; where neither can be known it
points nowhere, and everything is asked for again.
"""

import hashlib
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import takewhile

from schemas.gatt.racp import SEQUENCE_MAX

_DIGEST_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a meter was read: the last record's sequence number and what it said.

    ``complete``: nothing older is missing, because the meter had said so. ``held``: how many of its
    records up to this one are safe, None if nobody counted; of a complete cursor it is the meter's
    own count, and a lower one shows another memory.
    """

    last: int
    digest: str
    held: int | None = None
    complete: bool = False

    @classmethod
    def at(
        cls, sequence: int, payload: bytes, held: int | None = None, *, complete: bool = False
    ) -> "Cursor":
        """Point to the record with these bytes."""
        digest = hashlib.sha256(payload).hexdigest()[:_DIGEST_DIGITS]
        return cls(sequence, digest, held, complete)

    @property
    def record(self) -> tuple[int, str]:
        """The record itself, whatever is known around it."""
        return self.last, self.digest

    @property
    def next(self) -> int:
        """The number after it; 65535 is followed by 0."""
        return (self.last + 1) % (SEQUENCE_MAX + 1)


NOWHERE = Cursor(SEQUENCE_MAX, "")
"""After a meter whose order nobody understands: it is no record's, so everything is asked for."""


@dataclass(slots=True)
class Harvest:
    """The records of one request, in the order in which they came.

    ``known``: the record from which on the request asks; None for everything.
    """

    known: Cursor | None = None
    distinct: set[tuple[int, str]] = field(default_factory=set)
    first: Cursor | None = None
    latest: Cursor | None = None
    recognised: bool = False
    _ascending: bool = True
    _descending: bool = True
    _run: list[Cursor] = field(default_factory=list)
    _run_over: bool = False

    def add(self, record: Cursor) -> None:
        """Note one."""
        self.distinct.add(record.record)
        if self.latest is not None:
            self._ascending = self._ascending and record.last > self.latest.last
            self._descending = self._descending and record.last < self.latest.last
        self.first, self.latest = self.first or record, record
        is_known = self.known is not None and record.record == self.known.record
        self.recognised = self.recognised or is_known
        if not self._run:
            if self.known is None or is_known:
                self._run.append(record)
        elif record.last != self._run[-1].next:
            self._run_over = True
        elif not self._run_over:
            self._run.append(record)

    def has(self, sequence: int) -> bool:
        """Tell whether a record with this number has come."""
        return any(number == sequence for number, _ in self.distinct)

    def unbroken(self, owed: AbstractSet[int] = frozenset()) -> Cursor | None:
        """Give the end of the unbroken run of numbers with which it began; None if there is none.

        It ends before a number that is ``owed``, whose record came and must be asked for again.
        """
        run = list(takewhile(lambda record: record.last not in owed, self._run))
        # A single one may be the newest of a meter that begins with it.
        if not run or (self.known is None and len(self._run) == 1):
            return None
        if self.known is None:
            return replace(run[-1], held=len(run))
        if self.known.complete:
            return replace(run[-1], complete=True)
        held = None if self.known.held is None else self.known.held + len(run) - 1
        return replace(run[-1], held=held)

    def newest(self, last: Cursor | None) -> Cursor | None:
        """The newest of a whole harvest; None if the order in which it came tells nothing.

        ``last``: what the meter itself called its last record, None if it did not say.
        """
        if self._ascending or self._descending:
            return last or (self.latest if self._ascending else self.first)
        wrapped = last and self.latest and last.record == self.latest.record
        return last if wrapped else None
