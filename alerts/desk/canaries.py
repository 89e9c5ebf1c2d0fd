"""What the desk decides on canaries: by the table that decides on everybody's alerts, for nobody.

A decision goes to alerts.actions.v1 and back to the watcher. No alert, chain or rota knows of it.
"""

from dataclasses import dataclass, field
from typing import Any

from alerts.desk.case import judge
from alerts.desk.technical import DESK, identity
from alerts.desk.verdicts import Occasion, standing, verdict
from schemas.alert import Action, Transition

ANSWERED_WITHIN_MS = 180_000
"""An older one nobody waits for: alerting was down, and that was told."""
_REMEMBERED_MAX = 1_000


@dataclass(slots=True)
class Canaries:
    """Folds the two topics, in whichever order they are read; both memories are bounded."""

    _waiting: dict[str, Transition] = field(default_factory=dict)
    _answered: dict[str, None] = field(default_factory=dict)

    def found(self, event: Transition) -> None:
        """Take what the engine found in a canary."""
        if event.event_id not in self._answered:
            self._waiting[event.event_id] = event
            _forget_oldest(self._waiting)

    def decided(self, action: Action) -> None:
        """Take a decision; what is decided once is not decided again."""
        self._waiting.pop(action.answers, None)
        self._answered[action.answers] = None
        _forget_oldest(self._answered)

    def decide(self, now_ms: int) -> list[Action]:
        """Give the decisions that are due; write them, and take them with ``decided``."""
        waiting, self._waiting = self._waiting, {}
        fresh = [one for one in waiting.values() if now_ms - one.at_ms <= ANSWERED_WITHIN_MS]
        self._waiting.update((one.event_id, one) for one in fresh)
        return [_decision(one, now_ms) for one in fresh]


def _decision(event: Transition, now_ms: int) -> Action:
    return Action(
        action_id=identity("canary", event.event_id),
        alert_ids=[],
        kind="canary",
        who=DESK,
        at_ms=now_ms,
        patient_id="",
        answers=event.event_id,
        reason=verdict(_alone(event, now_ms)).reason,
    )


def _alone(event: Transition, now_ms: int) -> Occasion:
    """A canary is the first and only one of its alert."""
    alert = standing(judge([event], ()), event)
    return Occasion(event, alert, now_ms, last_ms=None, last_severity=None, succeeds=False)


def _forget_oldest(memory: dict[str, Any]) -> None:
    if len(memory) > _REMEMBERED_MAX:
        del memory[next(iter(memory))]
