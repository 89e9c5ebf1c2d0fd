"""Rules about one silence are rungs of one alert: a graver one worsens it, a contact ends it."""

import msgspec
import pytest

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.readings.identity import alert_id
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord, Tick
from schemas.registry import PatientEntry
from tests.alerts.engine.absence.silence_book import BOOK
from tests.alerts.engine.histories import reborn
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, at_once, fresh_state, pressure, record

ROBIN = PatientEntry("p1", "Robin", ["silence"], care_plan_from_ms=NOON)
SILENT = BOOK[BOOK.rindex("[[rule]]") :]
GRAVER = SILENT.replace("bp-silent", "four-days").replace("3d", "4d").replace("medium", "high")
BOTH = BOOK + GRAVER


def rules(text: str) -> RuleSet:
    return arrange([read_book("silence.toml", text)])


def heard(state: PartitionState, *records: ReadingsRecord) -> list[Transition]:
    return step(state, records).transitions


def test_a_graver_rule_of_a_ladder_makes_its_alert_worse_and_a_contact_ends_both() -> None:
    """One open alert per patient and ladder: a second one was raised beside the first."""
    state = fresh_state(ROBIN, rules=rules(BOTH))
    onset, worse = heard(state, *at_once(pressure(NOON, 120)), Tick(NOON + 4 * DAY + 1))
    assert (onset.event, onset.rule, onset.severity) == ("onset", "bp-silent", "medium")
    assert (worse.event, worse.rule, worse.severity) == ("worsened", "four-days", "high")
    assert (worse.alert_id, worse.at_ms) == (onset.alert_id, NOON + 4 * DAY)
    assert "No blood pressure for 4 days" in worse.reason
    (over,) = heard(state, *at_once(pressure(NOON + 5 * DAY, 120)))
    assert (over.event, over.rule, over.alert_id) == ("returned", "four-days", onset.alert_id)
    assert heard(state, *at_once(pressure(NOON + 5 * DAY + 1, 120))) == []


def test_an_old_measurement_that_comes_late_eases_a_silence_that_is_shorter_than_was_known() -> (
    None
):
    state = fresh_state(ROBIN, rules=rules(BOTH))
    onset, _ = heard(state, *at_once(pressure(NOON, 120)), Tick(NOON + 4 * DAY + 1))
    at_ms = NOON + 4 * DAY + HOUR
    (eased,) = heard(state, record(at_ms, [pressure(NOON + 2 * HOUR, 120)]))
    assert (eased.event, eased.rule, eased.severity) == ("eased", "bp-silent", "medium")
    assert (eased.alert_id, eased.at_ms) == (onset.alert_id, at_ms)
    assert "no blood pressure for 3 days: less grave than before" in eased.reason
    (worse,) = heard(state, Tick(at_ms + HOUR + 1))
    assert (worse.event, worse.alert_id) == ("worsened", onset.alert_id)
    assert worse.at_ms == at_ms + HOUR


def test_a_milder_rule_that_joins_an_alert_in_silence_is_written_down() -> None:
    """Else whoever starts then knows nothing of it, and tells of the one silence a second time."""
    milder = GRAVER.replace("high", "info") + "notify = true\n"  # it may tell by night, too
    state = fresh_state(ROBIN, rules=rules(BOOK + milder))
    assert len(heard(state, *at_once(pressure(NOON, 120)), Tick(NOON + 4 * DAY))) == 1
    joined = step(state, [Tick(NOON + 4 * DAY + 1)])
    assert joined.transitions == []
    assert joined.touched == {state.row("p1")}
    assert step(state, [Tick(NOON + 4 * DAY + 2)]).touched == set()


def test_a_milder_rule_that_a_plan_ends_in_silence_is_written_down() -> None:
    """The graver one goes on; nobody is told anything, and a restart would bring the other back."""
    graver = BOOK.replace(SILENT, GRAVER)
    other = BOOK.replace('"silence"', '"other"')
    books = arrange([read_book("silence.toml", graver), read_book("other.toml", other)])
    state = fresh_state(msgspec.structs.replace(ROBIN, books=["silence", "other"]), rules=books)
    heard(state, *at_once(pressure(NOON, 120)), Tick(NOON + 4 * DAY + 1))
    state.plans.put(ROBIN)
    state.replan("p1")
    left = step(state, [Tick(NOON + 4 * DAY + 2)])
    assert left.transitions == []
    assert left.touched == {state.row("p1")}


