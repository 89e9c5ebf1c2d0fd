"""Columns of a history against its records, over books and readings that nobody wrote."""

from dataclasses import replace

import pandas as pd
from hypothesis import given, settings
from msgspec.structs import replace as replaced

from alerts.backtest.history import history
from alerts.backtest.replay import AFTERWARDS_MS, kept, play
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.errors import InvalidInput
from schemas.kafka import PatientReadings, ReadingsRecord, StampedReading, Tick
from schemas.plausible import check_values
from schemas.vitals import VITALS
from simulators.cohort.tables import reading_columns
from tests.alerts.book_text import PRESSURE, head, rule
from tests.alerts.engine.rule_books import KINDS
from tests.alerts.engine.scenes import Scene, examples, scenes
from tests.alerts.readings import MINUTE, NOON, fresh_state, pressure, record

STORED = tuple(kind for kind in KINDS if kind != "circumstantial")
"""A history says nothing of circumstances."""
OF_DATES = {"inactive", "limit-expiring"}
"""Nor of dates, which are work of the day."""


def stored(log: tuple[ReadingsRecord, ...]) -> list[PatientReadings]:
    """Leave of a log what a table of readings can say: each record later than all before it."""
    found: list[PatientReadings] = []
    for one in log:
        later = not found or one.received_at_ms > found[-1].received_at_ms
        if isinstance(one, PatientReadings) and later:
            readings = [
                _of_a_session_here(each, one.received_at_ms)
                for each in one.readings
                if each.reading.amends is None and _passes_the_bridge(each, one.received_at_ms)
            ]
            found.append(replaced(one, readings=readings))
    return found


def _passes_the_bridge(one: StampedReading, received_ms: int) -> bool:
    """A history leaves out what no log of a clinic holds.

    That is a systolic below its diastolic, and what came before it was measured: a scene may
    deliver a repeat a second time, in a record that is older than the repeat.
    """
    if one.stamp.measured_at_ms > received_ms:
        return False
    try:
        check_values(VITALS[one.reading.vital], one.reading.quantities)
    except InvalidInput:
        return False
    return True


def _of_a_session_here(one: StampedReading, received_ms: int) -> StampedReading:
    """A table knows from the start whether later records are of a session; a log does not."""
    session_id = f"{one.reading.session_id} at {received_ms}"
    return replaced(one, reading=replaced(one.reading, session_id=session_id))


def by_columns(scene: Scene, log: list[PatientReadings]) -> list[Transition]:
    books = [read_book("generated", text) for text in scene.books]
    return play(history(pd.DataFrame(reading_columns(log))), books, scene.patients).transitions


def by_records(scene: Scene, log: list[PatientReadings]) -> list[Transition]:
    state = fresh_state(*scene.patients, rules=scene.rule_set())
    found = step(state, [*log, Tick(log[-1].received_at_ms + AFTERWARDS_MS)]).transitions
    return [one for one in kept(found) if one.event not in OF_DATES]


def told(found: list[Transition]) -> list[str]:
    """Compare what is said, not how a value is written: a table has no word for NaN."""
    plain = [
        replaced(one, reason="", evidence=replaced(one.evidence, quantities={}))
        for one in found
        if one.event not in OF_DATES
    ]
    return sorted(map(str, plain))


@settings(max_examples=examples(25))
@given(scenes(STORED))
def test_columns_say_what_records_say_under_books_that_nobody_wrote(scene: Scene) -> None:
    log = stored(scene.log)
    if log:
        assert told(by_columns(scene, log)) == told(by_records(scene, log))


def test_a_receipt_time_is_no_measurement_among_other_readings_of_its_session() -> None:
    """The newest of three readings without a time is no more in windows than the other two."""
    text = head("a", PRESSURE) + rule(
        "a", "systolic > 140 mmHg", "window = { matching = 1, of = 1 }", ladder="bp-high"
    )
    newest = replace(pressure(NOON, 150), time="receipt")
    other = replace(pressure(NOON - MINUTE, 150), time="untrusted")
    book = read_book("generated", text)
    earlier, alone = (record(NOON - MINUTE, [replace(other, session=name)]) for name in "ab")
    last = record(NOON, [replace(newest, session="a")])
    for log, events in (
        ([record(NOON, [newest])], ["onset"]),
        ([record(NOON, [other, newest])], []),
        ([earlier, last], []),
        ([alone, last], ["onset"]),
    ):
        table = pd.DataFrame(reading_columns(log))
        assert [one.event for one in play(history(table), [book]).transitions] == events
