"""``vitalwire registry``: who wears which device, edited by people."""

import getpass
import json
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import database
from ingest.instants import from_ms, to_ms
from ingest.registry import entries
from ingest.registry.rotas import put_rota, rotas
from ingest.registry.store import NewAssignment, RegistryStore
from schemas.clock import SystemClock
from schemas.errors import MisconfiguredError
from schemas.registry import PatientEntry
from schemas.rota import RotaEntry, problems


class Instant(click.ParamType[datetime]):
    """A point in time: ISO 8601 with its zone, or without one in UTC; ``now``."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the text."""
        if isinstance(value, datetime):
            return value
        if value == "now":
            return _clock_now()
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-11-22T08:00+01:00", param, ctx)
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _clock_now() -> datetime:
    return from_ms(SystemClock().wall_ms())


_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
_NOW = "now"


@click.group()
def registry() -> None:
    """Patients, devices, and who wears which. Patients are pseudonyms: enter no names."""


@registry.group()
def patient() -> None:
    """Patients by pseudonym."""


@patient.command("add")
@click.argument("pseudonym")
@click.option("--patient-id", help="Default: a random one.")
@click.option("--book", "books", multiple=True, help="Rule book that watches; repeatable.")
@click.option("--zone", default="UTC", show_default=True, help="IANA time zone of the home.")
@click.option("--plan-from", type=Instant(), default=_NOW, show_default=True)
@click.option("--simulated", is_flag=True, help="No real person; the page says so.")
@_JSON
def add_patient(  # noqa: PLR0913  (click gives every option as an argument)
    *,
    pseudonym: str,
    patient_id: str | None,
    books: tuple[str, ...],
    zone: str,
    plan_from: datetime,
    simulated: bool,
    as_json: bool,
) -> None:
    """Add a patient, watched from --plan-from on."""
    entry = PatientEntry(
        patient_id or f"patient-{secrets.token_hex(6)}",
        pseudonym,
        list(books),
        zone,
        to_ms(plan_from),
        simulated,
    )
    with _store() as store:
        added = store.add_patient(entry)
    said = "" if added else " (was there already)"
    if added and not books:
        click.secho("No rule book: no reading of this patient raises an alert.", err=True)
    _say(entry, f"patient {entry.patient_id}{said}", as_json=as_json)


@patient.command("list")
@_JSON
def list_patients(*, as_json: bool) -> None:
    """List the patients."""
    with _connection() as connection:
        found = entries.patients(connection)
    rows = [
        (
            entry.pseudonym,
            entry.patient_id,
            ", ".join(entry.books),
            entry.zone,
            _instant(entry.care_plan_from_ms),
            "simulated" if entry.simulated else "",
        )
        for entry in found
    ]
    _show(
        ("pseudonym", "patient", "books", "zone", "watched from", ""), rows, found, as_json=as_json
    )


@registry.group()
def device() -> None:
    """Devices by Bluetooth address."""


@device.command("add")
@click.argument("address")
@click.option("--device-id", help="Default: the address without its colons.")
@click.option("--model", default="", help="As the label says.")
@_JSON
def add_device(*, address: str, device_id: str | None, model: str, as_json: bool) -> None:
    """Add a device by its Bluetooth identity ADDRESS."""
    address = address.upper()
    chosen = device_id or f"device-{address.replace(':', '').lower()}"
    with _store() as store:
        added = store.add_device(chosen, address, model)
    said = "" if added else " (was there already)"
    _say({"device_id": chosen, "address": address}, f"device {chosen}{said}", as_json=as_json)


@device.command("list")
@_JSON
def list_devices(*, as_json: bool) -> None:
    """List the devices, and who has each of them now."""
    now_ms = to_ms(_clock_now())
    with _connection() as connection:
        found = entries.devices(connection)
    rows = [
        (
            entry.device_id,
            entry.address,
            entry.model,
            ", ".join(
                assignment.patient_id
                for assignment in entry.assignments
                if assignment.valid_from_ms <= now_ms
                and (assignment.valid_until_ms is None or now_ms < assignment.valid_until_ms)
            ),
        )
        for entry in found
    ]
    _show(("device", "address", "model", "patients now"), rows, found, as_json=as_json)


