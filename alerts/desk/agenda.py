"""What is due when, by alert: whoever asks for the next pays nothing for thousands behind it."""

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from alerts.desk.timers import Timer

_SLACK = 1_000
"""So many entries that hold no longer may lie in the heap, beside as many as there are timers."""


@dataclass(slots=True)
class Agenda:
    """At most one timer an alert. The heap may hold entries that are over: they are passed over."""

    _timers: dict[str, Timer] = field(default_factory=dict)
    _heap: list[tuple[int, str]] = field(default_factory=list)

    def put(self, alert_id: str, timer: Timer | None) -> None:
        """Set what an alert waits for; None: nothing."""
        if timer is None:
            self._timers.pop(alert_id, None)
            return
        self._timers[alert_id] = timer
        heappush(self._heap, (timer.at_ms, alert_id))
        if len(self._heap) > 2 * len(self._timers) + _SLACK:
            self._heap = [(one.at_ms, name) for name, one in self._timers.items()]
            heapify(self._heap)

    def next_ms(self) -> int | None:
        """Give when the next is due."""
        while self._heap and not self._holds(self._heap[0]):
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now_ms: int) -> list[tuple[str, Timer]]:
        """Give what is due by now, the oldest first; it stays until something else is put."""
        found: dict[str, int] = {}
        while (at_ms := self.next_ms()) is not None and at_ms <= now_ms:
            _, alert_id = heappop(self._heap)
            found[alert_id] = at_ms
        for alert_id, at_ms in found.items():
            heappush(self._heap, (at_ms, alert_id))
        return [(alert_id, self._timers[alert_id]) for alert_id in found]

    def _holds(self, entry: tuple[int, str]) -> bool:
        at_ms, alert_id = entry
        timer = self._timers.get(alert_id)
        return timer is not None and timer.at_ms == at_ms
