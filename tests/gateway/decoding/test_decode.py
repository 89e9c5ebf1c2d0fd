from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoding.decode import decode
from gateway.decoding.session_end import must_wait
from gateway.record import DeviceClock, Entry, Record, Related, SessionFacts
from schemas.gatt import blood_pressure_record
from schemas.gatt.blood_pressure_record import encode_segment, split
from schemas.gatt.measurement import measure
from schemas.gatt.services import FEATURE_OF
from schemas.identity import Undated, reading_id
from schemas.reading import Capture, Device, DeviceTime, Item, Part, Reading, Undecodable

ADDRESS = "C0:FF:EE:00:00:01"
GATEWAY = "home-1"
CAPTURE = Capture(boot_id="ab" * 16, monotonic_ms=900_000, wall_ms=1_773_471_600_000)
RECORD = Record(
    stream="00112233aabbccdd",
    seq=7,
    address=ADDRESS,
    characteristic="2a35",
    payload=bytes.fromhex("1EC0007C009300EA07030E0705096000010400"),  # 2026-03-14 07:05:09
    session_id="s1",
    capture=CAPTURE,
)
FACTS = SessionFacts("s1", Device(ADDRESS, model="BM77"))
CLOCK = DeviceClock(local=datetime.fromisoformat("2026-03-14T07:15:00"), monotonic_ms=899_000)

UNDATED = replace(RECORD, payload=bytes.fromhex("0C76004C005A004000FF"))
NEVER_SET = replace(RECORD, payload=bytes.fromhex("0680004F005F00D007010100030C4600"))
MEASUREMENT = replace(
    RECORD,
    seq=8,
    characteristic="2a18",
    payload=bytes.fromhex("131000EA07030E070509B40064B011"),  # number 16, 100 mg/dL, +180 min
)
CONTEXT = replace(RECORD, seq=9, characteristic="2a34", payload=bytes.fromhex("031000013CD001"))


def reading(
    record: Record = RECORD, facts: SessionFacts = FACTS, related: Related | None = None
) -> Reading:
    item = decode(Entry(record, facts, related or Related()), GATEWAY)
    assert isinstance(item, Reading), item
    return item


def device_time(record: Record = RECORD, clock: DeviceClock | None = CLOCK) -> DeviceTime | None:
    return reading(record, replace(FACTS, clock=clock)).device_time


def age_ms(record: Record = RECORD, clock: DeviceClock | None = CLOCK) -> int | None:
    told = device_time(record, clock)
    assert told is not None
    return told.age_ms


def test_a_reading_carries_the_row_the_session_and_the_measurement() -> None:
    found = reading(facts=replace(FACTS, clock=CLOCK, ended=True, newest=7))
    assert (found.seq, found.characteristic, found.vital) == (7, "2a35", "blood_pressure")
    assert found.raw == RECORD.payload.hex()
    assert found.device == FACTS.device
    assert (found.session_id, found.capture) == ("s1", CAPTURE)
    assert found.quantities["systolic"].value == "192"
    assert (found.outcome, found.status, found.user_slot) == ("measured", ["irregular-pulse"], 1)
    assert found.session_newest is True
    assert found.device_time == DeviceTime("2026-03-14T07:05:09", age_ms=592_000)


def test_features_of_the_session_say_what_was_not_assessed() -> None:
    cuff = replace(FACTS, features={"2a49": 0b00100, "2a51": 0})
    assert "body-moved" in reading(facts=cuff).attributes["not_assessed"]
    meter = replace(FACTS, features={"2a51": 0})
    assert "not_assessed" not in reading(facts=meter).attributes


@pytest.mark.parametrize(
    "facts",
    [
        SessionFacts("s1", Device(ADDRESS, model="BM85", manufacturer="Beurer")),
        SessionFacts("s1", Device(ADDRESS), name="Beurer BM85"),
    ],
    ids=["model", "name"],
)
def test_a_known_model_or_name_brings_its_quirk(facts: SessionFacts) -> None:
    row = replace(RECORD, payload=bytes.fromhex("56710049000000EA07080B1438000041010000"))
    known = reading(row, facts)
    assert (known.quantities["pulse"].value, known.user_slot) == ("65", 1)
    assert known.attributes == {"quirk": "beurer-bm"}
    unknown = reading(row)
    assert (unknown.quantities["pulse"].absent, unknown.user_slot) == ("unknown", None)
    assert known.reading_id == unknown.reading_id


