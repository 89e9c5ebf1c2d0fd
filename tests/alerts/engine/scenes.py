"""Random books, patients and logs together: what the engine and the oracle are compared on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import Phase, settings
from hypothesis import strategies as st

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.rules.reader import read_book
from schemas.kafka import ReadingsRecord, Tick, TimeQuality
from schemas.reading import Outcome
from schemas.registry import PatientEntry, PersonalLimit, ZonePeriod
from tests.alerts.engine.rule_books import KINDS, books
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    glucose,
    pressure,
    quantity,
    record,
)

CLOCKS_GO_BACK = 1_793_505_600_000 - 12 * HOUR
"""Noon UTC of 31 October 2026; the next night has 25 hours in New York."""
MIDNIGHT_TWICE = 1_806_753_600_000
"""Noon UTC of 3 April 2027; the clocks of Santiago go back from midnight into the day before."""
NO_MIDNIGHT = 1_788_609_600_000
"""Noon UTC of 5 September 2026; the next day of Santiago begins at one o'clock."""
MINUTES = [0, 1, MINUTE, 5 * MINUTE, 10 * MINUTE, 14 * MINUTE, 16 * MINUTE, HOUR]
HOURS = [MINUTE, 10 * MINUTE, HOUR, 5 * HOUR, 9 * HOUR, 15 * HOUR]
DAYS = [10 * MINUTE, 10 * HOUR, 14 * HOUR, 24 * HOUR, 26 * HOUR, 24 * HOUR, 29 * DAY]

systolic = st.integers(8, 20).map(lambda n: n * 10) | st.sampled_from(
    [95, 105, 115, 135, 145, 155, 175, "NaN", "HI", "LO", "144.9"]
)
diastolic = st.sampled_from([50, 75, 80, 85, 90, 120, 130, "NaN", "HI"])
pulse = st.sampled_from([40, 50, 55, 80, 95, 100, 120])
kilopascal = st.sampled_from(["11.0", "12.0", "14.6", "16.0", "18.7", "21.3", "24.0"])
flags = st.sampled_from([(), (), (), (), ("body-moved",), ("irregular-pulse",)])
meals = st.sampled_from([{}, {}, {"meal": "fasting"}, {"meal": "postprandial"}])
sugar = st.sampled_from(["LO", "HI", "NaN", 40, 54, 64, 69, 70, "79.9", 80, 170, 180, 241, 251])
sugar_mmol = st.sampled_from(["LO", "2.9", "3.0", "3.6", "3.9", "4.5", "9.4", "10.0", "14.0"])
MEASURED: list[Outcome] = ["measured"] * 9
QUALITIES: list[TimeQuality] = [
    "device-clock",
    "device-clock",
    "device-clock",
    "device-clock",
    "receipt",
    "bounded",
    "untrusted",
]
UNDATED: list[TimeQuality] = ["receipt", "receipt", "untrusted", "device-clock"]
STEPS = [0, 0, 30 * MINUTE, HOUR, 25 * HOUR]
"""How far a device's clock may be behind, from some time on: it is set, or stops and goes on."""
LONG = ["long", "longer"]
"""Sessions whose readings come in several records."""
OUTCOMES: list[Outcome] = [*MEASURED, "control-solution"]


def examples(number: int) -> int:
    """How many hypothesis tries: `make nightly` multiplies them (fewer: tests/whole_run.py)."""
    return round(number * max(1.0, float(os.environ.get("VITALWIRE_TEST_EXAMPLES", "1"))))


def search(number: int) -> settings:
    """Look for a difference, and tell it when it is found.

    To make its example small takes minutes of two engines, and hypothesis goes on with it when the
    time of the test is over: then nobody hears what was found. VITALWIRE_TEST_SHRINK=1 asks for it.
    """
    at_once = [Phase.explicit, Phase.reuse, Phase.generate]
    phases = [*Phase] if os.environ.get("VITALWIRE_TEST_SHRINK") else at_once
    return settings(max_examples=examples(number), phases=phases)


@dataclass(frozen=True)
class Scene:
    """Books as TOML, patients, and what arrives."""

    books: tuple[str, ...]
    patients: tuple[PatientEntry, ...]
    log: tuple[ReadingsRecord, ...]

    def rule_set(self) -> RuleSet:
        return arrange([read_book("generated", text) for text in self.books])


