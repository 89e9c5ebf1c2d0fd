"""What counts as a page, as needless, as told: on alerts and truths written by hand."""

from dataclasses import dataclass

import pytest

from alerts.rules.book import Book
from alerts.rules.load import find_book, load_book
from schemas.alert import Event, Evidence, Mark, Severity, Transition
from schemas.kafka import PatientReadings, Stamp, StampedReading, Tick
from schemas.reading import Capture, Device, Quantity, Reading
from schemas.registry import PatientEntry
from simulators.cohort.clinical import Grade, Problem
from simulators.cohort.devices import Mishap
from simulators.cohort.episodes import Episode
from simulators.cohort.evaluation import Evaluation, evaluate, together
from simulators.cohort.generate import Cohort, Measured

MINUTE = 60_000
BEGIN = 1_790_000_000_000
PLAIN = {"systolic": 225.0, "diastolic": 110.0, "pulse": 80.0, "irregular": 0.0}
NEAR = {"systolic": 190.0, "diastolic": 110.0, "pulse": 80.0, "irregular": 0.0}


@pytest.fixture(scope="module")
def book() -> Book:
    return load_book(find_book("adult-standard"))


@dataclass(frozen=True)
class Measurement:
    """One reading at a minute; ``late_min``: until it is at the clinic."""

    name: str
    minute: float
    true: dict[str, float]
    own: bool = True
    mishaps: tuple[Mishap, ...] = ()
    status: tuple[str, ...] = ()
    late_min: float = 0.0


def at(minute: float) -> int:
    return BEGIN + round(minute * MINUTE)


def episode(
    begin: float, end: float, problem: Problem = "high-pressure", grade: Grade = "critical"
) -> Episode:
    return Episode("p", problem, grade, at(begin), at(end), {})


def stamped(one: Measurement) -> StampedReading:
    received_ms = at(one.minute + one.late_min)
    return StampedReading(
        Reading(
            seq=1,
            reading_id=one.name,
            vital="blood_pressure",
            device=Device("A0:00:00:00:00:01"),
            characteristic="2a35",
            raw="",
            quantities={"systolic": Quantity("mm[Hg]", "190")},
            session_id="s",
            capture=Capture("boot", 1),
            status=list(one.status),
        ),
        Stamp(
            received_ms, at(one.minute), at(one.minute), at(one.minute), at(one.minute), "receipt"
        ),
    )


def cohort(episodes: list[Episode], *measurements: Measurement) -> Cohort:
    records: list[PatientReadings | Tick] = [
        PatientReadings("p", "home", "0", at(one.minute + one.late_min), [stamped(one)])
        for one in measurements
    ]
    measured = [
        Measured(one.name, "p", at(one.minute), one.true, own=one.own, mishaps=list(one.mishaps))
        for one in measurements
    ]
    return Cohort("adult-standard", 1, 7, [PatientEntry("p", "Robin")], records, episodes, measured)


def alert(
    minute: float,
    reading: str,
    event: Event = "onset",
    severity: Severity = "critical",
    *marks: Mark,
    ladder: str = "bp-high",
) -> Transition:
    return Transition(
        event_id=f"{minute}{reading}{event}",
        alert_id=f"alert-{ladder}",
        patient_id="p",
        ladder=ladder,
        rule="bp-severe",
        event=event,
        severity=severity,
        at_ms=at(minute),
        title="",
        reason="",
        evidence=Evidence(reading, "blood_pressure", at(minute), "receipt", {}),
        book="adult-standard",
        book_sha256="",
        marks=list(marks),
    )


def held(book: Book, truth: Cohort, *transitions: Transition) -> Evaluation:
    return evaluate(truth, [book], transitions)


def test_a_page_in_a_true_episode_is_needed_and_tells_of_it(book: Book) -> None:
    found = held(book, cohort([episode(0, 60)], Measurement("a", 5, PLAIN)), alert(6, "a"))
    assert (found.pages_a_week, found.needless_a_week, found.sensitivity) == (1.0, 0.0, 1.0)
    assert found.minutes_to_page() == [1.0]


@pytest.mark.parametrize(
    "truth",
    [
        [],
        [episode(0, 60, grade="high")],
        [episode(20, 60)],
    ],
    ids=["nothing", "less grave", "another time"],
)
def test_a_page_without_such_an_episode_is_needless(book: Book, truth: list[Episode]) -> None:
    found = held(book, cohort(truth, Measurement("a", 5, NEAR)), alert(6, "a"))
    assert found.needless_a_week == 1.0


