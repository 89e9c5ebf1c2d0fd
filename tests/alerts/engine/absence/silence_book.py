"""A book of rules of silence."""

from tests.alerts.book_text import PRESSURE, head, rule

BOOK = (
    head("silence", PRESSURE)
    + rule("bp-high", "systolic > 180 mmHg", severity="critical")
    + """\
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
)