@pytest.mark.parametrize("restarts", [True, False])
def test_of_two_rules_that_are_due_at_once_the_graver_speaks_alone(*, restarts: bool) -> None:
    """Also if the milder one comes first in the book, and after a restart."""
    state = fresh_state(ROBIN, rules=rules(BOTH))
    state.absences.gap_ms = 5 * MINUTE
    back = NOON + 9 * DAY
    assert heard(state, *at_once(pressure(NOON, 120)), Tick(back)) == []
    ticks = [Tick(back + minutes * MINUTE) for minutes in range(4, 3 * 60, 4)]
    (onset,) = heard(state, *ticks)
    assert (onset.event, onset.rule, onset.at_ms) == ("onset", "four-days", back + 2 * HOUR)
    if restarts:
        state = reborn(state, rules(BOTH), [ROBIN])
    (over,) = heard(state, *at_once(pressure(back + 3 * HOUR, 120)))
    assert (over.event, over.rule, over.alert_id) == ("returned", "four-days", onset.alert_id)


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (BOOK, [("eased", "bp-silent", "medium")]),
        (BOOK.replace("bp-silent", "else") + GRAVER, []),
        (BOOK.replace("bp-silent", "else"), [("retired", "four-days", "high")]),
    ],
)
def test_a_version_that_takes_the_graver_rule_eases_and_one_that_takes_both_closes(
    left: str, told: list[tuple[str, str, str]]
) -> None:
    state = fresh_state(ROBIN, rules=rules(BOTH))
    onset, _ = heard(state, *at_once(pressure(NOON, 120)), Tick(NOON + 4 * DAY + 1))
    state = reborn(state, rules(left), [ROBIN])
    found = [
        one for one in heard(state, Tick(NOON + 4 * DAY + 2)) if one.alert_id == onset.alert_id
    ]
    assert [(one.event, one.rule, one.severity) for one in found] == told
    for one in found:
        assert one.held_before == ["silence/bp-silent", "silence/four-days"]


def test_what_a_former_release_wrote_down_keeps_the_names_of_its_alerts() -> None:
    """There each rule's absence was an alert of its own, and both are closed."""
    state = fresh_state(ROBIN, rules=rules(BOTH))
    heard(state, *at_once(pressure(NOON, 120)), Tick(NOON + 4 * DAY + 1))
    (kept,) = state.absences.keep([0])
    without = {key: msgspec.structs.replace(one, alert="") for key, one in kept.open.items()}
    state.absences.restore([0], [msgspec.structs.replace(kept, open=without)])
    found = heard(state, *at_once(pressure(NOON + 5 * DAY, 120)))
    assert [(one.event, one.alert_id) for one in found] == [
        ("returned", alert_id("p1", "absence-blood-pressure", f"silence/{name}"))
        for name in (f"bp-silent/{NOON + 3 * DAY}", f"four-days/{NOON + 4 * DAY}")
    ]


def test_a_contact_is_looked_at_by_itself_only_while_it_may_begin_or_end_something() -> None:
    """Of a million patients the others are columns."""
    state = fresh_state(PatientEntry("p1", "Robin", ["silence"]), rules=rules(BOTH))
    state.row("p1")
    contacts = state.absences.gather([(0, record(NOON, [pressure(NOON, 120)]))])

    def walked() -> set[int]:
        return state.absences.attendance.waiting(contacts)

    heard(state, Tick(NOON - 1))
    assert walked() == {0}, "the plan does not say when it began: silence counts from the first"
    heard(state, *at_once(pressure(NOON, 120)))
    assert not walked()
    heard(state, Tick(NOON + 5 * DAY))
    assert walked() == {0}
    heard(state, *at_once(pressure(NOON + 5 * DAY + 1, 120)))
    assert not walked()
