"""Why nothing came: by what was true when it was due, and kept up to date by deadlines."""

import msgspec
import pytest

from alerts.engine.absence.surroundings import Surroundings
from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.kafka import GatewayReport, ReadingsRecord, Tick
from schemas.registry import PatientEntry
from schemas.wire import DeviceState, Health
from tests.alerts.engine.absence.silence_book import BOOK
from tests.alerts.engine.histories import reborn
from tests.alerts.readings import (
    ADDRESS,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    at_once,
    fresh_state,
    glucose,
    pressure,
    record,
)

HOME = "home-1"
DUE = NOON + 3 * DAY
ROBIN = PatientEntry("p1", "Robin", ["silence"], zone="America/New_York", care_plan_from_ms=NOON)
"""Where it is eight in the morning: half a day of the work list lies before it."""
Told = list[tuple[str, str, str | None, int]]


def rules() -> RuleSet:
    return arrange([read_book("silence.toml", BOOK)])


def report(
    at_ms: int, *, online: bool = True, heard_ms: int | None = None, home: str = HOME
) -> GatewayReport:
    devices = []
    if heard_ms is not None:
        devices = [DeviceState(ADDRESS, last_seen_s=(at_ms - heard_ms) // 1000)]
    return GatewayReport(home, at_ms, Health("online" if online else "offline", devices=devices))


def told(state: PartitionState, *log: ReadingsRecord | GatewayReport) -> Told:
    """As in the process: reports count as soon as they come, the log moves on with its records."""
    found, records = [], list[ReadingsRecord]()
    for one in log:
        if not isinstance(one, GatewayReport):
            records.append(one)
        elif state.plans.surroundings.take(one):
            state.absences.gateway_changed(one.gateway_id)
    if records:
        found = step(state, records).transitions
    return [(one.event, one.subject or one.rule, one.cause, one.at_ms) for one in found]


def begun() -> PartitionState:
    """Someone measured, and the gateway reports until half an hour before it is due."""
    state = fresh_state(ROBIN, rules=rules())
    half_hours = range(NOON, DUE - MINUTE, 30 * MINUTE)
    told(state, *at_once(pressure(NOON, 120)), *map(report, half_hours), Tick(DUE - MINUTE))
    return state


def test_what_was_due_before_its_gateway_went_is_the_patient_s_though_both_come_in_one_tick() -> (
    None
):
    """The gateway was blamed for what was due half a minute before it went."""
    found = told(begun(), report(DUE + 30_000, online=False), Tick(DUE + MINUTE))
    assert found == [
        ("onset", "bp-silent", "not-measured", DUE),
        ("cause", "bp-silent", "gateway-offline", DUE + 30_000),
    ]


def test_what_was_due_while_its_gateway_was_away_is_the_gateway_s_though_it_is_back() -> None:
    state = begun()
    gone, back = DUE - 20_000, DUE + 20_000
    found = told(state, report(gone, online=False), report(back), Tick(DUE + MINUTE))
    assert found == [
        ("onset", f"gateway/{HOME}", "gateway-offline", DUE),
        ("returned", f"gateway/{HOME}", "gateway-offline", back),
    ]
    later = [report(back + n * 30 * MINUTE) for n in range(1, 6)]
    assert told(state, *later, Tick(back + 2 * HOUR)) == []
    assert told(state, Tick(back + 2 * HOUR + 1)) == [
        ("onset", "bp-silent", "not-measured", back + 2 * HOUR)
    ]


def test_a_gateway_that_goes_twice_within_a_tick_is_told_of_twice() -> None:
    kim = PatientEntry("p2", "Kim", ["silence"], care_plan_from_ms=NOON)
    state = fresh_state(ROBIN, kim, rules=rules())
    told(state, *at_once(pressure(NOON, 120)), record(NOON, [pressure(NOON + 1000, 120)], "p2"))
    went = [(DUE - 10, False), (DUE + 10, True), (DUE + 20, False)]
    reports = [report(NOON), *(report(at_ms, online=online) for at_ms, online in went)]
    found = told(state, *reports, Tick(DUE + MINUTE))
    assert [(event, at_ms - DUE) for event, *_, at_ms in found] == [
        ("onset", 0),
        ("returned", 10),
        ("onset", 1000),
    ]


def test_a_device_that_is_heard_after_it_was_due_explains_nothing_of_before() -> None:
    state = begun()
    heard = report(DUE + 40_000, heard_ms=DUE + 30_000)
    found = told(state, report(DUE - 30_000, heard_ms=NOON), heard, Tick(DUE + MINUTE))
    assert found == [
        ("onset", "bp-silent", "device-silent", DUE),
        ("cause", "bp-silent", "not-measured", DUE + 40_000),
    ]


def test_a_device_of_which_is_told_late_that_it_was_heard_is_not_silent() -> None:
    """It was heard within the hour of the last contact: no news, if it had been told at once."""
    state = begun()
    found = told(state, report(DUE - 30_000, heard_ms=NOON), Tick(DUE + MINUTE))
    assert [cause for _, _, cause, _ in found] == ["device-silent"]
    late = report(DUE + 2 * MINUTE, heard_ms=NOON + 20 * MINUTE)
    assert told(state, late, Tick(DUE + 3 * MINUTE)) == [
        ("cause", "bp-silent", "not-measured", DUE + MINUTE)
    ]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("cut", [False, True])
def test_a_gateway_that_stops_to_report_is_the_cause_when_it_is_late_and_not_when_it_is_back(
    *, cut: bool, restarts: bool
) -> None:
    state = begun()
    last = DUE + 10 * MINUTE
    assert told(state, report(last), Tick(DUE + 20 * MINUTE)) == [
        ("onset", "bp-silent", "not-measured", DUE)
    ]
    late = last + HOUR + 1
    ticks = [Tick(late), Tick(late + 1), Tick(late + DAY)]
    found = Told()
    for records in [[one] for one in ticks] if cut else [ticks]:
        found += told(state, *records)
        state = reborn(state, rules(), [ROBIN]) if restarts else state
    assert found == [("cause", "bp-silent", "gateway-offline", late)]
    back = late + DAY + MINUTE
    assert told(state, report(back), Tick(back + 1)) == [
        ("cause", "bp-silent", "not-measured", back)
    ]


def test_a_gateway_that_goes_on_to_report_is_no_cause() -> None:
    state = begun()
    half_hours = range(DUE, DUE + DAY, 30 * MINUTE)
    found = [
        one for at_ms in half_hours for one in told(state, report(at_ms), Tick(at_ms + MINUTE))
    ]
    assert found == [("onset", "bp-silent", "not-measured", DUE)]


def test_a_gateway_of_which_is_heard_for_the_first_time_may_be_late_too() -> None:
    state = fresh_state(ROBIN, rules=rules())
    told(state, *at_once(pressure(NOON, 120)), Tick(DUE + 1))
    assert told(state, report(DUE + 2), Tick(DUE + DAY)) == [
        ("cause", "bp-silent", "gateway-offline", DUE + 2 + HOUR + 1)
    ]


def test_who_moves_to_another_home_is_explained_by_the_gateway_there() -> None:
    state = begun()
    told(state, report(DUE), Tick(DUE + 1))
    elsewhere = record(DUE + MINUTE, [pressure(NOON - HOUR, 120)])
    moved = msgspec.structs.replace(elsewhere, gateway_id="home-2")
    told(state, moved, Tick(DUE + MINUTE + 1))
    assert told(state, report(DUE + 2 * MINUTE, online=False), Tick(DUE + 3 * MINUTE)) == []
    there = report(DUE + 4 * MINUTE, online=False, home="home-2")
    assert told(state, there, Tick(DUE + 5 * MINUTE)) == [
        ("cause", "bp-silent", "gateway-offline", DUE + 4 * MINUTE)
    ]


def test_what_was_missed_before_any_gateway_was_known_is_explained_by_the_first() -> None:
    state = fresh_state(ROBIN, rules=rules())
    state.row("p1")
    told(state, report(NOON), report(DUE - MINUTE))
    assert told(state, Tick(DUE + 1)) == [("onset", "bp-silent", "not-measured", DUE)]
    told(state, *at_once(glucose(DUE + MINUTE, 100)))
    assert told(state, Tick(DUE + DAY)) == [
        ("cause", "bp-silent", "gateway-offline", DUE - MINUTE + HOUR + 1)
    ]


def test_a_gateway_that_was_told_of_is_away_though_nobody_remembers_its_last_report() -> None:
    """Whoever starts reads a day of reports: of one that went before it is not said to be back."""
    state = begun()
    gone = report(DUE - 30_000, online=False)
    assert [one[:2] for one in told(state, gone, Tick(DUE + 1))] == [("onset", f"gateway/{HOME}")]
    state.plans.surroundings = Surroundings()
    state = reborn(state, rules(), [ROBIN])
    assert told(state, Tick(DUE + DAY), Tick(DUE + 2 * DAY)) == []
    back = DUE + 2 * DAY + MINUTE
    assert told(state, report(back), Tick(back + 1)) == [
        ("returned", f"gateway/{HOME}", "gateway-offline", back)
    ]


def test_what_was_told_first_keeps_its_cause_though_it_changes_in_the_same_step() -> None:
    """However the log is cut: the record of the beginning said what was the cause at the end."""
    log = Tick(DUE + 1), Tick(DUE + DAY)
    whole, pieces = begun(), begun()
    found = told(whole, *log)
    assert found == [one for tick in log for one in told(pieces, tick)]
    assert [cause for _, _, cause, _ in found] == ["not-measured", "gateway-offline"]


@pytest.mark.parametrize("every_min", [5, 15])
@pytest.mark.parametrize(
    ("there_min", "away_min", "told_min", "cause"),
    [
        (119, 1, 180, "not-measured"),
        (1, 1, 240, "gateway-offline"),
        (60, 90, 300, "gateway-offline"),
        (90, 150, 480, "gateway-offline"),
    ],
)
def test_a_gateway_that_comes_and_goes_hides_no_silence_for_ever(
    there_min: int, away_min: int, told_min: int, cause: str, every_min: int
) -> None:
    """Back for less than two hours each time, it had its patients' silence judged never."""
    found = _flapping(there_min, away_min, every_min, started_min=0)
    onsets = [one for one in found if one[:2] == ("onset", "bp-silent")]
    assert onsets == [("onset", "bp-silent", cause, DUE + told_min * MINUTE)]


def _flapping(there_min: int, away_min: int, every_min: int, started_min: int) -> Told:
    """Half a day of a gateway that comes and goes; the engine is started anew meanwhile."""
    state, found = begun(), Told()
    log: list[ReadingsRecord | GatewayReport] = [report(DUE - 1, online=False)]
    for minute in range(1, 12 * 60):
        place = (minute - away_min) % (there_min + away_min)
        if minute >= away_min and place <= there_min:
            log.append(report(DUE + minute * MINUTE, online=place < there_min))
        if minute % every_min == 0:
            found += told(state, *log, Tick(DUE + minute * MINUTE))
            log.clear()
        if minute == started_min:
            state = reborn(state, rules(), [ROBIN])
    return found + told(state, *log, Tick(DUE + 12 * HOUR))


@pytest.mark.parametrize("started_min", [5, 65, 95, 125, 185, 245, 295])
@pytest.mark.parametrize(("there_min", "away_min"), [(119, 1), (1, 1), (60, 90), (90, 150)])
def test_a_start_between_two_looks_moves_neither(
    there_min: int, away_min: int, started_min: int
) -> None:
    """Whoever starts looks at once, and went on from there: at other hours than before."""
    found = _flapping(there_min, away_min, 5, started_min)
    assert found == _flapping(there_min, away_min, 5, started_min=0)


@pytest.mark.parametrize(
    ("every_min", "told_min", "cause"), [(61, 240, "not-measured"), (119, 300, "gateway-offline")]
)
def test_a_gateway_that_reports_once_in_more_than_an_hour_hides_no_silence_for_ever(
    every_min: int, told_min: int, cause: str
) -> None:
    """Just back when it is due, and away an hour later; back again when somebody looks then."""
    state, found = fresh_state(ROBIN, rules=rules()), Told()
    told(state, *at_once(pressure(NOON, 120)), report(NOON), Tick(DUE - 2 * MINUTE))
    for minute in range(-1, 12 * 60):
        log = [report(DUE + minute * MINUTE)] if (minute + 1) % every_min == 0 else []
        found += told(state, *log, Tick(DUE + minute * MINUTE))
    assert [one for one in found if one[:2] == ("onset", "bp-silent")] == [
        ("onset", "bp-silent", cause, DUE + told_min * MINUTE)
    ]


def test_a_gateway_that_is_back_from_a_long_absence_has_two_hours_to_send_what_waits() -> None:
    """However often it was there before: what was measured meanwhile comes now."""
    state = begun()
    there = [
        (DUE - 1, False),
        (DUE + HOUR, True),
        (DUE + 2 * HOUR, True),
        (DUE + 2 * HOUR + 59 * MINUTE, False),
    ]
    back = DUE + 5 * HOUR + 30 * MINUTE
    reports = [report(at_ms, online=online) for at_ms, online in there]
    told(state, *reports, *(report(back + n * 30 * MINUTE) for n in range(6)))
    found = told(state, Tick(back + 3 * HOUR))
    assert [one for one in found if one[1] == "bp-silent"] == [
        ("onset", "bp-silent", "not-measured", back + 2 * HOUR)
    ]


RETURNED = ("returned", f"gateway/{HOME}", "gateway-offline")


def test_a_gateway_that_was_told_of_is_said_to_be_back_though_nothing_is_missed_any_more() -> None:
    """At the report, however far the log is behind it: not before its time, nor at it."""
    state = begun()
    gone, back = report(DUE - 30_000, online=False), DUE + 20 * MINUTE
    assert [one[:2] for one in told(state, gone, Tick(DUE + 1))] == [("onset", f"gateway/{HOME}")]
    told(state, *at_once(pressure(DUE + MINUTE, 120)))
    assert told(state, report(back), Tick(back - 10_000)) == []
    assert told(state, Tick(back)) == []
    assert told(state, Tick(back + 1)) == [(*RETURNED, back)]


def test_a_gateway_that_went_and_came_ahead_of_the_log_is_told_of_when_that_gets_there() -> None:
    state = begun()
    reports = [report(DUE - 20_000, online=False), report(DUE + 20_000)]
    assert told(state, *reports, Tick(DUE - 30_000)) == []
    assert told(state, Tick(DUE + MINUTE)) == [
        ("onset", f"gateway/{HOME}", "gateway-offline", DUE),
        (*RETURNED, DUE + 20_000),
    ]
