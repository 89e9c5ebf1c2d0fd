import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.gatt import blood_pressure
from schemas.gatt.blood_pressure_record import Record, encode_segment, split
from schemas.gatt.checksum import e2e_crc
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import Measurement, Packet, believable, measure, measure_segments
from schemas.gatt.quirks import BEURER_BM
from schemas.reading import Quantity
from tests.schemas.gatt.measurement.shown import sent

ALL_CUFF_FEATURES = 0b1_1111


def cuff(payload: str, feature: int | None = None) -> Measurement:
    return measure("2a35", bytes.fromhex(payload), feature)


def test_a_blood_pressure_in_full() -> None:
    measurement = cuff("1EC0007C009300EA07030E0705096000010400")
    assert measurement.vital.name == "blood_pressure"
    assert sent(measurement) == {
        "systolic": "192 mm[Hg]",
        "diastolic": "124 mm[Hg]",
        "mean": "147 mm[Hg]",
        "pulse": "96 /min",
    }
    assert measurement.outcome == "measured"
    assert measurement.status == ["irregular-pulse"]
    assert measurement.attributes == {}
    assert measurement.user_slot == 1
    assert measurement.stamp is not None
    assert measurement.stamp.recorded.text == "2026-03-14T07:05:09"


@pytest.mark.parametrize(
    ("characteristic", "payload", "slot"),
    [
        ("2a35", "0C76004C005A004000FF", None),
        ("2a35", "0C76004C005A0040000A", 10),
        ("2b34", "08780050005B00FF", None),
        ("2b34", "08780050005B000A", 10),
        ("2a9d", "047841FF", None),
        ("2a9d", "0478410A", 10),
    ],
)
def test_user_255_is_nobodys_slot(characteristic: str, payload: str, slot: int | None) -> None:
    assert measure(characteristic, bytes.fromhex(payload)).user_slot == slot


def test_kilopascal_are_handed_on_with_their_precision() -> None:
    measurement = cuff("01A0F06BF07CF0")
    assert sent(measurement) == {
        "systolic": "16.0 kPa",
        "diastolic": "10.7 kPa",
        "mean": "12.4 kPa",
    }
    assert measurement.quantities["pulse"] == Quantity("/min", absent="not-sent")
    assert (measurement.status, measurement.stamp, measurement.user_slot) == (None, None, None)


def test_all_not_a_number_is_a_failed_measurement() -> None:
    measurement = cuff("16FF07FF07FF07E80706170E230AFF070000")
    assert measurement.outcome == "failed"
    assert {name: quantity.absent for name, quantity in measurement.quantities.items()} == {
        "systolic": "not-a-number",
        "diastolic": "not-a-number",
        "mean": "not-a-number",
        "pulse": "not-a-number",
    }


@pytest.mark.parametrize(
    ("status", "noticed"),
    [
        ("0800", ["pulse-above-range"]),
        ("1000", ["pulse-below-range"]),
        ("1900", ["body-moved", "pulse-range-code-3"]),
        ("5880", ["bit-6", "bit-15", "pulse-range-code-3"]),
    ],
)
def test_the_reserved_pulse_range_is_neither_above_nor_below(
    status: str, noticed: list[str]
) -> None:
    assert cuff(f"10780050006000{status}").status == noticed


@pytest.mark.parametrize("characteristic", ["2a35", "2b34"])
@pytest.mark.parametrize(
    ("systolic", "diastolic", "outcome"),
    [
        ("FE07", "FE07", "measured"),  # above what the cuff can measure: as urgent as can be
        ("0208", "0208", "measured"),
        ("FE07", "FF07", "measured"),
        ("FF07", "0008", "failed"),
        ("0108", "0108", "failed"),
    ],
)
def test_pressures_beyond_what_the_cuff_can_measure_are_no_failure(
    characteristic: str, systolic: str, diastolic: str, outcome: str
) -> None:
    payload = bytes.fromhex(f"00{systolic}{diastolic}FF07")
    assert measure(characteristic, payload).outcome == outcome


def test_a_systolic_that_is_absent_beside_a_diastolic_is_measured() -> None:
    measurement = cuff("00FF0782000000")
    assert measurement.outcome == "measured"
    assert sent(measurement) == {"diastolic": "130 mm[Hg]"}


