"""Bonds that a device drops by itself: made anew without a person, but never with somebody else."""

from dataclasses import replace

import pytest
import pytest_asyncio

from gateway.admission.admission import Admission, AdmittedBy
from gateway.bluetooth.acquaintance import Acquaintance
from gateway.bluetooth.harvest import Harvest
from gateway.bluetooth.recognition import Recognition
from gateway.record import SessionFacts
from gateway.visits import dialling
from schemas.reading import Device
from simulators.peripherals import Cuff
from simulators.peripherals.models import CUFFS
from simulators.peripherals.pairing import Bonds
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CLOCK, CUFF_ADDRESS, eventually
from tests.gateway.bluetooth.side import BluetoothSide


def omron(*, serial: str | None = None) -> Cuff:
    """A cuff that forgets its bonds whenever a link ends."""
    cuff = CUFFS["omron"].build(CUFF_ADDRESS, CLOCK)
    if serial is not None:
        cuff.identity = replace(cuff.identity, serial=serial)
    return cuff


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "REST_AFTER_FAILURE_FIRST_MS", 10)


@pytest_asyncio.fixture
async def admitted(world: BluetoothWorld, side: BluetoothSide) -> Cuff:
    """An Omron cuff that a person paired, whose serial number is on record."""
    cuff = omron()
    identity = cuff.identity
    side.admissions.admit(
        Admission(
            CUFF_ADDRESS,
            AdmittedBy.PERSON,
            name=identity.name,
            model=identity.model,
            manufacturer=identity.manufacturer,
            serial=identity.serial,
        )
    )
    await world.add(cuff, bonded=True)
    return cuff


@pytest.mark.timeout(330)
async def test_omron_is_paired_anew_each_time_and_loses_nothing(
    admitted: Cuff, side: BluetoothSide
) -> None:
    taken = []
    for number in range(3):
        taken.append(admitted.take(120 + number, 80, 70))
        # Once it has left: what is taken while the link lasts needs no new bond. A link that comes
        # about as its request is cancelled is known to no kernel: it lasts until the cuff ends it.
        await eventually(lambda: side.payloads == taken and not admitted.is_connected, within_s=100)
    await eventually(lambda: admitted.pending == 0)


async def false_one_refused(
    world: BluetoothWorld, side: BluetoothSide, serial: str = "FALSE"
) -> Cuff:
    """A cuff of the same address and model that wants to be paired, and is told by its serial."""
    false = omron(serial=serial)
    false.take(250, 150, 70)
    await world.add(false, bonded=False)
    await false.set_pairing_mode(on=True)
    # The real bluetoothd lets one connection after another fail, and the first bond hang.
    await eventually(lambda: side.tells("another serial number"), within_s=100)
    return false


@pytest.mark.timeout(240)
@pytest.mark.parametrize("serial", ["FALSE", ""], ids=["another number", "no number"])
async def test_another_device_in_its_place_is_refused_and_its_bond_forgotten(
    admitted: Cuff, world: BluetoothWorld, side: BluetoothSide, serial: str
) -> None:
    """Also one that says no number, in a run that has read the true one's before."""
    taken = admitted.take(120, 80, 70)
    await eventually(lambda: side.payloads == [taken])
    await world.remove(admitted)

    def no_further_visit() -> None:  # for that would forget the bond, to make it anew
        if side.tells("another serial number"):
            side.intake.problem = "the disk is full"

    side.devices.visited = no_further_visit
    false = await false_one_refused(world, side, serial)
    await eventually(lambda: not world.is_paired(false))
    assert (side.payloads, false.pending) == ([taken], 1)


@pytest.mark.timeout(240)
async def test_the_true_one_is_read_after_a_false_one_was_refused(
    admitted: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    first = admitted.take(120, 80, 70)
    # Before the cuff knows it, it would keep the reading, and give it once more.
    await eventually(lambda: side.payloads == [first] and admitted.pending == 0)
    await world.remove(admitted)
    false = await false_one_refused(world, side)
    await world.remove(false)
    second = admitted.take(130, 85, 71)
    await world.add(admitted, bonded=False)
    await eventually(lambda: side.payloads == [first, second])
    await eventually(lambda: not side.tells(CUFF_ADDRESS))


async def test_without_a_serial_number_on_record_only_a_person_pairs(
    world: BluetoothWorld, side: BluetoothSide
) -> None:
    cuff = omron()
    side.admissions.admit(Admission(CUFF_ADDRESS, AdmittedBy.PERSON, name=cuff.name))
    await world.add(cuff, bonded=True)
    await cuff.forget_bonds()
    cuff.take(120, 80, 70)
    # The real bluetoothd lets several visits fail, with rests between them: 24 to 40 s were seen.
    asked = f"vitalwire gateway pair {CUFF_ADDRESS}"
    await eventually(lambda: side.tells(asked), within_s=100)
    assert side.payloads == []
    assert world.is_paired(cuff)  # ours is kept: nobody gave it up


async def test_who_does_not_let_itself_be_paired_anew_is_named(
    admitted: Cuff, world: BluetoothWorld, side: BluetoothSide
) -> None:
    """It has another host now, and takes no second one."""
    await world.remove(admitted)
    admitted.bonds = Bonds(replace(admitted._habits, bonds_max=0))
    admitted.take(120, 80, 70)
    await world.add(admitted, bonded=False)
    await eventually(lambda: side.tells(f"{CUFF_ADDRESS} has forgotten this gateway"))
    assert side.payloads == []


async def test_who_was_paired_anew_says_who_it_is_before_it_is_listened_to(
    side: BluetoothSide,
) -> None:
    """Whatever its kind: were the visit cut off, its new bond would speak for what it sent."""
    side.admissions.admit(Admission(CUFF_ADDRESS, AdmittedBy.PERSON, model="Cuff One"))
    known, around = Acquaintance(Device(CUFF_ADDRESS), 0, asked=True), side.devices._around
    recognition = Recognition(known, Harvest(SessionFacts("s", known.device), around), around)
    assert recognition.may_listen_early()
    recognition.bonded_anew = True
    assert not recognition.may_listen_early()
