"""A sight laid out again is the reading that it is of, as far as it says."""

import numpy as np
import pytest

from alerts.engine.ladders.alone import ended_rungs, is_true, true_rungs, untrue_rungs
from alerts.engine.readings.columns import ASSESSED, flags_of, status_of
from alerts.engine.readings.sight import Sight, sight_of, stamped_as
from alerts.rules.values import CLEAR, NOT_ASSESSED, SET, Requirement
from tests.alerts.book_text import rule
from tests.alerts.engine.window_rules import HIGH_TWICE, rules
from tests.alerts.readings import NOON, quantity


def sight(
    quality: str = "device-clock", status: list[str] | None = None, **values: object
) -> Sight:
    made = {name: quantity(value, "mm[Hg]") for name, value in values.items()}
    return Sight("0" * 32, "blood_pressure", NOON, quality, made, status, [])


@pytest.mark.parametrize("quality", ["device-clock", "receipt", "untrusted"])
def test_whose_clock_a_time_is_comes_back(quality: str) -> None:
    one = sight(quality, ["body-moved"], systolic=120)
    stamped = stamped_as(one)
    assert stamped.stamp.quality == quality
    assert (stamped.stamp.measured_at_ms, stamped.stamp.received_at_ms) == (NOON, NOON)
    assert sight_of(stamped) == one


def test_a_time_that_is_only_bounded_is_not_trusted_when_a_reading_is_laid_out_again() -> None:
    assert stamped_as(sight("bounded")).stamp.quality == "untrusted"


def test_flags_that_a_device_cannot_set_come_back_if_it_said_which_it_had_noticed() -> None:
    blind = Sight("0" * 32, "blood_pressure", NOON, "receipt", {}, [], ["irregular-pulse"])
    assert sight_of(stamped_as(blind)).silent == ["irregular-pulse"]
    mute = Sight("0" * 32, "blood_pressure", NOON, "receipt", {}, None, ["irregular-pulse"])
    assert sight_of(stamped_as(mute)).silent == []


BITS = {"a": 1, "b": 2, "c": 4}


@pytest.mark.parametrize(
    ("status", "silent", "flags"),
    [
        (None, (), 0),
        (None, ("a",), 0),
        ([], (), ASSESSED),
        (["b", "b", "strange"], (), ASSESSED | 2),
        ([], ("a", "c", "strange"), ASSESSED | 5 << 3),
        (["a"], ("a", "b"), ASSESSED | 1 | 2 << 3),  # what is set was looked for
    ],
)
def test_what_a_device_reports_is_a_set(
    status: list[str] | None, silent: tuple[str, ...], flags: int
) -> None:
    assert flags_of(status, BITS, silent) == flags


def test_a_flag_is_set_clear_or_nobody_looked() -> None:
    flags = [0, ASSESSED, ASSESSED | 2, ASSESSED | 2 << 3, ASSESSED | 1, ASSESSED | 4 << 3]
    found = status_of(np.array(flags), ["b"], ["a", "b", "c"])
    assert found["b"].tolist() == [NOT_ASSESSED, CLEAR, SET, NOT_ASSESSED, CLEAR, CLEAR]
    assert list(found) == ["b"]


# -- rules about one reading, outside any batch ----------------------------------------------------

(LADDER,) = rules(
    rule("severe", "systolic > 180 mmHg", ladder="bp", severity="critical"),
    rule("lying", "systolic > 150 mmHg", 'requires = { position = ["lying"] }', ladder="bp"),
    HIGH_TWICE.replace('ladder = "high"', 'ladder = "bp"'),
    rule("pulse", "status is irregular-pulse", ladder="bp", severity="medium").replace(
        'band = ["5 mmHg"]\n', ""
    ),
).ladders
SEVERE, LYING, TWICE, PULSE = 1, 2, 4, 8
NEED = Requirement("position", ("lying",))


def test_the_ladder_of_these_tests_is_in_order() -> None:
    assert [rung.rule.id for rung in LADDER.rungs] == ["severe", "lying", "high", "pulse"]


def test_one_reading_decides_what_looks_at_no_other() -> None:
    high, uneven = sight(systolic=190, status=[]), sight(systolic=160, status=["irregular-pulse"])
    known = {NEED: True}
    assert true_rungs(LADDER, high, {}, known) == SEVERE | LYING
    assert true_rungs(LADDER, high, {}, {}) == SEVERE, "nobody knows whether it was lying"
    assert untrue_rungs(LADDER, high, {}) == PULSE, "which leaves what rests on it"
    assert true_rungs(LADDER, uneven, {}, known) == LYING | PULSE
    assert untrue_rungs(LADDER, uneven, {}) == SEVERE
    assert is_true(LADDER.rungs[0], high, {}, {})


@pytest.mark.parametrize(
    ("one", "ended"),
    [
        (sight(systolic=120, status=[]), SEVERE | LYING | PULSE),
        (sight(systolic=175, status=[]), SEVERE | PULSE),
        (sight(systolic=176, status=[]), PULSE),
        (sight(systolic=120, status=["irregular-pulse"]), SEVERE | LYING),
        (sight(systolic=120, status=None), SEVERE | LYING),  # nobody looked at the pulse
        (sight(systolic=120, status=["body-moved"]), 0),  # what is gated ends nothing
        (sight(systolic="LO", status=[]), 0),  # nor does a HI or LO
        (sight(systolic=120, diastolic="HI", status=[]), 0),
    ],
)
def test_one_reading_ends_what_it_is_back_from(one: Sight, ended: int) -> None:
    assert ended_rungs(LADDER, one, {}, ["body-moved"], {NEED: True}) == ended


def test_a_flag_that_a_device_cannot_set_ends_nothing() -> None:
    blind = Sight("0" * 32, "blood_pressure", NOON, "receipt", {}, [], ["irregular-pulse"])
    assert ended_rungs(LADDER, blind, {}, [], {}) & PULSE == 0
