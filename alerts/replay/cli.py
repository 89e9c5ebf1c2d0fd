"""`vitalwire alerts replay`: the command."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from alerts.replay.compare import Comparison, Event, compare
from alerts.replay.history import (
    Progress,
    Replayed,
    devices_judged_again,
    judged_again,
    written,
)
from alerts.rules.load import SHIPPED
from schemas.alert import Transition
from schemas.errors import MisconfiguredError
from schemas.servers import kafka_server
from schemas.topics import ALERTS, GATEWAYS, READINGS, UNASSIGNED

_DIFFERS = 1
_DEVICE = "device/"


@click.command()
@click.argument("alert_id")
@click.option(
    "--books",
    type=click.Path(path_type=Path, file_okay=False),
    default=SHIPPED,
    help="Folder of rule books, where none was activated (default: those shipped).",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def replay(alert_id: str, books: Path, *, as_json: bool) -> None:
    r"""Judge an alert once more from the log, and compare.

    Reads the alert's events from alerts.v1 and everything of its patient from readings.v1 (of a
    device that belongs to nobody, from readings.unassigned.v1), judges it anew and compares event
    by event, field by field. Exit status 1: something differs; 78: it cannot be judged again. An
    event of which only the name differs, as a former release gave others, counts as the same and is
    told.

    \b
    vitalwire alerts replay 3f2a9c0d5e7b41628c9d0e1f2a3b4c5d
    vitalwire alerts replay 3f2a9c0d5e7b41628c9d0e1f2a3b4c5d --books ./books-of-may --json
    """
    bootstrap = kafka_server()
    before = written(bootstrap, alert_id, _progress(ALERTS))
    again = _again(bootstrap, _about(alert_id, before), books)
    mine = [one for one in again.transitions if one.alert_id == alert_id]
    found = compare(before, mine)
    notes = _notes(before, again)
    if found.renamed:
        notes.append(
            f"{found.renamed} of these a former release named otherwise, and nothing else."
        )
    click.echo(_json(found, notes) if as_json else _text(found, notes))
    sys.exit(0 if found.same else _DIFFERS)


def _about(alert_id: str, before: list[Transition]) -> Transition:
    """Give the alert's first event, if its like can be judged again."""
    if not before:
        raise MisconfiguredError(
            f"alerts.v1 holds no alert {alert_id}.",
            'Copy its number from "More" on its card, or its id from the API.',
        )
    first = before[0]
    if not first.patient_id and not first.subject.startswith(_DEVICE):
        raise MisconfiguredError(
            f"The alert is about {first.subject}: when the engine read its reports, beside the "
            "readings, is in no log, so it cannot be judged again.",
            f"Read what {GATEWAYS} says of it before {_clock(first.at_ms)}.",
        )
    return first


def _again(bootstrap: str, about: Transition, books: Path) -> Replayed:
    if about.patient_id:
        return judged_again(bootstrap, about.patient_id, books, _progress(READINGS))
    return devices_judged_again(bootstrap, books, _progress(UNASSIGNED))


def _notes(before: list[Transition], again: Replayed) -> list[str]:
    """Say what may explain a difference."""
    notes = []
    for name, sha256 in dict.fromkeys((one.book, one.book_sha256) for one in before):
        book = again.rule_set.books.get(name)
        if book is None or book.sha256 != sha256:
            notes.append(
                f"The book {name} is another now: {sha256[:12]} judged then. "
                "Give that text with --books."
            )
    first_ms = min(_needed_ms(one) for one in before)
    if again.begins_ms is None or again.begins_ms > first_ms:
        notes.append(f"{again.topic} reaches less far back than the alert's first reading.")
    if any(one.cause for one in before):
        notes.append(f"Why nothing came is not judged again: {GATEWAYS} told it then.")
    return notes


def _needed_ms(one: Transition) -> int:
    """Tell how far back the log must reach: its own reading came then, others were measured."""
    own = one.evidence.reading_id
    counted = [it.measured_at_ms for it in one.window if it.reading_id != own]
    return min([one.at_ms, *counted])


def _progress(topic: str) -> Progress:
    """Tell a person at a terminal how far it is."""

    def told(read: int, total: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{topic}: {read:,} of {total:,} records", nl=read >= total, err=True)

    return told


def _json(found: Comparison, notes: list[str]) -> str:
    value = {"same": found.same, "events": found.events, "notes": notes}
    return msgspec.json.encode(value).decode()


def _text(found: Comparison, notes: list[str]) -> str:
    lines = [line for event in found.events for line in _lines(event)]
    verdict = (
        click.style("The log gives the same.", fg="green")
        if found.same
        else click.style("The log gives something else.", fg="red")
    )
    return "\n".join([*lines, *notes, verdict])


def _clock(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def _lines(event: Event) -> list[str]:
    mark = click.style("=", fg="green") if event.same else click.style("≠", fg="red")
    lines = [f"{mark} {_clock(event.at_ms)}  {event.event} ({event.severity}): {event.reason}"]
    if event.written_as:
        lines.append(f"    written as {event.written_as}, replayed as {event.event_id}")
    if event.missing:
        lines.append(f"    only {'written' if event.missing == 'replayed' else 'replayed'}")
    lines += [
        f"    {one.field}: written {one.written!r}, replayed {one.replayed!r}"
        for one in event.differences
    ]
    return lines
