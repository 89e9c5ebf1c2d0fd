"""Silence through the whole step: what is contact, to the millisecond when it is told, and why."""

from dataclasses import replace

import msgspec
import pytest

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.offline import Offline
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import GatewayReport, ReadingsRecord, Tick
from schemas.registry import PatientEntry
from schemas.wire import DeviceState, Health
from tests.alerts.book_text import GLUCOSE, PRESSURE, head
from tests.alerts.engine.histories import reborn
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    fresh_state,
    glucose,
    pressure,
    record,
)

HEAD = head("silence", PRESSURE, GLUCOSE)
ADDRESS = "A0:00:00:00:00:01"
HOME = "home-1"


def silent(
    name: str, vital: str, days: int, *, notify: bool = False, severity: str = "medium"
) -> str:
    return f"""
[[rule]]
id = "{name}"
ladder = "absence-{vital.replace("_", "-")}"
title = "Silent"
vital = "{vital}"
absent_for = "{days}d"
severity = "{severity}"
notify = {str(notify).lower()}
source = "none"
advice = "none"
"""


HIGH = """
[[rule]]
id = "high"
ladder = "bp-high"
title = "High"
vital = "blood_pressure"
when = "systolic > 180 mmHg"
band = ["5 mmHg"]
severity = "high"
source = "none"
advice = "none"
"""
TEXT = HIGH + silent("two-days", "blood_pressure", 2) + silent("sugar", "glucose", 3)
ROBIN = PatientEntry("p1", "Robin", ["silence"], care_plan_from_ms=NOON)


def rules(text: str = TEXT) -> RuleSet:
    return arrange([read_book("silence.toml", HEAD + text)])


def fresh(*patients: PatientEntry, text: str = TEXT) -> PartitionState:
    return fresh_state(*(patients or (ROBIN,)), rules=rules(text))


def sent(*measured: Measured, patient_id: str = "p1") -> list[ReadingsRecord]:
    return [record(one.at_ms, [one], patient_id) for one in measured]


def told(state: PartitionState, *log: ReadingsRecord) -> list[tuple[str, str, int]]:
    found = step(state, log).transitions
    return [(one.event, one.rule, one.at_ms) for one in found]


def report(at_ms: int, *, online: bool = True, heard_ago_s: int | None = None) -> GatewayReport:
    devices = [] if heard_ago_s is None else [DeviceState(ADDRESS, last_seen_s=heard_ago_s)]
    state = Health(state="online" if online else "offline", devices=devices)
    return GatewayReport(HOME, at_ms, state)


def heard(state: PartitionState, *reports: GatewayReport) -> None:
    for one in reports:
        if state.plans.surroundings.take(one):
            state.absences.gateway_changed(one.gateway_id)


# -- when ------------------------------------------------------------------------------------------


def test_silence_is_told_at_its_deadline_and_ends_with_the_next_contact() -> None:
    state = fresh()
    assert told(state, *sent(pressure(NOON + HOUR, 120))) == []
    due = NOON + HOUR + 2 * DAY
    assert told(state, Tick(due)) == []
    assert told(state, Tick(due + 1)) == [("onset", "two-days", due)]
    assert told(state, Tick(due + HOUR)) == []
    back = due + 2 * HOUR
    assert told(state, *sent(pressure(back, 120))) == [("returned", "two-days", back)]
    assert told(state, *sent(glucose(back + 1, 100))) == []
    assert told(state, Tick(back + 2 * DAY + 1)) == [("onset", "two-days", back + 2 * DAY)]


def test_each_vital_has_a_silence_of_its_own() -> None:
    state = fresh()
    found = told(state, *sent(pressure(NOON, 120), glucose(NOON + HOUR, 100)), Tick(NOON + 9 * DAY))
    assert found == [
        ("onset", "two-days", NOON + 2 * DAY),
        ("onset", "sugar", NOON + HOUR + 3 * DAY),
    ]


