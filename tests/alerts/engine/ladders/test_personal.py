"""Limits of patients themselves: read, chosen by the time of measurement, the last entered wins."""

from decimal import Decimal

import msgspec
import numpy as np
import pytest

from alerts.engine.ladders.ladder import arrange
from alerts.engine.ladders.personal import Personal, choose, in_force, personal_limits
from alerts.engine.step import step
from alerts.rules.reader import read_book
from alerts.rules.values import Chosen
from schemas.registry import PatientEntry, PersonalLimit
from tests.alerts.book_text import PRESSURE, head, rule
from tests.alerts.engine.cuts import judged
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, at_once, fresh_state, pressure, record

GOAL, CEILING = "goal", "ceiling"


def limit(
    value: str | list[str],
    from_ms: int = NOON,
    until_ms: int | None = None,
    entered_ms: int = 0,
    name: str = GOAL,
) -> PersonalLimit:
    values = [value] if isinstance(value, str) else value
    return PersonalLimit(
        name, values, "Dr. Ito", "physician", "known", from_ms, until_ms, entered_at_ms=entered_ms
    )


def chosen(
    limits: dict[int, tuple[Personal, ...]],
    readings: list[tuple[int, int]],
    settings: tuple[str, ...] = (GOAL,),
) -> dict[str, list[str]]:
    """Give by name what each reading (row, time) is compared with; empty: what the book says."""
    row, at_ms = np.array(readings).reshape(-1, 2).T
    having = np.isin(row, list(limits))
    found = choose(limits, settings, row, at_ms, having)
    return {name: _said(one) for name, one in found.items()}


def _said(one: Chosen) -> list[str]:
    said = ["", *(f"{statement[0][1]}" for statement in one.stated)]
    return [said[number] for number in one.choice.tolist()]


def test_it_holds_from_its_first_instant_until_the_last_one_exclusive() -> None:
    mine = personal_limits([limit("150 mmHg", NOON, NOON + HOUR)])
    instants = [NOON - 1, NOON, NOON + HOUR - 1, NOON + HOUR]
    assert chosen({4: mine}, [(4, at) for at in instants]) == {GOAL: ["", "150", "150", ""]}
    assert [list(in_force(mine, at)) for at in instants] == [[], [GOAL], [GOAL], []]
    for_ever = personal_limits([limit("150 mmHg")])
    assert chosen({4: for_ever}, [(4, NOON + 36_500 * DAY)]) == {GOAL: ["150"]}
    assert list(in_force(for_ever, NOON + 36_500 * DAY)) == [GOAL]


def test_what_was_entered_last_counts_in_whatever_order_the_plan_names_it() -> None:
    first, second = limit("150 mmHg", entered_ms=1), limit("160 mmHg", NOON + HOUR, entered_ms=2)
    for order in ([first, second], [second, first]):
        mine = personal_limits(order)
        assert [one.written for one in mine] == [first, second]
        assert chosen({0: mine}, [(0, NOON), (0, NOON + HOUR)]) == {GOAL: ["150", "160"]}
        assert in_force(mine, NOON + HOUR) == {GOAL: second}
    over = limit("160 mmHg", NOON, NOON + 1, entered_ms=2)
    assert chosen({0: personal_limits([over, first])}, [(0, NOON), (0, NOON + 1)]) == {
        GOAL: ["160", "150"]
    }


def test_each_reading_meets_the_limits_of_its_own_patient() -> None:
    limits = {
        7: personal_limits([limit("150 mmHg")]),
        2: personal_limits([limit("160 mmHg"), limit("190 mmHg", name=CEILING)]),
        5: personal_limits([limit("150 mmHg", NOON + DAY)]),
    }
    readings = [
        (7, NOON),
        (3, NOON),
        (2, NOON),
        (7, NOON - 1),
        (5, NOON),
        (2, NOON),
        (5, NOON + DAY),
    ]
    both = chosen(limits, readings, (GOAL, CEILING))
    assert both[GOAL] == ["150", "", "160", "", "", "160", "150"]
    assert both[CEILING] == ["", "", "190", "", "", "190", ""]
    assert list(chosen(limits, readings)) == [GOAL], "no rule names the other one"
    assert chosen(limits, readings, ()) == {}
    assert chosen(limits, [(3, NOON)]) == {}
    assert chosen({7: limits[7]}, readings, (CEILING,)) == {}


def test_equal_limits_are_one_statement() -> None:
    same = personal_limits([limit("150 mmHg")])
    row, at_ms = np.array([[1, NOON], [2, NOON]]).T
    found = choose({1: same, 2: same}, [GOAL], row, at_ms, np.array([True, True]))
    assert found[GOAL].stated == ((("mm[Hg]", Decimal(150)),),)
    assert found[GOAL].choice.tolist() == [1, 1]


@pytest.mark.parametrize("values", [[], ["high"], ["150 mmHg", "?"]])
def test_what_is_no_amount_is_left_out(values: list[str]) -> None:
    sound = limit("150 mmHg")
    assert [one.written for one in personal_limits([limit(values), sound])] == [sound]


SETTING = """\
[limits.goal]
value = ["180 mmHg"]
allowed = [["100 mmHg"], ["200 mmHg"]]
relaxing = "up"
"""
OWN_GOAL = head("own", PRESSURE, SETTING) + rule(
    "high", "systolic > limit.goal", severity="critical"
)


@pytest.mark.parametrize(
    ("value", "from_ms", "told"),
    [
        ("170 mmHg", NOON, "onset"),
        ("170 mmHg", NOON + 1, "resolved-before-seen"),  # not yet when 171 was measured
        ("180 mmHg", NOON + 1, "resolved-before-seen"),
    ],
)
def test_what_was_back_by_another_limit_resolves_nothing(
    value: str, from_ms: int, told: str
) -> None:
    """171 was a return by the book's 180; by the patient's own 170 it is none."""
    entry = PatientEntry("p1", "Robin", ["own"])
    state = fresh_state(entry, rules=arrange([read_book("own.toml", OWN_GOAL)]))
    assert step(state, at_once(pressure(NOON, 171))).transitions == []
    own = limit(value, from_ms)
    state.plans.put(msgspec.structs.replace(entry, limits=[own]))
    state.replan("p1")
    late = record(NOON + MINUTE, [pressure(NOON - MINUTE, 190)])
    assert [one.event for one in step(state, [late]).transitions] == [told]


@pytest.mark.parametrize(
    ("pressures", "told"),
    [
        ([(130, 100)], []),  # a mean arterial pressure of 110 is not above it
        ([(133, 100)], ["onset"]),
        ([(133, 100), (121, 100)], ["onset"]),  # 107 is not back by the band of 5 mmHg
        ([(133, 100), (115, 95)], ["onset", "returned"]),
    ],
)
def test_what_is_calculated_meets_the_patient_s_own_limit_and_its_band(
    pressures: list[tuple[int, int]], told: list[str]
) -> None:
    book = head("own", PRESSURE, SETTING) + rule("high", "map > limit.goal", severity="critical")
    entry = PatientEntry("p1", "Robin", ["own"], limits=[limit("110 mmHg", NOON - DAY)])
    log = at_once(*(pressure(NOON + n * HOUR, *values) for n, values in enumerate(pressures)))
    found = judged(log, entry, rules=arrange([read_book("own.toml", book)]))
    assert [one.event for one in found] == told
