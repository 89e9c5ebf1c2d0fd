"""``vitalwire registry rota``: who is told of a programme's alerts, edited by people."""

import getpass
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from ingest.registry.rotas import put_rota, rotas
from ingest.registry.terminal import JSON, clock_now, connected, say, show
from schemas.errors import MisconfiguredError
from schemas.rota import Contact, Leave, OffHours, RotaEntry, Shift
from schemas.rota_problems import problems, remarks

_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_PARTS: dict[str, type[msgspec.Struct]] = {
    "contacts": Contact,
    "leave": Leave,
    "off_hours": OffHours,
    "shifts": Shift,
}


@click.group()
def rota() -> None:
    """Who is told of a programme's alerts, and how to reach them."""


@rota.command("set")
@_FILE
@JSON
def set_rota(*, file: Path, as_json: bool) -> None:
    r"""Put the rota that FILE (TOML) describes in force, instead of the programme's former one.

    \b
    vitalwire registry rota set home.toml

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
    [[leave]]
    name = "nurse"
    begins = "2026-12-24"
    ends = "2026-12-26"
    """
    wanted = _read(file)
    _remark(wanted)
    with connected() as connection:
        changed = put_rota(connection, wanted, getpass.getuser(), clock_now())
    said = "" if changed else " (was in force already)"
    say(wanted, f"rota of programme {wanted.programme}{said}", as_json=as_json)


@rota.command("check")
@_FILE
def check_rota(*, file: Path) -> None:
    r"""Say what is wrong with the rota in FILE; changes nothing and needs no server.

    \b
    vitalwire registry rota check home.toml
    """
    wanted = _read(file)
    _remark(wanted)
    click.echo(f"{file} can be set for programme {wanted.programme}.")


@rota.command("list")
@JSON
def list_rotas(*, as_json: bool) -> None:
    r"""List the rotas in force.

    \b
    vitalwire registry rota list
    """
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
            "; ".join(f"{one.name} {one.begins} to {one.ends}" for one in entry.leave),
        )
        for entry in found
    ]
    headings = ("programme", "books", "zone", "shifts", "off hours", "lead", "on leave")
    show(headings, rows, found, as_json=as_json)


def _remark(wanted: RotaEntry) -> None:
    for sentence in remarks(wanted):
        click.echo(sentence, err=True)


def _read(file: Path) -> RotaEntry:
    """Read a rota; raises ``MisconfiguredError`` with everything that is wrong with it."""
    try:
        written = tomllib.loads(file.read_text())
        wanted = msgspec.convert(written, RotaEntry)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise MisconfiguredError(f"{file} is no rota: {error}.", "See --help.") from error
    wrong = [*_unknown(written), *problems(wanted)]
    if wrong:
        raise MisconfiguredError(f"{file}: {' '.join(wrong)}", "Nothing was changed.")
    return wanted


def _unknown(written: dict[str, Any]) -> Iterable[str]:
    """Name the fields that nobody reads: a leave under a wrong name would page whoever is away."""
    tables: list[tuple[str, type[msgspec.Struct], dict[str, Any]]]
    tables = [("the rota", RotaEntry, written)]
    for name, kind in _PARTS.items():
        part = written.get(name, [])
        several = part if isinstance(part, list) else [part]
        tables += [(name, kind, one) for one in several]
    for place, kind, table in tables:
        known = {field.encode_name for field in msgspec.structs.fields(kind)} | {"kind"}
        for field in table.keys() - known:
            yield f"{field!r} is no field of {place}."
