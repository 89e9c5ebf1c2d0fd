"""A D-Bus method call as the parts of the stand-in see it, and what they answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Call", "Handler", "Reply"]


@dataclass(frozen=True)
class Call:
    """Who (unique bus name) calls which object with which arguments."""

    sender: str
    path: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Reply:
    """The values of a method return and their D-Bus signature."""

    signature: str = ""
    values: tuple[Any, ...] = ()


# Raises BluezError for an error reply; None is an empty reply.
Handler = Callable[[Call], Awaitable[Reply | None]]
