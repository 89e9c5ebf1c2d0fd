"""Slots: small, and the same readings back; the bytes of a ring are read as they were written."""

import functools
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.ladders.kinds import kinds_of
from alerts.engine.ladders.ladder import RuleSet, VitalLadders, arrange
from alerts.engine.readings.columns import Gatherer
from alerts.engine.readings.sight import evidence_of
from alerts.engine.state.memory import DAYS_MAX, RECENT_MAX, RING_MAX, Memory
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.remembered import (
    by_receipt,
    came_late,
    censored,
    entries_of,
    evidence_of_entries,
    is_receipt,
    note_late,
    sight_of_entry,
    tenths_of,
    values_of_entries,
)
from alerts.rules.load import load_books
from alerts.rules.reader import read_book
from alerts.rules.values import NOT_ASSESSED, SET
from schemas.kafka import TimeQuality
from schemas.registry import PatientEntry
from schemas.vitals import VITALS
from tests.alerts.book_text import head, rule
from tests.alerts.readings import NOON, Measured, fresh_state, pressure, quantity, stamped

values = st.sampled_from(["HI", "LO", "NaN"]) | st.decimals(
    min_value=40, max_value=300, places=1
).map(str)


@functools.cache
def standard() -> RuleSet:
    names = {"adult-standard", "adult-diabetes", "oncology-antivegf"}
    return arrange([book for book in load_books() if book.name in names])


def blood_pressure() -> VitalLadders:
    return next(vital for vital in standard().vitals if vital.vital.name == "blood_pressure")


def gathered(*measured: Measured) -> Gatherer:
    gatherer = Gatherer(VITALS["blood_pressure"], frozenset())
    for number, one in enumerate(measured):
        place = (number, 0, 0, one.at_ms)
        gatherer.add(place, stamped(one, one.at_ms, number), alone=True, judged=True)
    return gatherer


def bytes_in_use(state: PartitionState, vital: VitalLadders) -> int:
    ladders = [ladder.index for ladder in vital.ladders]
    columns = (state.waits, state.latched, state.clear)
    wide = sum(column[:1, ladders].nbytes for column in columns)
    slot = state.memories[vital.index].layout.slot.itemsize
    return int(slot + wide + state.newest_ms.itemsize)


def test_a_patient_and_vital_take_at_most_1_kib() -> None:
    state = fresh_state(PatientEntry("p1", "Robin", ["adult-standard"]), rules=standard())
    for vital in standard().vitals:
        assert bytes_in_use(state, vital) <= 1024


@given(values, values, st.sampled_from([(), ("irregular-pulse",), ("body-moved",)]))
def test_a_ring_gives_back_what_was_measured(
    systolic: str, diastolic: str, flags: tuple[str, ...]
) -> None:
    gatherer = gathered(pressure(NOON, systolic, diastolic, *flags))
    columns, vital = gatherer.columns(), blood_pressure()
    kinds = kinds_of(vital)
    entries = entries_of(Memory(vital.vital).layout, columns)
    back = values_of_entries(entries, kinds)
    assert np.array_equal(back.number, columns.values.number, equal_nan=True)
    assert (back.beyond == columns.values.beyond).all()
    assert (back.status["irregular-pulse"][0] == SET) == ("irregular-pulse" in flags)
    sight = sight_of_entry(entries[0].item(), vital.vital, kinds)
    assert evidence_of_entries(entries, vital.vital, kinds) == [evidence_of(sight)]
    assert censored(entries)[0] == (not {"HI", "LO"}.isdisjoint([systolic, diastolic]))
    reading = gatherer.sources[0].reading
    assert (sight.reading_id, sight.status) == (reading.reading_id, list(flags))
    for name, kept in sight.quantities.items():
        received = reading.quantities[name]
        assert kept.absent == received.absent
        if kept.value is not None and received.value is not None:
            assert float(kept.value) == float(received.value)


def test_a_device_that_did_not_look_has_not_assessed() -> None:
    gatherer = gathered(pressure(NOON, 120))
    columns, vital = gatherer.columns(), blood_pressure()
    columns.flags[:] = 0
    entries = entries_of(Memory(vital.vital).layout, columns)
    back = values_of_entries(entries, kinds_of(vital))
    assert back.status["irregular-pulse"].tolist() == [NOT_ASSESSED]
    sight = sight_of_entry(entries[0].item(), vital.vital, kinds_of(vital))
    assert sight.status is None
    assert evidence_of_entries(entries, vital.vital, kinds_of(vital)) == [evidence_of(sight)]


