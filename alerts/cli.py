"""`vitalwire alerts …`: imports what a command needs only when it is called."""

import importlib

import click

COMMANDS = {
    "engine": ("alerts.engine.cli", "Judge readings by the rules."),
    "projector": ("alerts.projector", "Keep the tables of alerts in PostgreSQL."),
    "feed": ("alerts.feed.cli", "Show alerts and readings: a page, a stream, an API."),
}


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which a reading meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module that has the command."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command), cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup)
def alerts() -> None:
    """Rules, alerts, and the page that shows them."""