@registry.command()
@click.argument("device_id")
@click.argument("patient_id")
@click.option("--slot", type=int, help="One user slot of the device; default: the whole device.")
@click.option("--from", "from_", type=Instant(), default=_NOW, show_default=True)
@click.option("--until", type=Instant(), help="Default: without end.")
@_JSON
def assign(  # noqa: PLR0913  (click gives every option as an argument)
    *,
    device_id: str,
    patient_id: str,
    slot: int | None,
    from_: datetime,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Give DEVICE_ID to PATIENT_ID; readings that waited for it start to flow.

    A device whose clock tells nothing of its old records is believed only with --from 1970-01-01:
    say so if it has never been anybody else's.
    """
    new = NewAssignment(
        device_id, patient_id, to_ms(from_), None if until is None else to_ms(until), slot
    )
    with _store() as store:
        done = store.assign(new)
    waited = f"; {done.released} waiting readings flow now" if done.released else ""
    _say(done.assignment, f"{device_id} is {patient_id}'s{waited}", as_json=as_json)


@registry.command()
@click.argument("device_id")
@click.option("--slot", type=int, help="One user slot of the device.")
@click.option("--at", type=Instant(), default=_NOW, show_default=True)
@_JSON
def unassign(*, device_id: str, slot: int | None, at: datetime, as_json: bool) -> None:
    """End the assignment of DEVICE_ID that holds at --at."""
    with _store() as store:
        ended = store.unassign(device_id, to_ms(at), slot)
    patient_id = ended.assignment.patient_id
    _say(ended.assignment, f"{device_id} is no longer {patient_id}'s", as_json=as_json)
    if ended.kept:
        click.secho(
            f"{ended.kept} readings measured later are stored as {patient_id}'s and stay so;"
            " review them.",
            fg="yellow",
            err=True,
        )


@registry.command("list")
@_JSON
def list_assignments(*, as_json: bool) -> None:
    """List who has, had and will have which device."""
    with _connection() as connection:
        found = entries.devices(connection)
        names = {entry.patient_id: entry.pseudonym for entry in entries.patients(connection)}
    rows = [
        (
            entry.device_id,
            "all" if assignment.user_slot is None else str(assignment.user_slot),
            names[assignment.patient_id],
            assignment.patient_id,
            _instant(assignment.valid_from_ms),
            "" if assignment.valid_until_ms is None else _instant(assignment.valid_until_ms),
        )
        for entry in found
        for assignment in entry.assignments
    ]
    _show(("device", "slot", "pseudonym", "patient", "from", "until"), rows, found, as_json=as_json)


@registry.group()
def rota() -> None:
    """Who is told of a programme's alerts, and how to reach them."""


@rota.command("set")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_JSON
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
    with _connection() as connection:
        changed = put_rota(connection, wanted, getpass.getuser(), _clock_now())
    said = "" if changed else " (was in force already)"
    _say(wanted, f"rota of programme {wanted.programme}{said}", as_json=as_json)


@rota.command("list")
@_JSON
def list_rotas(*, as_json: bool) -> None:
    """List the rotas in force."""
    with _connection() as connection:
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
    _show(headings, rows, found, as_json=as_json)


@contextmanager
def _connection() -> Iterator[Connection[TupleRow]]:
    with database.connect(database.database_url(), "registry-cli") as connection:
        try:
            yield connection
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise MisconfiguredError(
                "The database has no tables of vitalwire.", "Run `vitalwire ingest setup`."
            ) from error
        except psycopg.OperationalError as error:
            raise database.unavailable(error) from error


@contextmanager
def _store() -> Iterator[RegistryStore]:
    with _connection() as connection:
        yield RegistryStore(connection, getpass.getuser(), _clock_now())


def _instant(instant_ms: int) -> str:
    return from_ms(instant_ms).strftime("%Y-%m-%d %H:%M:%SZ")


def _say(value: object, sentence: str, *, as_json: bool) -> None:
    click.echo(msgspec.json.encode(value).decode() if as_json else sentence)


def _show(
    headings: Sequence[str], rows: Sequence[Sequence[str]], values: object, *, as_json: bool
) -> None:
    """Print JSON, a table for a person, or tab-separated lines for a program."""
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(values), indent=2))
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(*headings)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    else:
        for row in rows:
            click.echo("\t".join(row))