@pytest.mark.parametrize(
    ("payload", "systolic"),
    [
        ("566A0047000000EA07080B121F00003F000000", "106 mm[Hg]"),
        ("56710049000000EA07080B1438000041010000", "113 mm[Hg]"),
    ],
)
def test_beurer_bm85_pressures_stand_and_its_tail_is_not_believed(
    payload: str, systolic: str
) -> None:
    measurement = cuff(payload, ALL_CUFF_FEATURES)
    assert sent(measurement)["systolic"] == systolic
    assert measurement.quantities["mean"].absent == "not-sent"
    assert measurement.quantities["pulse"].absent == "unknown"
    assert (measurement.status, measurement.user_slot) == (None, None)
    assert measurement.attributes == {"trailing": "00"}
    assert measurement.stamp is not None


@pytest.mark.parametrize(
    ("payload", "pulse", "user", "status"),
    [
        ("566A0047000000EA07080B121F00003F000000", "63", 0, []),
        ("56710049000000EA07080B1438000041010000", "65", 1, []),
        ("56770046000000EA07080B1439000057010040", "87", 1, ["bit-6"]),
        ("56760050000000EA07080B141B00003C000004", "60", 0, ["irregular-pulse"]),
    ],
)
def test_beurer_bm_tail_is_read_as_its_maker_writes_it(
    payload: str, pulse: str, user: int, status: list[str]
) -> None:
    measurement = measure("2a35", bytes.fromhex(payload), ALL_CUFF_FEATURES, BEURER_BM)
    assert measurement.quantities["pulse"] == Quantity("/min", pulse)
    assert (measurement.user_slot, measurement.status) == (user, status)
    assert measurement.attributes == {"quirk": "beurer-bm"}


def test_beurer_bm_that_keeps_to_the_standard_is_read_by_the_standard() -> None:
    for payload in (
        "1EC0007C009300EA07030E0705096000010400",  # a user announced: nothing is left over
        "167C0056006100E807060F11111B33000000",
        "00780050005B00",
    ):
        plain = cuff(payload)
        assert measure("2a35", bytes.fromhex(payload), quirk=BEURER_BM) == plain
        assert "quirk" not in plain.attributes


@pytest.mark.parametrize("pulse", ["0000", "FF00", "D007"])
def test_a_pulse_that_nobody_has_does_not_take_the_pressures_with_it(pulse: str) -> None:
    measured = believable(measure("2a35", bytes.fromhex(f"04DC0082000000{pulse}")))
    assert measured.quantities["systolic"] == Quantity("mm[Hg]", "220")
    assert measured.quantities["diastolic"] == Quantity("mm[Hg]", "130")
    assert measured.quantities["pulse"] == Quantity("/min", absent="error")


@pytest.mark.parametrize("characteristic", ["2a35", "2b34"])
@pytest.mark.parametrize(("mean", "absent"), [("0000", "not-sent"), ("FF07", "not-a-number")])
def test_a_mean_of_zero_was_not_sent(characteristic: str, mean: str, absent: str) -> None:
    measured = measure(characteristic, bytes.fromhex(f"0078005000{mean}"))
    assert measured.quantities["mean"].absent == absent
    assert measured.outcome == "measured"


def test_a_mean_that_nobody_has_does_not_take_the_pressures_with_it() -> None:
    measured = believable(measure("2a35", bytes.fromhex("00DC0082000100")))
    assert measured.quantities["systolic"] == Quantity("mm[Hg]", "220")
    assert measured.quantities["mean"] == Quantity("mm[Hg]", absent="error")


def test_a_longer_packet_of_tomorrow_is_believed() -> None:
    measurement = cuff("1EC0007C009300EA07030E0705096000010400" + "AABB")
    assert sent(measurement)["pulse"] == "96 /min"
    assert (measurement.status, measurement.user_slot) == (["irregular-pulse"], 1)
    assert measurement.attributes == {"trailing": "aabb"}


def test_what_the_cuff_cannot_notice_is_named() -> None:
    movement = int(blood_pressure.Feature.BODY_MOVEMENT_DETECTION)
    measurement = cuff("10780050005B000000", movement)
    assert measurement.status == []
    assert measurement.attributes["not_assessed"] == (
        "cuff-too-loose irregular-pulse pulse-above-range pulse-below-range improper-position"
    )


def test_a_cuff_that_notices_nothing_has_assessed_nothing() -> None:
    assert cuff("10780050005B000000", 0).status is None
    assert cuff("10780050005B000000", ALL_CUFF_FEATURES).status == []
    assert cuff("10780050005B000000").status == []  # nobody read the features: believe the word
    assert cuff("10780050005B000100", 0).status == ["body-moved"]  # a bit that is set was noticed
    assert cuff("00780050005B00", ALL_CUFF_FEATURES).status is None


