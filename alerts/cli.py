"""`vitalwire alerts …` and `vitalwire rules …`; each command imports its own stage lazily."""

import click

from schemas.commands import LazyGroup

COMMANDS = {
    "engine": (
        "alerts.engine.process.cli",
        "Judge readings by the rules; write what begins and ends.",
    ),
    "desk": ("alerts.desk.cli", "Tell people of alerts, and go on until somebody answers."),
    "watch": ("alerts.watcher.cli", "Watch alerting itself; say that it is down by other ways."),
    "replay": ("alerts.replay.cli", "Judge an alert once more from the log, and compare."),
    "projector": ("alerts.projector.cli", "Keep the alert tables of PostgreSQL up to date."),
    "feed": ("alerts.feed.cli", "Show alerts and readings: a page, a stream, an API."),
}


@click.group(cls=LazyGroup, commands_in=COMMANDS)
def alerts() -> None:
    """Judge readings, and the page that shows what was found."""


RULES = {
    "check": ("alerts.rules.cli", "Check rule books; name what is wrong with file, line, column."),
    "show": ("alerts.rules.cli", "Show what rule books say."),
    "diff": ("alerts.rules.cli", "Say what changes for patients between two books."),
    "activate": ("alerts.rules.activate_command", "Put a rule book in force."),
    "history": ("alerts.rules.activate_command", "Show which books were in force, and by whom."),
    "judge": ("alerts.judge.command", "Run a log from a file through the rules."),
    "backtest": (
        "alerts.backtest.cli",
        "What books would have asked of people.",
    ),
}


@click.group(cls=LazyGroup, commands_in=RULES)
def rules() -> None:
    """Rule books: check, show, and try them."""
