"""A critical value of a device that belongs to nobody reaches a person, once a day and device."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.ladders.ladder import arrange
from alerts.engine.unassigned import UnassignedDevices
from alerts.rules.book import Book
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import Unassigned
from tests.alerts.book_text import rule
from tests.alerts.engine.window_rules import HEAD
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    basic,
    glucose,
    pressure,
    waiting,
)


def judged(*records: Unassigned) -> list[Transition]:
    return UnassignedDevices(basic()).judge(records)


def events(*records: Unassigned) -> list[tuple[str, str]]:
    return [(one.event, one.severity) for one in judged(*records)]


def test_a_critical_value_is_told_as_high_and_names_the_device() -> None:
    (found,) = judged(waiting(glucose(NOON, 48), device="meter-7"))
    assert (found.event, found.severity, found.ladder) == ("onset", "high", "unassigned-glucose")
    assert (found.patient_id, found.subject) == ("", "device/meter-7")
    assert found.title == "Unassigned device reports a critical value"
    assert found.rule == "glucose-below-54"
    assert found.reason.startswith("Glucose 48 mg/dL is below 54 mg/dL")
    assert found.reason.endswith("; A device at gateway home-1: nobody wears it")


def test_an_address_never_leaves() -> None:
    (found,) = judged(waiting(glucose(NOON, "LO")))
    assert found.rule == "glucose-lo"
    assert "A0:00" not in str(found)
    assert len(found.subject) > len("device/")


def test_only_what_is_critical_is_told() -> None:
    control = replace(glucose(NOON, 40), outcome="control-solution")
    normal = [glucose(NOON, 60), pressure(NOON, 85), pressure(NOON, 180, 120), control]
    weight = Measured("weight", {}, NOON)
    assert judged(*map(waiting, [*normal, weight])) == []


def test_further_values_of_a_day_attach_and_the_next_day_is_a_new_alert() -> None:
    records = [waiting(glucose(NOON + n, value)) for n, value in enumerate([50, 51, 52])]
    assert events(*records) == [("onset", "high"), ("again", "high"), ("again", "high")]
    found = judged(records[0], waiting(glucose(NOON + DAY, 50)))
    assert [one.event for one in found] == ["onset", "onset"]
    assert found[0].alert_id != found[1].alert_id
    two = judged(waiting(glucose(NOON, 50), device="a"), waiting(glucose(NOON, 50), device="b"))
    assert two[0].alert_id != two[1].alert_id


def test_age_and_flags_weigh_as_they_do_for_a_patient() -> None:
    severe = pressure(NOON, 200)
    assert events(waiting(severe, NOON + 5 * HOUR)) == [("onset", "medium")]
    assert events(waiting(glucose(NOON, 50), NOON + 5 * HOUR)) == [("onset", "high")]
    assert events(waiting(pressure(NOON, 200, 80, "body-moved"))) == [("onset", "medium")]
    assert events(waiting(severe, NOON + 2 * DAY)) == [("stale", "medium")]
    assert events(waiting(replace(severe, time="untrusted"))) == [("stale", "medium")]
    bounded = replace(severe, time="bounded", earliest_ms=NOON - 6 * HOUR)
    assert events(waiting(bounded)) == [("onset", "medium")]


def test_a_fresh_value_after_a_delayed_one_is_worse() -> None:
    late = waiting(pressure(NOON - 5 * HOUR, 200), NOON)
    assert events(late, waiting(pressure(NOON, 200))) == [("onset", "medium"), ("worsened", "high")]


readings = st.builds(
    waiting,
    st.builds(
        glucose, st.integers(0, 3 * 24).map(lambda n: NOON + n * HOUR), st.sampled_from([40, 50])
    ),
)


@given(st.lists(readings, max_size=20), st.integers(0, 20))
def test_a_restart_changes_nothing_and_what_comes_twice_is_told_once(
    records: list[Unassigned], place: int
) -> None:
    records = sorted(records, key=lambda one: one.received_at_ms)
    devices = UnassignedDevices(basic())
    found = devices.judge(records[:place])
    other = UnassignedDevices(basic())
    other.restore(devices.encode())
    found += other.judge(records[place:])
    assert found == judged(*records)
    assert len({one.event_id for one in found}) == len(found)
    assert len(found) == len({one.reading.reading.reading_id for one in records})


def test_state_that_nobody_can_read_begins_anew() -> None:
    devices = UnassignedDevices(basic())
    devices.restore(b"\xc1")
    assert [one.event for one in devices.judge([waiting(glucose(NOON + MINUTE, 50))])] == ["onset"]


@pytest.mark.parametrize(
    ("age_ms", "expected"),
    [
        (4 * HOUR, ("onset", "high", [])),
        (4 * HOUR + 1, ("onset", "medium", ["delayed"])),
        (DAY, ("onset", "medium", ["delayed"])),
        (DAY + 1, ("stale", "medium", ["stale"])),
    ],
)
def test_the_age_of_a_value_says_how_bad_it_is(
    age_ms: int, expected: tuple[str, str, list[str]]
) -> None:
    (found,) = judged(waiting(pressure(NOON, 200), NOON + age_ms))
    assert (found.event, found.severity, found.marks) == expected


def test_a_flag_and_an_age_are_both_said() -> None:
    late = waiting(pressure(NOON, 200, 80, "body-moved"), NOON + 5 * HOUR)
    (found,) = judged(late)
    assert found.marks == ["flagged", "delayed"]


def test_a_day_after_its_first_value_an_alert_is_over_and_not_before() -> None:
    first = waiting(glucose(NOON, 50))
    for after_ms, event in ((DAY - 1, "again"), (DAY, "onset")):
        found = judged(first, waiting(glucose(NOON + after_ms, 50)))
        assert [one.event for one in found] == ["onset", event]


def test_alerts_that_are_over_are_forgotten_when_another_begins() -> None:
    devices = UnassignedDevices(basic())
    devices.judge([waiting(glucose(NOON, 50), device="a")])
    empty = len(UnassignedDevices(basic()).encode())
    one = len(devices.encode())
    devices.judge([waiting(glucose(NOON + DAY - 1, 50), device="b")])
    two = len(devices.encode())
    assert empty < one < two
    devices.judge([waiting(glucose(NOON + DAY, 50), device="c")])
    assert len(devices.encode()) == two, "a is over by now, b is not"


def test_old_values_of_a_day_are_counted_and_a_restart_goes_on_counting() -> None:
    old = [waiting(pressure(NOON - n, 200), NOON + 2 * DAY) for n in range(3)]
    devices = UnassignedDevices(basic())
    first, second = devices.judge(old[:2])
    other = UnassignedDevices(basic())
    other.restore(devices.encode())
    (third,) = other.judge(old[2:])
    assert "; an old reading, arrived today; " in first.reason
    assert "the worst of 2 old readings" in second.reason
    assert "the worst of 3 old readings" in third.reason
    assert len({first.alert_id, second.alert_id, third.alert_id}) == 1
    other.restore(b"\xc1")
    (anew,) = other.judge(old[:1])
    assert (anew.event, anew.reason) == (first.event, first.reason)


def test_ids_of_thirty_two_values_of_an_open_alert_are_known() -> None:
    devices = UnassignedDevices(basic())
    values = [waiting(glucose(NOON + n, 50)) for n in range(33)]
    devices.judge(values[:32])
    assert devices.judge(values[:1]) == []
    devices.judge(values[32:])
    assert devices.judge(values[1:2]) == []
    assert [one.event for one in devices.judge(values[:1])] == ["again"], "the oldest is forgotten"


def test_a_device_is_judged_by_the_default_books_else_by_all_that_there_are() -> None:
    own = read_book("edges.toml", HEAD + rule("own", "systolic > 150 mmHg", severity="critical"))
    head = HEAD.replace('"edges"', '"adult-standard"')
    severe = rule("severe", "systolic > 180 mmHg", severity="critical")
    standard = read_book("standard.toml", head + severe)

    def rules_of(*books: Book) -> list[str]:
        devices = UnassignedDevices(arrange(books))
        return [one.rule for one in devices.judge([waiting(pressure(NOON, 160))])]

    assert rules_of(own) == ["own"]
    assert rules_of(standard) == []
    assert rules_of(own, standard) == []


def test_what_a_rule_asks_of_the_circumstances_is_asked_here_too() -> None:
    text = HEAD.replace('"edges"', '"adult-standard"') + rule(
        "lying", "systolic > 150 mmHg", 'requires = { position = ["lying"] }', severity="critical"
    )
    rules = arrange([read_book("edges.toml", text)])

    def found(**attributes: str) -> int:
        one = replace(pressure(NOON, 160), attributes=attributes)
        return len(UnassignedDevices(rules).judge([waiting(one)]))

    assert [found(), found(position="sitting"), found(position="lying")] == [0, 0, 1]
