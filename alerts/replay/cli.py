"""`vitalwire alerts replay`: the command."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from alerts.engine.ladders import RuleSet
from alerts.replay.compare import Comparison, Event, compare
from alerts.replay.history import Progress, judged_again, written
from alerts.rules.load import SHIPPED
from schemas.alert import Transition
from schemas.errors import MisconfiguredError
from schemas.servers import KAFKA_VARIABLE, required

_DIFFERS = 1


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

    Reads the alert's events from alerts.v1 and everything of its patient from readings.v1, judges
    it anew and compares event by event, field by field. Exit status 1: something differs. An event
    of which only the name differs, as a former release gave others, counts as the same and is told.

    \b
    vitalwire alerts replay 3f2a9c0d5e7b41628c9d0e1f2a3b4c5d
    vitalwire alerts replay 3f2a9c0d5e7b41628c9d0e1f2a3b4c5d --books ./books-of-may --json
    """
    bootstrap = required(KAFKA_VARIABLE, "127.0.0.1:9092")
    before = written(bootstrap, alert_id, _progress("alerts.v1"))
    patient_id = _patient(alert_id, before)
    again = judged_again(bootstrap, patient_id, books, _progress("readings.v1"))
    mine = [one for one in again.transitions if one.alert_id == alert_id]
    found = compare(before, mine)
    notes = list(_notes(before, again.rule_set, again.begins_ms))
    if found.renamed:
        notes.append(
            f"{found.renamed} of these a former release named otherwise, and nothing else."
        )
    click.echo(_json(found, notes) if as_json else _text(found, notes))
    sys.exit(0 if found.same else _DIFFERS)


def _patient(alert_id: str, before: list[Transition]) -> str:
    if not before:
        raise MisconfiguredError(
            f"alerts.v1 holds no alert {alert_id}.",
            "Copy its id from the page's address or the API.",
        )
    if not before[0].patient_id:
        raise MisconfiguredError(
            f"The alert is about {before[0].subject}, and about no patient.",
            "Only what readings of a patient raised can be judged again.",
        )
    return before[0].patient_id


def _notes(before: list[Transition], rules: RuleSet, begins_ms: int | None) -> list[str]:
    """Say what may explain a difference."""
    notes = []
    for name, sha256 in dict.fromkeys((one.book, one.book_sha256) for one in before):
        book = rules.books.get(name)
        if book is None or book.sha256 != sha256:
            notes.append(
                f"The book {name} is another now: {sha256[:12]} judged then. "
                "Give that text with --books."
            )
    first_ms = min(one.evidence.measured_at_ms for one in before)
    if begins_ms is None or begins_ms > first_ms:
        notes.append("readings.v1 reaches less far back than the alert's first reading.")
    return notes


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


def _lines(event: Event) -> list[str]:
    at = datetime.fromtimestamp(event.at_ms / 1000, UTC)
    mark = click.style("=", fg="green") if event.same else click.style("≠", fg="red")
    lines = [f"{mark} {at:%Y-%m-%d %H:%M:%S}Z  {event.event} ({event.severity}): {event.reason}"]
    if event.written_as:
        lines.append(f"    written as {event.written_as}, replayed as {event.event_id}")
    if event.missing:
        lines.append(f"    only {'written' if event.missing == 'replayed' else 'replayed'}")
    lines += [
        f"    {one.field}: written {one.written!r}, replayed {one.replayed!r}"
        for one in event.differences
    ]
    return lines
