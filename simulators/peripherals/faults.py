"""Faults of a device, put in as objects; each happens once, at its next occasion."""

from dataclasses import dataclass

from simulators.world.faults import Fault

__all__ = ["DropLink", "LoseConfirmation", "Stall"]


@dataclass(frozen=True)
class DropLink(Fault):
    """The device drops the link after it has sent `after` records of a transfer."""

    after: int
    notifications: int = 0
    """And so many notifications of the next one, by a keeper of records."""


@dataclass(frozen=True)
class LoseConfirmation(Fault):
    """The device does not notice the next confirmation and drops the link: sent, but not noted."""


@dataclass(frozen=True)
class Stall(Fault):
    """The device goes quiet after `after` records, until an abort or the end of the link."""

    after: int