def test_a_page_for_another_problem_is_needless(book: Book) -> None:
    truth = cohort([episode(0, 60, "low-pressure", "high")], Measurement("a", 5, NEAR))
    assert held(book, truth, alert(6, "a", "onset", "high")).needless_a_week == 1.0
    low = alert(6, "a", "onset", "high", ladder="bp-low")
    assert held(book, truth, low).needless_a_week == 0.0


def test_a_high_page_in_a_critical_episode_is_needed(book: Book) -> None:
    truth = cohort([episode(0, 60)], Measurement("a", 5, PLAIN))
    found = held(book, truth, alert(6, "a", "onset", "high"))
    assert (found.needless_a_week, found.sensitivity) == (0.0, 0.0)


def test_what_waits_for_a_repeat_is_no_page_until_it_is_confirmed(book: Book) -> None:
    truth = cohort([episode(0, 60)], Measurement("a", 5, PLAIN))
    waits = alert(6, "a", "onset", "critical", "awaiting-confirmation")
    assert held(book, truth, waits).pages == []
    assert held(book, truth, waits).missed != []
    found = held(book, truth, waits, alert(16, "a", "confirmed"))
    assert (len(found.pages), found.minutes_to_page()) == (1, [11.0])


def test_a_match_of_what_was_told_is_no_new_page_and_tells_of_its_episode(book: Book) -> None:
    measured = [Measurement("a", 0, NEAR), Measurement("b", 10, PLAIN), Measurement("c", 50, PLAIN)]
    truth = cohort([episode(5, 40), episode(45, 60)], *measured)
    found = held(book, truth, alert(0, "a"), alert(10, "b", "again"), alert(50, "c", "again"))
    assert [page.needed for page in found.pages] == [False]
    assert found.sensitivity == 1.0
    assert found.minutes_to_page() == [0.0, 0.0]


def test_of_one_moment_the_gravest_counts(book: Book) -> None:
    truth = cohort([episode(0, 60)], Measurement("a", 5, PLAIN))
    low = alert(6, "a", "onset", "high", ladder="bp-low")
    found = held(book, truth, low, alert(6, "a"))
    assert [page.transition.ladder for page in found.pages] == ["bp-high"]


def test_medium_alerts_and_endings_page_nobody(book: Book) -> None:
    truth = cohort([episode(0, 60)], Measurement("a", 5, PLAIN))
    medium = alert(6, "a", "onset", "medium")
    assert held(book, truth, medium, alert(7, "a", "returned")).pages == []


@pytest.mark.parametrize(
    "measurement",
    [
        Measurement("a", 5, NEAR),
        Measurement("a", 5, PLAIN, own=False),
        Measurement("a", 5, PLAIN, mishaps=("failed",)),
        Measurement("a", 5, PLAIN, mishaps=("movement",), status=("body-moved",)),
        Measurement("a", 5, PLAIN, late_min=300),
        Measurement("a", 90, PLAIN),
    ],
    ids=["within the tolerance", "another body", "failed", "flagged", "late", "outside"],
)
def test_sensitivity_asks_for_a_valid_reading_of_plain_truth(
    book: Book, measurement: Measurement
) -> None:
    found = held(book, cohort([episode(0, 60)], measurement))
    assert (found.plain, found.sensitivity) == ([], 1.0)
    expected = (
        0
        if not measurement.own or measurement.minute > 60 or measurement.mishaps == ("failed",)
        else 1
    )
    assert len(found.measured) == expected


def test_a_plain_episode_that_nobody_was_told_of_is_missed(book: Book) -> None:
    found = held(book, cohort([episode(0, 60)], Measurement("a", 5, PLAIN)))
    assert (found.sensitivity, found.sensitivity_of_all, len(found.missed)) == (0.0, 0.0, 1)


def test_evaluations_add_up(book: Book) -> None:
    truth = cohort([episode(0, 60)], Measurement("a", 5, PLAIN))
    total = together([held(book, truth), held(book, truth, alert(6, "a"))])
    assert (total.patient_weeks, total.readings, total.sensitivity) == (2.0, 2, 0.5)


def test_pages_about_silence_are_counted_apart(book: Book) -> None:
    silent = alert(60, "deadline", "onset", "high", ladder="absence-blood-pressure")
    found = held(book, cohort([], Measurement("a", 0, NEAR)), silent)
    assert (found.silences, found.pages) == (1, [])
