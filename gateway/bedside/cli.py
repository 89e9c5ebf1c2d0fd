"""Commands that only look, for whoever visits the home: plain words, `--json` for programs."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.bedside import words
from gateway.bedside.hints import HintingCommand, hint
from gateway.bedside.options import ADAPTER, JSON, STATE, STATE_IF_OPEN, SUDO, listen
from gateway.bedside.table import Cell, table

if TYPE_CHECKING:
    from gateway.admission.live import Overview
    from gateway.bedside.status import Seen


@click.command(
    cls=HintingCommand,
    epilog="Examples: `vitalwire gateway scan` · `vitalwire gateway scan --listen 60 --all`",
)
@ADAPTER
@listen(20.0)
@click.option("--all", "everything", is_flag=True, help="Also what this gateway cannot read.")
@STATE_IF_OPEN
@JSON
def scan(*, adapter: str, listen_s: float, everything: bool, state: Path, as_json: bool) -> None:
    """Show the devices near this gateway, as they are heard. Ctrl-C ends it early."""
    from gateway.bedside import near
    from gateway.bedside.overview import judging

    with judging(state) as judge:
        heard = near.listen_to(adapter, listen_s, judge, everything=everything, quiet=as_json)
    if as_json:
        from gateway.bedside.overview import as_json as render

        click.echo(render(heard))
        return
    unpaired = [one for one in heard if one.wants_pairing]
    if unpaired:
        click.echo(hint(f"\nTo pair one: `{SUDO} pair {unpaired[0].address}`"))
    if any(one.bonded and one.admitted is None for one in heard):
        click.echo(hint(f"\nWhich of the paired ones are read: `{SUDO} devices`"))
    if not heard:
        click.echo(f"Nothing is heard. {words.HOW_TO_PAIR} Then look again.")


@click.command(cls=HintingCommand, epilog="Example: `sudo vitalwire gateway devices`")
@STATE
@JSON
def devices(*, state: Path, as_json: bool) -> None:
    """List the devices that were paired here: last reading, battery, how often it failed."""
    from gateway.bedside.near import columns
    from gateway.bedside.overview import as_json as render
    from gateway.bedside.status import no_directory

    if not state.is_dir():
        raise no_directory(state)
    overview = _overview(state)
    if as_json:
        click.echo(render(overview.devices))
        return
    if not overview.devices:
        click.echo(hint(f"No device is paired with this gateway. To pair one: `{SUDO} pair`"))
        return
    rows: list[list[Cell | str]] = []
    for device in overview.devices:
        battery = device.battery_percent
        low = device.battery_low or (battery is not None and battery <= 20)
        level = f"{battery} %" if battery is not None else "low" if low else "–"
        rows.append(
            [
                device.name or device.address,
                device.model or "–",
                Cell(
                    words.last_reading(device), "yellow" if device.last_reading_s is None else None
                ),
                words.ago(device.last_seen_s) if device.last_seen_s is not None else "–",
                Cell(level, "red" if low else None),
                Cell(str(device.failures), "red" if device.failures else None),
                device.address,
            ]
        )
    head = ("Device", "Model", "Last reading", "Last heard", "Battery", "Failed", "Address")
    click.echo("\n".join(table(head, rows, columns())))
    if overview.live is None:
        click.echo(hint(f"\nThe gateway's program does not answer; `{SUDO} doctor` tells why."))


@click.command(cls=HintingCommand, epilog="Example: `sudo vitalwire gateway status`")
@STATE
@JSON
def status(*, state: Path, as_json: bool) -> None:
    """Say whether this gateway works, what waits here, and what to do."""
    from gateway.bedside.advice import Level, advice
    from gateway.bedside.overview import as_json as render
    from gateway.bedside.overview import endpoint
    from gateway.bedside.status import describe, look

    seen = look(state)
    overview = _overview(state, seen)
    if as_json:
        click.echo(render(overview))
        return
    todo = advice(overview)
    if not todo:
        click.secho("✓ All is well.", fg="green", bold=True)
    for one in todo:
        worst = one.level is Level.PROBLEM
        sign, colour = ("✗", "red") if worst else ("!", "yellow")
        click.echo(f"{click.style(sign, fg=colour, bold=True)} {one.what}")
        if one.do:
            click.echo(hint(f"    → {one.do}"))
    click.echo("\n" + "\n".join(describe(seen.status, overview.oldest_waiting_s)))
    if overview.live is not None and (where := endpoint(state)) is not None:
        click.echo(f"page                    http://127.0.0.1:{where.port}/")


@click.command(
    cls=HintingCommand,
    epilog="Example: `sudo vitalwire gateway doctor`, or `sudo vitalwire doctor`",
)
@STATE
@click.option("--adapter", help="Bluetooth adapter; default: what the running gateway uses.")
@click.option("--mqtt", "mqtt_url", help="Broker; default: $VITALWIRE_MQTT or the settings file.")
@JSON
def doctor(*, state: Path, adapter: str | None, mqtt_url: str | None, as_json: bool) -> None:
    """Check everything that this gateway depends on, one after another; 1 if something is wrong."""
    from gateway.bedside.doctor import examine
    from gateway.bedside.finding import Finding, Verdict
    from gateway.bedside.overview import as_json as render
    from gateway.bedside.patient import Patient
    from schemas.clock import SystemClock

    async def run() -> list[Finding]:
        findings = []
        async for finding in examine(Patient(state, adapter, mqtt_url, SystemClock())):
            findings.append(finding)
            if not as_json:
                click.echo(hint("\n".join(finding.lines())))
        return findings

    findings = asyncio.run(run())
    wrong = [finding for finding in findings if finding.verdict is Verdict.BAD]
    if as_json:
        click.echo(render(findings))
    elif wrong:
        click.echo(f"\n{len(wrong)} of {len(findings)} checks failed. Begin with the first one.")
    else:
        click.secho("\nNothing is wrong.", fg="green")
    sys.exit(1 if wrong else 0)


def _overview(state: Path, seen: "Seen | None" = None) -> "Overview":
    from gateway.bedside.overview import ask_daemon, gather, look_if_any
    from schemas.clock import SystemClock

    return gather(state, seen or look_if_any(state), ask_daemon(state), SystemClock())
