"""Rules that come into force, or go: what is true already is work, what has no rule is closed."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.engine.step import step
from alerts.rules.load import load_books
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord, Tick
from schemas.registry import PatientEntry
from tests.alerts.book_text import PRESSURE, head, rule
from tests.alerts.engine.histories import PATIENTS, histories, reborn
from tests.alerts.engine.small_books import COUNTED, GATED, MEAN
from tests.alerts.readings import (
    BASIC,
    BOTH,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    fresh_state,
    glucose,
    pressure,
    trial,
)

DIABETES, STANDARD = BOTH[1], BOTH[0]


def under(*books: str) -> PatientEntry:
    return PatientEntry("p1", "Robin", list(books))


def replanned(state: PartitionState, entry: PatientEntry) -> None:
    state.plans.put(entry)
    state.replan(entry.patient_id)


def told(state: PartitionState, *log: ReadingsRecord) -> list[tuple[str, str, str]]:
    found = step(state, log or [Tick(state.log_ms)]).transitions
    return [(one.event, one.severity, one.rule) for one in found]


def watched(*measured: Measured, books: Sequence[str] = ()) -> PartitionState:
    state = fresh_state(under(*books))
    assert told(state, *at_once(*measured)) == []
    return state


def test_what_is_true_already_is_work_until_a_reading_says_so_anew() -> None:
    state = watched(glucose(NOON, 60))
    replanned(state, under(DIABETES))
    (found,) = step(state, [Tick(NOON + MINUTE)]).transitions
    assert (found.event, found.severity, found.rule) == ("standing", "medium", "glucose-below-70")
    assert found.marks == ["standing"]
    assert found.reason == (
        "Glucose 60 mg/dL: low glucose already when the rule glucose-below-70 of adult-diabetes"
        " came into force"
    )
    assert told(state) == []
    assert told(state, *at_once(glucose(NOON + HOUR, 61), glucose(NOON + 2 * HOUR, 90))) == [
        ("again", "medium", "glucose-below-70"),
        ("returned", "medium", "glucose-below-70"),
    ]
    state = watched(pressure(NOON, 85))
    replanned(state, under(STANDARD))
    assert told(state, *at_once(pressure(NOON + HOUR, 84))) == [
        ("standing", "medium", "bp-low"),
        ("worsened", "high", "bp-low"),
    ]


def test_only_what_is_critical_and_fresh_pages() -> None:
    state = watched(glucose(NOON, 50), pressure(NOON, 200))
    replanned(state, under(*BOTH))
    assert told(state, Tick(NOON + HOUR)) == [
        ("onset", "critical", "bp-severe"),
        ("onset", "critical", "glucose-below-54"),
    ]
    state = watched(glucose(NOON, 50))
    step(state, [Tick(NOON + HOUR)])
    replanned(state, under(DIABETES))
    assert told(state) == [("onset", "critical", "glucose-below-54")], "one hour old is fresh"
    state = watched(glucose(NOON, 50), pressure(NOON, 200))
    step(state, [Tick(NOON + HOUR + 1)])
    replanned(state, under(*BOTH))
    assert told(state) == [
        ("onset", "critical", "bp-severe"),
        ("standing", "medium", "glucose-below-54"),
    ]
    assert told(state, *at_once(glucose(NOON + 2 * HOUR, 50))) == [
        ("worsened", "critical", "glucose-below-54")
    ]


def test_what_opens_over_one_reading_after_its_rule_went_is_an_event_of_its_own() -> None:
    """Else whoever folds the log drops it, and nobody is paged."""
    state = watched(glucose(NOON, 50))
    found = []
    for minute, books in enumerate([BOTH, [STANDARD], BOTH, [STANDARD]], start=1):
        replanned(state, under(*books))
        found += step(state, [Tick(NOON + minute * MINUTE)]).transitions
    assert [one.event for one in found] == ["onset", "retired", "onset", "retired"]
    assert len({one.alert_id for one in found}) == 1
    assert len({one.event_id for one in found}) == 4


def test_what_is_not_true_now_is_not_told_whatever_was_measured_before() -> None:
    state = watched(glucose(NOON, 50), glucose(NOON + MINUTE, 100))
    replanned(state, under(DIABETES))
    assert told(state) == []
    flagged = pressure(NOON, 200, 80, "body-moved")
    state = watched(flagged)
    replanned(state, under(STANDARD))
    assert told(state) == []


def test_an_alert_of_a_rule_that_goes_is_closed_and_what_waits_is_dropped() -> None:
    state = fresh_state(under(*BOTH))
    (onset,) = step(state, at_once(pressure(NOON, 200))).transitions
    replanned(state, under(DIABETES))
    (over,) = step(state, [Tick(NOON + MINUTE)]).transitions
    assert (over.event, over.alert_id) == ("retired", onset.alert_id)
    assert over.reason == "Closed: the rule bp-severe of adult-standard is no longer in force"
    assert told(state, *at_once(pressure(NOON + HOUR, 200))) == []
    state = fresh_state(under(*BOTH))
    step(state, at_once(pressure(NOON, 200, 80, "body-moved")))
    replanned(state, under(DIABETES))
    assert told(state, Tick(NOON + DAY)) == []


def test_a_rung_that_goes_eases_what_another_book_keeps_open() -> None:
    entry = PatientEntry("p4", "Alex", [*BOTH, "clinic-trial"])
    state = fresh_state(entry, rules=trial())
    step(state, at_once(pressure(NOON, 200, 70), patient_id="p4"))
    replanned(state, PatientEntry("p4", "Alex", ["clinic-trial"]))
    assert told(state) == [("eased", "medium", "trial-elevated")]


def test_a_rung_that_goes_is_told_of_only_if_what_is_left_is_less_severe() -> None:
    texts = [
        head(book, PRESSURE)
        + rule(book, f"systolic > {limit} mmHg", ladder="bp", severity=severity)
        for book, limit, severity in (
            ("first", 200, "critical"),
            ("second", 190, "critical"),
            ("third", 180, "high"),
        )
    ]
    rules = arrange([read_book("severe.toml", text) for text in texts])
    state = fresh_state(under("first", "second", "third"), rules=rules)
    step(state, at_once(pressure(NOON, 210)))
    replanned(state, under("second", "third"))
    assert told(state) == []
    replanned(state, under("third"))
    assert told(state) == [("eased", "high", "third")]


def reloaded(state: PartitionState, rules: RuleSet, entry: PatientEntry) -> PartitionState:
    return reborn(state, rules, [entry])


def test_a_new_version_of_the_books_is_told_once_also_after_a_restart() -> None:
    entry = under(*BOTH, "counted", "none")
    books = load_books(BASIC)
    state = fresh_state(under(*BOTH))
    step(state, at_once(pressure(NOON, 150), pressure(NOON + MINUTE, 151)))
    rules = arrange([*books, read_book("counted.toml", COUNTED.replace("GATED", GATED))])
    state = reloaded(state, rules, entry)
    assert told(state) == [("standing", "medium", "two-of-three")]
    state = reloaded(state, rules, entry)
    assert told(state) == []


def test_means_and_baselines_are_known_from_kept_state() -> None:
    days = [pressure(NOON + n * DAY + k * MINUTE, 140) for n in range(3) for k in range(3)]
    text = MEAN.replace('units = ["mmHg"]', f'units = ["mmHg"]\n{GATED}')
    other = replace(read_book("means.toml", text), name="means")
    rules = arrange([*load_books(BASIC), other])
    state = fresh_state(under(STANDARD), rules=rules)
    assert told(state, *at_once(*days)) == []
    replanned(state, under(STANDARD, "means"))
    assert told(state) == [("standing", "medium", "mean")]


def test_a_critical_mean_that_opens_with_its_rule_is_told_once_that_day() -> None:
    text = MEAN.replace('units = ["mmHg"]', f'units = ["mmHg"]\n{GATED}')
    urgent = text.replace('severity = "medium"', 'severity = "critical"')
    assert urgent != text
    rules = arrange([*load_books(BASIC), replace(read_book("means.toml", urgent), name="means")])
    state = fresh_state(under(STANDARD), rules=rules)
    days = [pressure(NOON + n * DAY + k * MINUTE, 140) for n in range(3) for k in range(3)]
    assert told(state, *at_once(*days)) == []
    replanned(state, under(STANDARD, "means"))
    assert told(state) == [("onset", "critical", "mean")]
    later = NOON + 2 * DAY + HOUR
    assert told(state, *at_once(pressure(later, 140))) == []
    assert told(state, *at_once(pressure(later + DAY, 140))) == [("again", "critical", "mean")]


def test_an_alert_of_which_no_book_knows_a_rule_is_closed_once() -> None:
    state = fresh_state(under(*BOTH))
    (onset,) = step(state, at_once(glucose(NOON, 50))).transitions
    rules = arrange([book for book in load_books(BASIC) if book.name == STANDARD])
    other = reloaded(state, rules, under(STANDARD))
    (over,) = step(other, [Tick(NOON + MINUTE)]).transitions
    assert (over.event, over.alert_id, over.ladder) == ("retired", onset.alert_id, "glucose-low")
    assert told(other) == []
    assert told(reloaded(other, rules, under(STANDARD))) == []


def plans_of(rules: RuleSet) -> Plans:
    plans = Plans(rules)
    for patient in PATIENTS:
        plans.put(patient)
    return plans


@settings(max_examples=40)
@given(histories(), st.integers(0, 25), st.lists(st.sampled_from([*BOTH, "clinic-trial"])))
def test_a_change_of_plan_ends_no_alert_twice_and_says_nothing_twice(
    log: list[ReadingsRecord], place: int, books: list[str]
) -> None:
    state = PartitionState(trial(), plans_of(trial()))
    found: list[Transition] = step(state, log[:place]).transitions if log[:place] else []
    replanned(state, PatientEntry("p4", "Alex", books))
    if state.patients:
        found += step(state, [Tick(state.log_ms)]).transitions
    for (row, index), held in state.ladders.items():
        assert not held.latched & ~int(state.in_force[row, index])
    found += step(state, log[place:]).transitions if log[place:] else []
    assert len({one.event_id for one in found}) == len(found)
    open_alerts: set[str] = set()
    for one in found:
        if one.event in {"onset", "standing"}:
            open_alerts.add(one.alert_id)
        if one.event in {"returned", "retired"}:
            assert one.alert_id in open_alerts
            open_alerts.discard(one.alert_id)
