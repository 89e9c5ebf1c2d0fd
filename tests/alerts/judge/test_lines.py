"""Logs as people and programs write them: one meaning, many forms; what cannot be read says why."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.engine.offline import LogRecord
from alerts.judge.lines import LogLines
from alerts.judge.values import brief
from alerts.records import Removed
from schemas.errors import InvalidInput
from schemas.kafka import (
    CorrectedReading,
    Corrections,
    GatewayReport,
    PatientReadings,
    Tick,
    Unassigned,
    Withdrawals,
    WithdrawnReading,
)
from schemas.reading import Coincidence, DeviceTime, Quantity
from schemas.registry import PatientEntry, PersonalLimit, ZonePeriod
from schemas.wire import Health
from tests.alerts.readings import HOUR, MINUTE, NOON, glucose, pressure, record

RECORD = record(NOON, [pressure(NOON, "192", 101), glucose(NOON - HOUR, "54.0")])
BARE = {
    "reading_id": "00" * 16,
    "vital": "glucose",
    "quantities": {"glucose": {"unit": "mg/dL", "value": "54"}},
    "patient_id": "p1",
    "received_at": NOON,
}


def read(line: object) -> LogRecord | None:
    return LogLines().read(7, line if isinstance(line, str) else json.dumps(line))


def raw(entry: msgspec.Struct) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(entry)
    return told


def only(line: object) -> PatientReadings:
    found = read(line)
    assert isinstance(found, PatientReadings)
    return found


@pytest.mark.parametrize(
    "entry",
    [
        RECORD,
        Tick(NOON),
        Corrections(
            "p1", NOON, "why", [CorrectedReading("0" * 32, 2, "glucose", NOON, "receipt", {}, {})]
        ),
        Withdrawals(
            "p1", NOON, "why", [WithdrawnReading("0" * 32, "glucose", NOON, "receipt", {})]
        ),
        PatientEntry(
            "p1",
            "Robin",
            ["adult-standard"],
            limits=[PersonalLimit("x", ["5 mmHg"], "a", "nurse", "r", 1, 2, 3)],
            zones=[ZonePeriod(5, "Europe/Berlin")],
        ),
        GatewayReport("home-1", NOON, Health("offline")),
        Unassigned("home-1", "0" * 16, NOON, "unknown-device", RECORD.readings[0]),
    ],
)
def test_what_is_in_kafka_is_read_as_it_is(entry: msgspec.Struct) -> None:
    told = raw(entry)
    assert read(told) == entry
    assert read({"key": "k", "value": told}) == entry
    assert read({"key": "k", "value": json.dumps(told)}) == entry


def test_a_reading_in_wire_format_is_stamped_as_the_bridge_would() -> None:
    item = raw(RECORD.readings[0].reading)
    item["capture"] = {"boot_id": "b", "monotonic_ms": 5, "wall_ms": NOON - MINUTE}
    item["device_time"] = {"local": "2026-09-21T08:00:00", "age_ms": HOUR}
    found = only({**item, "patient_id": "p1", "received_at": "2026-09-21T12:00:00Z"})
    (stamped,) = found.readings
    assert found.received_at_ms == stamped.stamp.received_at_ms
    assert stamped.stamp.captured_at_ms == NOON - MINUTE
    assert stamped.stamp.measured_at_ms == NOON - MINUTE - HOUR
    assert stamped.stamp.quality == "device-clock"


def test_a_whole_message_is_read_too() -> None:
    item = raw(RECORD.readings[0].reading)
    item["capture"] = {"boot_id": "b", "monotonic_ms": 1_000}
    message = {"boot_id": "b", "sent_monotonic_ms": 61_000, "items": [item]}
    found = only({**message, "patient_id": "p1", "received_at_ms": NOON})
    assert found.readings[0].stamp.captured_at_ms == NOON - MINUTE


@pytest.mark.parametrize("field", ["measured_at_ms", "earliest_ms"])
def test_a_stamp_with_a_time_that_no_calendar_has_is_refused(field: str) -> None:
    line = raw(RECORD)
    line["readings"][0]["stamp"][field] = -1
    with pytest.raises(InvalidInput, match="a time that no calendar has"):
        read(line)


def test_clocks_of_two_boots_are_not_compared() -> None:
    """A monotonic clock begins anew: how long a message waited, only its own boot can tell."""
    item = raw(RECORD.readings[0].reading)
    item["capture"] = {"boot_id": "b", "monotonic_ms": 1_000}
    message = {"boot_id": "c", "sent_monotonic_ms": 61_000, "items": [item]}
    (stamped,) = only({**message, "patient_id": "p1", "received_at_ms": NOON}).readings
    assert stamped.stamp.captured_at_ms != NOON - MINUTE


def test_a_stamp_is_read_in_the_zone_of_its_patient() -> None:
    lines = LogLines()
    entry = PatientEntry("p1", "R", zone="UTC", zones=[ZonePeriod(0, "Europe/Berlin")])
    lines.read(1, json.dumps(raw(entry)))
    seen = Coincidence(NOON, "2026-09-21T14:00:00")
    told = DeviceTime("2026-09-21T13:00:00", coincidences=[seen])
    line = {**BARE, "device_time": raw(told), "session_newest": False}
    found = lines.read(2, json.dumps(line))
    assert isinstance(found, PatientReadings)
    assert found.readings[0].stamp.measured_at_ms == NOON - HOUR
    elsewhere = only(line)
    assert elsewhere.readings[0].stamp.quality == "untrusted"


@pytest.mark.parametrize(
    ("change", "measured_ms", "quality"),
    [
        ({}, NOON, "receipt"),
        ({"received_at": str(NOON)}, NOON, "receipt"),
        ({"received_at": "2026-09-21T14:00:00+02:00"}, NOON, "receipt"),
        ({"received_at": "2026-09-21T12:00:00"}, NOON, "receipt"),
        ({"measured_at": "2026-09-21T11:00:00Z"}, NOON - HOUR, "device-clock"),
        ({"measured_at": NOON + 10 * MINUTE}, NOON, "device-clock"),
        ({"measured_at": NOON + 10 * MINUTE + 1}, NOON, "receipt"),
        ({"measured_at": NOON + HOUR, "session_newest": False}, NOON, "untrusted"),
        ({"device": "AA:BB:CC:DD:EE:FF"}, NOON, "receipt"),
        ({"device_time": {"local": "2026-01-01T00:00:00"}}, NOON, "untrusted"),
    ],
)
def test_a_bare_reading_needs_little(
    change: dict[str, Any], measured_ms: int, quality: str
) -> None:
    (stamped,) = only(BARE | change).readings
    assert stamped.stamp.received_at_ms == NOON
    assert (stamped.stamp.measured_at_ms, stamped.stamp.quality) == (measured_ms, quality)
    assert (stamped.reading.seq, stamped.reading.session_id) == (7, "line-7")


def test_a_reading_may_stand_under_a_key_of_its_own() -> None:
    item = {key: BARE[key] for key in ("reading_id", "vital", "quantities")}
    for key in ("reading", "item"):
        assert only({key: item, "patient_id": "p1", "received_at": NOON}) == only(BARE)


def test_a_reading_of_nobody_is_the_devices() -> None:
    found = read({**BARE, "patient_id": None})
    assert isinstance(found, Unassigned)
    assert found.reading == only(BARE).readings[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"unit": "mmHg", "value": 192}', Quantity("mm[Hg]", "192")),
        ('{"unit": "mmHg", "value": 192.0}', Quantity("mm[Hg]", "192.0")),
        ('{"unit": "mm[Hg]", "value": "192.50"}', Quantity("mm[Hg]", "192.50")),
        ('{"unit": "mm[Hg]", "value": 1e2}', Quantity("mm[Hg]", "100")),
        (
            '{"unit": "mm[Hg]", "absent": "positive-infinity"}',
            Quantity("mm[Hg]", absent="positive-infinity"),
        ),
    ],
)
def test_a_value_may_be_a_number_and_keeps_its_digits(value: str, expected: Quantity) -> None:
    line = json.dumps(BARE).replace('{"glucose": {"unit": "mg/dL", "value": "54"}}', "{}")
    line = line.replace("{}", f'{{"systolic": {value}}}')
    line = line.replace('"vital": "glucose"', '"vital": "blood_pressure"')
    found = LogLines().read(1, line)
    assert isinstance(found, PatientReadings)
    assert found.readings[0].reading.quantities == {"systolic": expected}


def test_a_patient_needs_only_an_id_and_books() -> None:
    line = {"patient_id": "p1", "books": ["b"], "care_plan_from": "2026-09-21T12:00:00Z"}
    assert read(line) == PatientEntry("p1", "p1", ["b"], care_plan_from_ms=NOON)
    assert read({"kind": "removed", "patient_id": "p1"}) == Removed("patient/p1")
    assert read({"key": "patient/p1", "value": None}) == Removed("patient/p1")


def test_a_name_of_another_form_is_kept_as_the_engine_remembers_it() -> None:
    """And readings of one time stay in the order of the names that their author wrote."""
    entries = [BARE | {"reading_id": name, "measured_at": NOON} for name in ("b", "a")]
    found = only({"patient_id": "p1", "received_at": NOON, "readings": entries})
    names = [one.reading.reading_id for one in found.readings]
    assert [len(name) for name in names] == [32, 32]
    assert names[0] < names[1], "digests have another order"
    assert [one.reading.seq for one in found.readings] == [1, 0]
    context = {**BARE, "reading_id": "c", "vital": "glucose_context", "amends": "b"}
    assert only({**context, "quantities": {}}).readings[0].reading.amends == names[0]


@pytest.mark.parametrize("kind", ["corrections", "withdrawals"])
def test_what_changes_a_stored_reading_is_written_like_a_reading(kind: str) -> None:
    told = {
        "reading_id": "0" * 32,
        "revision": 2,
        "vital": "blood_pressure",
        "measured_at": "2026-09-21T12:00:00Z",
        "time_quality": "device-clock",
        "quantities": {"systolic": {"unit": "mmHg", "value": 118}},
        "before": {"systolic": {"unit": "mmHg", "value": 1185}},  # misread, so it may be anything
    }
    line = {"kind": kind, "patient_id": "p1", "received_at": NOON, "readings": [told]}
    found = read(line)
    assert isinstance(found, Corrections | Withdrawals)
    assert found.readings[0].quantities == {"systolic": Quantity("mm[Hg]", "118")}


def test_what_tells_the_rules_nothing_is_nothing() -> None:
    assert read({"kind": "canary", "name": "c", "received_at": NOON, "reading": {}}) is None
    assert read({"kind": "device", "device_id": "d", "address": "a"}) is None
    assert read({"received_at": NOON}) == Tick(NOON)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nothing", "malformed"),
        ("[]", "malformed"),
        ('{"received_at": NaN}', "malformed"),
        ("[" * 100_000, "malformed"),
        ({"kind": "tick"}, "time"),
        ({"kind": "tick", "received_at": "noon"}, "time"),
        ({"kind": "tick", "received_at": 10**18}, "time"),
        ({"kind": "moon", "received_at": 1, "patient_id": "p1"}, "kind"),
        ({"kind": "care_plan", "patient_id": "p1", "books": []}, "kind"),
        ({"kind": "corrections", "patient_id": "p1", "received_at": 1}, "malformed"),
        ({**BARE, "patient_id": ""}, "patient"),
        ({**BARE, "vital": "mood"}, "unknown-vital"),
        ({**BARE, "reading_id": None}, "malformed"),
        ({**BARE, "quantities": {"glucose": {"unit": "mg/dL"}}}, "malformed"),
        ({**BARE, "quantities": [1]}, "malformed"),
        ({**BARE, "quantities": None}, "malformed"),
        ({**BARE, "quantities": {"sugar": {"unit": "mg/dL", "value": 54}}}, "unknown-quantity"),
        ({**BARE, "measured_at": "later"}, "time"),
        ({**BARE, "measured_at": "²"}, "time"),
        ({**BARE, "received_at": True}, "time"),
        ('{"received_at": 1e400000000}', "time"),
        ({**BARE, "version": 2}, "version"),
        ({"patient_id": "p1", "books": [], "version": 2}, "version"),
        ({"patient_id": "p1", "books": "all"}, "malformed"),
        ({"kind": "readings", "patient_id": "p1", "received_at": 1, "readings": {}}, "malformed"),
    ],
)
def test_what_cannot_be_read_says_why(line: object, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(line)
    assert caught.value.reason == reason
    assert caught.value.detail


def of_glucose(quantity: object) -> dict[str, Any]:
    return {**BARE, "quantities": {"glucose": quantity}}


@pytest.mark.parametrize(
    "value",
    ["abc", "", " 45", "45,5", "4_5", "NaN", "inf", "LO", True, [45], {}, 10**40],
)
def test_a_value_that_is_no_number_is_no_value_that_a_device_left_out(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"glucose: .* is no number") as caught:
        read(of_glucose({"unit": "mg/dL", "value": value}))
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1e400000000"])
def test_json_holds_no_number_without_bounds(number: str) -> None:
    line = json.dumps(of_glucose({"unit": "mg/dL", "value": 54})).replace("54", number)
    with pytest.raises(InvalidInput, match="is no number"):
        LogLines().read(1, line)


@pytest.mark.parametrize(
    ("quantity", "reason", "said"),
    [
        ({"unit": "mg/dL", "value": -45}, "implausible", "-45 mg/dL is no living patient's"),
        ({"unit": "mg/dL", "value": 5000}, "implausible", "10..1000"),
        ({"unit": "mmol", "value": 5}, "unknown-unit", "but in: mg/dL, mmol/L"),
        ({"unit": 5, "value": 5}, "unknown-unit", "glucose has no unit, one of: mg/dL, mmol/L"),
        ({"value": 5}, "unknown-unit", "none is guessed"),
        ({"unit": "mg/dL"}, "malformed", "glucose has either a value or absent"),
        ({"unit": "mg/dL", "value": 5, "absent": "error"}, "malformed", "has either a value or"),
        ({"unit": "mg/dL", "absent": "LO"}, "malformed", "negative-infinity"),
        (45, "malformed", 'glucose is 45, and no object such as {"unit": "mg/dL"'),
    ],
)
def test_what_the_bridge_would_refuse_is_refused(quantity: object, reason: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(of_glucose(quantity))
    assert caught.value.reason == reason
    assert said in caught.value.detail


def test_a_word_that_is_none_is_refused_with_those_that_there_are() -> None:
    words = "device-clock, receipt, bounded, untrusted"
    with pytest.raises(InvalidInput, match=f'time_quality is "good", and none of: {words}'):
        read({**BARE, "measured_at": NOON, "time_quality": "good"})


def test_a_capture_tells_when_whatever_a_line_says_of_it() -> None:
    capture = {"boot_id": "", "monotonic_ms": 0, "wall_ms": NOON - HOUR}
    (found,) = only({**BARE, "capture": capture, "time_quality": "untrusted"}).readings
    assert (found.stamp.quality, found.stamp.measured_at_ms) == ("receipt", NOON - HOUR)


def test_a_time_that_is_not_told_may_be_said_to_be_untrusted() -> None:
    """It paged as one that had just been measured."""
    for untold in ({}, {"measured_at": None}):
        (found,) = only({**BARE, **untold, "time_quality": "untrusted"}).readings
        assert (found.stamp.quality, found.stamp.measured_at_ms) == ("untrusted", NOON)


def test_a_refused_reading_of_several_is_named() -> None:
    told = raw(RECORD)
    told["readings"][1]["reading"]["quantities"]["glucose"]["value"] = "5x"
    with pytest.raises(InvalidInput, match='reading 2 of 2: glucose: "5x" is no number'):
        read(told)


@pytest.mark.parametrize("kind", ["corrections", "withdrawals"])
def test_what_changes_a_stored_reading_must_be_readable_too(kind: str) -> None:
    one = {"reading_id": "r", "vital": "glucose", "measured_at": NOON, "time_quality": "receipt"}
    one |= {"revision": 2, "before": {}, "quantities": {"glucose": {"unit": "mg", "value": "5"}}}
    told = {"kind": kind, "patient_id": "p1", "received_at": NOON, "readings": [one]}
    with pytest.raises(InvalidInput, match="not measured in 'mg'"):
        read(told)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
KEYS = ["kind", "patient_id", "received_at", "readings", "items", "reading", "vital", "quantities"]
KEYS += ["value", "key", "books", "stamp", "measured_at", "capture", "device_time", "version"]


@pytest.mark.parametrize("said", [{"kind": "reading"}, {"patient_id": None}])
def test_a_reading_beside_a_list_that_nobody_reads_is_read(said: dict[str, Any]) -> None:
    """It is one reading, told by its kind or because nobody wears the device."""
    assert read({**BARE, **said, "readings": [None]})


@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=6))
def test_any_object_is_read_or_refused(changes: dict[str, Any]) -> None:
    for line in (changes, {**BARE, **changes}, {**raw(RECORD), **changes}):
        with suppress(InvalidInput):
            found = read(line)
            assert found is None or isinstance(found, msgspec.Struct | Removed)


def test_what_is_no_value_is_shown_as_it_was_written() -> None:
    assert brief("zwölf") == '"zwölf"'
