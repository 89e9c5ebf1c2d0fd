"""History through the real engine, in the order in which it reached the clinic."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from alerts.backtest.columns import Layout
from alerts.backtest.history import History
from alerts.engine.ladders.findings import Finding
from alerts.engine.ladders.ladder import severity
from alerts.engine.offline import Offline
from alerts.engine.step import step_columns
from alerts.rules.book import Book
from schemas.alert import Event, Severity, Transition
from schemas.kafka import Tick
from schemas.registry import PatientEntry

READINGS_AT_ONCE = 5
"""Of each patient, on average: many patients at once are cheap for the engine, many readings of one
at once are not."""
ROWS_LEAST, ROWS_MOST = 500, 100_000
AFTERWARDS_MS = 24 * 3_600_000
"""How long the log goes on after the last reading, so that what waits for a repeat is settled."""

_SILENCE = "absence-"

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Played:
    """What books said of a history; ``judged`` counts a reading that came twice once."""

    transitions: list[Transition]
    first_ms: int
    last_ms: int
    patient_days: float
    judged: int
    patients: int


def play(
    history: History,
    books: Sequence[Book],
    entries: Iterable[PatientEntry] = (),
    progress: Progress = lambda _: None,
) -> Played:
    """Judge a history; ``progress`` hears how many readings are behind it."""
    engine = Offline(books)
    known = {one.patient_id: one for one in entries}
    engine.take(list(watched(history.patient.names, books, known)))
    found: list[Transition] = []
    rows_about = READINGS_AT_ONCE * len(history.patient.names)
    rows_about = min(max(rows_about, ROWS_LEAST), ROWS_MOST)
    for behind, stretch in Layout(history, engine.state).stretches(rows_about):
        found += kept(step_columns(engine.state, stretch.stamps, stretch.parts, _heard).transitions)
        progress(behind)
    last_ms = int(history.received_ms[-1]) if len(history) else 0
    found += kept(engine.take([Tick(last_ms + AFTERWARDS_MS)]))
    first_ms = int(history.received_ms[0]) if len(history) else 0
    patients = len(np.unique(history.patient.code))
    return Played(found, first_ms, last_ms, history.patient_days, history.distinct, patients)


def kept(transitions: Iterable[Transition]) -> Iterator[Transition]:
    """Leave out what nobody counts, or months of a clinic fill the memory.

    That is further matches that page nobody, and the readings that each transition explains. And
    silence: columns tell the engine of no contact, and history has no heartbeats.
    """
    for one in transitions:
        if one.ladder.startswith(_SILENCE):
            continue
        if _counts(one.event, one.severity):
            yield msgspec.structs.replace(one, window=[], limits=[])


def _heard(finding: Finding) -> bool:
    return _counts(finding.event, severity(finding.rank))


def _counts(event: Event, severe: Severity) -> bool:
    return event != "again" or severe == "critical"


def watched(
    patients: Iterable[str], books: Sequence[Book], entries: Mapping[str, PatientEntry]
) -> Iterator[PatientEntry]:
    """Give each patient the books to be tested that the own care plan names.

    Where no care plan names any of them, the books are new, and every patient is judged by them.
    """
    names = {book.name for book in books}
    new = not any(names.intersection(entry.books) for entry in entries.values())
    for patient_id in patients:
        entry = entries.get(patient_id)
        if entry is None:
            entry = PatientEntry(patient_id, patient_id, sorted(names))
        chosen = sorted(names) if new else [name for name in entry.books if name in names]
        yield msgspec.structs.replace(entry, books=chosen)
