"""`vitalwire rules judge`: a log from a file through the engine, its transitions out."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec

from alerts.engine.offline import LogRecord, Offline
from alerts.judge.file import Line, lines, opened
from alerts.judge.lines import LogLines
from alerts.judge.plans import Admitted
from alerts.judge.remarks import Remarks
from alerts.rules.argument import BookName
from alerts.rules.load import find_book, load_book
from schemas.alert import Transition
from schemas.errors import InvalidInput
from schemas.registry import PatientEntry

EX_REFUSED = 65
"""EX_DATAERR of sysexits.h: some lines could not be read; what the others say was printed."""
_CUT = 5000
_PROGRESS_LINES = 20_000
"""Two seconds' work or so."""
_SAID_MAX = 20
"""Of so many unreadable lines it is said why; of the others, which they are."""
_EXAMPLE = (
    'such as {"reading_id": "r1", "vital": "glucose", "quantities": {"glucose": {"unit": "mg/dL", '
    '"value": 98}}, "patient_id": "p1", "received_at": "2026-11-24T08:00Z"}'
)
_SUFFICE = """\b
{"kind": "patient", "patient_id": "p1", "books": ["adult-diabetes"], "zone": "Europe/Berlin"}
{"patient_id": "p1", "received_at": "2026-03-02T08:00Z", "reading_id": "r1", "vital": "glucose", \
"measured_at": "2026-03-02T07:59Z", "quantities": {"glucose": {"unit": "mg/dL", "value": 45}}}
{"kind": "tick", "received_at": "2026-03-02T08:30Z"}
"""
_COLOURS = {"critical": "red", "high": "yellow", "medium": "cyan", "info": None}


@click.command(epilog=_SUFFICE)
@click.argument("books", nargs=-1, required=True, metavar="BOOK...", type=BookName())
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
    docs/log.md shows every kind of line; the three below suffice.

    A line that cannot be read, or that the bridge would refuse, is named, counted and left out; the
    others are judged. Exit status 65: there was one. 78: no log, or a book that is wrong.

    \b
    vitalwire rules judge adult-standard adult-diabetes --log night.jsonl
    vitalwire rules judge ./our-book.toml --log - --json < night.jsonl
    """
    loaded = [load_book(find_book(name)) for name in books]
    engine = Offline(loaded)
    with opened(log_file) as stream:
        reader = _Reader(engine, Admitted(loaded), lines(log_file, stream))
        for records in reader.parts(cut):
            for found in engine.take(records):
                transition = reader.names.written(found)
                click.echo(_json(transition) if as_json else _text(transition))
    reader.report(log_file)
    sys.exit(EX_REFUSED if reader.refused else 0)


class _Reader:
    """Reads lines; what cannot be read is told, counted and left out."""

    def __init__(
        self, engine: Offline, admitted: Admitted, numbered: Iterator[tuple[int, Line]]
    ) -> None:
        self.refused = 0
        self._unsaid: list[tuple[int, int]] = []
        self._admitted = admitted
        self._read = 0
        self._engine = engine
        self._numbered = numbered
        self._lines = LogLines()
        self.names = self._lines.names
        self._remarks = Remarks()
        self._told: set[str] = set()

    def parts(self, size: int) -> Iterator[list[LogRecord]]:
        """Give records in parts of one size."""
        part: list[LogRecord] = []
        for number, line in self._numbered:
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
            click.echo(f"\r{_counted(number)}", err=True, nl=False)

    def report(self, name: str) -> None:
        """Say what was odd, how much was read and how much was left out."""
        for sentence in [*self._lines.strange.sentences(), *self._remarks.sentences()]:
            click.secho(sentence, fg="yellow", err=True)
        if not self._read + self.refused:
            click.secho(f"{name} holds no lines: nothing was judged.", fg="yellow", err=True)
            return
        click.echo(f"{_counted(self._read)} read.", err=True)
        if self.refused:
            said = f"{_counted(self.refused)} could not be read: left out, and not judged."
            click.secho(said + _which(self._unsaid), fg="red", err=True)
            if not self._read:
                click.secho(f"Each line of {name} should be one JSON object, {_EXAMPLE}", err=True)

    def _record(self, number: int, line: Line) -> LogRecord | None:
        try:
            if isinstance(line, InvalidInput):
                raise line
            record = self._lines.read(number, line)
        except InvalidInput as error:
            self.refused += 1
            if self.refused <= _SAID_MAX:
                said = f"line {number}: {error.reason}: {error.detail}."
                click.secho(said, fg="red", err=True)
            else:
                self._keep_unsaid(number)
            return None
        self._read += 1
        if isinstance(record, PatientEntry):
            record, refused = self._admitted.take(record)
            self._tell(refused)
        if record is not None:
            self._remarks.take(number, record)
        return record

    def _keep_unsaid(self, number: int) -> None:
        """Keep which line it was, as a range; the last one takes in what would be too many."""
        adjacent = bool(self._unsaid) and self._unsaid[-1][1] == number - 1
        if adjacent or len(self._unsaid) > _SAID_MAX:
            self._unsaid[-1] = self._unsaid[-1][0], number
        else:
            self._unsaid.append((number, number))

    def _tell_books(self) -> None:
        told = [
            f"No book {name} was given: patients are judged by the others of theirs, or by all."
            for name in sorted(self._engine.unknown_books)
        ]
        told += [
            f"Refused: patient {patient_id} is under 13, {' and '.join(names)}"
            f" {'is' if len(names) == 1 else 'are'} for older ones."
            for patient_id, names in self._engine.refused.items()
        ]
        self._tell(told)

    def _tell(self, sentences: Sequence[str]) -> None:
        """Say each once."""
        for sentence in sentences:
            if sentence not in self._told:
                self._told.add(sentence)
                click.secho(sentence, fg="yellow", err=True)


def _counted(number: int) -> str:
    return "1 line" if number == 1 else f"{number} lines"


def _which(unsaid: Sequence[tuple[int, int]]) -> str:
    """Say which lines those are of which it was not said why."""
    if not unsaid:
        return ""
    named = [str(one) if one == last else f"{one}-{last}" for one, last in unsaid[:_SAID_MAX]]
    more = f" and others up to {unsaid[-1][1]}" if len(unsaid) > _SAID_MAX else ""
    return f" Beside those above: {', '.join(named)}{more}."


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
