"""``vitalwire gateway``: run the daemon, pair devices, look at the journal."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from gateway.bluetooth.pairing import Found

ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
ADAPTER = click.option("--adapter", default="hci0", show_default=True, help="Bluetooth adapter.")
STATE = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default="/var/lib/vitalwire",
    show_default=True,
    envvar="VITALWIRE_GATEWAY_STATE",
    help="Directory of the journal.",
)


def _zone(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> "ZoneInfo | None":
    """Look a time zone up."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(value) if value is not None else None
    except (OSError, ValueError) as error:
        raise click.BadParameter("write it as Europe/Berlin") from error


@click.group()
def gateway() -> None:
    """The home: Bluetooth to MQTT."""


@gateway.command()
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
@click.option("--monitor-port", default=0, show_default=True, help="Metrics; 0: any free port.")
@click.option("--rest", "rest_s", default=5.0, show_default=True, help="s between two visits.")
@click.option("--zone", callback=_zone, help="The home's, as Europe/Berlin: sets devices' clocks.")
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
    """Run the daemon: capture readings and send them."""
    # structlog loads rich where it is installed, for tracebacks on terminals: 3 MiB of a Pi.
    sys.modules["rich"] = None  # type: ignore[assignment]  # Python's way to refuse an import
    from gateway.daemon import Settings
    from gateway.daemon import run as run_daemon
    from schemas.daemon import configure_logs, die_with_parent
    from schemas.servers import mqtt_server

    die_with_parent()
    configure_logs("gateway")
    server = mqtt_server(mqtt_url)
    run_daemon(
        Settings(
            gateway_id, state, tuple(dict.fromkeys(adapters)), server, monitor_port, rest_s, zone
        )
    )


def _address(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Check a Bluetooth address as it is printed on devices."""
    if value is not None and not ADDRESS.fullmatch(value.upper()):
        raise click.BadParameter("write it as C0:00:00:00:00:01")
    return value and value.upper()


@gateway.command()
@click.argument("address", required=False, callback=_address)
@ADAPTER
@click.option("--passkey", type=click.IntRange(0, 999_999), help="The digits on the display.")
@click.option("--listen", "listen_s", default=10.0, show_default=True, help="s to look around.")
@STATE
def pair(
    *, address: str | None, adapter: str, passkey: int | None, listen_s: float, state: Path
) -> None:
    """Pair the device with ADDRESS; without it, list what is near and ask."""
    import asyncio
    from contextlib import closing

    from gateway import wall
    from gateway.admission import Admission, AdmittedBy
    from gateway.admissions import Admissions
    from gateway.bluetooth import pairing
    from schemas.clock import SystemClock

    state.mkdir(mode=0o700, parents=True, exist_ok=True)

    if address is None:
        click.echo(f"Put the device into pairing mode; listening for {listen_s:g} s.")
        near = asyncio.run(pairing.nearby_devices(adapter, listen_s))
        _list(near)
        address = _choose([device.address for device in near if not device.paired])
    if address is None:
        return

    async def ask_passkey() -> int | None:
        if passkey is not None:
            return passkey
        prompt = "Digits on the device's display"
        return int(await asyncio.to_thread(click.prompt, prompt, type=click.IntRange(0, 999_999)))

    async def ask_same(digits: int) -> bool:
        question = f"Does the device show {digits:06}?"
        return bool(await asyncio.to_thread(click.confirm, question))

    person = pairing.Person(address, ask_passkey, ask_same, click.echo)
    with closing(Admissions(state)) as admissions:
        found, said = asyncio.run(pairing.pair(adapter, person))
        admissions.admit(
            Admission(
                address=address,
                by=AdmittedBy.PERSON,
                name=found.name,
                admitted_ms=wall.read(SystemClock()).wall_ms,
                model=said.model,
                manufacturer=said.manufacturer,
                serial=said.serial,
            )
        )
    click.echo(f"Paired {found.name} {found.address}: this gateway will read it from now on.")


@gateway.command()
@ADAPTER
def devices(adapter: str) -> None:
    """List the devices paired on this gateway."""
    import asyncio

    from gateway.bluetooth import pairing

    _list(asyncio.run(pairing.paired_devices(adapter)))


@gateway.command()
@STATE
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(*, state: Path, as_json: bool) -> None:
    """Show what the journal holds, whether or not the daemon runs."""
    import msgspec

    from gateway.status import describe, read_status

    found = read_status(state)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        click.echo("\n".join(describe(found)))


def _choose(addresses: list[str]) -> str | None:
    """Let the person choose what to pair; None if there is nothing, or they do not want to."""
    if not addresses:
        return None
    answer = click.prompt(
        "Pair which? (Enter for none)" if len(addresses) > 1 else "Pair it? (n for no)",
        type=click.Choice([*addresses, "n"], case_sensitive=False),
        default="n" if len(addresses) > 1 else addresses[0],
        show_choices=False,
    )
    return None if answer == "n" else str(answer)


def _list(found: "list[Found]") -> None:
    for device in found:
        kinds = ", ".join(device.kinds) or "other"
        paired = "paired" if device.paired else "not paired"
        click.echo(f"{device.address}  {paired:<10}  {kinds:<15}  {device.name}")
    if not found:
        click.echo("None.")
