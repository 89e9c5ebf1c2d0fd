"""What a device cannot notice is not clear: such a reading neither fires nor ends a rule."""

import dataclasses

import msgspec
import numpy as np
import pytest

from alerts.engine.ladders.alone import is_true
from alerts.engine.ladders.kinds import kinds_of
from alerts.engine.ladders.ladder import Rung, arrange
from alerts.engine.readings.columns import Gatherer
from alerts.engine.readings.sight import sight_of
from alerts.engine.state.memory import Layout, Memory
from alerts.engine.state.remembered import (
    came_late,
    entries_of,
    note_late,
    sight_of_entry,
    values_of_entries,
)
from alerts.engine.step import step
from alerts.rules.flags import known_flags
from alerts.rules.load import load_books
from alerts.rules.reader import read_book
from alerts.rules.values import CLEAR, NOT_ASSESSED, SET
from schemas.alert import Transition
from schemas.kafka import PatientReadings, StampedReading
from schemas.registry import PatientEntry
from schemas.vitals import VITALS
from tests.alerts.book_text import PRESSURE, head, rule
from tests.alerts.engine.correcting import correction, events
from tests.alerts.readings import HOUR, NOON, at_once, fresh_state, pressure, record, stamped

IRREGULAR = "irregular-pulse"


def blind(one: PatientReadings, silent: str = IRREGULAR) -> PatientReadings:
    """The same by a cuff whose features say that it cannot set a flag."""
    readings = [
        msgspec.structs.replace(
            each,
            reading=msgspec.structs.replace(each.reading, attributes={"not_assessed": silent}),
        )
        for each in one.readings
    ]
    return msgspec.structs.replace(one, readings=readings)


def judged(*log: PatientReadings) -> list[Transition]:
    state = fresh_state(
        PatientEntry("p1", "Robin", ["adult-standard"]), rules=arrange(load_books())
    )
    return [one for one in step(state, log).transitions if one.ladder == "pulse-irregular"]


def hourly(*flags: tuple[str, ...]) -> list[PatientReadings]:
    made = [pressure(NOON + n * HOUR, 120, 80, *flag) for n, flag in enumerate(flags)]
    return [record(one.at_ms, [one]) for one in made]


def test_a_cuff_that_does_not_look_ends_no_alert_about_an_irregular_pulse() -> None:
    first, second, third, fourth = hourly((IRREGULAR,), (IRREGULAR,), (), ())
    assert events(judged(first, second, third, fourth)) == ["onset", "returned"]
    assert events(judged(first, second, blind(third), blind(fourth))) == ["onset"]
    assert events(judged(first, second, blind(third, "body-moved"), fourth)) == [
        "onset",
        "returned",
    ]


def test_the_sentence_says_how_many_did_not_look() -> None:
    first, second, third = hourly((IRREGULAR,), (), (IRREGULAR,))
    (told,) = judged(first, blind(second), third)
    assert (
        "in 2 of the last 3 readings (1 of them by devices that do not look for it)" in told.reason
    )
    assert [one.not_assessed for one in told.window] == [[], [IRREGULAR], []]
    (told,) = judged(first, second, third)
    assert "look for" not in told.reason


def test_a_flag_that_is_set_all_the_same_counts() -> None:
    first, second = hourly((IRREGULAR,), (IRREGULAR,))
    assert events(judged(blind(first), blind(second))) == ["onset"]


def test_what_the_device_cannot_set_is_not_flagged_and_is_told() -> None:
    severe = record(NOON, [pressure(NOON, 192, 124)])
    state = fresh_state(PatientEntry("p1", "Robin", ["adult-standard"]))
    (onset,) = step(state, [blind(severe, "body-moved cuff-too-loose")]).transitions
    assert onset.marks == []
    assert onset.evidence.status == []
    assert onset.evidence.not_assessed == ["body-moved", "cuff-too-loose"]


