"""Commands that change which devices count here, for whoever visits the home: pair and unpair."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import structlog

from gateway.admission.admission import Admission, AdmittedBy
from gateway.admission.admissions import Admissions
from gateway.admission.advert import Advert
from gateway.bedside import near, questions, words
from gateway.bedside.hints import HintingCommand, hint
from gateway.bedside.options import (
    ADAPTER,
    STATE,
    SUDO,
    address_of_device,
    listen,
    passkey_typed,
    zone_by_name,
)
from gateway.bedside.overview import ask_daemon, judge
from gateway.bedside.status import no_directory
from gateway.bluetooth import first_meeting, pairing
from gateway.clocks import wall
from schemas.clock import SystemClock
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.reading import Device


@click.command(
    cls=HintingCommand,
    epilog="Examples: `sudo vitalwire gateway pair` (lists what is near and asks) · "
    "`sudo vitalwire gateway pair C0:00:00:00:00:01`",
)
@click.argument("address", required=False, callback=address_of_device)
@ADAPTER
@click.option("--passkey", callback=passkey_typed, help="The six digits of the device.")
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
    zone: ZoneInfo | None,
    state: Path,
) -> None:
    """Pair the device with ADDRESS; without it, list what is near and ask which."""
    # The person is told in words.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    _make_directory(state)
    with Admissions(state) as admissions:
        if address is None:
            address = near.choose(adapter, listen_s, judge(admissions))
        if address is None:
            return
        before = admissions.get(address)
        admissions.bond_may_stay(address)
        person = pairing.Person(
            address=address,
            ask_passkey=_knowing(passkey) if passkey is not None else questions.ask_passkey,
            ask_same=questions.ask_same,
            tell=click.echo,
        )
        clocks = admissions.clocks
        shows, note = zone or clocks.zone(address), partial(clocks.note_set, address)
        task = first_meeting.Task(SystemClock(), shows, note)
        try:
            found, met = asyncio.run(pairing.pair(adapter, person, task))
        except pairing.NotHeardError as error:
            if before is None:
                raise
            raise pairing.NotHeardError(
                f"{error.cause} {words.title(before)} is paired here already, and may be asleep.",
                f"If it is read, nothing is to be done: `{SUDO} devices` tells when it was. If not,"
                " put it into pairing mode, and bring it within a few metres.",
            ) from error
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


@click.command(
    cls=HintingCommand, epilog="Example: `sudo vitalwire gateway unpair C0:00:00:00:00:01`"
)
@click.argument("address", callback=address_of_device)
@click.option("--yes", is_flag=True, help="Do not ask.")
@STATE
def unpair(*, address: str, yes: bool, state: Path) -> None:
    """Let this gateway forget a device: it is read no more until it is paired again."""
    if not state.is_dir():
        raise no_directory(state)
    with Admissions(state) as admissions:
        known = admissions.get(address)
        waits = address in admissions.bonds_to_go()
        if known is None and not waits and not asyncio.run(pairing.has_bond(address)):
            raise MisconfiguredError(
                f"{address} is not paired here.", f"`{SUDO} devices` lists what is."
            )
        name = words.title(known) if known is not None else address
        question = partial(click.confirm, f"Shall this gateway forget {name}?")
        if not yes and not questions.answered(
            question, "Add --yes to forget it without being asked."
        ):
            click.echo("Nothing was changed.")
            raise click.Abort
        # The record first: whatever happens then, the device is refused.
        admissions.forget(address)
        try:
            if asyncio.run(pairing.unpair(address)):
                admissions.bond_may_stay(address)
        except UnavailableError as error:
            raise UnavailableError(
                f"This gateway reads {name} no more, but its pairing is still here."
                f" {error.cause.removesuffix('.')}.",
                "Once that is mended, the gateway's program removes it, and so does"
                f" `{SUDO} unpair {address}`.",
            ) from error
        waits = address in admissions.bonds_to_go()
    click.echo(f"{name} is forgotten. Its readings stay; remove the pairing on the device too.")
    if waits:
        click.secho(
            "! No Bluetooth adapter that is here holds its pairing. If it was paired over one that"
            " is unplugged, the gateway's program removes it once that is plugged in again.",
            fg="yellow",
        )


def _make_directory(state: Path) -> None:
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise MisconfiguredError(
            f"The directory {state} cannot be used: {error.strerror}.", "Run this with sudo."
        ) from error


def _knowing(passkey: int) -> Callable[[], Awaitable[int | None]]:
    async def answer() -> int | None:
        return passkey

    return answer


def _admission(found: Advert, said: Device) -> Admission:
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
    begins = "From now on this gateway reads it"
    if ask_daemon(state) is None:
        click.secho(
            "! The gateway's program does not run: `sudo systemctl start vitalwire-gateway`",
            fg="yellow",
        )
        begins = "Once that runs, it reads the device"
    click.echo(
        f"{begins} whenever it has something new.\n"
        "To test it: take a measurement here, wait a minute, then look for it with\n"
        + hint(f"    {SUDO} devices")
    )
