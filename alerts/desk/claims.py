"""Which of several desks sends a notice: the one whose record of it is first in the log.

Desks know nothing of each other: each decides everything, and writes it under the same name. The
log says who was first. If nothing was heard of a delivery for ``TAKEN_OVER_AFTER_MS`` the others
send it, under the same key: who was first has died, or has lost the log.
"""

from collections.abc import Container
from dataclasses import dataclass, field

from alerts.desk.answers import SENT_WITHIN_MS
from schemas.alert import Action

TAKEN_OVER_AFTER_MS = SENT_WITHIN_MS
"""Who was first tries it no longer. A desk that is not done by then must not be beside another."""


@dataclass(slots=True)
class Claims:
    """Notices under way as the log tells of them; ``name``: this desk's. ``now_ms``: monotonic."""

    name: str
    _first: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By key: who wrote it first, and when that was read."""

    def read(self, action: Action, now_ms: int) -> None:
        """Take a record of alerts.actions.v1 out of the log."""
        match action.kind:
            case "notify":
                self._first.setdefault(action.action_id, (action.writer, now_ms))
            case "delivered" | "undelivered":
                self._first.pop(action.answers, None)
            case _:
                pass

    def let_go(self, under_way: Container[str]) -> None:
        """Forget all but these: what was held back is nobody's."""
        self._first = {key: one for key, one in self._first.items() if key in under_way}

    def may_send(self, key: str, now_ms: int) -> bool:
        """Whether this desk sends it; no desk does before it has come back out of the log."""
        if key not in self._first:
            return False
        writer, read_ms = self._first[key]
        return writer in (self.name, "") or now_ms - read_ms >= TAKEN_OVER_AFTER_MS