def test_a_correction_does_not_make_a_blind_device_look() -> None:
    first, second, third, fourth = hourly((IRREGULAR,), (IRREGULAR,), (), ())
    was = pressure(NOON + 3 * HOUR, 120, 80)
    again = correction(was, pressure(was.at_ms, 122, 80), was.at_ms)
    log = [first, second, blind(third), blind(fourth)]
    state = fresh_state(
        PatientEntry("p1", "Robin", ["adult-standard"]), rules=arrange(load_books())
    )
    step(state, [*log, again])
    found = step(state, at_once(pressure(NOON + 4 * HOUR, 121, 80))).transitions
    assert [one for one in found if one.ladder == "pulse-irregular"] == []


def _stamped(silent: str, *flags: str) -> StampedReading:
    return blind(record(NOON, [pressure(NOON, 120, 80, *flags)]), silent).readings[0]


def test_one_reading_by_itself_is_judged_the_same() -> None:
    text = head("one", PRESSURE) + rule("regular", "not status is irregular-pulse", severity="info")
    book = read_book("one.toml", text)
    rung = Rung(book.rules[0], book, 3, HOUR)
    assert is_true(rung, sight_of(stamped(pressure(NOON, 120), NOON)), {}, {})
    assert not is_true(rung, sight_of(_stamped(IRREGULAR)), {}, {})


@pytest.mark.parametrize("vital", ["blood_pressure", "glucose", "oximetry"])
def test_a_ring_knows_what_was_not_looked_for(vital: str) -> None:
    known = known_flags(vital)
    kinds = kinds_of(
        next(one for one in arrange(load_books()).vitals if one.vital.name == "glucose")
    )
    kinds = dataclasses.replace(kinds, flags=known, known_flags=known, requirements=())
    layout = Layout(VITALS[vital])
    assert layout.slot.itemsize <= 1024
    one = _stamped(f"{known[1]} {known[-1]}", known[0], known[-2])
    one = msgspec.structs.replace(
        one, reading=msgspec.structs.replace(one.reading, vital=vital, quantities={})
    )
    gatherer = Gatherer(VITALS[vital], frozenset())
    gatherer.add((0, 0, 0, NOON), one, alone=True, judged=True)
    entries = entries_of(layout, gatherer.columns())
    assert not came_late(entries)[0]
    note_late(entries, np.array([True]))
    assert came_late(entries)[0]
    status = values_of_entries(entries, kinds).status
    said = {name: int(status[name][0]) for name in known}
    expected = dict.fromkeys(known, CLEAR) | dict.fromkeys((known[0], known[-2]), SET)
    assert said == expected | dict.fromkeys((known[1], known[-1]), NOT_ASSESSED)
    sight = sight_of_entry(entries[0].item(), VITALS[vital], kinds)
    assert (sight.status, sight.silent) == ([known[0], known[-2]], [known[1], known[-1]])


@pytest.mark.parametrize(("vital", "flags"), [("glucose", "<u2"), ("oximetry", "<u4")])
def test_a_slot_of_the_release_before_is_read(vital: str, flags: str) -> None:
    former, memory = Layout(VITALS[vital], flags), Memory(VITALS[vital])
    assert former.slot.itemsize < memory.layout.slot.itemsize
    slot = np.zeros(1, former.slot)
    slot["recent"][0, 0], slot["recent_count"], slot["ring_count"] = 7, 1, 2
    slot["days"]["readings"][0, 3] = 5
    assessed = 1 << (8 * former.entry["flags"].itemsize - 1)
    slot["ring"]["flags"][0, :2] = (assessed | 0b101, 0)
    slot["ring"]["at_ms"][0, :2] = (NOON, NOON + 1)
    assert memory.restore(np.array([3]), [slot.tobytes()]).all()
    found = memory.table[int(memory.slot_of[3])]
    assert (found["recent"][0], found["days"]["readings"][3]) == (7, 5)
    ring = memory.ring(int(memory.slot_of[3]))
    highest = 1 << (8 * memory.layout.entry["flags"].itemsize - 1)
    assert ring["flags"].tolist() == [highest | 0b101, 0]
    assert ring["at_ms"].tolist() == [NOON, NOON + 1]
