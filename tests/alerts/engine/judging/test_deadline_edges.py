"""Timers fire at their deadline, before the first record stamped later: to the millisecond."""

import pytest

from alerts.engine.ladders.ladder import arrange
from alerts.engine.unassigned import UnassignedDevices
from alerts.rules.reader import read_book
from schemas.kafka import Tick
from tests.alerts.book_text import rule
from tests.alerts.engine.confirming import events, judged
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.engine.window_rules import GATED, ROBIN
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    basic,
    glucose,
    record,
    waiting,
)
from tests.alerts.readings import pressure as measured

DEADLINE = NOON + 10 * MINUTE


def severe(at_ms: int = NOON, value: int = 190, *flags: str) -> Measured:
    return measured(at_ms, value, 80, *flags)


def test_a_page_waits_ten_minutes_to_the_end() -> None:
    assert events(*at_once(severe()), Tick(DEADLINE)) == ["onset"]
    first, second = judged(*at_once(severe()), Tick(DEADLINE + 1))
    assert (second.event, second.at_ms) == ("confirmed", DEADLINE)
    assert second.reason.endswith("no repeat within 10 min says otherwise")
    assert first.confirm_by_ms == DEADLINE


@pytest.mark.parametrize(
    ("value", "within", "late"),
    [(185, "confirmed", ["confirmed", "again"]), (120, "not-confirmed", ["confirmed", "returned"])],
)
def test_a_repeat_in_the_last_millisecond_still_counts(
    value: int, within: str, late: list[str]
) -> None:
    assert events(*at_once(severe(), severe(DEADLINE, value))) == ["onset", within]
    assert events(*at_once(severe(), severe(DEADLINE + 1, value))) == ["onset", *late]


def test_what_was_measured_in_the_same_millisecond_is_no_repeat() -> None:
    assert events(*at_once(severe(), severe(NOON, 200))) == ["onset", "again"]


@pytest.mark.parametrize("late_ms", [0, 1])
def test_a_flagged_match_is_confirmed_within_fifteen_minutes(late_ms: int) -> None:
    """Answered in time it pages at once; else it opened as unverified, one severity lower."""
    flagged = severe(NOON, 190, "body-moved")
    found = judged(*at_once(flagged, severe(NOON + 15 * MINUTE + late_ms)))
    opened = next(one for one in found if one.event == "onset")
    assert opened.severity == ("high" if late_ms else "critical")
    assert ("unverified" in opened.marks) is bool(late_ms)
    assert "awaiting-confirmation" not in opened.marks


def test_nobody_repeats_a_flagged_match() -> None:
    flagged = severe(NOON, 190, "body-moved")
    deadline = NOON + 15 * MINUTE
    assert events(*at_once(flagged), Tick(deadline)) == ["repeat-asked"]
    asked, opened = judged(*at_once(flagged), Tick(deadline + 1))
    assert asked.reason.endswith("ask for a repeat within 15 min")
    assert (opened.event, opened.severity, opened.at_ms) == ("onset", "high", deadline)
    assert opened.reason.endswith("; but the body moved, and no repeat came within 15 min")
    assert opened.marks == ["unverified", "flagged"]


def test_three_flagged_matches_in_72_hours_count_as_confirmed() -> None:
    def story(gap_ms: int) -> list[str]:
        flagged = [severe(NOON + n * gap_ms, 190 + n, "body-moved") for n in range(3)]
        last = judged(*at_once(*flagged))[-1]
        return [last.event, last.severity]

    assert story(36 * HOUR)[-1] == "critical", "72 hours between the first and the third"
    assert story(36 * HOUR + 1)[0] == "repeat-asked"


# -- devices of nobody -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age_ms", "expected"),
    [
        (4 * HOUR, ("onset", "high", [])),
        (4 * HOUR + 1, ("onset", "medium", ["delayed"])),
        (24 * HOUR, ("onset", "medium", ["delayed"])),
        (24 * HOUR + 1, ("stale", "medium", ["stale"])),
    ],
)
def test_the_age_of_a_value_of_nobody(age_ms: int, expected: tuple[str, str, list[str]]) -> None:
    (found,) = UnassignedDevices(basic()).judge([waiting(measured(NOON, 200), NOON + age_ms)])
    assert (found.event, found.severity, found.marks) == expected
    flagged = waiting(measured(NOON, 200, 80, "body-moved"), NOON + age_ms)
    (found,) = UnassignedDevices(basic()).judge([flagged])
    assert found.marks == ["flagged", *expected[2]]
    assert found.severity == "medium"


def test_one_alert_of_a_device_lasts_a_day() -> None:
    def story(after_ms: int) -> list[str]:
        records = [waiting(glucose(NOON + ms, 50 - n)) for n, ms in enumerate((0, after_ms))]
        return [one.event for one in UnassignedDevices(basic()).judge(records)]

    assert story(DAY - 1) == ["onset", "again"]
    assert story(DAY) == ["onset", "onset"]


def test_of_a_device_the_last_32_values_are_known() -> None:
    devices = UnassignedDevices(basic())
    many = [waiting(glucose(NOON + n, 50)) for n in range(33)]
    assert len(devices.judge(many)) == 33
    assert devices.judge(many[1:]) == []
    assert len(devices.judge(many[:1])) == 1
    assert [one.event for one in devices.judge(many[:1])] == []


def test_a_value_that_waits_and_comes_with_others_is_judged_by_its_own_age() -> None:
    """A record that brings several days at once: only what is fresh and extreme waits."""
    days = [severe(NOON - n * DAY, 190 + n) for n in range(3)]
    found = judged(record(NOON, days))
    assert [(one.event, one.severity) for one in found] == [
        ("onset", "high"),
        ("worsened", "critical"),
        ("stale", "medium"),
    ]


def test_a_repeat_in_time_is_heard_though_another_match_waited_in_vain() -> None:
    """Of two flagged matches of one ladder one expired; the other may be repeated to the end."""
    text = GATED + rule("upper", "systolic > 180 mmHg", ladder="bp", severity="critical")
    text += rule("lower", "diastolic > 120 mmHg", ladder="bp")
    rules = arrange([read_book("edges.toml", text)])
    vain = measured(NOON, 150, 125, "body-moved")
    asked = measured(NOON + 5 * MINUTE, 190, "NaN", "body-moved")
    repeat = measured(NOON + 20 * MINUTE, 190, "NaN")
    found = by_cuts(at_once(vain, asked, repeat), ROBIN, rules=rules)
    assert [(one.event, one.rule, "unverified" in one.marks) for one in found] == [
        ("repeat-asked", "lower", False),
        ("repeat-asked", "upper", False),
        ("onset", "lower", True),
        ("worsened", "upper", False),
    ]
