"""The engine's process is tested against a real log."""

from tests.alerts.engine.clinic import clinic, kafka

__all__ = ["clinic", "kafka"]
