"""Hints that name a next command: it is for the same gateway as the one that gives the hint."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

import click

from schemas.errors import MisconfiguredError, UnavailableError

_COMMAND = re.compile(
    r"vitalwire gateway (pair|unpair|scan|devices|status|doctor)\b"
    r"( ADDRESS| [0-9A-F]{2}(:[0-9A-F]{2}){5})?"
)
_TAKE_ADAPTER = frozenset({"pair", "scan", "doctor"})


def hint(text: str) -> str:
    """Repeat, behind each command of a hint, where this command was told to look.

    Also what came by a variable: ``sudo`` does not hand it on.
    """
    context = click.get_current_context()
    defaults = {one.name: one.get_default(context) for one in context.command.params}
    chosen = {
        name: str(value)
        for name in ("state", "adapter")
        if (value := context.params.get(name)) is not None and str(value) != str(defaults[name])
    }
    return repeating(text, chosen)


def repeating(text: str, chosen: Mapping[str, str]) -> str:
    """Write these options behind each command that takes them."""

    def completed(command: re.Match[str]) -> str:
        taken = [name for name in chosen if name != "adapter" or command[1] in _TAKE_ADAPTER]
        return " ".join([command[0], *(f"--{name} {shlex.quote(chosen[name])}" for name in taken)])

    return _COMMAND.sub(completed, text)


class HintingCommand(click.Command):
    """A command whose errors name next commands too."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  (click's own)
        """Run it."""
        try:
            return super().invoke(ctx)
        except (MisconfiguredError, UnavailableError) as error:
            raise type(error)(hint(error.cause), hint(error.way_out)) from error
