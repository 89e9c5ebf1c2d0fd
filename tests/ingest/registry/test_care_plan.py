"""Care plans: what a book allows, what it does not, and what the commands leave behind."""

import json
from collections.abc import Callable
from functools import partial

import msgspec
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection
from psycopg.rows import TupleRow

from alerts.rules.entry import entry_of
from alerts.rules.load import load_books
from ingest.cli import registry
from ingest.registry import care_plan, entries
from ingest.registry.care_plan import RefusedEdit
from ingest.registry.store import RegistryStore
from schemas.registry import BookEntry, PatientEntry, Pause, PersonalLimit, Schedule, ZonePeriod
from tests.servers import NOW

DAY_MS = 86_400_000
BOOKS = [entry_of(book, "Dr Keller", 0) for book in load_books()]
ROBIN = PatientEntry("p1", "Robin", ["adult-standard", "adult-diabetes"])


def limit(name: str, *values: str, **changes: object) -> PersonalLimit:
    plain = PersonalLimit(name, list(values), "Kim", "physician", "as discussed", 0, 90 * DAY_MS)
    return msgspec.structs.replace(plain, **changes)


def refusal(change: Callable[[], object]) -> str:
    with pytest.raises(RefusedEdit) as caught:
        change()
    assert caught.value.way_out
    return caught.value.cause


@pytest.mark.parametrize(
    ("name", "typed", "values", "added"),
    [
        ("low-glucose", ["80 mg/dL"], ["80 mg/dL", "4.4 mmol/L"], ["4.4 mmol/L"]),
        ("low-glucose", ["4.45 mmol/L"], ["80 mg/dL", "4.45 mmol/L"], ["80 mg/dL"]),
        ("low-glucose", ["80 mg/dL", "4.5 mmol/L"], ["80 mg/dL", "4.5 mmol/L"], []),
        ("severe-systolic", ["170mmHg"], ["170 mmHg"], []),
    ],
)
def test_a_pair_is_completed_half_up_and_says_what_was_added(
    name: str, typed: list[str], values: list[str], added: list[str]
) -> None:
    stated = care_plan.state_limit(ROBIN, BOOKS, name, typed)
    assert (stated.values, stated.added) == (values, added)


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("no-such", ["80 mg/dL"], "has a limit no-such; they have: very-low-glucose, "),
        ("low-glucose", ["80 mmHg"], "Limit low-glucose is not stated in mmHg."),
        ("low-glucose", ["80 mg/dL", "81 mg/dL"], "State the limit once in each unit."),
        ("low-glucose", ["80 mg/dL", "5.5 mmol/L"], "80 mg/dL and 5.5 mmol/L are not the same."),
        ("low-glucose", ["low"], "'low' is no number with its unit."),
        ("low-glucose", ["80"], "'80' is no number with its unit."),
        ("low-glucose", ["4,4 mmol/L"], "'4,4 mmol/L' is no number with its unit."),
        ("low-glucose", ["4."], "'4.' is no number with its unit."),
        ("severe-systolic-pregnancy", ["150 mmHg"], "has a limit severe-systolic-pregnancy"),
    ],
)
def test_what_is_no_limit_of_the_patients_books_is_refused(
    name: str, typed: list[str], says: str
) -> None:
    assert says in refusal(lambda: care_plan.state_limit(ROBIN, BOOKS, name, typed))


@pytest.mark.parametrize(
    ("name", "meant"), [("adult-diabets", " (is adult-diabetes meant?)"), ("ours", "")]
)
def test_a_book_that_is_not_in_force_may_be_a_slip_of_the_finger(name: str, meant: str) -> None:
    said = f"{name} was never put in force{meant}: it judges only if the engines' folder has it."
    assert care_plan.not_in_force(["adult-diabetes", name], BOOKS) == [said]
    assert care_plan.not_in_force(["adult-diabetes", name], []) == [said], "none was ever"


@pytest.mark.parametrize("typed", [["80 mg/dL", "4.4 mmol/L"], ["70 mg/dL", "4.0 mmol/L"]])
def test_a_pair_is_one_amount_if_it_is_so_rounded(typed: list[str]) -> None:
    assert care_plan.state_limit(ROBIN, BOOKS, "low-glucose", typed).values == typed


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (limit("severe-systolic", "210 mmHg"), "allows severe-systolic from 160 to 200 mmHg"),
        (limit("severe-systolic", "150 mmHg"), "not 150 mmHg"),
        (limit("very-low-glucose", "50 mg/dL", "3.0 mmol/L"), "from 54 to 70 mg/dL"),
        (limit("severe-systolic", "190 mmHg", role="nurse"), "lets more pass than the book"),
        (limit("severe-systolic", "190 mmHg", valid_until_ms=None), "lets more pass"),
        (limit("severe-systolic", "190 mmHg", valid_until_ms=90 * DAY_MS + 1), "lets more pass"),
        (limit("severe-systolic", "170 mmHg", reason=" "), "an author and a reason"),
        (limit("severe-systolic", "170 mmHg", valid_until_ms=0), "end before it begins"),
    ],
)
def test_what_a_book_does_not_allow_is_refused(new: PersonalLimit, says: str) -> None:
    assert says in refusal(lambda: care_plan.with_limit(ROBIN, BOOKS, new))


