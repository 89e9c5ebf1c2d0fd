"""A crowd whose readings come in every order, twice and at one time: as if they came one by one."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import msgspec
import numpy as np
import pytest

from alerts.engine.judging.turns import Turns
from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.readings.columns import Gatherer
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import PatientReadings, ReadingsRecord, TimeQuality
from schemas.registry import PatientEntry
from tests.alerts.book_text import rule
from tests.alerts.engine.cuts import judged, remembered
from tests.alerts.engine.weeks import TEXT
from tests.alerts.engine.window_rules import GATED, HIGH_TWICE, RISE, ROBIN, rules
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    fresh_state,
    pressure,
    record,
    stamped,
)

CROWD = [
    PatientEntry(f"p{number}", "Robin", ["edges"], therapy_start_ms=NOON + DAY)
    for number in range(28)
]


def crowd_rules() -> RuleSet:
    return arrange([read_book("edges.toml", GATED + "".join(TEXT))])


def sitting(at_ms: int, odd: str, random: Random) -> list[ReadingsRecord]:
    """Everybody measures twice or three times; half of them in one and the same odd way."""
    log: list[ReadingsRecord] = []
    for number, person in enumerate(CROWD):
        count = random.choice([2, 3, 3])
        taken = [reading(at_ms + n * MINUTE, random, f"{number}/{n}") for n in range(count)]
        if number % 2:
            taken = muddled(taken, odd, random)
        name = person.patient_id
        log += [record(at_ms + (3 + n) * MINUTE, [one], name) for n, one in enumerate(taken)]
    return sorted(log, key=lambda one: one.received_at_ms)


def reading(at_ms: int, random: Random, name: str) -> Measured:
    value: object = random.choice([95, 120, 142, 150, 165, 190] * 3 + ["HI", "NaN"])
    flags = random.choice([()] * 6 + [("body-moved",)])
    return replace(pressure(at_ms, value, 80, *flags), session=f"s{at_ms}", name=f"{name}/{at_ms}")


ODD = ("twice", "late", "same time", "untrusted", "receipt", "old", "stamped anew")


def muddled(taken: list[Measured], odd: str, random: Random) -> list[Measured]:
    first, second, *rest = taken
    match odd:
        case "twice":
            return [first, second, random.choice([first, second]), *rest]
        case "stamped anew":
            return [first, replace(first, at_ms=second.at_ms)]
        case "late":
            return [second, first]
        case "same time":
            return [first, replace(second, at_ms=first.at_ms)]
        case "untrusted":
            return [first, replace(second, time="untrusted"), *rest]
        case "receipt":
            return [replace(first, time="receipt"), second, *rest]
        case _:
            return [first, replace(second, at_ms=second.at_ms - 5 * DAY), *rest]


@pytest.mark.parametrize("seed", range(2))
def test_a_crowd_is_judged_as_one_reading_after_the_other(seed: int) -> None:
    together, alone = (fresh_state(*CROWD, rules=crowd_rules()) for _ in range(2))
    random, told = Random(seed), list[Transition]()
    for turn, odd in enumerate(random.sample(ODD, len(ODD))):
        log = sitting(NOON + turn * 14 * HOUR, odd, random)
        found = step(together, log).transitions
        assert [one for each in log for one in step(alone, [each]).transitions] == found
        told += found
    assert remembered(together) == remembered(alone)
    assert len({one.event for one in told}) > 4, "the stories are of many kinds"


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1), (1, 1)])
def test_readings_of_one_time_lie_in_the_order_of_their_numbers(numbers: Sequence[int]) -> None:
    """However they came: the last of three must be the same one after a restart."""
    same = [replace(pressure(NOON, value), name=f"n{value}") for value in (150, 120)]
    log: list[ReadingsRecord] = [
        numbered(record(NOON + n * MINUTE, [one]), number)
        for n, (one, number) in enumerate(zip(same, numbers, strict=True))
    ]
    log += at_once(pressure(NOON + 10 * MINUTE, 150), pressure(NOON + 11 * MINUTE, 120))
    judged(log, ROBIN, rules=rules(HIGH_TWICE))
    judged([log[1], log[0], *log[2:]], ROBIN, rules=rules(HIGH_TWICE))


def numbered(one: PatientReadings, number: int) -> PatientReadings:
    (stamped,) = one.readings
    reading = msgspec.structs.replace(stamped.reading, seq=number)
    return msgspec.structs.replace(
        one, readings=[msgspec.structs.replace(stamped, reading=reading)]
    )


def test_a_reading_of_the_time_of_the_last_match_does_not_end_it() -> None:
    """It was not measured after it. A flagged match counts as one, though it opens nothing."""
    rule_set = arrange([read_book("edges.toml", GATED + rule("high", "systolic > 150 mmHg"))])
    high = pressure(NOON, 160)
    flagged = pressure(NOON + MINUTE, 160, 80, "body-moved")
    normal = replace(pressure(NOON + MINUTE, 120), name="normal")

    def told(*measured: Measured) -> list[str]:
        return [one.event for one in judged(at_once(*measured), ROBIN, rules=rule_set)]

    assert told(high, normal) == ["onset", "returned"]
    assert "returned" not in told(high, flagged, normal)
    assert told(high, flagged, pressure(NOON + MINUTE + 1, 120))[-1] == "returned"
    assert told(high, replace(pressure(NOON, 120), name="normal")) == ["onset"]


def test_a_further_match_of_a_reading_by_a_late_one_is_another_event() -> None:
    text = (
        rule("plain", "systolic > 150 mmHg", ladder="bp"),
        rule("twice", "systolic >= 155 mmHg", "window = { matching = 2, of = 2 }", ladder="bp"),
    )
    log = [
        *at_once(pressure(NOON, 152), pressure(NOON + 2 * MINUTE, 160)),
        record(NOON + 5 * MINUTE, [pressure(NOON + MINUTE, 158)]),
    ]
    found = judged(log, ROBIN, rules=rules(*text))
    assert [(one.event, one.evidence.measured_at_ms - NOON) for one in found] == [
        ("onset", 0),
        ("again", 2 * MINUTE),
        ("again", MINUTE),
        ("again", 2 * MINUTE),
    ]
    assert len({one.event_id for one in found}) == 4


def test_what_is_quiet_is_not_walked_through_and_what_comes_twice_is_counted() -> None:
    """The figures say how much of the work arrays have done."""
    state = fresh_state(ROBIN, rules=rules(HIGH_TWICE))
    quiet = step(state, at_once(pressure(NOON, 120)))
    assert (quiet.walked, quiet.duplicates) == (0, 0)
    step(state, at_once(pressure(NOON + MINUTE, 150)))
    loud = step(state, at_once(pressure(NOON + 2 * MINUTE, 150)))
    assert (loud.walked, loud.duplicates) == (1, 0)
    again = step(state, [record(NOON + 3 * MINUTE, [pressure(NOON, 120)])])
    assert (again.walked, again.duplicates) == (1, 1)
    several = at_once(*(pressure(NOON + n * MINUTE, 120) for n in (4, 5, 5, 6)))
    counted = step(state, several)
    assert (counted.walked, counted.duplicates) == (4, 1)
    early = msgspec.structs.replace(ROBIN, care_plan_from_ms=NOON, therapy_start_ms=NOON + DAY)
    fed = fresh_state(early, rules=rules(RISE))
    before = pressure(NOON - HOUR, 120)
    twice = step(fed, [record(NOON, [before]), record(NOON, [before])])
    assert twice.duplicates == 0, "what is not judged is no duplicate either"


@pytest.mark.parametrize("times", [("untrusted", "device-clock"), ("device-clock", "untrusted")])
def test_of_two_readings_both_are_judged_by_themselves_if_one_has_no_time_to_trust(
    times: tuple[TimeQuality, TimeQuality],
) -> None:
    """Which of them is newer is not known: no column says what the second of them meets."""
    state = fresh_state(ROBIN, rules=rules(rule("plain", "systolic > 150 mmHg")))
    vital = state.rule_set.vitals[0]
    gatherer = Gatherer(vital.vital, frozenset())
    for number, time in enumerate(times):
        one = replace(pressure(NOON + number, 120), time=time)
        place = (number, 0, state.row("p1"), one.at_ms)
        gatherer.add(place, stamped(one, one.at_ms), alone=True, judged=True)
    turns = Turns(state, vital, gatherer.columns(), np.array([NOON, NOON + 1]))
    turns.take()
    assert turns.walked == 2
