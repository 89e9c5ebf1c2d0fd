"""An engine beside a real log leaves the alerts that are replayed here."""

from tests.alerts.engine.clinic import clinic, kafka

__all__ = ["clinic", "kafka"]
