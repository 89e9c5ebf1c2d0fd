"""Commands for whoever visits the home: plain words, one next step, `--json` for programs."""

import asyncio
import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.bedside import words
from gateway.bedside.options import (
    ADAPTER,
    JSON,
    STATE,
    address_of_device,
    listen,
    zone_by_name,
)
from gateway.bedside.table import Cell, table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from zoneinfo import ZoneInfo

    from gateway.admission import Admission
    from gateway.advert import Advert
    from gateway.live import Overview
    from schemas.reading import Device

SUDO = "sudo vitalwire gateway"


@click.command(
    epilog="Examples: `vitalwire gateway scan` · `vitalwire gateway scan --listen 60 --all`"
)
@ADAPTER
@listen(20.0)
@click.option("--all", "everything", is_flag=True, help="Also what this gateway cannot read.")
@JSON
def scan(*, adapter: str, listen_s: float, everything: bool, as_json: bool) -> None:
    """Show the devices near this gateway, as they are heard. Ctrl-C ends it early."""
    from gateway.bedside import near

    heard = near.listen_to(adapter, listen_s, everything=everything, quiet=as_json)
    if as_json:
        from gateway.bedside.overview import as_json as render

        click.echo(render(heard))
        return
    unpaired = [one for one in heard if not one.bonded and one.ours]
    if unpaired:
        click.echo(f"\nTo pair one: `{SUDO} pair {unpaired[0].address}`")
    elif not heard:
        click.echo(f"Nothing is heard. {words.HOW_TO_PAIR} Then look again.")


@click.command(
    epilog="Examples: `sudo vitalwire gateway pair` (lists what is near and asks) · "
    "`sudo vitalwire gateway pair C0:00:00:00:00:01`"
)
@click.argument("address", required=False, callback=address_of_device)
@ADAPTER
@click.option("--passkey", type=click.IntRange(0, 999_999), help="The six digits of the device.")
@listen(15.0)
@click.option(
    "--zone", callback=zone_by_name, help="Whose time its display shows; default: the home's."
)
@STATE
def pair(  # noqa: PLR0913  (one option each)
    *,
    address: str | None,
    adapter: str,
    passkey: int | None,
    listen_s: float,
    zone: "ZoneInfo | None",
    state: Path,
) -> None:
    """Pair the device with ADDRESS; without it, list what is near and ask which."""
    import structlog

    from gateway.admissions import Admissions
    from gateway.bedside import near, questions
    from gateway.bluetooth import first_meeting, pairing
    from schemas.clock import SystemClock

    # The person is told in words.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    _make_directory(state)
    with Admissions(state) as admissions:
        if address is None:
            address = near.choose(adapter, listen_s)
        if address is None:
            return
        before = admissions.get(address)
        person = pairing.Person(
            address=address,
            ask_passkey=_knowing(passkey) if passkey is not None else questions.ask_passkey,
            ask_same=questions.ask_same,
            tell=click.echo,
        )
        clocks = admissions.clocks
        shows, note = zone or clocks.zone(address), partial(clocks.note_set, address)
        task = first_meeting.Task(SystemClock(), shows, note)
        found, met = asyncio.run(pairing.pair(adapter, person, task))
        admitted = _admission(found, met.said)
        admissions.admit(admitted)
    click.secho(f"✓ Paired {found.name} {found.address}.", fg="green", bold=True)
    if before is not None and before.serial and admitted.serial not in {before.serial, None}:
        click.secho(
            "! It is another device than before: its serial number has changed.", fg="yellow"
        )
    if met.clock_set is not None:
        click.echo(f"Its clock was wrong, and was set to {met.clock_set.shows:%H:%M}.")
    _tell_what_comes_next(state)


@click.command(epilog="Example: `sudo vitalwire gateway devices`")
@STATE
@JSON
def devices(*, state: Path, as_json: bool) -> None:
    """List the devices that were paired here: last reading, battery, how often it failed."""
    from gateway.bedside.near import columns
    from gateway.bedside.overview import as_json as render

    overview = _overview(state)
    if as_json:
        click.echo(render(overview.devices))
        return
    if not overview.devices:
        click.echo(f"No device is paired with this gateway. To pair one: `{SUDO} pair`")
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
        click.echo(f"\nThe gateway's program does not answer; `{SUDO} doctor` tells why.")


