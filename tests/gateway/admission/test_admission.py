"""Whom the gateway listens to."""

from dataclasses import replace

import pytest

from gateway.admission.admission import (
    Admission,
    AdmittedBy,
    Refusal,
    Standing,
    explain,
    refusal,
    repair_quirk,
    standing,
)
from schemas.gatt.quirks import OMRON
from schemas.reading import Device

ADDRESS = "C0:00:00:00:00:01"
ADMITTED = Admission(ADDRESS, AdmittedBy.PERSON, serial="C-0001")
SAYS = Device(ADDRESS, serial="C-0001")


def test_a_sighting_stands_by_bond_and_record() -> None:
    assert standing(ADMITTED, bonded=True) is Standing.ADMITTED
    assert standing(None, bonded=True) is Standing.OUTSIDER
    assert standing(None, bonded=False) is Standing.STRANGER
    assert standing(ADMITTED, bonded=False) is Standing.STRANGER


def test_only_the_admitted_device_over_its_bond_is_welcome() -> None:
    assert refusal(ADMITTED, SAYS, bonded=True) is None
    assert refusal(None, SAYS, bonded=True) is Refusal.NOT_ADMITTED
    assert refusal(ADMITTED, SAYS, bonded=False) is Refusal.NOT_ENCRYPTED
    other = Device(ADDRESS, serial="C-0002")
    assert refusal(ADMITTED, other, bonded=True) is Refusal.SERIAL


def test_blanks_around_a_serial_number_are_no_other_device() -> None:
    assert refusal(ADMITTED, Device(ADDRESS, serial=" C-0001 "), bonded=True) is None


@pytest.mark.parametrize(
    ("known", "said"), [("C-0001", None), (None, "C-0001"), (None, None), ("C-0001", "C-0002")]
)
def test_after_a_repair_without_a_person_the_serial_number_must_prove_it(
    known: str | None, said: str | None
) -> None:
    admission = replace(ADMITTED, serial=known)
    device = Device(ADDRESS, serial=said)
    assert refusal(admission, device, bonded=True, repaired=True) is Refusal.SERIAL
    assert refusal(ADMITTED, SAYS, bonded=True, repaired=True) is None


def test_a_device_that_said_no_serial_number_is_known_by_its_bond() -> None:
    assert refusal(replace(ADMITTED, serial=None), SAYS, bonded=True) is None
    assert refusal(ADMITTED, Device(ADDRESS), bonded=True) is None


def test_only_a_model_that_drops_its_bond_may_be_repaired_and_only_if_its_serial_is_known() -> None:
    omron = replace(ADMITTED, name="BLESmart_0000021F28FFB2", model="HEM-7380T1")
    assert repair_quirk(omron) is OMRON
    assert repair_quirk(replace(omron, serial=None)) is None
    assert repair_quirk(replace(ADMITTED, model="UA-651BLE")) is None
    assert repair_quirk(ADMITTED) is None
    assert repair_quirk(None) is None


@pytest.mark.parametrize("refused", Refusal)
def test_every_refusal_is_explained_with_the_way_out(refused: Refusal) -> None:
    assert f"vitalwire gateway pair {ADDRESS}" in explain(refused, ADDRESS)