@pytest.mark.parametrize(
    "new",
    [
        limit("severe-systolic", "190 mmHg"),  # relaxed: by a physician, for 90 days
        limit("severe-systolic", "170 mmHg", role="nurse", valid_until_ms=None),  # stricter
        limit("low-systolic", "80 mmHg", role="nurse", valid_until_ms=None),  # high, not critical
        limit("very-low-glucose", "60 mg/dL", "3.3 mmol/L", role="nurse", valid_until_ms=None),
    ],
)
def test_what_a_book_allows_is_kept(new: PersonalLimit) -> None:
    assert care_plan.with_limit(ROBIN, BOOKS, new).limits == [new]


def test_every_critical_limit_of_the_books_is_known_as_such() -> None:
    critical = {one.name for book in BOOKS for one in book.limits if one.critical}
    assert critical == {
        "severe-systolic",
        "severe-diastolic",
        "very-low-glucose",
        "severe-systolic-pregnancy",
        "severe-diastolic-pregnancy",
        "hold-systolic",
        "hold-diastolic",
    }


def test_a_limit_is_ended_not_forgotten() -> None:
    mine = limit("severe-systolic", "170 mmHg")
    entry = care_plan.with_limit(ROBIN, BOOKS, mine)
    (ended,) = care_plan.without_limit(entry, "severe-systolic", DAY_MS).limits
    assert ended == msgspec.structs.replace(mine, valid_until_ms=DAY_MS)
    assert "no limit" in refusal(lambda: care_plan.without_limit(ROBIN, "severe-systolic", 0))


def test_no_adult_book_watches_a_child() -> None:
    child = PatientEntry("p2", "Kim", under_13=True)
    for name in ("adult-standard", "never-activated"):
        said = refusal(partial(care_plan.with_books, child, [name], BOOKS))
        assert f"is under 13, and {name} is for older" in said
    small = BookEntry("child", "", "", "Dr Keller", 0, from_age_years=0)
    assert care_plan.with_books(child, ["child"], [*BOOKS, small]).books == ["child"]


