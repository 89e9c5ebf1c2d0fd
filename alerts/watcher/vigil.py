"""When alerting counts as down: pure, one look after the other.

Each look asks whether the canary of the look before came through: from the MQTT broker by bridge,
Kafka, engine and desk to a decision in the log. One canary goes by one partition; of the others the
marks of time tell that the bridge writes into each and the engines report. A mark that is too old
counts like a canary that did not come; so does a log that cannot be read, and a daemon that is not
ready.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from alerts.lateness import lateness_ms
from schemas.kafka import EngineReport

MISSED_MAX = 3
"""So many canaries in a row that did not come: alerting is down."""
LAG_MS_MAX = 180_000
"""So late is down whatever else is well."""
REPEAT_MS = 5 * 60_000

Say = Literal["down", "still-down", "well-again"]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: ``troubles`` in sentences, none if the canary came through.

    ``at_ms``: since this machine was started, so that nobody sets it.
    """

    at_ms: int
    lag_ms: int
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows: whether the outgoing heartbeat may beat, and what to tell people."""

    beat: bool
    say: Say | None = None
    key: str = ""


@dataclass(slots=True)
class Vigil:
    """Remembers how many canaries were missed, and since when alerting is down.

    ``name``: the watcher's, drawn at its start: no other one's words have the same key.
    """

    name: str
    missed: int = 0
    down_since_ms: int | None = None
    _said_ms: int = 0
    _times: int = 0

    def look(self, look: Look) -> Decision:
        """Decide; the dead man's switch gets no beat while anything is amiss."""
        if not look.troubles:
            return self._well(look)
        self.missed += 1
        if self.down_since_ms is None:
            if self.missed < MISSED_MAX and look.lag_ms <= LAG_MS_MAX:
                return Decision(beat=False)
            self.down_since_ms = look.at_ms
            return self._say("down", look)
        if look.at_ms - self._said_ms >= REPEAT_MS:
            return self._say("still-down", look)
        return Decision(beat=False)

    def _well(self, look: Look) -> Decision:
        self.missed = 0
        if self.down_since_ms is None:
            return Decision(beat=True)
        decision = self._say("well-again", look)
        self.down_since_ms = None
        self._times = 0
        return Decision(beat=True, say=decision.say, key=decision.key)

    def _say(self, say: Say, look: Look) -> Decision:
        self._said_ms = look.at_ms
        self._times += 1
        return Decision(
            beat=False,
            say=say,
            key=f"alerting-{self.name}-{self.down_since_ms}-{self._times}-{say}",
        )


def next_look_s(period_s: float, lag_ms: int) -> float:
    """Give how long to wait: a lag that grows is met when it counts as down, not a period later."""
    left_s = (LAG_MS_MAX + 1 - lag_ms) / 1000
    return min(period_s, left_s) if left_s > 0 else period_s


def lag_ms(reports: Mapping[int, EngineReport], partitions: int, now_ms: int, since_ms: int) -> int:
    """Give how old the newest mark of time is that was judged, in the partition that is worst.

    What came before ``since_ms``, when this one began to look, it takes for that old.
    """
    stamps = [max(one.log_ms, since_ms) for number, one in reports.items() if number < partitions]
    mark_ms = max((max(0, now_ms - stamp) for stamp in stamps), default=0)
    return max(mark_ms, lateness_ms(reports, partitions, now_ms, since_ms))
