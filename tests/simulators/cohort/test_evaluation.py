"""What counts as a page, as needless, as told: on alerts and truths written by hand."""

from dataclasses import dataclass

import msgspec
import pytest

from alerts.rules.book import Book
from alerts.rules.load import find_book, load_book
from schemas.alert import Event, Evidence, Mark, Severity, Transition
from schemas.kafka import PatientReadings, Stamp, StampedReading, Tick
from schemas.reading import Capture, Device, Quantity, Reading
from schemas.registry import PatientEntry
from simulators.cohort.breakdown import classes, of_silence, rows, silence_row
from simulators.cohort.circumstances import REASONS
from simulators.cohort.clinical import Grade, Problem
from simulators.cohort.devices import Mishap
from simulators.cohort.episodes import Episode
from simulators.cohort.evaluation import Evaluation, evaluate, together
from simulators.cohort.generate import Cohort, Measured
from simulators.cohort.silences import Silence

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
    shown: str = "190"


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
            quantities={"systolic": Quantity("mm[Hg]", one.shown)},
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
    robin = PatientEntry("p", "Robin", care_plan_from_ms=BEGIN)
    return Cohort("adult-standard", 1, 7, [robin], records, episodes, measured)


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
    found = held(book, cohort([], Measurement("a", 0, NEAR)), silent(4 * DAY))
    assert ([one.hours for one in found.silences], found.pages) == ([float("inf")], [])


DAY = 24 * 60


def silent(minute: float) -> Transition:
    """Build the page of the book's rule about three days without a reading, as if it notified."""
    page = alert(minute, "", "onset", "high", ladder="absence-blood-pressure")
    return msgspec.structs.replace(page, rule="bp-absent")


def test_a_silence_lasts_from_attempt_to_attempt(book: Book) -> None:
    failed = Measurement("b", 60, NEAR, mishaps=("failed",))
    other = Measurement("c", 2 * DAY, NEAR, own=False)
    after = Measurement("d", 60 + 4 * DAY, NEAR)
    truth = cohort([], Measurement("a", 0, NEAR), failed, other, after)
    silences = held(book, truth, silent(60 + 3 * DAY)).silences
    assert [(one.hours, one.on_its_way) for one in silences] == [(96.0, False)]
    assert held(book, cohort([]), silent(3 * DAY)).silences[0].since_ms == BEGIN


def test_a_silence_in_which_somebody_measured_is_none(book: Book) -> None:
    truth = cohort([], Measurement("a", 2 * DAY, NEAR, late_min=2 * DAY))
    assert held(book, truth, silent(3 * DAY)).silences[0].on_its_way


def test_after_the_last_day_of_a_cohort_nobody_is_silent(book: Book) -> None:
    truth = cohort([], Measurement("a", 6 * DAY, NEAR))
    assert len(held(book, truth, silent(7 * DAY - 1)).silences) == 1
    assert held(book, truth, silent(7 * DAY)).silences == []


def test_a_page_after_a_repeat_tells_of_the_reading_that_waited(book: Book) -> None:
    truth = cohort([episode(0, 8)], Measurement("a", 5, NEAR), Measurement("b", 10, NEAR))
    waits = alert(5, "a", "onset", "critical", "awaiting-confirmation")
    told = held(book, truth, waits, alert(10, "b", "confirmed")).told
    assert [one.paged_ms for one in told] == [at(10)]
    eased = alert(7, "b", "eased", "high")
    told = held(book, truth, waits, eased, alert(10, "b", "confirmed")).told
    assert [one.paged_ms for one in told] == [None]


