import pytest

from schemas.gatt import continuous_glucose
from schemas.gatt.continuous_glucose import Annunciation
from schemas.gatt.errors import MalformedPayload

# github.com/NordicSemiconductor/Android-nRF-Connect/issues/174
PACKET = bytes.fromhex("0D4373002C010324001A003E04")


def test_a_sensors_packet() -> None:
    (record,) = continuous_glucose.decode(PACKET)
    assert record.glucose_mg_dl == 115
    assert record.offset_min == 300
    assert record.annunciation == (
        Annunciation.TIME_SYNCHRONISATION_REQUIRED | Annunciation.CALIBRATION_NOT_ALLOWED
    )
    assert record.trend_mg_dl_min == 36
    assert record.quality_percent == 26
    assert (record.checksum, record.checksum_fits) == (0x043E, True)
    assert continuous_glucose.encode((record,)) == PACKET


def test_several_records_share_a_packet() -> None:
    first, second = continuous_glucose.decode(PACKET + bytes.fromhex("060073002D01"))
    assert (first.offset_min, second.offset_min) == (300, 301)
    assert (second.annunciation, second.checksum_fits) == (None, None)


def test_a_checksum_that_does_not_fit_costs_nothing() -> None:
    (record,) = continuous_glucose.decode(PACKET[:-1] + b"\x05")
    assert record.glucose_mg_dl == 115
    assert record.checksum_fits is False


@pytest.mark.parametrize("payload", ["", "05007300", "0500730000", "0E4373002C010324001A003E04"])
def test_a_size_that_is_wrong_is_malformed(payload: str) -> None:
    with pytest.raises(MalformedPayload, match="a record of"):
        continuous_glucose.decode(bytes.fromhex(payload))
    with pytest.raises(MalformedPayload, match="too few for the status"):
        continuous_glucose.decode(bytes.fromhex("068073002C01"))
