"""``vitalwire registry``: who wears which device, edited by people."""

import secrets
from datetime import datetime

import click

from ingest.instants import to_ms
from ingest.registry import care_plan, entries
from ingest.registry.assignments import NewAssignment
from ingest.registry.terminal import (
    JSON,
    NOW,
    Instant,
    clock_now,
    connected,
    editing,
    instant_text,
    say,
    show,
)
from schemas.registry import PatientEntry


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
@click.option("--plan-from", type=Instant(), default=NOW, show_default=True)
@click.option("--simulated", is_flag=True, help="No real person; the page says so.")
@click.option("--under-13", is_flag=True, help="No book for older patients may judge.")
@JSON
def add_patient(  # noqa: PLR0913  (click gives every option as an argument)
    *,
    pseudonym: str,
    patient_id: str | None,
    books: tuple[str, ...],
    zone: str,
    plan_from: datetime,
    simulated: bool,
    under_13: bool,
    as_json: bool,
) -> None:
    r"""Add a patient, watched from --plan-from on.

    \b
    vitalwire registry patient add Wren-01 --book adult-standard --zone Europe/Berlin
    """
    entry = PatientEntry(
        patient_id or f"patient-{secrets.token_hex(6)}",
        pseudonym,
        list(books),
        zone,
        to_ms(plan_from),
        simulated,
        under_13=under_13,
    )
    with editing() as store:
        added = store.add_patient(entry)
        doubtful = care_plan.not_in_force(books, store.active_books())
    said = "" if added else " (was there already)"
    for sentence in doubtful if added else []:
        click.secho(sentence, fg="yellow", err=True)
    if added and not books:
        click.secho("No rule book: no reading of this patient raises an alert.", err=True)
    say(entry, f"patient {entry.patient_id}{said}", as_json=as_json)


@patient.command("list")
@JSON
def list_patients(*, as_json: bool) -> None:
    r"""List the patients.

    \b
    vitalwire registry patient list
    """
    with connected() as connection:
        found = entries.patients(connection)
    rows = [
        (
            entry.pseudonym,
            entry.patient_id,
            ", ".join(entry.books),
            entry.zone,
            instant_text(entry.care_plan_from_ms),
            "simulated" if entry.simulated else "",
        )
        for entry in found
    ]
    show(
        ("pseudonym", "patient", "books", "zone", "watched from", ""), rows, found, as_json=as_json
    )


@registry.group()
def device() -> None:
    """Devices by Bluetooth address."""


@device.command("add")
@click.argument("address")
@click.option("--device-id", help="Default: the address without its colons.")
@click.option("--model", default="", help="As the label says.")
@JSON
def add_device(*, address: str, device_id: str | None, model: str, as_json: bool) -> None:
    r"""Add a device by its Bluetooth identity ADDRESS.

    \b
    vitalwire registry device add C0:00:00:00:00:01 --device-id cuff-7 --model UA-651BLE
    """
    address = address.upper()
    chosen = device_id or f"device-{address.replace(':', '').lower()}"
    with editing() as store:
        added = store.add_device(chosen, address, model)
    said = "" if added else " (was there already)"
    say({"device_id": chosen, "address": address}, f"device {chosen}{said}", as_json=as_json)


@device.command("list")
@JSON
def list_devices(*, as_json: bool) -> None:
    r"""List the devices, and who has each of them now.

    \b
    vitalwire registry device list
    """
    now_ms = to_ms(clock_now())
    with connected() as connection:
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
    show(("device", "address", "model", "patients now"), rows, found, as_json=as_json)