@pytest.mark.parametrize(
    ("outcome", "is_contact"), [("measured", True), ("failed", True), ("control-solution", False)]
)
def test_who_tried_was_there_and_who_tests_the_meter_was_not(
    outcome: str, is_contact: bool
) -> None:
    state = fresh()
    tried = replace(glucose(NOON + DAY, 100), outcome=outcome)  # type: ignore[arg-type]
    found = told(
        state, *sent(glucose(NOON, 100), tried, pressure(NOON + DAY, 120)), Tick(NOON + 3 * DAY + 1)
    )
    expected = [] if is_contact else [("onset", "sugar", NOON + 3 * DAY)]
    assert [one for one in found if one[1] == "sugar"] == expected


def test_a_patient_who_never_sent_anything_counts_from_the_plan() -> None:
    state = fresh()
    state.row("p1")
    found = told(state, Tick(NOON + 3 * DAY))
    assert found == [("onset", "two-days", NOON + 2 * DAY)]


def test_at_night_it_waits_for_the_morning_unless_the_rule_notifies() -> None:
    for notify, hours in ((False, 20), (True, 9)):
        text = HIGH + silent("two-days", "blood_pressure", 2, notify=notify)
        state = fresh(text=text)
        contact = NOON + 9 * HOUR  # 21:00
        found = told(state, *sent(pressure(contact, 120)), Tick(NOON + 4 * DAY))
        assert found == [("onset", "two-days", NOON + 2 * DAY + hours * HOUR)]


@pytest.mark.parametrize(
    ("hour", "told_at"), [(8, 8), (19, 19), (20, 32), (7, 8), (0, 8), (23, 32)]
)
def test_the_work_list_takes_silence_from_eight_to_eight(hour: int, told_at: int) -> None:
    midnight = NOON - 12 * HOUR + DAY
    state = fresh()
    contact = midnight + hour * HOUR
    found = told(state, *sent(pressure(contact, 120)), Tick(midnight + 4 * DAY))
    assert ("onset", "two-days", midnight + 2 * DAY + told_at * HOUR) in found
    assert [name for _, name, _ in found].count("two-days") == 1


def test_an_old_reading_that_comes_late_ends_no_silence_and_one_that_shortens_it_enough_does() -> (
    None
):
    due = NOON + 2 * DAY
    state = fresh()
    assert told(state, *sent(pressure(NOON, 120)), Tick(due + HOUR)) == [("onset", "two-days", due)]
    late = record(due + 2 * HOUR, [pressure(NOON + MINUTE, 121)])
    assert told(state, late) == [], "two days ago: it is silent all the same"
    late = record(due + 2 * HOUR, [pressure(NOON + 3 * HOUR, 122)])
    assert told(state, late) == [("returned", "two-days", due + 2 * HOUR)]


def test_a_restart_tells_nothing_twice_and_forgets_no_silence() -> None:
    due = NOON + 2 * DAY
    state = fresh()
    told(state, *sent(pressure(NOON, 120)))
    state = reborn(state, rules(), [ROBIN])
    assert told(state, Tick(due + 1)) == [("onset", "two-days", due)]
    state = reborn(state, rules(), [ROBIN])
    assert told(state, Tick(due + HOUR)) == []
    assert told(state, *sent(pressure(due + 2 * HOUR, 120))) == [
        ("returned", "two-days", due + 2 * HOUR)
    ]


def test_a_new_plan_ends_what_it_does_not_expect_and_a_lost_one_begins_anew() -> None:
    state = fresh()
    told(state, *sent(pressure(NOON, 120)), Tick(NOON + 2 * DAY + 1))
    state.plans.put(PatientEntry("p1", "Robin", []))
    state.replan("p1")
    assert [one[:2] for one in told(state, Tick(NOON + 2 * DAY + 2))] == [("returned", "two-days")]
    assert told(state, Tick(NOON + 9 * DAY)) == []


