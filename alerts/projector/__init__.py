"""The projector: the alert topics as tables, for people and programs that ask in SQL."""

from alerts.projector.cli import projector

__all__ = ["projector"]
