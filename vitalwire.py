"""The command line: dispatches lazily, so that a Raspberry Pi loads only its own stage."""

import importlib
import sys
from typing import NoReturn

import click

from schemas.errors import VitalwireError

COMMANDS = {
    "demo": ("simulators.cli", "Everything on this machine, with simulated patients."),
    "gateway": ("gateway.cli", "The home: Bluetooth to MQTT."),
    "ingest": ("ingest.cli", "The clinic: MQTT to Kafka to the database."),
    "registry": ("ingest.cli", "Patients, devices, and who wears which."),
    "alerts": ("alerts.cli", "Judge readings, and the page that shows what was found."),
    "rules": ("alerts.cli", "Rule books: check and show."),
    "decode": ("gateway.decode_command", "What the bytes of a device say."),
}


class LazyGroup(click.Group):
    """A group that imports a stage only when its command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Name the commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  (click's signature)
        cmd_name: str,
    ) -> click.Command | None:
        """Import the stage that owns the command."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), cmd_name)
        assert isinstance(command, click.Command), cmd_name
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  (click's signature)
        formatter: click.HelpFormatter,
    ) -> None:
        """List the commands from the table, without importing any stage."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vitalwire")
def cli() -> None:
    """Vitalwire carries readings from the home to the care team, and loses none."""


def main() -> NoReturn:
    """Run a command; an error of ours is one line with its cause and a way out."""
    try:
        cli.main(standalone_mode=False)
    except VitalwireError as error:
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(0)


if __name__ == "__main__":
    main()
