"""The last frames of the stream, so that a reader who was cut off goes on without gap or double.

Invariants: frames are in the order of the log; ``since(cursor)`` gives exactly the frames after the
place that the cursor names, or None if that place is not remembered: then only a snapshot helps.
"""

from collections import deque

PLACES_MAX = 2_000


class Ring:
    """Remembers the last ``places_max`` places and what followed each."""

    def __init__(self, start: str, places_max: int = PLACES_MAX) -> None:
        """Start at a place with nothing after it."""
        self._places: deque[tuple[str, bytes]] = deque([(start, b"")], maxlen=places_max)

    @property
    def cursor(self) -> str:
        """The newest place."""
        return self._places[-1][0]

    def push(self, cursor: str, frame: bytes) -> None:
        """Reach a new place; ``frame`` is what a reader of the place before gets (may be empty)."""
        assert cursor != self.cursor, cursor
        self._places.append((cursor, frame))

    def since(self, cursor: str) -> bytes | None:
        """Give all that followed a place; None if it is not remembered."""
        frames: list[bytes] = []
        for place, frame in reversed(self._places):
            if place == cursor:
                return b"".join(reversed(frames))
            frames.append(frame)
        return None