def test_a_pulse_of_zero_does_not_take_the_pressures_with_it() -> None:
    found = reading(replace(RECORD, payload=bytes.fromhex("04DC00820000000000")))
    assert found.quantities["systolic"].value == "220"
    assert found.quantities["pulse"].absent == "error"


@pytest.mark.parametrize(
    ("characteristic", "payload", "vital"),
    [
        ("2a9d", "067841EA07030E07050901", "weight"),
        ("2a5e", "0161004800EA07030E070509", "oximetry"),
        ("2a1c", "066C0100FFEA07030E07050902", "body_temperature"),
        ("2b34", "428E005B006C0025C54731", "blood_pressure"),
    ],
)
def test_every_vital_has_its_time_and_its_name(
    characteristic: str, payload: str, vital: str
) -> None:
    row = replace(RECORD, characteristic=characteristic, payload=bytes.fromhex(payload))
    found = reading(row, replace(FACTS, clock=CLOCK, ended=True, newest=7))
    assert (found.vital, found.session_newest) == (vital, True)
    assert found.device_time == DeviceTime("2026-03-14T07:05:09", age_ms=592_000)
    assert found.reading_id == reading_id(
        ADDRESS, characteristic, row.payload, datetime.fromisoformat("2026-03-14T07:05:09")
    )


def test_an_oximeter_whose_clock_was_never_set_gives_no_age() -> None:
    row = replace(RECORD, characteristic="2a5e", payload=bytes.fromhex("1161004800EA07030E070509"))
    told = device_time(row)
    assert told is not None
    assert (told.fault, told.age_ms) == (True, None)


@pytest.mark.parametrize(
    ("newest", "told"), [(None, None), (7, True), (6, False)], ids=["untold", "newest", "older"]
)
def test_newest_of_its_session_once_the_session_has_told(
    newest: int | None, *, told: bool | None
) -> None:
    assert reading(facts=replace(FACTS, newest=newest)).session_newest is told


# Identity


def test_a_dated_record_is_named_by_the_device_alone() -> None:
    expected = reading_id(
        ADDRESS, "2a35", RECORD.payload, datetime.fromisoformat("2026-03-14T07:05:09")
    )
    elsewhere = replace(RECORD, stream="ffffffffffffffff", seq=99, session_id="s2")
    other_clock = replace(FACTS, device=Device(ADDRESS, serial="SN1"), clock=CLOCK)
    assert reading().reading_id == expected
    assert reading(elsewhere, other_clock).reading_id == expected
    item = decode(Entry(RECORD, FACTS), "another-gateway")
    assert isinstance(item, Reading)
    assert item.reading_id == expected


def test_a_packet_has_one_name_whether_sent_at_once_or_kept_in_a_record() -> None:
    packet = bytes.fromhex("468E005B006C0025C547314600")
    live = replace(RECORD, characteristic="2b34", payload=packet)
    stored = replace(
        RECORD, seq=9, characteristic="2b36", payload=bytes.fromhex("030700342B") + packet
    )
    assert reading(stored).reading_id == reading(live).reading_id
    assert (reading(stored).record_number, reading(live).record_number) == (7, None)


def test_a_record_in_parts_is_the_reading_of_its_last_part() -> None:
    packet = bytes.fromhex("468E005B006C0025C547314600")
    kept = blood_pressure_record.Record(sequence=7, characteristic=0x2B34, payload=packet)
    parts = [
        replace(RECORD, seq=seq, characteristic="2b36", payload=encode_segment(segment))
        for seq, segment in enumerate(split(kept, 5, checksum=True), 20)
    ]
    found = reading(parts[-1], related=Related(parts=tuple(parts[:-1])))
    live = replace(RECORD, characteristic="2b34", payload=packet)
    assert found.reading_id == reading(live).reading_id
    assert found.quantities == reading(live).quantities
    assert found.record_number == 7
    whole = bytes.fromhex(found.raw)  # the server decodes it anew from these bytes alone
    assert measure("2b36", whole).quantities == found.quantities
    for part in parts:
        assert isinstance(decode(Entry(part, FACTS), GATEWAY), Undecodable)


def test_a_glucose_record_is_named_by_its_base_time_not_by_what_the_user_saw() -> None:
    assert reading(MEASUREMENT).reading_id == reading_id(
        ADDRESS, "2a18", MEASUREMENT.payload, datetime.fromisoformat("2026-03-14T07:05:09")
    )


