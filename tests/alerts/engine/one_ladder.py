"""A ladder with a rung of each kind, and what its alert rests on."""

from alerts.engine.transitions.ladder_state import LadderState
from tests.alerts.book_text import rule
from tests.alerts.engine.window_rules import rules

CONFIRM = 'confirm = { within = "10min" }'


(LADDER,) = rules(
    rule("severe", "systolic > 180 mmHg", CONFIRM, ladder="bp", severity="critical"),
    rule("high", "systolic > 160 mmHg", ladder="bp"),
    rule("twice", "systolic > 150 mmHg", "window = { matching = 2, of = 3 }", ladder="bp"),
    rule(
        "mean",
        "systolic > 140 mmHg",
        "window = { mean_days = 2, readings = 3, days = 1 }",
        ladder="bp",
        severity="medium",
    ),
).ladders


SEVERE, HIGH, TWICE, MEAN = 1, 2, 4, 8


def basis(state: LadderState) -> list[tuple[str, int]]:
    return [(match.reading_id, match.rungs) for match in state.basis]
