import pytest

from schemas.gatt import device_information
from schemas.gatt.errors import MalformedPayload


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"UA-651BLE", "UA-651BLE"),
        (b"BM85 \0\0\0", "BM85"),
        (b"A\0garbage", "A"),
        (b"caf\xe9", "caf\N{REPLACEMENT CHARACTER}"),
        (b"", ""),
    ],
)
def test_texts_are_read_whatever_the_device_wrote(payload: bytes, text: str) -> None:
    assert device_information.decode_text(payload) == text


def test_text_comes_back() -> None:
    assert device_information.decode_text(device_information.encode_text("Tensio µ")) == "Tensio µ"


def test_battery_percentage() -> None:
    assert device_information.decode_battery_percent(b"\x42") == 66
    assert device_information.encode_battery_percent(66) == b"\x42"
    for payload in (b"", b"\x65"):
        with pytest.raises(MalformedPayload, match="battery level"):
            device_information.decode_battery_percent(payload)
