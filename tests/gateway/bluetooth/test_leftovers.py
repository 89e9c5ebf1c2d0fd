"""What a visit that was cut off left: attributed by the bond, refused, or kept until one can tell.

The journal holds what a killed daemon's would.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import pytest

from gateway import metrics
from gateway.admission.admission import Admission, AdmittedBy
from gateway.admission.admissions import Admissions
from gateway.bluetooth import harvest
from gateway.bluetooth.leftovers import Leftovers
from gateway.journal.journal import Journal
from gateway.record import BLOOD_PRESSURE, DeviceClock, Notification, SessionFacts
from schemas.clock import SystemClock
from schemas.errors import UnavailableError
from schemas.gatt import uuids
from schemas.reading import Capture, Device
from simulators.peripherals import Cuff
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CUFF_ADDRESS, eventually, make_cuff
from tests.gateway.bluetooth.eager import EagerCuff, Then
from tests.gateway.bluetooth.people import gateway
from tests.gateway.bluetooth.side import BluetoothSide, alive
from tests.gateway.records import SHOWN, cuff_payload

LEFT = cuff_payload()
WITHIN_S = 30.0
Started = Callable[[], AbstractAsyncContextManager[BluetoothSide]]


def leave(state: Path, *, admitted: bool = True, doubted: bool = False) -> None:
    """Write what a daemon had written that was killed before the cuff said who it is."""
    clock = SystemClock()
    capture = Capture(clock.boot_id, clock.monotonic_ms())
    facts = SessionFacts(
        "cut-off", Device(CUFF_ADDRESS), DeviceClock(SHOWN, capture.monotonic_ms), name="BLOOD CUFF"
    )
    with closing(Journal(state, "f" * 16)) as journal, Admissions(state) as admissions:
        if doubted:
            journal.refuse("an earlier visit", CUFF_ADDRESS)
        journal.hold_back(
            Notification(CUFF_ADDRESS, BLOOD_PRESSURE, LEFT, "cut-off", capture), facts
        )
        admissions.adopt([])
        if admitted:
            admissions.admit(
                Admission(CUFF_ADDRESS, AdmittedBy.PERSON, "BLOOD CUFF", serial="C-0001")
            )


@pytest.fixture
def started(world: BluetoothWorld, tmp_path: Path) -> Started:
    return lambda: alive(BluetoothSide(tmp_path, "hci0"))


async def test_the_bond_says_whose_it_is(cuff: Cuff, started: Started, tmp_path: Path) -> None:
    """Its next visit may be days away."""
    leave(tmp_path)
    async with started() as side:
        await eventually(lambda: side.payloads == [LEFT])
        facts = side.journal.facts(side.kept[0])
        assert facts.device == Device(CUFF_ADDRESS, serial="C-0001")
        assert facts.ended
        assert facts.clock is not None
        assert side.journal.anteroom.sessions() == []
        assert (side.visits, cuff.pending) == (0, 0)
    async with started() as side:
        later = cuff.take(130, 85, 70)
        await side.visited(1)
        assert side.payloads == [later]


async def test_a_clock_that_is_read_behind_a_notification_is_kept_for_it(tmp_path: Path) -> None:
    """Of a visit that ends before it knows from whom that was; without its clock it has no age."""
    side = BluetoothSide(tmp_path, "hci0")
    brought = harvest.Harvest(SessionFacts("cut-off", Device(CUFF_ADDRESS)), side.devices._around)
    brought.hold_back()
    brought.capture(uuids.BLOOD_PRESSURE_MEASUREMENT, LEFT)
    brought.note_clock(DeviceClock(SHOWN, 7))
    assert side.journal.facts_of("cut-off", CUFF_ADDRESS).clock == DeviceClock(SHOWN, 7)
    brought.end(complete=False)
    assert side.journal.facts_of("cut-off", CUFF_ADDRESS).clock == DeviceClock(SHOWN, 7)
    side.close()


async def test_at_its_next_visit_it_comes_before_what_is_new(
    cuff: Cuff, started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(_: Leftovers) -> None:
        """As if bluetoothd had not answered yet."""

    monkeypatch.setattr(Leftovers, "look", look)
    leave(tmp_path)
    later = cuff.take(130, 85, 70)
    async with started() as side:
        await side.visited(1)
        assert side.payloads == [LEFT, later]
        assert [side.journal.facts(one).device.model for one in side.kept] == ["Cuff One"] * 2


@pytest.mark.parametrize(("admitted", "doubted"), [(False, False), (True, True)])
async def test_of_a_device_that_nobody_paired_here_or_that_was_refused_it_is_dropped_and_counted(
    cuff: Cuff, started: Started, tmp_path: Path, admitted: bool, doubted: bool
) -> None:
    leave(tmp_path, admitted=admitted, doubted=doubted)
    before = metrics.refused()["notifications"]
    async with started() as side:
        await eventually(lambda: side.journal.anteroom.sessions() == [])
        assert metrics.refused()["notifications"] == before + 1
        assert side.payloads == []
        assert cuff.pending == 0


async def test_a_refusal_that_the_disk_did_not_take_yet_is_not_judged_over(
    cuff: Cuff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bond would say that it is welcome, and the doubt would be gone."""

    def full(_session_id: str, _address: str) -> int:
        raise UnavailableError("The journal's disk fails: it is full.", "Free space on it.")

    leave(tmp_path)
    side = BluetoothSide(tmp_path, "hci0")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(side.journal, "refuse", full)
        side.intake.refuse("cut-off", CUFF_ADDRESS)
    async with alive(side):
        await side.bluez.ready.wait()
        await side.devices._leftovers.look()
        assert side.journal.anteroom.count(CUFF_ADDRESS) == 1
        side.intake.retry()
        assert side.journal.anteroom.sessions() == []
        assert side.journal.devices.is_doubted(CUFF_ADDRESS)
    assert (side.payloads, cuff.pending) == ([], 0)


async def test_without_the_bond_it_waits_for_a_person(
    world: BluetoothWorld, started: Started, tmp_path: Path
) -> None:
    leave(tmp_path)
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    async with started() as side:
        await eventually(
            lambda: any("its pairing is gone" in problem for problem in side.devices.problems)
        )
        assert side.payloads == []
        code, _, complained = await gateway("pair", CUFF_ADDRESS, state=tmp_path)
        assert (code, complained) == (0, "")
        # A visit that the pairing has caused may take its whole wake window first.
        await eventually(lambda: side.payloads == [LEFT], WITHIN_S)
        await eventually(
            lambda: not any("its pairing" in one for one in side.devices.problems), WITHIN_S
        )


async def test_a_visit_that_ends_with_bluetoothd_leaves_nothing_behind(
    world: BluetoothWorld, side: BluetoothSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harvest, "SILENCE_S", 0.1)
    cuff = EagerCuff(make_cuff(), Then.HANGS, monkeypatch)
    taken = [cuff.take(120, 80, 70)]
    await world.add(cuff, bonded=True)
    await side.visited(1)
    cuff.begin(remembers=True)
    taken.append(cuff.take(121, 81, 70))
    await eventually(lambda: side.journal.anteroom.count(CUFF_ADDRESS) == 1 and not cuff.pending)
    assert side.payloads == taken[:1]
    await world.crash()
    await side.visited(2)
    assert side.payloads == taken  # by the bond, though nobody is there any more to be asked for it
    await world.restart()
    await eventually(lambda: side.devices.problems == [])
    assert side.payloads == taken
