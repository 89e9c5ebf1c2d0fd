"""A rule that asks for a circumstance is judged by what the meter's context says of the reading."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.ladders.ladder import arrange
from alerts.engine.offline import Offline
from alerts.engine.state.partition_state import EARLY_MAX
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import PatientReadings, ReadingsRecord, Tick
from schemas.reading import Quantity
from schemas.registry import PatientEntry
from tests.alerts.engine.correcting import correction, events
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.engine.histories import reborn
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    fresh_state,
    glucose,
    record,
    stamped,
)

BOOK = read_book(
    "fasting.toml",
    """
book = "fasting"
title = "Fasting glucose"
population = "Adults"

[vitals.glucose]
fresh = "1h"
units = ["mg/dL", "mmol/L"]

[[rule]]
id = "fasting-high"
ladder = "glucose-high"
title = "High before a meal"
vital = "glucose"
when = "glucose > (130 mg/dL, 7.2 mmol/L)"
requires = { meal = ["preprandial", "fasting"] }
band = ["10 mg/dL", "0.6 mmol/L"]
severity = "medium"
source = "ADA: 80-130 mg/dL before meals"
advice = "Look."
""",
)


def measured(meal: str | None, *, quality: str = "device-clock") -> PatientReadings:
    """A glucose of 150 mg/dL with its context, if there is one, in one session."""
    context = Measured("glucose_context", {"carbohydrate": Quantity("g", "10")}, NOON)
    whole = record(NOON, [glucose(NOON, 150), context])
    first, second = whole.readings
    stamp = msgspec.structs.replace(first.stamp, quality=quality)
    about = msgspec.structs.replace(
        second.reading, amends=first.reading.reading_id, attributes={"meal": meal or ""}
    )
    readings = [msgspec.structs.replace(first, stamp=stamp)]
    readings += [msgspec.structs.replace(second, reading=about)] if meal else []
    return msgspec.structs.replace(whole, readings=readings)


@pytest.mark.parametrize(
    ("meal", "told"),
    [("fasting", ["onset"]), ("preprandial", ["onset"]), ("postprandial", []), (None, [])],
)
def test_a_rule_is_judged_in_its_circumstance_alone(meal: str | None, told: list[str]) -> None:
    assert [one.event for one in Offline([BOOK]).take([measured(meal)])] == told


def test_a_context_does_not_make_its_reading_one_of_several() -> None:
    twice = BOOK.text.replace("requires = {", "window = { matching = 1, of = 3 }\nrequires = {", 1)
    engine = Offline([read_book("fasting.toml", twice)])
    assert [one.event for one in engine.take([measured("fasting", quality="receipt")])] == ["onset"]


# -- a context in a later record ------------------------------------------------------------------

HIGH = glucose(NOON, 150)


def context(of: Measured, meal: str, at_ms: int) -> PatientReadings:
    """What the meter says beside a measurement, in a record of its own."""
    about = record(at_ms, [Measured("glucose_context", {}, of.at_ms)])
    (one,) = about.readings
    said = msgspec.structs.replace(
        one.reading,
        amends=stamped(of, of.at_ms).reading.reading_id,
        attributes={"meal": meal},
    )
    return msgspec.structs.replace(about, readings=[msgspec.structs.replace(one, reading=said)])


def judged(*log: ReadingsRecord, book: str = BOOK.text) -> list[Transition]:
    rules = arrange([read_book("fasting.toml", book)])
    return by_cuts(log, PatientEntry("p1", "Robin", ["fasting"]), rules=rules)


def test_a_context_that_comes_later_counts_once() -> None:
    late = context(HIGH, "fasting", NOON + MINUTE)
    (onset,) = judged(*at_once(HIGH), late, late, *at_once(HIGH))
    assert (onset.event, onset.at_ms, onset.marks) == ("onset", NOON + MINUTE, [])
    assert onset.reason == "Glucose 150 mg/dL is above 130 mg/dL (fasting, fasting-high)"
    assert onset.evidence.reading_id == stamped(HIGH, NOON).reading.reading_id
    assert judged(*at_once(HIGH), context(HIGH, "postprandial", NOON + MINUTE)) == []


@pytest.mark.parametrize(
    ("hours", "event", "severity", "marks"),
    [(2, "onset", "info", ["delayed"]), (25, "stale", "medium", ["stale"])],
)
def test_its_measurement_is_judged_by_its_age_then(
    hours: int, event: str, severity: str, marks: list[str]
) -> None:
    (found,) = judged(*at_once(HIGH), context(HIGH, "fasting", NOON + hours * HOUR))
    assert (found.event, found.severity, found.marks) == (event, severity, marks)


def test_a_newer_reading_within_limits_has_resolved_what_becomes_known_late() -> None:
    newer = glucose(NOON + MINUTE, 100)
    log = [*at_once(HIGH, newer), context(newer, "fasting", newer.at_ms)]
    (found,) = judged(*log, context(HIGH, "fasting", NOON + 2 * MINUTE))
    assert found.event == "resolved-before-seen"
    assert events(judged(*log[:2], context(HIGH, "fasting", NOON + 2 * MINUTE))) == ["onset"]


def test_a_newer_reading_that_is_not_quite_within_limits_has_resolved_nothing() -> None:
    newer = glucose(NOON + MINUTE, 125)  # the band is 10 mg/dL: it returns at 120
    log = [*at_once(HIGH, newer), context(newer, "fasting", newer.at_ms)]
    assert events(judged(*log, context(HIGH, "fasting", NOON + 2 * MINUTE))) == ["onset"]


def test_a_newer_reading_resolves_each_rung_that_it_contradicts() -> None:
    """Not only the most severe one: its context came late, as that of the older one did."""
    rung = BOOK.text[BOOK.text.index("[[rule]]") :]
    worse = rung.replace("fasting-high", "fasting-severe").replace('"medium"', '"high"')
    book = BOOK.text + worse.replace("(130 mg/dL, 7.2 mmol/L)", "(180 mg/dL, 10.0 mmol/L)")
    newer = glucose(NOON + MINUTE, 100)
    log = [*at_once(HIGH, newer), context(newer, "fasting", newer.at_ms)]
    (found,) = judged(*log, context(HIGH, "fasting", NOON + 2 * MINUTE), book=book)
    assert (found.event, found.rule) == ("resolved-before-seen", "fasting-high")


def test_a_context_that_comes_before_its_measurement_waits_for_it() -> None:
    """A gateway sends what is live before its backlog; a restart in between forgets nothing."""
    early = context(HIGH, "fasting", NOON)
    assert events(judged(early, *at_once(HIGH))) == ["onset"]
    assert judged(context(HIGH, "postprandial", NOON), *at_once(HIGH)) == []
    rules = arrange([BOOK])
    robin = PatientEntry("p1", "Robin", ["fasting"])
    state = fresh_state(robin, rules=rules)
    assert step(state, [early]).touched == {0}
    restarted = reborn(state, rules, [robin])
    assert events(step(restarted, at_once(HIGH)).transitions) == ["onset"]


def test_of_contexts_that_wait_the_last_are_known() -> None:
    others = [glucose(NOON - n * MINUTE, 100) for n in range(1, EARLY_MAX + 1)]
    early = [context(one, "fasting", NOON) for one in (HIGH, *others)]
    assert judged(*early, *at_once(HIGH)) == []
    assert events(judged(*early[:-1], *at_once(HIGH))) == ["onset"]


def test_contexts_of_measurements_that_are_known_take_no_place_of_those_that_wait() -> None:
    others = [glucose(NOON - n * MINUTE, 100) for n in range(1, EARLY_MAX + 1)]
    log: list[ReadingsRecord] = [context(HIGH, "fasting", NOON)]
    for one in others:
        log += [record(NOON, [one]), context(one, "fasting", NOON)]
    assert events(judged(*log, *at_once(HIGH))) == ["onset"]


def again_with(of: Measured, meal: str, at_ms: int) -> PatientReadings:
    """The measurement once more, and beside it what the first delivery did not bring."""
    late, same = context(of, meal, at_ms), record(at_ms, [of])
    return msgspec.structs.replace(late, readings=[*same.readings, *late.readings])


def test_a_context_beside_a_second_delivery_of_its_measurement_counts_the_measurement_once() -> (
    None
):
    second = again_with(HIGH, "fasting", NOON + MINUTE)
    (onset,) = judged(*at_once(HIGH), second, second)
    assert (onset.event, onset.at_ms, onset.marks) == ("onset", NOON + MINUTE, [])
    assert onset.evidence.reading_id == stamped(HIGH, NOON).reading.reading_id
    assert judged(*at_once(HIGH), again_with(HIGH, "postprandial", NOON + MINUTE)) == []
    assert events(judged(second, second)) == ["onset"]
    twice = BOOK.text.replace("requires = {", "window = { matching = 2, of = 3 }\nrequires = {", 1)
    assert judged(*at_once(HIGH), second, second, book=twice) == []


def test_of_two_contexts_beside_a_measurement_the_last_counts_however_often_it_comes() -> None:
    fasting, after = (again_with(HIGH, meal, NOON) for meal in ("fasting", "postprandial"))
    both = msgspec.structs.replace(after, readings=[*fasting.readings, *after.readings[1:]])
    assert judged(both, both) == []


def test_it_can_end_an_alert_too() -> None:
    low = glucose(NOON + HOUR, 100)
    log = [*at_once(HIGH), context(HIGH, "fasting", NOON), *at_once(low)]
    assert events(judged(*log)) == ["onset"]
    assert events(judged(*log, context(low, "fasting", low.at_ms + 1))) == ["onset", "returned"]


@pytest.mark.parametrize(
    ("meal", "told"),
    [("fasting", ["repeat-asked"]), ("postprandial", ["repeat-asked", "onset"])],
)
def test_it_lets_a_repeat_deny_what_waited_for_one(meal: str, told: list[str]) -> None:
    """Until then nobody knew whether the rule asks for the repeat at all."""
    gated = 'gated = { strip-pulled-early = "the strip was pulled early" }\n\n[[rule]]'
    book = BOOK.text.replace("[[rule]]", gated, 1)
    flagged = replace(HIGH, flags=("strip-pulled-early",))
    repeat = glucose(NOON + 5 * MINUTE, 100)
    log = [again_with(flagged, "fasting", NOON), *at_once(repeat)]
    log += [context(repeat, meal, NOON + 6 * MINUTE), Tick(NOON + HOUR)]
    assert events(judged(*log, book=book)) == told


def test_it_counts_in_windows() -> None:
    book = BOOK.text.replace("requires = {", "window = { matching = 2, of = 3 }\nrequires = {", 1)
    second = glucose(NOON + MINUTE, 151)
    log = at_once(HIGH, second)
    for order in ((HIGH, second), (second, HIGH)):
        late = [context(one, "fasting", second.at_ms + n) for n, one in enumerate(order)]
        assert judged(*log, late[0], book=book) == []
        (onset,) = judged(*log, *late, book=book)
        assert (onset.event, onset.evidence.quantities) == ("onset", {"glucose": "151 mg/dL"})
        assert "in 2 of the last 2 readings" in onset.reason


def test_what_the_reading_said_before_is_another_event() -> None:
    """Worse by its context than it was without: nobody may take that for told already."""
    more = BOOK.text + BOOK.text[BOOK.text.index("[[rule]]") :].replace(
        "fasting-high", "any-high"
    ).replace('requires = { meal = ["preprandial", "fasting"] }\n', "").replace(
        '"medium"', '"info"'
    )
    low = glucose(NOON - MINUTE, 140)
    found = judged(*at_once(low, HIGH), context(HIGH, "fasting", NOON + 1), book=more)
    assert events(found) == ["onset", "again", "worsened"]
    assert len({one.event_id for one in found}) == 3


def test_a_correction_is_judged_by_what_is_known_of_the_meal() -> None:
    normal = glucose(NOON, 100)
    higher = correction(normal, glucose(NOON, 160), NOON + HOUR)
    log = [*at_once(normal), context(normal, "fasting", NOON), higher]
    assert events(judged(*log)) == ["corrected-match"]
    assert judged(*at_once(normal), higher) == []
    back = correction(HIGH, glucose(NOON, 100), NOON + HOUR)
    log = [*at_once(HIGH), context(HIGH, "fasting", NOON), back]
    assert events(judged(*log)) == ["onset", "retracted"]


meals = st.sampled_from(["fasting", "postprandial"])


@given(st.lists(st.tuples(st.integers(90, 160), meals, st.booleans()), min_size=1, max_size=4))
def test_however_the_log_is_cut_contexts_are_told_the_same(
    readings: list[tuple[int, str, bool]],
) -> None:
    log: list[ReadingsRecord] = []
    for n, (value, meal, late) in enumerate(readings):
        one = glucose(NOON + n * HOUR, value)
        log += at_once(one)
        if late:
            log.append(context(one, meal, one.at_ms + MINUTE))
    log.append(Tick(NOON + DAY))
    rules = arrange([BOOK])
    whole, parts = (
        fresh_state(PatientEntry("p1", "Robin", ["fasting"]), rules=rules) for _ in range(2)
    )
    told = [one for entry in log for one in step(parts, [entry]).transitions]
    assert step(whole, log).transitions == told