@st.composite
def measured(draw: st.DrawFn, at_ms: int) -> Measured:
    match draw(st.sampled_from(["pressure", "pressure", "pulse", "kPa", "mg/dL", "mmol/L"])):
        case "pressure":
            one = pressure(at_ms, draw(systolic), draw(diastolic), *draw(flags))
        case "pulse":
            one = pressure(at_ms, draw(systolic), draw(diastolic), *draw(flags))
            one = replace(one, quantities=one.quantities | {"pulse": quantity(draw(pulse), "/min")})
        case "kPa":
            values = draw(kilopascal), draw(st.sampled_from(["10.0", "12.0", "11.3"]))
            one = pressure(at_ms, *values, *draw(flags), unit="kPa")
        case "mg/dL":
            one = glucose(at_ms, draw(sugar))
        case _:
            one = glucose(at_ms, draw(sugar_mmol), "mmol/L")
    session = draw(st.sampled_from(["one", "one", "two", *LONG]))
    time = draw(st.sampled_from(UNDATED if session in LONG else QUALITIES))
    earliest_ms = at_ms - draw(st.sampled_from([0, HOUR, 5 * HOUR])) if time == "bounded" else None
    outcome = draw(st.sampled_from(OUTCOMES))
    return replace(
        one,
        time=time,
        earliest_ms=earliest_ms,
        outcome=outcome,
        session=session,
        attributes=draw(meals),
    )


def by_clock(one: Measured, behind_ms: int) -> Measured:
    """Date a reading by a device's clock that was stepped: nothing shows it but what it says."""
    return replace(one, at_ms=one.at_ms - behind_ms) if one.time == "device-clock" else one


@st.composite
def again(draw: st.DrawFn, one: Measured) -> Measured:
    """Let a reading come once more; its time is reckoned anew, by the clocks of that session."""
    other_ms = one.at_ms - draw(st.sampled_from([0, 0, 1000, HOUR, DAY]))
    name = one.name or f"{one.at_ms} {one.vital} {one.quantities}"
    return replace(one, at_ms=other_ms, name=name) if one.time == "device-clock" else one


@st.composite
def repeat(draw: st.DrawFn, one: Measured) -> Measured:
    """Let a cuff measure once more soon after; it may come whenever."""
    at_ms = one.at_ms + draw(st.sampled_from([-MINUTE, MINUTE, 4 * MINUTE, 14 * MINUTE, HOUR]))
    values = draw(st.sampled_from([one, one, one, pressure(0, 120)])).quantities
    status, quality = draw(st.sampled_from([("body-moved",), ()])), draw(st.sampled_from(QUALITIES))
    time = draw(st.sampled_from(["device-clock", "device-clock", quality]))
    said = replace(one, at_ms=at_ms, quantities=values, flags=status, time=time, name="")
    return replace(said, earliest_ms=None, session=f"repeat {at_ms}", outcome="measured")


def repeats(sent: Sequence[Measured]) -> st.SearchStrategy[list[Measured]]:
    """Repeat the last flagged one: in time, or when nobody waits for it any more."""
    flagged = [one for one in sent if "body-moved" in one.flags]
    return st.lists(repeat(flagged[-1]), max_size=1) if flagged else st.just([])


@st.composite
def context(draw: st.DrawFn, about: Measured) -> Measured:
    """What a meter says of a reading beside it, in a record of its own kind."""
    return Measured(
        "glucose_context",
        {"carbohydrate": quantity(10, "g")},
        about.at_ms,
        session=about.session,
        attributes=draw(meals),
        amends=about.reading_id,
    )