@pytest.mark.parametrize(
    ("measurements", "expected"),
    [
        ([Measurement("a", 5, NEAR, shown="180")], "harmless-display"),
        ([Measurement("a", 5, NEAR, late_min=241)], "late"),
        ([Measurement("a", 5, NEAR, status=("body-moved",))], "flagged"),
        ([Measurement("a", 5, NEAR), Measurement("b", 15, NEAR, shown="180")], "repeat"),
        ([Measurement("a", 5, NEAR), Measurement("b", 15.1, NEAR, shown="180")], "unexplained"),
        (
            [
                Measurement("a", 5, NEAR, late_min=60),
                Measurement("b", 65, NEAR, own=False, shown="150"),
            ],
            "overtaken",
        ),
        (
            [
                Measurement("a", 5, NEAR),
                Measurement("b", 15, NEAR, shown="150", status=("body-moved",)),
            ],
            "unexplained",
        ),
        (
            [
                Measurement("a", 5, NEAR),
                Measurement("b", 15, NEAR, shown="180"),
                Measurement("c", 40, NEAR),
            ],
            "unexplained",
        ),
    ],
)  # fmt: skip
def test_why_nobody_was_told_is_read_off_displays_and_arrivals(
    book: Book, measurements: list[Measurement], expected: str
) -> None:
    found = held(book, cohort([episode(0, 60)], *measurements))
    assert [one.missed for one in found.told] == [expected]
    told = held(book, cohort([episode(0, 60)], *measurements), alert(6, "a")).told
    assert [one.missed for one in told] == [None]


@pytest.mark.parametrize(
    ("measurements", "expected"),
    [
        ([Measurement("a", 5, NEAR)], set()),
        ([Measurement("a", 5, NEAR, mishaps=("wrong-clock",))], {"wrong-clock"}),
        ([Measurement("a", 5, NEAR, mishaps=("no-rest",))], {"technique"}),
        (
            [Measurement("a", 5, NEAR, mishaps=("movement",), status=("body-moved",))],
            {"technique", "flagged"},
        ),
        ([Measurement("a", 5, NEAR, late_min=10)], set()),
        ([Measurement("a", 5, NEAR, mishaps=("twice",), late_min=10.1)], {"late", "twice"}),
        ([Measurement("a", 5, NEAR), Measurement("b", 6, NEAR, mishaps=("failed",))], {"failed"}),
        ([Measurement("a", 5, NEAR), Measurement("b", 900, NEAR, own=False)], {"shared-cuff"}),
        ([Measurement("a", 5, NEAR | {"systolic": 170.0}, mishaps=("no-rest",))], set()),
    ],
)
def test_circumstances_are_those_of_readings_beyond_the_limit(
    book: Book, measurements: list[Measurement], expected: set[str]
) -> None:
    found = held(book, cohort([episode(0, 60)], *measurements))
    assert [one.circumstances for one in found.told] == [expected]


def test_classes_count_who_was_told_and_why_others_were_not(book: Book) -> None:
    truth = cohort(
        [episode(0, 60), episode(100, 160), episode(2900, 2960), episode(9000, 9060)],
        Measurement("a", 5, PLAIN, mishaps=("no-rest",)),
        Measurement("b", 110, NEAR, shown="180", mishaps=("no-rest",)),
    )
    found = held(book, truth, alert(6, "a"), alert(111, "b", "onset", "high", ladder="pulse-high"))
    table = {row[0].split(" ")[0]: row[1:] for row in rows([classes(found), classes(found)])}
    nothing = ("",) * (len(REASONS) - 1)
    assert table["all"] == ("4", "2", "", "2", *nothing)
    assert table["plain"] == ("2", "2", "", "", *nothing)
    assert table["mistake"] == ("4", "2", "", "2", *nothing)
    assert table["nothing"] == ("2", "0", "", "", *nothing), "the last row: nothing for two days"
    assert "the" not in table, "what never happened is no row"
    high = held(book, truth, alert(111, "b", "onset", "high"))
    assert classes(high)[0].only_high == 1


def test_silences_are_counted_by_how_long_they_were(book: Book) -> None:
    pages = [Silence(0, 0, hours * 3_600_000, on_its_way=hours == 20) for hours in (20, 37, 40, 99)]
    row = silence_row("a book", of_silence([*pages, Silence(0, 0, None, on_its_way=False)]))
    assert row == ("a book", "5", "1", "1", "2", "0", "2")
