"""``vitalwire registry rota``: who is told of a programme's alerts, edited by people."""

import getpass
from pathlib import Path

import click
import msgspec

from ingest.registry.rotas import put_rota, rotas
from ingest.registry.terminal import JSON, clock_now, connected, say, show
from schemas.errors import MisconfiguredError
from schemas.rota import RotaEntry, problems


@click.group()
def rota() -> None:
    """Who is told of a programme's alerts, and how to reach them."""


@rota.command("set")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@JSON
def set_rota(*, file: Path, as_json: bool) -> None:
    r"""Put the rota that FILE (TOML) describes in force, instead of the programme's former one.

    \b
    programme = "home"
    zone = "Europe/Berlin"
    programme_lead = ["Dr Keller"]
    technical = ["support"]
    [off_hours]
    on_duty = ["night"]
    [[shifts]]
    begins = "07:00"
    ends = "19:00"
    on_duty = ["nurse"]
    [[contacts]]
    name = "nurse"
    channels = [{ kind = "webhook", address = "https://pager.clinic.example/nurse" }]
    """
    try:
        wanted = msgspec.toml.decode(file.read_bytes(), type=RotaEntry)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MisconfiguredError(f"{file} is no rota: {error}.", "See --help.") from error
    wrong = problems(wanted)
    if wrong:
        raise MisconfiguredError(f"{file}: {' '.join(wrong)}", "Nothing was changed.")
    with connected() as connection:
        changed = put_rota(connection, wanted, getpass.getuser(), clock_now())
    said = "" if changed else " (was in force already)"
    say(wanted, f"rota of programme {wanted.programme}{said}", as_json=as_json)


@rota.command("list")
@JSON
def list_rotas(*, as_json: bool) -> None:
    """List the rotas in force."""
    with connected() as connection:
        found = rotas(connection)
    rows = [
        (
            entry.programme,
            ", ".join(entry.books) or "every other book",
            entry.zone,
            "; ".join(f"{one.begins}-{one.ends} {', '.join(one.on_duty)}" for one in entry.shifts),
            ", ".join(entry.off_hours.on_duty if entry.off_hours else ()),
            ", ".join(entry.programme_lead),
        )
        for entry in found
    ]
    headings = ("programme", "books", "zone", "shifts", "off hours", "lead")
    show(headings, rows, found, as_json=as_json)
