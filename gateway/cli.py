"""``vitalwire gateway``: run the daemon; what people at the gateway do is in gateway/bedside."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.bedside.options import STATE, finite, zone_by_name
from schemas.commands import LazyGroup

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_BEDSIDE = "gateway.bedside.cli"
_ADMITTING = "gateway.bedside.admitting"
COMMANDS = {
    "scan": (_BEDSIDE, "Show the devices near this gateway."),
    "pair": (_ADMITTING, "Pair a device: from then on its readings count."),
    "devices": (_BEDSIDE, "List the paired devices: last reading, battery, failures."),
    "unpair": (_ADMITTING, "Let this gateway forget a device."),
    "status": (_BEDSIDE, "Say whether it works, what waits here, and what to do."),
    "doctor": (_BEDSIDE, "Check everything, one after another."),
    "run": ("gateway.cli", "Run the daemon: capture readings and send them."),
}


@click.group(
    cls=LazyGroup,
    commands_in=COMMANDS,
    epilog='Completion: `eval "$(_VITALWIRE_COMPLETE=bash_source vitalwire)"` in ~/.bashrc',
)
def gateway() -> None:
    """The home: Bluetooth to MQTT."""


@click.command()
@click.option("--gateway-id", required=True, envvar="VITALWIRE_GATEWAY_ID", help="a-z, 0-9 and -.")
@STATE
@click.option(
    "--adapter",
    "adapters",
    multiple=True,
    default=("hci0",),
    show_default=True,
    help="Bluetooth adapter; may be given several times.",
)
@click.option("--mqtt", "mqtt_url", help="Broker, mqtt://host:port; default: $VITALWIRE_MQTT.")
@click.option(
    "--monitor-port",
    default=0,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Metrics; 0: any free port.",
)
@click.option(
    "--rest",
    "rest_s",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0, 3600),
    callback=finite,
    help="s between two visits.",
)
@click.option(
    "--zone", callback=zone_by_name, help="The home's, as Europe/Berlin: sets devices' clocks."
)
def run(  # noqa: PLR0913  (one option each)
    *,
    gateway_id: str,
    state: Path,
    adapters: tuple[str, ...],
    mqtt_url: str | None,
    monitor_port: int,
    rest_s: float,
    zone: "ZoneInfo | None",
) -> None:
    r"""Run the daemon: capture readings and send them.

    \b
    vitalwire gateway run --gateway-id home-17 --mqtt mqtt://127.0.0.1:1883
    """
    # structlog loads rich where it is installed, for tracebacks on terminals: 3 MiB of a Pi.
    sys.modules["rich"] = None  # type: ignore[assignment]  # Python's way to refuse an import
    from gateway.addresses import without_addresses
    from gateway.daemon import Settings
    from gateway.process import run as run_daemon
    from schemas.daemon import configure_logs, die_with_parent
    from schemas.servers import mqtt_server

    die_with_parent()
    configure_logs("gateway", clean=without_addresses)
    server = mqtt_server(mqtt_url)
    chosen = tuple(dict.fromkeys(adapters))
    run_daemon(Settings(gateway_id, state, chosen, server, monitor_port, rest_s, zone))