def test_a_reading_is_known_until_it_is_forgotten_and_another_never() -> None:
    memory = Memory(blood_pressure().vital)
    (slot,) = memory.slots(np.array([7])).tolist()
    assert memory.remember_one(slot, 11)
    assert (memory.knows(slot, 11), memory.knows(slot, 12)) == (True, False)
    memory.forget_one(slot, 11)
    assert not memory.knows(slot, 11)
    assert memory.remember_one(slot, 11), "it may come again"


def test_a_slot_whose_recent_ones_are_all_one_knows_no_other() -> None:
    memory = Memory(blood_pressure().vital)
    (slot,) = memory.slots(np.array([7])).tolist()
    memory.remember_run(slot, np.full(RECENT_MAX, 11, np.uint64))
    assert (memory.knows(slot, 11), memory.knows(slot, 12)) == (True, False)


def test_a_ring_knows_whose_clock_each_time_is() -> None:
    """Only what its device dates may end what is critical."""
    clocks: list[TimeQuality] = ["device-clock", "receipt"]
    measured = [replace(pressure(NOON + n, 120), time=clocks[n % 2]) for n in range(8)]
    entries = entries_of(Memory(blood_pressure().vital).layout, gathered(*measured).columns())
    assert [is_receipt(entry.item()) for entry in entries] == [False, True] * 4
    assert by_receipt(entries).tolist() == [False, True] * 4


def test_a_late_reading_of_a_device_that_did_not_look_has_not_assessed_either() -> None:
    """The flags of an oximeter fill their column to the top: beside them that it came late."""
    vital = VITALS["oximetry"]
    book = read_book(
        "air.toml",
        head("air", '[vitals.oximetry]\nfresh = "1h"\nunits = ["%"]\n')
        + rule("weak", "status is inadequate-signal", vital="oximetry"),
    )
    (ladders,) = (one for one in arrange([book]).vitals if one.vital is vital)
    kinds = kinds_of(ladders)
    gatherer = Gatherer(vital, frozenset())
    one = Measured("oximetry", {"spo2": quantity(97, "%")}, NOON)
    gatherer.add((0, 0, 0, NOON), stamped(one, NOON), alone=True, judged=True)
    columns = gatherer.columns()
    columns.flags[:] = 0
    entries = entries_of(Memory(vital).layout, columns)
    note_late(entries, np.ones(1, np.bool_))
    assert came_late(entries).tolist() == [True]
    status = values_of_entries(entries, kinds).status["inadequate-signal"]
    assert status.tolist() == [NOT_ASSESSED]


def test_tenths_are_of_the_canonical_unit_and_rounded_half_up() -> None:
    measured = [
        pressure(NOON, "119.95", "119.94"),
        pressure(NOON, "16.0", "NaN", unit="kPa"),
        pressure(NOON, "HI", "80"),
    ]
    tenths = tenths_of(gathered(*measured).columns().values, VITALS["blood_pressure"])
    assert tenths[:, :2].tolist() == [[1200, 1199], [1200, 0], [0, 800]]


def test_evidence_of_several_entries_is_that_of_each() -> None:
    vital = blood_pressure()
    kinds = kinds_of(vital)
    entries = entries_of(
        Memory(vital.vital).layout,
        gathered(*(pressure(NOON + n, 120 + n, 80) for n in range(3))).columns(),
    )
    alone = [evidence_of(sight_of_entry(one.item(), vital.vital, kinds)) for one in entries]
    assert evidence_of_entries(entries, vital.vital, kinds) == alone


@given(st.integers(1, 3 * RING_MAX))
def test_a_ring_keeps_the_newest_in_order(count: int) -> None:
    vital = blood_pressure()
    memory = Memory(vital.vital)
    entries = entries_of(
        memory.layout, gathered(*(pressure(NOON + n, 120) for n in range(count))).columns()
    )
    slot = memory.slots(np.array([7]))
    for entry in entries:
        memory.push(slot, np.array([entry]))
    times = list(range(NOON, NOON + count))
    assert memory.ring(int(slot[0]))["at_ms"].tolist() == times[-RING_MAX:]
    last, there = memory.last(slot, 3)
    assert last["at_ms"][there].tolist() == times[::-1][:3]


def test_slots_are_given_to_whom_measures_and_grow() -> None:
    memory = Memory(VITALS["glucose"])
    memory.reserve(10_000)
    rows = np.arange(0, 10_000, 7)
    slots = memory.slots(rows)
    assert sorted(slots.tolist()) == list(range(len(rows)))
    assert (memory.slots(rows) == slots).all()
    assert memory.encoded(np.array([1])) == [b""]
    assert memory.days(slots).shape == (len(rows), DAYS_MAX)


def test_bytes_of_another_layout_are_refused() -> None:
    memory = Memory(VITALS["glucose"])
    known = memory.restore(np.array([0, 1]), [b"short", bytes(memory.layout.slot.itemsize)])
    assert known.tolist() == [False, True]
