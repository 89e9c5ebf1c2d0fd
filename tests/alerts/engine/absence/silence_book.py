"""A book of rules of silence."""

BOOK = """
book = "silence"
title = "Silence"
population = "Nobody"

[vitals.blood_pressure]
fresh = "4h"
units = ["mmHg"]

[[rule]]
id = "bp-high"
ladder = "bp-high"
title = "High"
vital = "blood_pressure"
when = "systolic > 180 mmHg"
band = ["5 mmHg"]
severity = "critical"
source = "none: this book is for tests"
advice = "none"

[[rule]]
id = "bp-silent"
ladder = "absence-blood-pressure"
title = "No blood pressure for three days"
vital = "blood_pressure"
absent_for = "3d"
severity = "medium"
source = "none: this book is for tests"
advice = "Call."
"""