@device.command("tickets")
@JSON
def list_tickets(*, as_json: bool) -> None:
    r"""List what somebody has to do at a device: batteries to change.

    \b
    vitalwire registry device tickets
    """
    with connected() as connection:
        found = entries.tickets(connection)
    rows = [
        (
            one.ticket,
            one.device_id or one.address,
            ", ".join(one.patients),
            "" if one.battery_percent is None else f"{one.battery_percent} %",
            one.gateway_id if one.gateway_state == "online" else f"{one.gateway_id} (offline)",
            one.last_heard_at or "",
        )
        for one in found
    ]
    headings = ("ticket", "device", "patients now", "battery", "gateway", "last heard")
    show(headings, rows, found, as_json=as_json)


@registry.command()
@click.argument("device_id")
@click.argument("patient_id")
@click.option("--slot", type=int, help="One user slot of the device; default: the whole device.")
@click.option("--from", "from_", type=Instant(), default=NOW, show_default=True)
@click.option("--until", type=Instant(), help="Default: without end.")
@JSON
def assign(  # noqa: PLR0913  (click gives every option as an argument)
    *,
    device_id: str,
    patient_id: str,
    slot: int | None,
    from_: datetime,
    until: datetime | None,
    as_json: bool,
) -> None:
    r"""Give DEVICE_ID to PATIENT_ID; readings that waited for it start to flow.

    A device whose clock tells nothing of its old records is believed only with --from 1970-01-01:
    say so if it has never been anybody else's.

    \b
    vitalwire registry assign cuff-7 p-17
    vitalwire registry assign cuff-7 p-18 --slot 2 --from 2026-11-30T08:00Z
    """
    new = NewAssignment(
        device_id, patient_id, to_ms(from_), None if until is None else to_ms(until), slot
    )
    with editing() as store:
        done = store.assign(new)
    waited = f"; {done.released} waiting readings flow now" if done.released else ""
    waited += f"; {done.moved} stored readings are {patient_id}'s now" if done.moved else ""
    say(done.assignment, f"{device_id} is {patient_id}'s{waited}", as_json=as_json)


@registry.command()
@click.argument("device_id")
@click.option("--slot", type=int, help="One user slot of the device.")
@click.option("--at", type=Instant(), default=NOW, show_default=True)
@JSON
def unassign(*, device_id: str, slot: int | None, at: datetime, as_json: bool) -> None:
    r"""End the assignment of DEVICE_ID that holds at --at; what was measured later is withdrawn.

    With its first instant as --at it never was: it is removed, and only the audit keeps it.

    \b
    vitalwire registry unassign cuff-7
    vitalwire registry unassign cuff-7 --slot 2 --at 2026-11-30T08:00Z
    """
    with editing() as store:
        ended = store.unassign(device_id, to_ms(at), slot)
    patient_id, since_ms = ended.assignment.patient_id, ended.assignment.valid_from_ms
    never = ended.assignment.valid_until_ms == since_ms
    said = (
        f"{device_id} was never {patient_id}'s from {instant_text(since_ms)} on"
        if never
        else f"{device_id} is no longer {patient_id}'s"
    )
    say(ended.assignment, said, as_json=as_json)
    if ended.moved:
        click.secho(
            f"{ended.moved} stored readings measured later are withdrawn from {patient_id}; they"
            f" belong to nobody until somebody has {device_id} from then on.",
            fg="yellow",
            err=True,
        )


@registry.command("list")
@JSON
def list_assignments(*, as_json: bool) -> None:
    r"""List who has, had and will have which device.

    \b
    vitalwire registry list
    """
    with connected() as connection:
        found = entries.devices(connection)
        names = {entry.patient_id: entry.pseudonym for entry in entries.patients(connection)}
    rows = [
        (
            entry.device_id,
            "all" if assignment.user_slot is None else str(assignment.user_slot),
            names[assignment.patient_id],
            assignment.patient_id,
            instant_text(assignment.valid_from_ms),
            "" if assignment.valid_until_ms is None else instant_text(assignment.valid_until_ms),
        )
        for entry in found
        for assignment in entry.assignments
    ]
    show(("device", "slot", "pseudonym", "patient", "from", "until"), rows, found, as_json=as_json)
