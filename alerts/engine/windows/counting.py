"""N of M, counted along one patient's readings in the order of their measurement."""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.rules.book import Matching


@dataclass(frozen=True, eq=False, slots=True)
class Kept:
    """An eligible reading: ``at`` orders it, ``plain`` and ``maybe`` are sets of rungs of N of M.

    ``plain``: those whose condition it satisfies; ``maybe``: whose widened one it does not
    definitely contradict. ``place``: in the pool of entries.
    """

    at: tuple[int, int, int, int]
    day: int
    plain: int
    maybe: int
    place: int


@dataclass(frozen=True, slots=True)
class Counting:
    """Counts what was measured since ``from_ms``, when the care plan began."""

    from_ms: int

    def inside(self, readings: Sequence[Kept], window: Matching) -> list[Kept]:
        """Give the readings among which a window that ends at the last one counts."""
        since_ms = max(
            readings[-1].at[0] - window.within_ms if window.within_ms else self.from_ms,
            self.from_ms,
        )
        return [kept for kept in readings[-window.of :] if kept.at[0] >= since_ms]

    def matching(self, readings: Sequence[Kept], number: int, window: Matching) -> list[Kept]:
        """Give the readings that count, those too close to the one before left out."""
        counted: list[Kept] = []
        for kept in self.inside(readings, window):
            apart = not counted or kept.at[0] - counted[-1].at[0] >= window.apart_ms
            if kept.plain >> number & 1 and apart:
                counted.append(kept)
        return counted

    def enough(self, readings: Sequence[Kept], number: int, window: Matching) -> bool:
        """Say whether the rule holds at the last reading."""
        counted = self.matching(readings, number, window)
        days = {kept.day for kept in counted}
        return len(counted) >= window.matching and len(days) >= window.days

    def few(self, readings: Sequence[Kept], number: int, window: Matching) -> bool:
        """Say whether the return condition is met at the last reading: too few may match.

        Not by one that may match itself: time alone makes nothing normal.
        """
        if readings[-1].maybe >> number & 1:
            return False
        maybe = sum(kept.maybe >> number & 1 for kept in self.inside(readings, window))
        return maybe < window.matching

    def first_true(self, number: int, window: Matching, whole: list[Kept], at: int) -> Kept | None:
        """Find the first reading after ``at`` at which the rule has become true."""
        old = [*whole[:at], *whole[at + 1 :]]
        for end in range(at + 1, min(at + window.of, len(whole))):
            if (
                whole[end].plain >> number & 1
                and self.enough(whole[: end + 1], number, window)
                and not self.enough(old[:end], number, window)
            ):
                return whole[end]
        return None