@click.command(epilog="Example: `sudo vitalwire gateway unpair C0:00:00:00:00:01`")
@click.argument("address", callback=address_of_device)
@click.option("--yes", is_flag=True, help="Do not ask.")
@STATE
def unpair(*, address: str, yes: bool, state: Path) -> None:
    """Let this gateway forget a device: it is read no more until it is paired again."""
    from gateway.admissions import Admissions
    from gateway.bedside.questions import answered
    from gateway.bluetooth import pairing
    from schemas.errors import MisconfiguredError, UnavailableError

    if not state.is_dir():
        raise MisconfiguredError(
            f"There is no directory {state}.", "Give the gateway's directory with --state."
        )
    with Admissions(state) as admissions:
        known = admissions.get(address)
        name = words.title(known) if known is not None else address
        question = partial(click.confirm, f"Shall this gateway forget {name}?")
        if not yes and not answered(question, "Add --yes to forget it without being asked."):
            click.echo("Nothing was changed.")
            raise click.Abort
        # The record first: whatever happens then, the device is refused.
        forgotten = admissions.forget(address)
        try:
            removed = asyncio.run(pairing.unpair(address))
        except UnavailableError as error:
            if not forgotten:
                raise
            raise UnavailableError(
                f"This gateway reads {name} no more, but its pairing is still here. {error.cause}",
                f"Then repeat `{SUDO} unpair {address}`.",
            ) from error
    if not (forgotten or removed):
        raise MisconfiguredError(
            f"{address} is not paired here.", f"`{SUDO} devices` lists what is."
        )
    click.echo(f"{name} is forgotten. Its readings stay; remove the pairing on the device too.")


@click.command(epilog="Example: `sudo vitalwire gateway status`")
@STATE
@JSON
def status(*, state: Path, as_json: bool) -> None:
    """Say whether this gateway works, what waits here, and what to do."""
    from gateway.bedside.advice import Level, advice
    from gateway.bedside.overview import as_json as render
    from gateway.bedside.overview import endpoint
    from gateway.status import describe, read_status

    journal = read_status(state)
    overview = _overview(state)
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
            click.echo(f"    → {one.do}")
    click.echo("\n" + "\n".join(describe(journal, overview.oldest_waiting_s)))
    if overview.live is not None and (where := endpoint(state)) is not None:
        click.echo(f"page                    http://127.0.0.1:{where.port}/")


@click.command(epilog="Example: `sudo vitalwire gateway doctor`")
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
                click.echo("\n".join(finding.lines()))
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


# What the commands have in common.


def _overview(state: Path) -> "Overview":
    from gateway.bedside.overview import ask_daemon, gather
    from schemas.clock import SystemClock

    return gather(state, ask_daemon(state), SystemClock())


def _make_directory(state: Path) -> None:
    from schemas.errors import MisconfiguredError

    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise MisconfiguredError(
            f"The directory {state} cannot be used: {error.strerror}.", "Run this with sudo."
        ) from error


def _knowing(passkey: int) -> "Callable[[], Awaitable[int | None]]":
    async def answer() -> int | None:
        return passkey

    return answer


def _admission(found: "Advert", said: "Device") -> "Admission":
    from gateway import wall
    from gateway.admission import Admission, AdmittedBy
    from schemas.clock import SystemClock

    return Admission(
        address=found.address,
        by=AdmittedBy.PERSON,
        name=found.name,
        admitted_ms=wall.read(SystemClock()).wall_ms,
        model=said.model,
        manufacturer=said.manufacturer,
        serial=said.serial,
    )


def _tell_what_comes_next(state: Path) -> None:
    from gateway.bedside.overview import ask_daemon

    if ask_daemon(state) is None:
        click.secho(
            "! The gateway's program does not run: `sudo systemctl start vitalwire-gateway`",
            fg="yellow",
        )
    click.echo(
        "From now on this gateway reads it whenever it has something new.\n"
        "To test it: take a measurement here, wait a minute, then look for it with\n"
        f"    {SUDO} devices"
    )