def test_an_enhanced_blood_pressure_is_the_same_vital() -> None:
    measurement = measure("2b34", bytes.fromhex("468E005B006C0025C547314600"))
    assert measurement.vital.name == "blood_pressure"
    assert sent(measurement) == {
        "systolic": "142 mm[Hg]",
        "diastolic": "91 mm[Hg]",
        "mean": "108 mm[Hg]",
        "pulse": "70 /min",
    }
    assert measurement.stamp is not None
    assert measurement.stamp.recorded.text == "2026-03-14T07:05:09"


def test_what_the_user_saw_stands_beside_the_time_of_the_record() -> None:
    # 16.0/10.7/12.4 kPa; timestamp and user-facing time since 2000, 62 min 23 s, then 60 min apart
    for seconds, offset_min in (("CCD34731", None), ("35D34731", 60)):
        payload = f"6378005000000025C54731{seconds}"
        stamp = measure("2b34", bytes.fromhex(payload)).stamp
        assert stamp is not None
        assert stamp.recorded.text == "2026-03-14T07:05:09"
        assert stamp.offset_min == offset_min
        assert stamp.shown is not None
        assert stamp.shown.hour == 8


def test_a_failed_enhanced_measurement() -> None:
    assert measure("2b34", bytes.fromhex("00FF07FF07FF07")).outcome == "failed"


def test_a_record_is_the_packet_that_it_keeps_and_has_a_number() -> None:
    packet = bytes.fromhex("468E005B006C0025C547314600")
    kept = measure("2b36", bytes.fromhex("030700342B") + packet)
    plain = measure("2b34", packet)
    assert kept.quantities == plain.quantities
    assert kept.stamp == plain.stamp
    assert (kept.record_number, kept.carried) == (7, Packet("2b34", packet))


PACKET = bytes.fromhex("468E005B006C0025C547314600")
STORED = Record(sequence=7, characteristic=0x2B34, payload=PACKET)
ANNOUNCED, DENIED = int(blood_pressure.Feature.CHECKSUM), 0


@given(
    st.integers(1, 20),
    st.booleans(),
    st.integers(0, 63),
    st.sampled_from([None, ANNOUNCED, DENIED]),
)
def test_a_record_says_the_same_in_one_segment_or_in_many(
    size: int, checksum: bool, counter: int, feature: int | None
) -> None:
    assume(not (checksum and feature == DENIED))
    parts = split(STORED, size, checksum=checksum, counter=counter)
    found = measure_segments([encode_segment(part) for part in parts], feature)
    plain = measure("2b34", PACKET, feature)
    assert found.quantities == plain.quantities
    assert found.attributes == plain.attributes
    assert (found.record_number, found.carried) == (7, Packet("2b34", PACKET))


def test_a_checksum_that_does_not_fit_is_told() -> None:
    payload = bytes.fromhex("030700342B") + PACKET + b"\0\0"
    measurement = measure("2b36", payload, ANNOUNCED)
    assert measurement.quantities["systolic"].value == "142"
    assert measurement.attributes == {"checksum": "does not fit", "trailing": "0000"}
    parts = [replace(part, checksum=0) for part in split(STORED, 5, checksum=True)]
    found = measure_segments([encode_segment(part) for part in parts], ANNOUNCED)
    assert found.quantities == measurement.quantities
    assert found.attributes == {"checksum": "does not fit"}


def test_nobody_announced_a_checksum_so_what_is_left_over_is_left_over() -> None:
    payload = bytes.fromhex("030700342B") + PACKET + b"\0\0"
    for feature in (None, DENIED):
        assert measure("2b36", payload, feature).attributes["trailing"] == "0000"


def test_a_packet_that_ends_like_a_checksum_is_not_cut() -> None:
    """Two bytes that the packet itself needs are not a checksum, whatever they are."""
    head = bytes.fromhex("030700342B048E005B006C00")
    payload = head + e2e_crc(head).to_bytes(2, "little")
    for feature in (None, ANNOUNCED):
        assert "pulse" in measure("2b36", payload, feature).quantities
        assert measure("2b36", payload, feature).quantities["pulse"].absent != "not-sent"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("010700342B468E005B006C00", "first or last segment is missing"),
        ("030700182A468E005B006C00", "2a18 inside is no measurement"),
        ("030700362B030700362B", "2b36 inside is no measurement"),
    ],
)
def test_a_part_of_a_record_is_no_measurement(payload: str, reason: str) -> None:
    with pytest.raises(MalformedPayload, match=reason):
        measure("2b36", bytes.fromhex(payload))
