"""What the comparison with the oracle has found: each was said by one of the two alone."""

from dataclasses import replace

import msgspec

from alerts.engine.ladders.ladder import arrange
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.kafka import Tick
from schemas.registry import PatientEntry, ZonePeriod
from tests.alerts.book_text import rule
from tests.alerts.engine.agreement import agree
from tests.alerts.engine.correcting import correction
from tests.alerts.engine.dated_rules import OWN, of, rules, under
from tests.alerts.engine.lives import Life, lived
from tests.alerts.engine.rule_books import GLUCOSE_BAND, HEAD, PRESSURE_BAND, REQUIRES, RULE
from tests.alerts.engine.small_books import COUNTED, GATED
from tests.alerts.engine.window_rules import GATED as MOVED
from tests.alerts.engine.window_rules import judged
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Version,
    at_once,
    fresh_state,
    glucose,
    pressure,
    record,
)


def test_a_baseline_is_missed_also_of_a_patient_who_was_registered_before_the_first_reading() -> (
    None
):
    state = fresh_state(under(), rules=rules())
    state.row("p1")
    step(state, [Tick(NOON)])
    step(state, at_once(pressure(NOON + HOUR, 120)))
    (told,) = of(step(state, [Tick(NOON + 2 * DAY)]).transitions, "inactive")
    assert told.rule == "rise"


def test_limits_that_end_together_are_announced_once_and_others_by_date() -> None:
    twin = msgspec.structs.replace(OWN, values=["65 mg/dL", "3.6 mmol/L"])
    sooner = msgspec.structs.replace(OWN, valid_until_ms=NOON + 10 * DAY, entered_at_ms=NOON + 1)
    state = fresh_state(under(OWN, twin, sooner), rules=rules())
    state.row("p1")
    log = [Tick(NOON), Tick(NOON + 25 * DAY)]
    found = of(step(state, log).transitions, "limit-expiring")
    assert [one.at_ms for one in found] == [NOON + 3 * DAY, NOON + 23 * DAY]
    assert "65 mg/dL" in found[1].reason, "the one that counts"


def test_what_dates_bring_is_told_by_date_whoever_it_is_about() -> None:
    robin = under(OWN)
    sooner = msgspec.structs.replace(OWN, valid_until_ms=(OWN.valid_until_ms or 0) - DAY)
    kim = msgspec.structs.replace(under(sooner), patient_id="p2")
    state = fresh_state(robin, kim, rules=rules())
    for name in ("p1", "p2"):
        state.row(name)
    found = of(step(state, [Tick(NOON + 25 * DAY)]).transitions, "limit-expiring")
    assert [one.patient_id for one in found] == ["p2", "p1"]


def test_a_reading_delivered_twice_is_still_the_only_one_of_its_session() -> None:
    books = [read_book("counted.toml", COUNTED.replace("GATED", GATED))]
    state = fresh_state(PatientEntry("p1", "Robin", ["counted"]), rules=arrange(books))
    first = replace(pressure(NOON, 150), time="receipt")
    log = [record(NOON, [first, first]), *at_once(pressure(NOON + MINUTE, 150))]
    assert [one.rule for one in step(state, log).transitions] == ["two-of-three"]


def test_what_stands_already_shows_the_readings_that_its_window_counted() -> None:
    books = [read_book("counted.toml", COUNTED.replace("GATED", GATED))]
    state = fresh_state(PatientEntry("p1", "Robin", []), rules=arrange(books))
    step(state, at_once(pressure(NOON, 150), pressure(NOON + MINUTE, 151)))
    state.plans.put(PatientEntry("p1", "Robin", ["counted"]))
    state.replan("p1")
    (told,) = step(state, [Tick(NOON + HOUR)]).transitions
    assert told.event == "standing"
    assert [one.quantities["systolic"] for one in told.window] == ["150 mmHg", "151 mmHg"]


def test_an_old_reading_is_shown_beside_the_limit_of_the_patient() -> None:
    own = msgspec.structs.replace(OWN, valid_from_ms=NOON - 90 * DAY, values=["80 mg/dL"])
    state = fresh_state(under(own), rules=rules())
    (told,) = step(state, [record(NOON, [glucose(NOON - 30 * DAY, 75)])]).transitions
    assert told.event == "stale"
    assert [(one.amounts[0], one.author) for one in told.limits] == [("80 mg/dL", "Dr. Ito")]


_EXTREME = (
    rule("extreme", "systolic >= 220 mmHg", ladder="bp", severity="critical"),
    rule("beyond", "diastolic is HI", ladder="bp", severity="critical"),
    rule("severe", "systolic > 180 mmHg", ladder="bp", severity="critical"),
)


def test_the_worst_old_reading_is_the_worst_value_by_whichever_rule_that_is_as_severe() -> None:
    days = [NOON - n * DAY for n in range(10, 14)]
    values = [(219, 100), (230, 100), (225, 100), (200, "HI")]
    old = [pressure(at_ms, *value) for at_ms, value in zip(days, values, strict=True)]
    found = judged([record(NOON + n, [one]) for n, one in enumerate(old)], *_EXTREME)
    shown = [one.evidence.quantities["systolic"] for one in found]
    assert shown == ["219 mmHg", "230 mmHg", "230 mmHg", "200 mmHg"]


