"""The command line: dispatches lazily, so that a Raspberry Pi loads only its own stage."""

import os
import sys
from typing import NoReturn

import click

from schemas.commands import LazyGroup
from schemas.errors import VitalwireError

COMMANDS = {
    "demo": ("simulators.cli", "Everything on this machine, with simulated patients."),
    "gateway": ("gateway.cli", "The home: Bluetooth to MQTT."),
    "ingest": ("ingest.cli", "The clinic: MQTT to Kafka to the database."),
    "registry": ("ingest.cli", "Patients, devices, and who wears which."),
    "redecode": ("ingest.redecode.command", "Stored raw bytes, decoded anew after a fix."),
    "alerts": ("alerts.cli", "Judge readings, and the page that shows what was found."),
    "rules": ("alerts.cli", "Rule books: check, compare, try, put in force."),
    "simulate": ("simulators.simulate.cli", "One device for the virtual link or a real radio."),
    "doctor": ("gateway.bedside.cli", "What is wrong with this gateway, and what to do."),
    "decode": ("gateway.decoding.command", "What the bytes of a device say."),
}


@click.group(
    cls=LazyGroup,
    commands_in=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="vitalwire")
def cli() -> None:
    """Vitalwire carries readings from the home to the care team, and loses none."""


def main() -> NoReturn:
    """Run a command; an error of ours is a line with its cause and a way out."""
    color = _color()
    try:
        cli.main(standalone_mode=False, color=color)
    except VitalwireError as error:
        for sentence in error.sentences:
            click.secho(f"error: {sentence}", fg="red", err=True, color=color)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(0)


def _color() -> bool | None:
    """Say no where colours are not wanted (no-color.org) or not known; else a terminal decides."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return False if plain else None


if __name__ == "__main__":
    main()
