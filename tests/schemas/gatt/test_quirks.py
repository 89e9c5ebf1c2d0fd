from schemas.gatt.quirks import (
    ACCU_CHEK_GUIDE,
    ACCU_CHEK_INSTANT,
    AND_UA651,
    BEURER_BM,
    CONTOUR_NEXT_ONE,
    OMRON,
    QUIRKS,
    quirk_of,
)


def test_models_are_found_by_what_they_say_of_themselves() -> None:
    assert quirk_of(model="BM85", manufacturer="Beurer GmbH") is BEURER_BM
    assert quirk_of(name="BM 59") is BEURER_BM
    assert quirk_of(name="A&D_UA-651BLE_D8B673") is AND_UA651
    assert quirk_of(name="BLESmart_0000021F28FFB2") is OMRON
    assert quirk_of(model="HEM-7380T1") is OMRON
    assert quirk_of(model="X4 Smart", name="X4 Smart") is OMRON
    assert quirk_of(model="SC-150") is OMRON
    assert quirk_of(name="Accu-Chek Instant") is ACCU_CHEK_INSTANT
    assert quirk_of(name="meter+02252924") is ACCU_CHEK_INSTANT
    assert quirk_of(model="Accu-Chek Guide", name="meter+02252924") is ACCU_CHEK_GUIDE
    assert quirk_of(model="Accu-Chek Guide") is ACCU_CHEK_GUIDE
    assert quirk_of(name="Contour7800H4792395") is CONTOUR_NEXT_ONE


def test_other_devices_keep_to_the_standard() -> None:
    assert quirk_of() is None
    assert quirk_of(model="Cuff One", name="BLOOD CUFF", manufacturer="Vitalwire") is None
    assert quirk_of(model="BM85", manufacturer="Somebody Else") is None
    assert quirk_of(name="Beurer BM96") is None


def test_each_row_has_a_title_of_its_own_and_a_source() -> None:
    assert len({quirk.title for quirk in QUIRKS}) == len(QUIRKS)
    assert all("github.com/" in quirk.source for quirk in QUIRKS)
