import pytest

from schemas.gatt import omron_advertisement
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.omron_advertisement import Advertisement, Flags, Memory


def test_a_real_cuff_tells_the_records_of_both_users() -> None:
    # github.com/custom-components/ble_monitor/issues/1003
    advertisement = omron_advertisement.decode(bytes.fromhex("0101D00264110011"))
    assert advertisement.users == (Memory(720, 100), Memory(17, 17))
    assert advertisement.flags == Flags(0)
    assert omron_advertisement.encode(advertisement) == bytes.fromhex("0101D00264110011")


def test_state_of_the_device() -> None:
    flags = omron_advertisement.decode(bytes.fromhex("012C030008")).flags
    assert flags == Flags.TIME_NOT_SET | Flags.PAIRING_MODE | Flags(0x20)


def test_another_tag_and_a_missing_user_are_malformed() -> None:
    with pytest.raises(MalformedPayload, match="tag 2 is not about records"):
        omron_advertisement.decode(bytes.fromhex("0201D00264110011"))
    with pytest.raises(MalformedPayload, match="too few"):
        omron_advertisement.decode(bytes.fromhex("0101D00264"))


@pytest.mark.parametrize("count", [0, 5])
def test_one_to_four_users(count: int) -> None:
    with pytest.raises(ValueError, match="users cannot be advertised"):
        omron_advertisement.encode(Advertisement(flags=Flags(0), users=(Memory(1, 1),) * count))
