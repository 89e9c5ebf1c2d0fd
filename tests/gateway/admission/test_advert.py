"""What a device tells from afar."""

import pytest

from gateway.admission.advert import KINDS, advert
from schemas.gatt import omron_advertisement, uuids
from schemas.gatt.omron_advertisement import Advertisement, Flags, Memory

ADDRESS = "c0:00:00:00:00:01"
BLOOD_PRESSURE = uuids.full(uuids.BLOOD_PRESSURE_SERVICE)


def omron(flags: Flags) -> dict[int, bytes]:
    told = Advertisement(flags=flags, users=(Memory(720, 100), Memory(17, 17)))
    return {omron_advertisement.COMPANY: omron_advertisement.encode(told)}


def test_a_plain_device() -> None:
    one = advert({"Address": ADDRESS, "Alias": "CUFF", "UUIDs": [BLOOD_PRESSURE], "RSSI": -70})
    assert (one.address, one.name, one.kinds) == (ADDRESS.upper(), "CUFF", ("blood pressure",))
    assert (one.rssi_dbm, one.records, one.pairing_mode, one.bonded) == (-70, None, None, False)
    assert one.ours


@pytest.mark.parametrize("uuid", KINDS)
def test_every_kind_of_device_is_ours(uuid: str) -> None:
    assert advert({"Address": ADDRESS, "UUIDs": [uuid]}).ours


def test_a_known_make_is_ours_by_its_name_and_a_lamp_is_not() -> None:
    assert advert({"Address": ADDRESS, "Alias": "BLEsmart_0001"}).ours
    assert not advert({"Address": ADDRESS, "Alias": "Lamp"}).ours


def test_omron_tells_what_it_holds_and_whether_it_waits_for_pairing() -> None:
    waits = advert({"Address": ADDRESS, "ManufacturerData": omron(Flags.PAIRING_MODE)})
    assert (waits.records, waits.pairing_mode) == (117, True)
    idle = advert({"Address": ADDRESS, "ManufacturerData": omron(Flags(0))})
    assert idle.pairing_mode is False


def test_what_omron_says_of_something_else_is_nothing() -> None:
    told = {omron_advertisement.COMPANY: b"\x02\x00"}
    assert advert({"Address": ADDRESS, "ManufacturerData": told}).records is None


def test_the_flags_tell_pairing_mode_where_bluetoothd_shows_them() -> None:
    assert advert({"Address": ADDRESS, "AdvertisingFlags": b"\x05"}).pairing_mode is True
    assert advert({"Address": ADDRESS, "AdvertisingFlags": b"\x06"}).pairing_mode is False


def test_a_key_that_is_kept_is_a_bond_and_older_bluez_says_only_paired() -> None:
    assert not advert({"Address": ADDRESS, "Paired": True, "Bonded": False}).bonded
    assert advert({"Address": ADDRESS, "Paired": True, "Bonded": True}).bonded
    assert advert({"Address": ADDRESS, "Paired": True}).bonded