_THRICE = (150, 151, 190)
_FLAGGED = (
    MOVED
    + rule("high", "systolic >= 145 mmHg", ladder="bp")
    + rule("severe", "systolic >= 180 mmHg", ladder="bp", severity="critical")
)
"""The third flagged match of the one rule is the first of the other."""


def test_a_task_says_what_held_before_its_reading_not_what_it_opened() -> None:
    moved = [pressure(NOON + n * HOUR, value, 80, "body-moved") for n, value in enumerate(_THRICE)]
    books = [read_book("edges.toml", _FLAGGED)]
    state = fresh_state(PatientEntry("p1", "Robin", ["edges"]), rules=arrange(books))
    found = step(state, at_once(*moved)).transitions
    opened, asked = found[-2:]
    assert (opened.event, asked.event) == ("worsened", "repeat-asked")
    assert opened.held_before == asked.held_before
    assert opened.lowered_before == asked.lowered_before


def test_one_reading_may_worsen_an_alert_twice_and_both_are_events() -> None:
    """At once, and once a late reading has completed a mean at it: nobody drops the graver one."""
    book = (
        rule("above", "systolic >= 130 mmHg", ladder="high", severity="info"),
        rule("far-above", "systolic >= 150 mmHg", ladder="high", severity="medium"),
        rule(
            "mean",
            "systolic >= 135 mmHg",
            "window = { mean_days = 7, readings = 3, days = 1 }",
            ladder="high",
            severity="critical",
        ),
    )
    begin = NOON + DAY  # the first day of an episode is in no mean
    log = [
        *at_once(pressure(NOON, 120), pressure(begin, 140), pressure(begin + HOUR, 155)),
        record(begin + 2 * HOUR, [pressure(begin + MINUTE, 145)]),
    ]
    found = [one for one in judged(log, *book) if one.event == "worsened"]
    assert [one.severity for one in found] == ["medium", "critical"]
    assert len({one.evidence.reading_id for one in found}) == 1
    assert len({one.event_id for one in found}) == 2


def test_whoever_goes_west_into_a_day_that_is_over_and_back_gets_no_item_twice() -> None:
    """In Tokyo it is tomorrow already, in Lima it is today, in Tokyo it is tomorrow still."""
    there = [ZonePeriod(NOON + 5 * HOUR, "America/Lima"), ZonePeriod(NOON + 6 * HOUR, "Asia/Tokyo")]
    robin = PatientEntry("p1", "Robin", ["adult-standard"], zone="Asia/Tokyo", zones=there)
    log = [
        record(NOON + hours * HOUR, [pressure(NOON - 3 * DAY - hours, systolic)])
        for hours, systolic in ((1, 190), (4, 190), (5, 195), (6, 190))
    ]
    found = of(step(fresh_state(robin), log).transitions, "stale")
    assert len({one.event_id for one in found}) == len(log)
    today, *tomorrow = found
    assert {one.alert_id for one in tomorrow} == {tomorrow[0].alert_id} != {today.alert_id}
    assert "the worst of 3 old readings" in tomorrow[-1].reason


def test_what_a_version_asks_for_in_other_words_is_not_known_of_what_came_before() -> None:
    """Though another rule has asked for the same circumstance all the time."""
    head = HEAD.format(name="a", pressure_fresh="4h", glucose_fresh="1h")
    rules = [
        RULE.format(id=name, ladder=name, vital="glucose", when="glucose is LO", severity="high")
        + f"{GLUCOSE_BAND}\n{REQUIRES}\n"
        for name in ("one", "other")
    ]
    asked = head + rules[0] + rules[1]
    asks = head + rules[0] + rules[1].replace('"fasting", "preprandial"', '"postprandial"')
    low = [
        replace(glucose(NOON + hours * HOUR, "LO"), attributes={"meal": "postprandial"})
        for hours in (0, 1)
    ]
    log = (*at_once(low[0]), Version((asks,)), Tick(NOON + MINUTE), *at_once(low[1]))
    life = Life((asked,), (PatientEntry("p1", "Robin", ["a"]),), log)
    found = lived(life)
    assert [(one.event, one.evidence.reading_id) for one in found] == [("onset", low[1].reading_id)]
    agree(found, life.expected())


def test_a_zone_that_is_entered_for_the_past_moves_no_reading_to_another_day() -> None:
    """In Tokyo, where the patient is since yesterday, it was one day; two they stay."""
    book = HEAD.format(name="a", pressure_fresh="4h", glucose_fresh="1h")
    book += RULE.format(
        id="a-0", ladder="bp", vital="blood_pressure", when="systolic >= 150 mmHg", severity="high"
    )
    book += f"{PRESSURE_BAND}\nwindow = {{ matching = 2, of = 2, days = 2 }}\n"
    midnight = NOON + 12 * HOUR
    evening, night = pressure(midnight - HOUR, 120), pressure(midnight + HOUR, 150)
    robin = PatientEntry("p1", "Robin", ["a"])
    entered_ms = night.at_ms + HOUR
    moved = msgspec.structs.replace(robin, zones=[ZonePeriod(NOON - DAY, "Asia/Tokyo", entered_ms)])
    log = [
        *at_once(evening, night),
        moved,
        correction(evening, pressure(evening.at_ms, 150), entered_ms),
    ]
    life = Life((book,), (robin,), tuple(log))
    found = lived(life)
    assert [one.event for one in found] == ["corrected-match"]
    agree(found, life.expected())
