from schemas.gatt import uuids
from schemas.gatt.services import BLOOD_PRESSURE, FEATURE_OF, SERVICES, Delivery

NEVER_A_READING = {
    uuids.INTERMEDIATE_CUFF_PRESSURE,
    uuids.ENHANCED_INTERMEDIATE_CUFF_PRESSURE,
    uuids.PLX_CONTINUOUS_MEASUREMENT,
    uuids.INTERMEDIATE_TEMPERATURE,
}


def test_each_service_and_each_characteristic_has_one_row() -> None:
    assert len({service.number for service in SERVICES}) == len(SERVICES)
    numbers = [source.number for service in SERVICES for source in service.sources]
    assert len(set(numbers)) == len(numbers)


def test_a_feature_is_one_number_or_nothing() -> None:
    assert BLOOD_PRESSURE.feature_bits(bytes.fromhex("2500")) == 0x25
    assert BLOOD_PRESSURE.feature_bits(b"\x25") is None
    assert FEATURE_OF["2a5e"] == "2a60"
    assert FEATURE_OF["2b36"] == "2a49"


def test_nothing_that_still_moves_is_kept() -> None:
    kept = {source.number for service in SERVICES for source in service.sources}
    assert not kept & NEVER_A_READING


def test_what_is_pushed_is_indicated_and_what_is_asked_for_is_notified() -> None:
    assert all(
        source.delivery is Delivery.INDICATE for service in SERVICES for source in service.pushed
    )
    assert all(
        source.delivery is Delivery.NOTIFY for service in SERVICES for source in service.asked
    )
