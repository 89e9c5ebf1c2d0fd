"""Two small books: of a rule that counts two of three readings, and of one of a mean."""

from tests.alerts.book_text import PRESSURE, head, rule
from tests.alerts.readings import BASIC

COUNTED = head("counted", PRESSURE + "GATED\n") + rule(
    "two-of-three",
    "systolic >= 145 mmHg",
    "window = { matching = 2, of = 3 }",
    ladder="bp-high",
)
GATED = next(
    line for line in (BASIC / "adult-standard.toml").read_text().splitlines() if "gated" in line
)
"""Books that a patient may be under together agree on it."""
MEAN = (
    head("adult-standard", PRESSURE)
    + rule(
        "mean",
        "systolic >= 135 mmHg",
        'band = ["2 mmHg"]',
        "window = { mean_days = 2, readings = 3, days = 2 }",
        ladder="bp-high",
        severity="medium",
    )
    + rule("severe", "systolic > 180 mmHg", ladder="bp-high", severity="critical")
)
