"""The argument BOOK of a command, completed by the shell."""

import click
from click.shell_completion import CompletionItem

from alerts.rules.load import shipped


class BookName(click.ParamType[str]):
    """A file, or a shipped book by its name; whether it is one is said by who reads it."""

    name = "book"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002  (click's signature)
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Offer shipped books, else files: bash forgets what stands before ``file``."""
        names = [CompletionItem(name) for name in shipped() if name.startswith(incomplete)]
        return [CompletionItem(incomplete, type="file"), *names]
