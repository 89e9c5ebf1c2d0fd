"""What one session brings, without a device: who is refused brings nothing more, nor early."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import cast

import pytest

from gateway import metrics
from gateway.admission.admission import Admission, AdmittedBy
from gateway.admission.admissions import Admissions
from gateway.bluetooth.acquaintance import Acquaintance
from gateway.bluetooth.bluez import Bluez
from gateway.bluetooth.doorkeeper import Doorkeeper
from gateway.bluetooth.harvest import Harvest, Surroundings
from gateway.bluetooth.leftovers import Leftovers
from gateway.bluetooth.recognition import Recognition
from gateway.journal.intake import Intake
from gateway.journal.journal import Journal
from gateway.record import DeviceClock, SessionFacts
from schemas.gatt import uuids
from schemas.gatt.blood_pressure_record import Record, encode_segment, split
from schemas.reading import Device
from tests.gateway.hand_clock import HandClock
from tests.gateway.records import ADDRESS, CLOCK_READ, STREAM, cuff_payload


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    clock, rng = HandClock(true=True), Random(1)
    with closing(Journal(tmp_path, STREAM)) as journal, Admissions(tmp_path) as admissions:
        yield Surroundings(
            journal=journal,
            clock=clock,
            rng=rng,
            intake=Intake(journal, clock, lambda _record: None),
            told=lambda _session: None,
            admissions=admissions,
            doorkeeper=Doorkeeper(admissions, rng),
        )


def harvest(around: Surroundings, session: str = "a") -> Harvest:
    return Harvest(SessionFacts(session, Device(ADDRESS)), around)


def held(around: Surroundings) -> int:
    return len(around.journal.custody.held_after(0, 100))


@pytest.mark.parametrize("early", [True, False])
def test_what_comes_behind_a_refusal_is_dropped_and_counted(
    around: Surroundings, early: bool
) -> None:
    brought = harvest(around)
    if early:
        brought.hold_back()
        brought.capture(uuids.BLOOD_PRESSURE_MEASUREMENT, cuff_payload())
    brought.refuse()
    before = metrics.refused()["notifications"]
    brought.capture(uuids.BLOOD_PRESSURE_MEASUREMENT, cuff_payload())
    assert metrics.refused()["notifications"] == before + 1
    assert (held(around), around.journal.anteroom.count(ADDRESS), brought.captured) == (0, 0, 0)


def test_a_visit_that_brought_no_whole_record_says_nothing_of_what_is_missing(
    around: Surroundings,
) -> None:
    """A cuff that leaves after a part of its only record may bring the rest next time."""
    record = Record(sequence=7, characteristic=0x2A35, payload=cuff_payload())
    first, *_ = (encode_segment(part) for part in split(record, 5, checksum=False))
    brought = harvest(around)
    brought.capture(uuids.BLOOD_PRESSURE_RECORD, first)
    brought.end(complete=True)
    assert held(around) == 0


@pytest.mark.parametrize("clock", [None, CLOCK_READ])
def test_only_a_clock_that_cannot_be_read_is_guessed_by_its_stamps(
    around: Surroundings, clock: DeviceClock | None
) -> None:
    brought = harvest(around)
    if clock is not None:
        brought.note_clock(clock)
    brought.capture(uuids.BLOOD_PRESSURE_MEASUREMENT, cuff_payload())
    brought.end(complete=True)
    guessed = bool(brought.facts.coincidences)
    assert guessed is bool(around.journal.devices.timeline(ADDRESS).coincidences) is (clock is None)


@pytest.mark.parametrize("doubted", [True, False])
def test_who_was_refused_is_not_listened_to_early_though_the_disk_took_no_note_of_it(
    around: Surroundings, doubted: bool
) -> None:
    around.admissions.admit(Admission(ADDRESS, AdmittedBy.PERSON, "CUFF", model="Cuff One"))
    known = Acquaintance(Device(ADDRESS), seen_ms=0, asked=True, doubted=doubted)
    recognition = Recognition(known, harvest(around), around)
    assert recognition.may_listen_early() is not doubted


class Bonded:
    """An adapter that holds a bond with everybody."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ready.set()

    async def is_bonded(self, _address: str) -> bool:
        return True


@pytest.mark.parametrize("busy", [True, False])
async def test_what_a_visit_that_runs_holds_back_is_left_to_it(
    around: Surroundings, busy: bool
) -> None:
    """It knows more soon: its serial number may say that this is another device."""
    around.admissions.admit(Admission(ADDRESS, AdmittedBy.PERSON, "CUFF"))
    brought = harvest(around)
    brought.hold_back()
    brought.capture(uuids.BLOOD_PRESSURE_MEASUREMENT, cuff_payload())
    await Leftovers(around, [cast("Bluez", Bonded())], lambda _address: busy).look()
    assert (around.journal.anteroom.count(ADDRESS), held(around)) == ((1, 0) if busy else (0, 1))