@pytest.mark.parametrize("record", [UNDATED, NEVER_SET], ids=["no time", "clock never set"])
def test_without_a_time_the_capture_names_the_record(record: Record) -> None:
    captured = Undated(GATEWAY, record.stream, 7, 1_773_471_600_000)
    assert reading(record).reading_id == reading_id(ADDRESS, "2a35", record.payload, captured)
    assert reading(replace(record, seq=8)).reading_id != reading(record).reading_id


def test_a_twin_within_a_minute_is_the_same_undated_record() -> None:
    again = replace(UNDATED, seq=8, capture=msgspec.structs.replace(CAPTURE, monotonic_ms=930_000))
    twin = reading(again, related=Related(origin=UNDATED.origin))
    assert twin.reading_id == reading(UNDATED).reading_id
    assert twin.seq == 8


def test_a_twin_does_not_matter_to_a_dated_record() -> None:
    again = replace(RECORD, seq=8)
    assert reading(again, related=Related(origin=RECORD.origin)).reading_id == reading().reading_id


def test_an_undated_record_needs_no_wall_clock() -> None:
    capture = Capture(boot_id="ab" * 16, monotonic_ms=5)
    found = reading(replace(UNDATED, capture=capture))
    assert found.reading_id.startswith("000000000000")


# The device's clock


def test_without_a_clock_read_a_record_has_no_age() -> None:
    assert age_ms(clock=None) is None


def test_a_wrong_clock_gives_the_right_age() -> None:
    a_year_behind = timedelta(days=-365)
    payload = bytes.fromhex("1EC0007C009300E907030E0705096000010400")  # 2025-03-14 07:05:09
    clock = replace(CLOCK, local=CLOCK.local + a_year_behind)
    assert age_ms(replace(RECORD, payload=payload), clock) == age_ms() == 592_000


def test_the_offset_belongs_to_what_the_user_saw_and_so_to_the_age() -> None:
    clock = replace(CLOCK, local=CLOCK.local + timedelta(minutes=180))
    assert device_time(MEASUREMENT, clock) == DeviceTime(
        "2026-03-14T07:05:09", offset_min=180, age_ms=592_000
    )


def test_a_measurement_during_the_session_has_age_zero_despite_whole_seconds() -> None:
    assert age_ms(clock=replace(CLOCK, local=datetime.fromisoformat("2026-03-14T07:05:00"))) == 0


@pytest.mark.parametrize(
    ("clock", "age"), [("2026-03-14T07:04:08", 0), ("2026-03-14T07:04:07", None)]
)
def test_a_record_from_the_future_is_of_another_timeline(clock: str, age: int | None) -> None:
    assert age_ms(clock=replace(CLOCK, local=datetime.fromisoformat(clock))) == age


def test_a_clock_that_was_never_set_gives_no_age() -> None:
    never_set = replace(CLOCK, local=datetime.fromisoformat("2000-01-01T00:10:00"))
    assert age_ms(NEVER_SET, never_set) is None  # it may have started again since
    assert age_ms(NEVER_SET, CLOCK) is None
    assert age_ms(RECORD, never_set) is None


def test_a_time_fault_gives_no_age() -> None:
    payload = bytes.fromhex("0A0F00EA07030E07050991B0110008")
    assert device_time(replace(MEASUREMENT, payload=payload)) == DeviceTime(
        "2026-03-14T07:05:09", fault=True
    )


def test_a_date_without_a_year_is_kept_as_text() -> None:
    payload = bytes.fromhex("1E8A00580078000000041114293B3C00012700")
    found = device_time(replace(RECORD, payload=payload))
    assert found == DeviceTime("0000-04-17T20:41:59", screens=["year-unknown"])


@pytest.mark.parametrize(
    "payload",
    ["1686005200FF070000000000000047000000", "0C76004C005A004000FF"],
    ids=["zeros", "not sent"],
)
def test_no_time_is_no_device_time(payload: str) -> None:
    assert device_time(replace(RECORD, payload=bytes.fromhex(payload))) is None


@pytest.mark.parametrize(
    ("facts", "record", "awaits"),
    [
        (replace(FACTS, clock=CLOCK), RECORD, False),
        (FACTS, RECORD, True),
        (replace(FACTS, clock=CLOCK), UNDATED, True),
        (replace(FACTS, clock=CLOCK), NEVER_SET, True),
        (replace(FACTS, ended=True), UNDATED, False),
        (FACTS, replace(RECORD, payload=b""), False),
    ],
    ids=["trusted", "no clock", "no time", "never set", "session ended", "undecodable"],
)
def test_only_a_record_without_trusted_time_awaits_the_end_of_its_session(
    facts: SessionFacts, record: Record, *, awaits: bool
) -> None:
    assert must_wait(Entry(record, facts), GATEWAY) is awaits


