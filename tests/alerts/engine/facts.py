"""What is found of one reading, as its ladder is told it."""

from alerts.engine.ladders.findings import Facts
from alerts.engine.readings.sight import Sight
from tests.alerts.readings import NOON


def sight(name: str, at_ms: int = NOON) -> Sight:
    return Sight(name, "blood_pressure", at_ms, "device-clock", {})


def by(name: str, log_ms: int = NOON) -> Facts:
    return Facts(
        matched=0,
        denied=0,
        returned=0,
        fresh=0,
        flagged=False,
        uncensored=True,
        device_clock=True,
        older=False,
        cleared=0,
        measured_ms=log_ms - 1,
        log_ms=log_ms,
        sight=sight(name),
        day=0,
    )