def test_a_plan_that_loses_its_beginning_counts_from_the_next_contact_on() -> None:
    """Silence was told under the old plan; under the new one nobody was missed any more."""
    state = fresh()
    state.row("p1")
    told(state, Tick(NOON + 2 * DAY + 1))
    state.plans.put(PatientEntry("p1", "Robin", ["silence"]))
    state.replan("p1")
    over = told(state, Tick(NOON + 2 * DAY + 2))
    assert ("returned", "two-days", NOON + 2 * DAY + 2) in over
    back = NOON + 5 * DAY
    assert told(state, *sent(pressure(back, 120))) == []
    found = told(state, Tick(back + 2 * DAY + 1))
    assert ("onset", "two-days", back + 2 * DAY) in found


@pytest.mark.parametrize("together", [False, True])
def test_an_old_contact_under_a_plan_that_got_a_beginning_ends_nothing(*, together: bool) -> None:
    """However the log is cut: it came too late to end the silence, and ends none in the past."""
    state = fresh(PatientEntry("p1", "Robin", ["silence"]))
    state.row("p1")
    told(state, Tick(NOON))
    state.plans.put(ROBIN)
    state.replan("p1")
    assert ("onset", "two-days", NOON + 2 * DAY) in told(state, Tick(NOON + 2 * DAY + 1))
    late = record(NOON + 2 * DAY + 12 * HOUR, [pressure(NOON + HOUR, 120)], "p1")
    before = Tick(NOON + 2 * DAY + 2)
    calls: list[list[ReadingsRecord]] = [[before, late]] if together else [[before], [late]]
    assert [one for call in calls for one in told(state, *call)] == []


# -- why -------------------------------------------------------------------------------------------


def causes(state: PartitionState, *log: ReadingsRecord) -> list[tuple[str, str, str]]:
    found: list[Transition] = step(state, log).transitions
    return [(one.event, one.subject or one.rule, one.cause or "") for one in found]


def test_a_gateway_that_is_away_is_told_once_for_its_home() -> None:
    kim = PatientEntry("p2", "Kim", ["silence"], care_plan_from_ms=NOON)
    state = fresh(ROBIN, kim)
    told(state, *sent(pressure(NOON, 120)), *sent(pressure(NOON + 1, 120), patient_id="p2"))
    gone, back = NOON + DAY, NOON + 3 * DAY
    heard(state, report(gone, online=False))
    assert causes(state, Tick(NOON + 2 * DAY + HOUR)) == [
        ("onset", f"gateway/{HOME}", "gateway-offline")
    ]
    assert causes(state, *(Tick(NOON + 2 * DAY + n * HOUR) for n in range(2, 20))) == []
    heard(state, report(back))
    (over,) = step(state, [Tick(back + MINUTE)]).transitions
    assert (over.event, over.reason) == ("returned", f"Gateway {HOME} is back after 2 days")
    heard(state, report(back + HOUR))
    assert causes(state, Tick(back + 2 * HOUR)) == [], "time is left for what waits in the home"
    heard(state, report(back + 2 * HOUR))
    found = step(state, [Tick(back + 2 * HOUR + 1 + HOUR)]).transitions
    pressures = [one for one in found if one.rule == "two-days"]
    assert [(one.event, one.patient_id) for one in pressures] == [("onset", "p1"), ("onset", "p2")]
    assert min(one.at_ms for one in found) >= back + 2 * HOUR


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("length", [1, 2])
def test_whoever_sends_by_another_gateway_is_missed_at_once_and_not_within_the_hour(
    length: int, *, restarted: bool
) -> None:
    state, due = fresh(), NOON + 2 * DAY
    told(state, *sent(pressure(NOON, 120)))
    heard(state, report(NOON + DAY, online=False))
    assert told(state, Tick(due + 1)) == [("onset", "gateway-offline", due)]
    if restarted:
        state = reborn(state, rules(), [ROBIN])
    elsewhere = due + 20 * MINUTE
    sugar = record(elsewhere, [glucose(elsewhere, 100)])
    by_another = msgspec.structs.replace(sugar, gateway_id="home-2")
    log: list[ReadingsRecord] = [by_another, Tick(elsewhere + MINUTE)]
    found = [one for n in range(0, 2, length) for one in told(state, *log[n : n + length])]
    assert found == [("onset", "two-days", elsewhere)]


