"""What has come of a numbered memory in one dialogue, and how far that is safe.

``gateway.record_access.dialogue`` decides what to ask next; here is what its answers have brought
so far, in whatever order and over however many requests.
"""

from dataclasses import replace

from gateway.record_access.cursor import NOWHERE, Cursor, Harvest


class Gathered:
    """Of one dialogue; ``known`` is the last record that was known before it."""

    def __init__(self, known: Cursor | None) -> None:
        """Begin with nothing."""
        self.known = known
        """It comes again at each visit, and was not just measured."""
        self.harvest = Harvest()
        """Of the present request."""
        self.count: int | None = None
        """How many records the meter says that it holds; None: it did not say."""
        self.last: Cursor | None = None
        """What the meter calls its last record; None: it did not say. It is asked for first."""
        self.newest: Cursor | None = None
        """The same, or one that was measured since."""
        self.fresh = False
        """Whether a record came that was not known."""
        self.promised: set[int] = set()
        """Whose context has not come."""
        self.unfinished: set[int] = set()
        """Of these parts came, and not yet all."""
        self._owed: set[int] = set()  # of the promised: to be asked for again if the link breaks
        self._proven: Harvest | None = None  # how far "newer" came, before all was asked for

    def is_known(self, found: Cursor) -> bool:
        """Tell whether this is the record that was known before."""
        return self.known is not None and found.record == self.known.record

    def came(self, found: Cursor, *, promises_context: bool, again: bool) -> None:
        """Note a record, by whatever request; ``again``: not for the first time.

        Once only a context that did not come is a reason to ask for its measurement again: some
        never keep the promise, and a memory whose link always breaks would be read no further.
        """
        self.fresh = self.fresh or not self.is_known(found)
        if promises_context:
            self.promised.add(found.last)
            if not again:
                self._owed.add(found.last)

    def named(self, last: Cursor) -> None:
        """Note what the meter calls its last record."""
        self.last = self.newest = last

    def add(self, found: Cursor) -> None:
        """Note a record of the present request."""
        before, newest = self.harvest.latest, self.newest
        if before and newest and before.record == newest.record and found.last == before.next:
            self.newest = found
        self.harvest.add(found)
        self.unfinished.discard(found.last)

    def part(self, sequence: int) -> None:
        """Note a part of a record that is not whole by it."""
        if not self.harvest.has(sequence):
            self.unfinished.add(sequence)

    def context(self, sequence: int) -> None:
        """Note a context."""
        self.promised.discard(sequence)
        self._owed.discard(sequence)

    def prove(self) -> None:
        """Keep how far the present request came: it is no less safe because more is missing."""
        self._proven = self.harvest

    def reached(self, *, complete: bool, doubtful: bool) -> Cursor | None:
        """Give the cursor that the records allow; the old one if none does.

        ``complete``: the meter said that it has given everything; ``doubtful``: an answer may have
        been another request's. Of a broken dialogue only records count that came one number after
        the other: the first one that is missing, or that is owed its context, must be asked for
        again.
        """
        if not complete:
            harvests = [self._proven, self.harvest] if self._proven else [self.harvest]
            ends = (harvest.unbroken(self._owed) for harvest in harvests)
            return next(filter(None, ends), self.known)
        if self.harvest.latest is None:
            return self.known
        newest = self.harvest.newest(self.last)
        if newest is None:
            return NOWHERE
        if doubtful:
            return replace(newest, held=None, complete=False)
        return replace(newest, held=self._held(), complete=True)

    def _held(self) -> int | None:
        """Say how many of the meter's records are safe after a complete dialogue."""
        if self.count is not None:
            return self.count
        distinct = len(self.harvest.distinct)
        if self.harvest.known is None:
            return distinct
        before = self.harvest.known.held
        return None if before is None else before + distinct - 1
