"""Two small books: of a rule that counts two of three readings, and of one of a mean."""

from tests.alerts.readings import BASIC

COUNTED = """
book = "counted"
title = "Counted"
population = "Adults"

[vitals.blood_pressure]
fresh = "4h"
units = ["mmHg"]
GATED

[[rule]]
id = "two-of-three"
ladder = "bp-high"
title = "High twice"
vital = "blood_pressure"
when = "systolic >= 145 mmHg"
band = ["5 mmHg"]
severity = "high"
source = "none"
advice = "none"
window = { matching = 2, of = 3 }
"""
GATED = next(
    line for line in (BASIC / "adult-standard.toml").read_text().splitlines() if "gated" in line
)
"""Books that a patient may be under together agree on it."""
MEAN = """
book = "adult-standard"
title = "Means"
population = "Adults"

[vitals.blood_pressure]
fresh = "4h"
units = ["mmHg"]

[[rule]]
id = "mean"
ladder = "bp-high"
title = "High on average"
vital = "blood_pressure"
when = "systolic >= 135 mmHg"
band = ["2 mmHg"]
severity = "medium"
source = "none"
advice = "none"
window = { mean_days = 2, readings = 3, days = 2 }

[[rule]]
id = "severe"
ladder = "bp-high"
title = "Severe"
vital = "blood_pressure"
when = "systolic > 180 mmHg"
band = ["5 mmHg"]
severity = "critical"
source = "none"
advice = "none"
"""
