"""Which timer fires next: nobody looks at the patients whose time has not come."""

from heapq import heappop, heappush

Key = tuple[int, int]
"""Row of the patient, and which of its timers: index of the ladder, or of the notice."""


class Timers:
    """When the next timer of each key fires.

    An entry that was replaced stays in the heap until its time and is then passed over.
    """

    def __init__(self) -> None:
        """Start without any."""
        self._heap: list[tuple[int, Key]] = []
        self._next_ms: dict[Key, int] = {}

    def set(self, key: Key, deadline_ms: int | None) -> None:
        """Let a key's next timer fire at its deadline; None: it has none."""
        if deadline_ms is None:
            self._next_ms.pop(key, None)
        elif self._next_ms.get(key) != deadline_ms:
            self._next_ms[key] = deadline_ms
            heappush(self._heap, (deadline_ms, key))

    def when(self, key: Key) -> int | None:
        """Give when a key's timer fires, if it has one."""
        return self._next_ms.get(key)

    def any_before(self, until_ms: int) -> bool:
        """Tell whether an entry, be it a replaced one, lies before ``until_ms``."""
        return bool(self._heap) and self._heap[0][0] < until_ms

    def due(self, key: Key, until_ms: int) -> bool:
        """Tell whether a key has a timer that fires before ``until_ms``."""
        deadline_ms = self._next_ms.get(key)
        return deadline_ms is not None and deadline_ms < until_ms

    def before(self, until_ms: int) -> list[Key]:
        """Give the keys that have one, in order; their entries leave the heap."""
        keys = set()
        while self._heap and self._heap[0][0] < until_ms:
            deadline_ms, key = heappop(self._heap)
            if self._next_ms.get(key) == deadline_ms:
                keys.add(key)
        return sorted(keys)

    def __eq__(self, other: object) -> bool:
        """Compare what will fire, not what is left in the heap."""
        return isinstance(other, Timers) and self._next_ms == other._next_ms

    __hash__ = None  # type: ignore[assignment]