def test_schedules_pauses_zones_and_therapy() -> None:
    twice = Schedule("glucose", [("06:00", "11:00"), ("17:00", "22:00")])
    entry = care_plan.with_schedule(ROBIN, twice)
    assert entry.schedules == [twice]
    assert care_plan.with_schedule(entry, Schedule("glucose", [])).schedules == []
    typed = care_plan.with_schedule(ROBIN, Schedule("glucose", [("6:00", "24:00")], 1440))
    assert typed.schedules == [Schedule("glucose", [("06:00", "24:00")], 1440)]
    pause = Pause(5, 9, "hospital")
    assert care_plan.with_pause(ROBIN, pause).pauses == [pause]
    moved = care_plan.with_zone(ROBIN, ZonePeriod(7, "Asia/Tokyo"))
    assert care_plan.with_zone(moved, ZonePeriod(7, "Asia/Seoul")).zones == [
        ZonePeriod(7, "Asia/Seoul")
    ]
    begun = care_plan.with_zone(moved, ZonePeriod(7, "Asia/Seoul", 8))
    assert [one.zone for one in begun.zones] == ["Asia/Tokyo", "Asia/Seoul"], "it had days already"
    assert begun.zone_at(7) == "Asia/Seoul", "as is known by now"
    assert care_plan.with_therapy(ROBIN, 4).therapy_start_ms == 4


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda: care_plan.with_schedule(ROBIN, Schedule("mood", [])), "no vital 'mood'"),
        (
            lambda: care_plan.with_schedule(ROBIN, Schedule("glucose", [("11:00", "06:00")])),
            "ends before it begins",
        ),
        (
            lambda: care_plan.with_schedule(ROBIN, Schedule("glucose", [("early", "06:00")])),
            "'early' is no time of day",
        ),
        (
            lambda: care_plan.with_schedule(ROBIN, Schedule("glucose", [("06", "11:00")])),
            "'06' is no time of day.",
        ),
        (
            lambda: care_plan.with_schedule(ROBIN, Schedule("glucose", [("06:00", "11:00:30")])),
            "'11:00:30' is no time of day",
        ),
        (
            lambda: care_plan.with_schedule(ROBIN, Schedule("glucose", [("06:00+02:00", "11:00")])),
            "'06:00+02:00' is no time of day",
        ),
        (lambda: care_plan.with_schedule(ROBIN, Schedule("glucose", [], -1)), "at most a day"),
        (lambda: care_plan.with_schedule(ROBIN, Schedule("glucose", [], 1441)), "not negative"),
        (lambda: care_plan.with_pause(ROBIN, Pause(5, 5, "r")), "end before it begins"),
        (lambda: care_plan.with_pause(ROBIN, Pause(5, 6)), "A pause has a reason"),
        (lambda: care_plan.with_zone(ROBIN, ZonePeriod(0, "Mars/Olympus")), "is no time zone"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(change: Callable[[], object], says: str) -> None:
    assert says in refusal(change)


@pytest.fixture
def command(
    connection: Connection[TupleRow], migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """The command line, with Robin and two books in force."""
    monkeypatch.setenv("VITALWIRE_DATABASE_URL", migrated_url)
    RegistryStore(connection, "a nurse", NOW).add_patient(ROBIN)
    for book in BOOKS:
        connection.execute(
            "INSERT INTO vitalwire.rule_books (name, activated_at, who, sha256, entry)"
            " VALUES (%s, now(), 'Dr Keller', %s, %s)",
            [book.name, book.sha256, msgspec.json.encode(book).decode()],
        )
    return lambda *words, **settings: CliRunner().invoke(registry, ["plan", *words], **settings)


def test_a_person_edits_a_plan(
    command: Callable[..., Result], connection: Connection[TupleRow]
) -> None:
    words = ["limit", "p1", "low-glucose", "--value", "80 mg/dL", "--role", "nurse"]
    words += ["--reason", "falls at night", "--author", "Kim", "--from", "2026-11-01"]
    refused = command(*words, input="n\n")
    assert "low-glucose is 80 mg/dL = 4.4 mmol/L: is 4.4 mmol/L right?" in refused.output
    assert refused.exit_code == 1
    assert command(*words, input="y\n").exit_code == 0
    assert command("zone", "p1", "Asia/Tokyo", "--from", "2026-12-01").exit_code == 0
    window = ["--window", "06:00-11:00", "--window", "17:00-22:00"]
    assert command("schedule", "p1", "glucose", *window).exit_code == 0
    until = ["--from", "2026-11-24", "--until", "2026-11-30"]
    assert command("pause", "p1", *until, "--reason", "hospital").exit_code == 0
    assert command("therapy", "p1", "2026-11-20").exit_code == 0
    assert command("books", "p1", "adult-diabetes").exit_code == 0
    shown = command("show", "p1").output
    assert "limit low-glucose 80 mg/dL = 4.4 mmol/L, from 2026-11-01 00:00:00Z until" in shown
    assert "by Kim (nurse): falls at night" in shown
    assert "glucose at 06:00-11:00, 17:00-22:00, grace 120 min" in shown
    assert "pause from 2026-11-24 00:00:00Z until 2026-11-30 00:00:00Z: hospital" in shown
    assert "therapy began 2026-11-20 00:00:00Z" in shown
    assert command("end-limit", "p1", "low-glucose", "--at", "2026-11-10").exit_code == 0
    told = json.loads(command("show", "p1", "--json").output)
    stored = entries.patient(connection, "p1")
    assert msgspec.convert(told, PatientEntry) == stored
    assert entries.patients(connection) == [stored]
    audited = connection.execute("SELECT action FROM vitalwire.audit_log ORDER BY audit_id")
    actions = ["limit", "zone", "schedule", "pause", "therapy", "books", "end-limit"]
    assert [row[0] for row in audited] == ["patient.add", *(f"plan.{one}" for one in actions)]
    sent = connection.execute(
        "SELECT value FROM vitalwire.outbox ORDER BY outbox_id DESC LIMIT 1"
    ).fetchone()
    assert sent is not None
    assert msgspec.json.decode(bytes(sent[0]), type=PatientEntry) == stored


def test_a_patient_who_is_not_there_and_a_child_are_refused(command: Callable[..., Result]) -> None:
    assert "There is no patient p9" in str(command("show", "p9").exception)
    words = ["patient", "add", "Small Owl", "--under-13", "--book", "adult-standard"]
    refused = CliRunner().invoke(registry, words)
    assert "is under 13" in str(refused.exception)


def test_books_in_force_are_published_with_the_registry(
    command: Callable[..., Result], connection: Connection[TupleRow]
) -> None:
    assert command("show", "p1").exit_code == 0
    assert entries.books(connection) == sorted(BOOKS, key=lambda book: book.name)