@st.composite
def logs(draw: st.DrawFn, names: Sequence[str], start_ms: int) -> tuple[ReadingsRecord, ...]:
    log: list[ReadingsRecord] = []
    sent: list[Measured] = []
    now_ms, behind_ms = start_ms, 0
    paces = draw(st.sampled_from([MINUTES, HOURS, DAYS]))
    delays = draw(
        st.sampled_from([[0], [0, 0, MINUTE, 20 * MINUTE], [0, HOUR, 5 * HOUR, 25 * HOUR]])
    )
    for number in range(draw(st.integers(1, 30))):
        now_ms += draw(st.sampled_from(paces))
        stamp_ms = now_ms - draw(st.sampled_from([0, 0, 0, 3 * MINUTE]))  # bridges' clocks differ
        if draw(st.integers(0, 7)) == 0:
            log.append(Tick(stamp_ms))
            continue
        minutes = st.sampled_from([0, 0, 0, MINUTE, 6 * MINUTE])
        if draw(st.integers(0, 9)) == 0:
            behind_ms = draw(st.sampled_from(STEPS))
        readings = [
            by_clock(
                draw(measured(stamp_ms - draw(st.sampled_from(delays)) - draw(minutes))), behind_ms
            )
            for _ in range(draw(st.integers(1, 3)))
        ]
        readings = [
            one if one.session in LONG else replace(one, session=f"{one.session} {number}")
            for one in readings
        ]
        if draw(st.integers(0, 2)) == 0:
            readings.append(draw(context(draw(st.sampled_from(readings)))))
        name = draw(st.sampled_from(names))
        if draw(st.integers(0, 7)) == 0:  # what is said of a reading may come before it
            early = draw(context(draw(st.sampled_from(readings))))
            log.append(record(stamp_ms, [early], name))
        if sent and draw(st.integers(0, 2)) == 0:  # of a record before
            readings.append(draw(context(draw(st.sampled_from(sent[-4:])))))
        if sent and draw(st.integers(0, 3)) == 0:
            readings.append(draw(again(draw(st.sampled_from(sent)))))
            if draw(st.booleans()):  # and more is said of it this time
                readings.append(draw(context(readings[-1])))
        readings += draw(repeats(sent[-6:]))
        sent += [one for one in readings if one.amends is None]
        if draw(st.integers(0, 9)) == 0:  # twice in one record
            readings.append(draw(st.sampled_from(readings)))
        log.append(record(stamp_ms, readings, name))
    log.append(Tick(now_ms + HOUR))
    return tuple(log)


@st.composite
def own_limits(draw: st.DrawFn, start_ms: int) -> PersonalLimit:
    from_ms = start_ms + draw(st.sampled_from([-DAY, 0, HOUR, DAY]))
    return PersonalLimit(
        "high-systolic",
        [f"{draw(st.sampled_from([120, 140, 170]))} mmHg"],
        "Dr. Grey",
        "physician",
        "known white-coat rise",
        from_ms,
        draw(st.sampled_from([None, from_ms + 2 * HOUR, from_ms + 3 * DAY])),
        entered_at_ms=draw(st.sampled_from([0, 1])),
    )


@st.composite
def patients(draw: st.DrawFn, start_ms: int) -> tuple[PatientEntry, ...]:
    def some_time() -> int:
        return start_ms + draw(st.sampled_from([0, 5 * HOUR, 3 * DAY]))

    at_midnight = start_ms in {MIDNIGHT_TWICE, NO_MIDNIGHT}
    zones = ["America/Santiago"] if at_midnight else ["America/New_York", "Asia/Kolkata", "UTC"]
    zone = draw(st.sampled_from(zones))
    moved = [ZonePeriod(some_time(), draw(st.sampled_from(["Europe/Berlin", "Pacific/Auckland"])))]
    robin = PatientEntry(
        "p1",
        "Robin",
        ["a", "b"],
        zone=zone,
        limits=draw(st.lists(own_limits(start_ms), max_size=2)),
        zones=draw(st.sampled_from([[], moved])),
        therapy_start_ms=draw(st.sampled_from([None, some_time()])),
    )
    return robin, PatientEntry("p2", "Kim", ["a"], zone=zone, care_plan_from_ms=some_time())


@st.composite
def scenes(draw: st.DrawFn, kinds: Sequence[str] = KINDS) -> Scene:
    begins = [NOON, NOON, CLOCKS_GO_BACK, CLOCKS_GO_BACK, MIDNIGHT_TWICE, NO_MIDNIGHT]
    start_ms = draw(st.sampled_from(begins))
    texts = draw(books("a", kinds)), draw(books("b", kinds))
    people = draw(patients(start_ms))
    names = draw(st.sampled_from([["p1"], ["p1", "p1", "p2"]]))
    return Scene(texts, people, draw(logs(names, start_ms)))
