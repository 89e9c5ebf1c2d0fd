"""`vitalwire simulate`: a cuff, a meter, a scale, an oximeter or a thermometer for any gateway."""

import math
import re
import sys
from pathlib import Path
from typing import get_args

import click

from schemas.errors import MisconfiguredError
from simulators.cohort.cli import cohort, evaluate
from simulators.scenario import DeviceKind
from simulators.simulate import PRIVATE_BUS

_ADDRESS = re.compile(r"[C-F][0-9A-F](:[0-9A-F]{2}){5}")
_NAME_BYTES_MAX = 29  # what an answer to a scan has room for
_CLOCK_ERROR_S_MAX = 1e9  # 31 years: the clock stays within the years that devices have
_EXAMPLES = """\
\b
Examples:
  vitalwire simulate cuff
      on a bus of its own; prints how to run a gateway against it
  vitalwire simulate meter --model accu-chek-guide --transport usb:0
      on a USB dongle: a Raspberry Pi nearby finds, pairs and reads it
  vitalwire simulate cuff --transport hci-socket:1 --every 60 --records 20
      on this machine's second adapter, with 20 measurements in its memory
  sudo vitalwire simulate scale --transport vhci
      as the neighbour of a new virtual adapter of this machine's bluetoothd
"""


@click.group()
def simulate() -> None:
    """Simulate one device, for the virtual link or a real radio, or a whole cohort of patients."""


simulate.add_command(cohort)
simulate.add_command(evaluate)


@simulate.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON document.")
def models(*, as_json: bool) -> None:
    r"""List the models that can be simulated, with the public source of each quirk.

    \b
    vitalwire simulate models --json
    """
    import msgspec

    from simulators.peripherals.models import MODELS

    rows = [
        {"kind": kind, "model": model.name, "about": model.about, "source": model.source}
        for kind, of_kind in MODELS.items()
        for model in of_kind.values()
    ]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return
    widest = max(len(str(row["model"])) for row in rows)
    for row in rows:
        click.echo(f"{row['kind']:<12} {row['model']:<{widest}}  {row['about']}")
        if row["source"]:
            click.echo(f"{'':<{widest + 15}}{row['source']}")


def _address(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Check a static random address: the two highest bits are set."""
    if value is not None and not _ADDRESS.fullmatch(value.upper()):
        raise click.BadParameter("write a static random address, like C4:DE:30:00:00:01")
    return value and value.upper()


def _name(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Check that a name fits into what a device says on the air."""
    if value is not None and not (
        value.strip() and value.isprintable() and len(value.encode()) <= _NAME_BYTES_MAX
    ):
        raise click.BadParameter(f"write 1 to {_NAME_BYTES_MAX} bytes of printable text")
    return value


def _number(_ctx: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    """Refuse what no range refuses: not-a-number is neither below nor above."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter("write a number of seconds")
    return value


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _command(kind: DeviceKind) -> click.Command:
    """Make the command that simulates this kind of device."""

    @click.command(
        kind,
        help=f"Simulate {_a(kind)} until you type quit.",
        epilog=_EXAMPLES.replace("simulate cuff\n", f"simulate {kind}\n"),
    )
    @click.option("--model", default="conformant", show_default=True, help="See: simulate models.")
    @click.option(
        "--transport",
        default=PRIVATE_BUS,
        show_default=True,
        help="usb:0, hci-socket:0, serial:PATH, unix:PATH, tcp-client:HOST:PORT, android-netsim, "
        "vhci: where bumble finds a controller. private-bus: no radio, and a bus for a gateway.",
    )
    @click.option(
        "--as-adapter",
        is_flag=True,
        help="Behind the transport is a host: be its adapter, with the device near. vhci is so.",
    )
    @click.option("--address", callback=_address, help="Static random; default: by the seed.")
    @click.option("--name", callback=_name, help="What it advertises; default: the model's.")
    @click.option("--passkey", type=click.IntRange(0, 999_999), help="Show these digits to pair.")
    @click.option(
        "--every",
        "every_s",
        type=click.FloatRange(min=0.05),
        callback=_number,
        help="s between readings.",
    )
    @click.option("--seed", default=1, show_default=True, help="Draws the patient's values.")
    @click.option(
        "--records",
        default=0,
        show_default=True,
        type=click.IntRange(0, 1000),
        help="How many are in its memory from the days before.",
    )
    @click.option(
        "--clock-error",
        "clock_error_s",
        default=0.0,
        type=click.FloatRange(-_CLOCK_ERROR_S_MAX, _CLOCK_ERROR_S_MAX),
        callback=_number,
        help="s that its clock is ahead.",
    )
    @click.option(
        "--bonds",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Keep bonds in this file; without it they end with the device.",
    )
    @click.option("--json", "as_json", is_flag=True, help="JSON lines, also on a terminal.")
    def command(*, model: str, as_json: bool, **options: object) -> None:
        _simulate(kind, model, as_json=as_json or not sys.stdout.isatty(), **options)

    return command


def _simulate(kind: DeviceKind, model: str, **options: object) -> None:
    from simulators.peripherals.models import MODELS
    from simulators.simulate.run import Settings, run

    if model not in MODELS[kind]:
        raise MisconfiguredError(
            f"There is no {kind} like {model}.", f"Choose from {', '.join(MODELS[kind])}."
        )
    if options["as_adapter"] and options["transport"] == PRIVATE_BUS:
        raise MisconfiguredError(
            "--as-adapter wants a host behind the transport, and a private bus has none.",
            "Leave it out, or name the socket of the host with --transport.",
        )
    run(Settings(kind=kind, model=model, **options))  # type: ignore[arg-type]


for _kind in get_args(DeviceKind):
    simulate.add_command(_command(_kind))
