"""Logs for `vitalwire rules judge`, as a person writes them: minutes since eight in the morning."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from alerts.engine.offline import Offline
from alerts.judge.lines import LogLines
from alerts.judge.plans import Admitted
from alerts.rules.book import Book
from alerts.rules.load import find_book, load_book
from schemas.alert import Transition
from schemas.registry import PatientEntry

Line = dict[str, object]

EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)  # a Monday
HOURS, DAYS = 60, 24 * 60
ADULT = ("adult-standard", "adult-diabetes")
HI, LO, NAN = "positive-infinity", "negative-infinity", "not-a-number"


def at(minutes: float) -> str:
    return (EIGHT + timedelta(minutes=minutes)).isoformat()


def minute(time: str) -> float:
    """Minutes from then to a time of UTC."""
    return (datetime.fromisoformat(time).replace(tzinfo=UTC) - EIGHT).total_seconds() / 60


def amount(value: object, unit: str) -> Line:
    return {"unit": unit, "absent" if value in {HI, LO, NAN} else "value": value}


def one(vital: str, received: float, ago: float, quantities: Line, **more: object) -> Line:
    return {
        "patient_id": "p1",
        "received_at": at(received),
        "reading_id": f"{vital} {received - ago} {quantities}",
        "vital": vital,
        "measured_at": at(received - ago),
        "quantities": quantities,
        **more,
    }


def bp(
    received: float, systolic: object, diastolic: object = 80, *, ago: float = 0, **more: object
) -> Line:
    """A blood pressure that came so many minutes after eight, measured ``ago`` minutes before."""
    values: Line = {"systolic": amount(systolic, "mmHg"), "diastolic": amount(diastolic, "mmHg")}
    return one("blood_pressure", received, ago, values, **({"status": []} | more))


def sugar(
    received: float, value: object, unit: str = "mg/dL", *, ago: float = 0, **more: object
) -> Line:
    return one("glucose", received, ago, {"glucose": amount(value, unit)}, **more)


def tick(minutes: float) -> Line:
    return {"kind": "tick", "received_at": at(minutes)}


def plan(*books: str, **more: object) -> Line:
    return {"kind": "patient", "patient_id": "p1", "books": books, **more}


def together(*readings: Line) -> Line:
    """What came in one record."""
    first = readings[0]
    return {
        "patient_id": "p1",
        "received_at": first["received_at"],
        "readings": [
            {key: value for key, value in one.items() if key not in {"patient_id", "received_at"}}
            for one in readings
        ],
    }


def changed(kind: str, minutes: float, was: Line, **now: object) -> Line:
    """A correction or withdrawal of a reading."""
    reading = {key: was[key] for key in ("reading_id", "vital", "measured_at", "quantities")} | {
        "time_quality": "device-clock",
        **now,
    }
    if kind == "corrections":
        reading |= {"revision": 2, "before": was["quantities"], "status": []}
    return {
        "kind": kind,
        "patient_id": "p1",
        "received_at": at(minutes),
        "reason": "the cuff was lent",
        "readings": [reading],
    }


@cache
def books_of(names: Sequence[str]) -> list[Book]:
    return [load_book(find_book(name)) for name in names]


def judged(log: Sequence[Line], names: tuple[str, ...], cut: int = 5000) -> list[str]:
    """What is told, as the command prints it without times: severity, event, ladder and marks."""
    return [
        f"{told.severity} {told.event} {told.ladder}" + "".join(f" [{mark}]" for mark in told.marks)
        for told in transitions(log, names, cut)
    ]


def minutes_after_eight(at_ms: int) -> float:
    return (at_ms / 1000 - EIGHT.timestamp()) / 60


def transitions(
    log: Sequence[Line], names: tuple[str, ...], cut: int, gap_ms: int | None = None
) -> list[Transition]:
    """The command itself would read and check its books for every log anew.

    ``gap_ms``: how far apart records are if the log was away; None: as in a file, without ticks.
    """
    books = books_of(names)
    lines, admitted, engine = LogLines(), Admitted(books), Offline(books)
    engine.state.absences.gap_ms = gap_ms
    read = [lines.read(number, json.dumps(line)) for number, line in enumerate(log, start=1)]
    records = [
        admitted.take(one)[0] if isinstance(one, PatientEntry) else one
        for one in read
        if one is not None
    ]
    parts = [records[begin : begin + cut] for begin in range(0, len(records), cut)]
    return [told for part in parts for told in engine.take(part)]