# A glucose context


def test_a_context_amends_its_measurement_and_borrows_its_time() -> None:
    facts = replace(FACTS, clock=CLOCK, ended=True, newest=8)
    found = reading(CONTEXT, facts, Related(measurement=MEASUREMENT))
    measured = reading(MEASUREMENT, facts)
    assert found.vital == "glucose_context"
    assert found.amends == measured.reading_id
    assert found.reading_id != measured.reading_id
    assert found.record_number == measured.record_number == 16
    assert found.device_time == measured.device_time
    assert found.session_newest is True
    elsewhere = replace(CONTEXT, seq=99, stream="ffffffffffffffff")
    assert (
        reading(elsewhere, facts, Related(measurement=MEASUREMENT)).reading_id == found.reading_id
    )


def test_what_a_meter_whose_clock_was_never_set_sends_again_is_the_same_record() -> None:
    payload = MEASUREMENT.payload[:3] + bytes.fromhex("D007010100030C") + MEASUREMENT.payload[10:]
    first = replace(MEASUREMENT, payload=payload)
    again, context = replace(first, seq=70), replace(CONTEXT, seq=71)
    origin = first.origin
    measured = reading(first)
    assert reading(again, related=Related(origin=origin)).reading_id == measured.reading_id
    told = reading(CONTEXT, related=Related(measurement=first, origin=origin))
    retold = reading(context, related=Related(measurement=again, origin=origin))
    assert told.amends == retold.amends == measured.reading_id
    assert told.reading_id == retold.reading_id != measured.reading_id


def test_a_context_whose_measurement_is_missing_stands_alone() -> None:
    found = reading(CONTEXT, replace(FACTS, newest=8))
    assert (found.amends, found.device_time) == (None, None)
    assert found.reading_id != reading(replace(CONTEXT, seq=10)).reading_id


def test_a_context_of_an_undecodable_measurement_stands_alone() -> None:
    cut = replace(MEASUREMENT, payload=MEASUREMENT.payload[:9])
    assert reading(CONTEXT, related=Related(measurement=cut)).amends is None


# What cannot be decoded


@pytest.mark.parametrize(
    ("characteristic", "payload", "reason"),
    [
        ("2a35", "010203040506", "blood pressure measurement: 6 bytes are too few"),
        ("2a36", "00D7F000000000", "characteristic 2a36 holds no record"),
        ("2a18", "", "glucose measurement: 0 bytes are too few"),
    ],
)
def test_undecodable_bytes_are_sent_on_with_their_reason(
    characteristic: str, payload: str, reason: str
) -> None:
    record = replace(RECORD, characteristic=characteristic, payload=bytes.fromhex(payload))
    item = decode(Entry(record, FACTS), GATEWAY)
    assert isinstance(item, Undecodable)
    assert item.reason.startswith(reason)
    assert item.raw == payload.lower()
    assert (item.seq, item.device, item.session_id) == (7, FACTS.device, "s1")
    assert item.capture == CAPTURE


@given(
    characteristic=st.sampled_from(["2a36", *FEATURE_OF]),
    payload=st.binary(max_size=24),
    measurement=st.none()
    | st.binary(max_size=24).map(lambda payload: replace(MEASUREMENT, payload=payload)),
    clock=st.none() | st.builds(DeviceClock, st.datetimes(), st.integers(0, 2**40)),
    features=st.dictionaries(st.sampled_from([*FEATURE_OF.values()]), st.integers(0, 1 << 64)),
)
def test_any_bytes_become_an_item_that_the_wire_carries(
    characteristic: str,
    payload: bytes,
    measurement: Record | None,
    clock: DeviceClock | None,
    features: dict[str, int],
) -> None:
    record = replace(RECORD, characteristic=characteristic, payload=payload)
    facts = replace(FACTS, clock=clock, features=features)
    entry = Entry(record, facts, Related(measurement=measurement))
    item = decode(entry, GATEWAY)
    assert msgspec.json.decode(msgspec.json.encode(item), type=Item) == item
    assert decode(entry, GATEWAY) == item
    assert not isinstance(item, Part)
    assert bytes.fromhex(item.raw) == payload
