"""`vitalwire rules judge`: a log from a file through the engine, its transitions out."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from alerts.engine.log_lines import LogLines, LogRecord
from alerts.engine.offline import Offline
from alerts.rules.load import find_book, load_book
from schemas.alert import Transition
from schemas.errors import InvalidInput, MisconfiguredError

_CUT = 5000
_PROGRESS_LINES = 20_000
"""Two seconds' work or so."""
_SAID_MAX = 20
"""So many unreadable lines are named one by one; the others are counted."""
_COLOURS = {"critical": "red", "high": "yellow", "medium": "cyan", "info": None}


@click.command()
@click.argument("books", nargs=-1, required=True, metavar="BOOK...")
@click.option("--log", "log_file", required=True, metavar="FILE", help="JSON lines; - is stdin.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each transition.")
@click.option(
    "--cut",
    type=click.IntRange(min=1),
    default=_CUT,
    show_default=True,
    help="Records judged in one call; the transitions are the same for any.",
)
def judge(*, books: tuple[str, ...], log_file: str, as_json: bool, cut: int) -> None:
    r"""Run a log from a file through the rules; print what begins and ends.

    FILE holds one JSON object a line, in the order of the log: records of readings.v1, patients'
    entries of registry.v1, reports of gateways.v1, ticks, or single readings in wire format with
    patient_id and received_at beside them. A patient without an entry is judged by all BOOKs.

    \b
    vitalwire rules judge adult-standard adult-diabetes --log night.jsonl
    vitalwire rules judge ./our-book.toml --log - --json < night.jsonl
    """
    engine = Offline([load_book(find_book(name)) for name in books])
    with _opened(log_file) as stream:
        reader = _Reader(engine, stream)
        for records in reader.parts(cut):
            for transition in engine.take(records):
                click.echo(_json(transition) if as_json else _text(transition))
    reader.report()


def _opened(name: str) -> BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise MisconfiguredError(
            f"{name} cannot be read: {error.strerror}.",
            "Give a file of JSON lines, or - for stdin.",
        ) from error


class _Reader:
    """Reads lines; what cannot be read is told, counted and left out."""

    def __init__(self, engine: Offline, stream: BinaryIO) -> None:
        self._engine = engine
        self._stream = stream
        self._lines = LogLines()
        self._rejected = 0
        self._told: set[str] = set()

    def parts(self, size: int) -> Iterator[list[LogRecord]]:
        """Give records in parts of one size."""
        part: list[LogRecord] = []
        for number, line in enumerate(self._stream, start=1):
            self._progress(number)
            record = self._record(number, line)
            if record is not None:
                part.append(record)
            if len(part) == size:
                yield part
                self._tell_books()
                part = []
        yield part
        self._tell_books()

    def _progress(self, number: int) -> None:
        """Show a person who waits how far it is."""
        if number % _PROGRESS_LINES == 0 and sys.stderr.isatty():
            click.echo(f"\r{number} lines", err=True, nl=False)

    def report(self) -> None:
        """Say how much was left out."""
        if self._rejected:
            lines = "1 line" if self._rejected == 1 else f"{self._rejected} lines"
            click.secho(f"{lines} could not be read: left out.", fg="red", err=True)

    def _record(self, number: int, line: bytes) -> LogRecord | None:
        text = line.decode(errors="surrogateescape").strip().removeprefix("\ufeff")
        if not text or text.startswith("#"):
            return None
        try:
            return self._lines.read(number, text)
        except InvalidInput as error:
            self._rejected += 1
            if self._rejected <= _SAID_MAX:
                said = f"line {number}: {error.reason}: {error.detail}"
                click.secho(said, fg="red", err=True)
            return None

    def _tell_books(self) -> None:
        told = [
            f"No book {name} was given: patients are judged by the others of theirs, or by all."
            for name in sorted(self._engine.unknown_books)
        ]
        told += [
            f"Refused: patient {patient_id} is under 13, {' and '.join(names)} is for older ones."
            for patient_id, names in self._engine.refused.items()
        ]
        for sentence in told:
            if sentence not in self._told:
                self._told.add(sentence)
                click.secho(sentence, fg="yellow", err=True)


def _json(transition: Transition) -> str:
    told: dict[str, Any] = msgspec.to_builtins(transition)
    told["at"] = _instant(transition.at_ms)
    told["reading_id"] = transition.evidence.reading_id
    told["measured_at"] = _instant(transition.evidence.measured_at_ms)
    told["marks"] = list(transition.marks)
    return msgspec.json.encode(told).decode()


def _text(transition: Transition) -> str:
    marks = "".join(f" [{mark}]" for mark in transition.marks)
    severity = click.style(transition.severity, fg=_COLOURS[transition.severity])
    return (
        f"{_instant(transition.at_ms)} {transition.patient_id} {severity} {transition.event}"
        f" {transition.ladder}/{transition.rule}{marks}: {transition.reason}"
    )


def _instant(at_ms: int) -> str:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
