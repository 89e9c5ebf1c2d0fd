"""A book whose rules need a baseline and personal limits with dates."""

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from schemas.registry import PatientEntry, PersonalLimit
from tests.alerts.book_text import GLUCOSE, head, rule
from tests.alerts.engine.window_book import BOOK
from tests.alerts.readings import DAY, NOON, at_once, fresh_state, glucose

LOW = """\
[limits.low]
value = ["70 mg/dL", "3.9 mmol/L"]
allowed = [["50 mg/dL", "2.8 mmol/L"], ["90 mg/dL", "5.0 mmol/L"]]
relaxing = "down"
"""
LIMITS = head("personal", GLUCOSE, LOW) + rule(
    "low", "glucose < limit.low", ladder="glucose-low", severity="medium", vital="glucose"
)
UNTIL = NOON + 30 * DAY
OWN = PersonalLimit(
    "low", ["60 mg/dL", "3.3 mmol/L"], "Dr. Ito", "physician", "frail", NOON, UNTIL, NOON
)


def rules() -> RuleSet:
    return arrange([read_book("personal.toml", LIMITS), read_book("windows.toml", BOOK)])


def under(*limits: PersonalLimit, therapy_ms: int | None = None) -> PatientEntry:
    return PatientEntry(
        "p1",
        "Robin",
        ["personal", "windows"],
        zone="Europe/Berlin",
        limits=list(limits),
        therapy_start_ms=therapy_ms,
    )


def started(entry: PatientEntry, *log: ReadingsRecord) -> PartitionState:
    state = fresh_state(entry, rules=rules())
    step(state, log or at_once(glucose(NOON, 100)))
    return state


def of(found: list[Transition], event: str) -> list[Transition]:
    return [one for one in found if one.event == event]