def test_a_device_that_nobody_hears_is_told_apart_from_one_that_nobody_uses() -> None:
    def cause(heard_ago_s: int | None, from_ms: int = NOON) -> str:
        state = fresh()
        told(state, *sent(pressure(NOON, 120)))
        for hour in range(1, 49):
            heard(state, report(NOON + hour * HOUR))
        at_ms = NOON + 2 * DAY
        heard(state, report(at_ms, heard_ago_s=heard_ago_s))
        (found,) = causes(state, Tick(at_ms + 1))
        return found[2]

    assert cause(None) == "not-measured"
    assert cause(2 * 86_400) == "device-silent", "not since the last contact"
    assert cause(2 * 86_400 - 1) == "not-measured", "heard a second after it"


def test_a_cause_that_changes_is_told_once() -> None:
    state = fresh()
    told(state, *sent(pressure(NOON, 120)))
    at_ms = NOON + 2 * DAY
    heard(state, report(at_ms))
    assert causes(state, Tick(at_ms + 1)) == []
    at_ms += 2 * HOUR
    heard(state, report(at_ms - HOUR), report(at_ms))
    assert causes(state, Tick(at_ms + 1)) == [("onset", "two-days", "not-measured")]
    heard(state, report(at_ms + 2, online=False))
    assert causes(state, Tick(at_ms + 3)) == [("cause", "two-days", "gateway-offline")]
    heard(state, report(at_ms + 4, online=False))
    assert causes(state, Tick(at_ms + 5)) == []
    heard(state, report(at_ms + 6))
    assert causes(state, Tick(at_ms + 7)) == [("cause", "two-days", "not-measured")]
    heard(state, report(at_ms + 8, heard_ago_s=3 * 86_400))
    state.absences.gateway_changed(HOME)
    assert causes(state, Tick(at_ms + 9)) == [("cause", "two-days", "device-silent")]


def test_a_gateway_that_went_while_nobody_listened_is_the_cause_all_the_same() -> None:
    """An engine that starts again hears of it once: its topic keeps the last report alone."""
    state = fresh()
    told(state, *sent(pressure(NOON, 120)))
    at_ms = NOON + 2 * DAY
    assert causes(state, Tick(at_ms + 1)) == [("onset", "two-days", "not-measured")]
    heard(state, report(at_ms, online=False))
    assert causes(state, Tick(at_ms + 3)) == [("cause", "two-days", "gateway-offline")]


@pytest.mark.parametrize(("gap_ms", "held"), [(5 * MINUTE, False), (5 * MINUTE + 1, True)])
def test_a_log_that_was_away_for_more_than_five_minutes_explains_two_hours_of_silence(
    gap_ms: int, held: bool
) -> None:
    state = fresh()
    state.absences.gap_ms = 5 * MINUTE
    due = NOON + 2 * DAY
    told(state, *sent(pressure(NOON, 120)))
    ticks = [Tick(at_ms) for at_ms in range(NOON + MINUTE, due - gap_ms, 4 * MINUTE)]
    step(state, ticks)
    state.log_ms = due - gap_ms + MINUTE
    back = state.log_ms + gap_ms
    assert (told(state, Tick(back)) == []) is held
    later = told(state, *(Tick(back + n * 4 * MINUTE) for n in range(1, 32)))
    assert [name for _, name, _ in later] == (["two-days"] if held else [])
    if held:
        assert later[0][2] == back + 2 * HOUR


def test_in_a_log_from_a_file_too_a_patient_who_never_sent_anything_is_missed() -> None:
    book = read_book("silence.toml", HEAD + silent("quiet", "glucose", 3))
    engine = Offline([book])
    plan = PatientEntry("p1", "Robin", ["silence"], care_plan_from_ms=NOON)
    assert engine.take([plan, Tick(NOON)]) == []
    found = engine.take([Tick(NOON + hours * HOUR) for hours in range(1, 24 * 5)])
    assert [(one.event, one.ladder) for one in found] == [("onset", "absence-glucose")]
