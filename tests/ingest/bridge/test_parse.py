import json
from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.bridge.opening import Message
from ingest.bridge.parse import KEPT_BYTES_MAX, UNKNOWN_GATEWAY, Parsed, parse
from ingest.registry.view import RegistryView
from schemas import topics
from schemas.kafka import PART, GatewayReport, PatientReadings, Rejected, Unassigned
from schemas.reading import Capture, Device, Part, Undecodable
from schemas.registry import Assignment
from schemas.wire import BROKER_KEEPS_S, ITEMS_MAX, PACKET_BYTES_MAX, Health, envelope_for
from tests.ingest.factories import (
    BOOT,
    CUFF,
    GATEWAY,
    RECEIVED_MS,
    STREAM,
    device,
    message,
    payload,
    reading,
)

VIEW = RegistryView([device(Assignment("a", "anna", 0))])
KINDS: dict[str, Any] = {
    topics.READINGS: PatientReadings,
    topics.REJECTED: Rejected,
    topics.UNASSIGNED: Unassigned,
    topics.GATEWAYS: GatewayReport,
}


def records(parsed: Parsed) -> list[Any]:
    return [msgspec.json.decode(out.value, type=KINDS[out.topic]) for out in parsed.records]


def only(sent: Message) -> Any:  # noqa: ANN401  (each test knows which record it wants)
    (record,) = records(parse(sent, VIEW.attribute))
    return record


def numbers(parsed: Parsed) -> Counter[int]:
    """Count how often each number of the stream is accounted for."""
    found: Counter[int] = Counter()
    for record in records(parsed):
        match record:
            case PatientReadings(readings=stamped):
                found.update(one.reading.seq for one in stamped)
            case Unassigned(reading=one):
                found[one.reading.seq] += 1
            case Rejected(stream=str(), seq=int(seq)):
                found[seq] += 1
            case _:
                pass
    return found


def test_a_patient_s_readings_travel_in_one_record_under_the_patient_s_key() -> None:
    parsed = parse(message([reading(1), reading(2)]), VIEW.attribute)
    (sent,) = parsed.records
    assert (sent.topic, sent.key) == (topics.READINGS, b"anna")
    (record,) = records(parsed)
    assert (record.gateway_id, record.stream, record.received_at_ms) == (
        GATEWAY,
        STREAM,
        RECEIVED_MS,
    )
    assert [one.reading.seq for one in record.readings] == [1, 2]
    assert {(one.device_id, one.assignment_id) for one in record.readings} == {("cuff-1", "a")}
    assert parsed.outcomes == {("assigned", ""): 2}


def test_what_the_broker_left_of_the_interval_tells_how_long_the_message_waited() -> None:
    live = message([reading()])
    at_once = only(live).readings[0].stamp.captured_at_ms
    queued = only(replace(live, expires_s=BROKER_KEEPS_S - 3_600))
    assert queued.readings[0].stamp.captured_at_ms == at_once - 3_600_000
    for untold in (BROKER_KEEPS_S, BROKER_KEEPS_S + 1):
        told = only(replace(live, expires_s=untold))
        assert told.readings[0].stamp.captured_at_ms == at_once


def test_a_device_that_nobody_registered_waits() -> None:
    found = only(message([reading(device=Device("AA:AA:AA:AA:AA:AA"))]))
    assert isinstance(found, Unassigned)
    assert (found.reason, found.reading.device_id) == ("unknown-device", None)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (b"7", "malformed"),
        (b'{"kind":"cow"}', "malformed"),
        (reading(systolic="301"), "implausible"),
        (reading(systolic="80"), "implausible"),
        (reading(vital="mood"), "unknown-vital"),
        (reading(raw="0g"), "malformed"),
        (reading(reading_id="x"), "malformed"),
        (reading(user_slot=256), "malformed"),
        (reading(session_id="\0"), "malformed"),
        (
            Undecodable(1, Device(CUFF), "2a35", "ff", "too short", "s", Capture(BOOT, 1)),
            "undecodable",
        ),
    ],
)
def test_one_bad_item_rejects_itself_alone_and_is_kept(item: object, reason: str) -> None:
    parsed = parse(message([item, reading(2)]), VIEW.attribute)
    rejected = next(record for record in records(parsed) if isinstance(record, Rejected))
    assert (rejected.stream, rejected.seq, rejected.reason) == (STREAM, 1, reason)
    assert rejected.payload == (item if isinstance(item, bytes) else msgspec.json.encode(item))
    assert numbers(parsed) == {1: 1, 2: 1}


def test_a_part_of_a_record_is_confirmed_and_is_no_rejection() -> None:
    parsed = parse(message([Part(1, Device(CUFF), "2b36", "s"), reading(2)]), VIEW.attribute)
    part = next(record for record in records(parsed) if isinstance(record, Rejected))
    assert (part.stream, part.seq, part.reason) == (STREAM, 1, PART)
    assert numbers(parsed) == {1: 1, 2: 1}
    assert parsed.outcomes == {(PART, PART): 1, ("assigned", ""): 1}


def test_a_rejection_names_the_device_where_the_item_does() -> None:
    assert only(message([reading(systolic="301")])).device_address == CUFF


def test_an_item_with_another_number_is_kept_and_confirms_neither() -> None:
    rejected = only(message([reading(5)]))
    assert (rejected.reason, rejected.stream, rejected.seq) == ("number", None, None)


SEALED = message([reading()])


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (replace(SEALED, properties=[]), "envelope"),
        (replace(SEALED, properties=SEALED.properties[:-1]), "envelope"),
        (replace(SEALED, payload=SEALED.payload + b" "), "digest"),
        (replace(SEALED, retained=True), "retained"),
        (replace(SEALED, topic="vitalwire/v1/NOT!/readings"), "gateway-id"),
        (message([]), "envelope"),
        (message([reading()] * (ITEMS_MAX + 1)), "envelope"),
        (message([reading((1 << 63) + 1)], first=(1 << 63) + 1), "envelope"),
    ],
)
def test_a_broken_envelope_is_kept_whole_and_confirms_nothing(broken: Message, reason: str) -> None:
    rejected = only(broken)
    assert (rejected.reason, rejected.stream, rejected.seq) == (reason, None, None)
    assert rejected.payload == broken.payload


def test_a_gateway_without_a_proper_name_is_called_unknown() -> None:
    assert only(replace(SEALED, topic="vitalwire/v1/NOT!/readings")).gateway_id == UNKNOWN_GATEWAY


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "message"),
        (b"\xff\xfe", "message"),
        (b"[]", "message"),
        (b'{"x":' + b"[" * 100_000, "message"),
        (payload([b"[" * 100_000 + b"]" * 100_000]), "message"),
        (payload([reading()]).replace(b"{", b'{"version":2,', 1), "version"),
        (payload([reading(), reading()]), "envelope"),
    ],
)
def test_a_sealed_body_that_makes_no_sense_confirms_nothing(body: bytes, reason: str) -> None:
    sealed = replace(
        SEALED, payload=body, properties=envelope_for(STREAM, 1, 1, body).user_properties()
    )
    rejected = only(sealed)
    assert (rejected.reason, rejected.stream, rejected.payload) == (reason, None, body)


def test_of_an_oversized_message_the_beginning_is_kept() -> None:
    rejected = only(replace(SEALED, payload=b"x" * (PACKET_BYTES_MAX + 1)))
    assert (rejected.reason, len(rejected.payload)) == ("oversized", KEPT_BYTES_MAX)


def test_fields_that_this_program_does_not_know_are_ignored() -> None:
    known = json.loads(msgspec.json.encode(reading()))
    newer = msgspec.json.encode({**known, "mood": "good"})
    assert isinstance(only(message([newer])), PatientReadings)


def test_health_becomes_a_report() -> None:
    topic = topics.mqtt_topic(GATEWAY, "health")
    sent = Message(topic, msgspec.json.encode(Health("online")), RECEIVED_MS, retained=True)
    assert only(sent) == GatewayReport(GATEWAY, RECEIVED_MS, Health("online"))
    assert only(replace(sent, payload=b"{}")).reason == "health"


def bent(draw: st.DrawFn, seq: int) -> object:
    """Draw an item: sound, or wrong in a way that a gateway's bug could make it."""
    wrong: dict[str, st.SearchStrategy[Any]] = {
        "reading_id": st.text(max_size=40),
        "vital": st.text(max_size=10),
        "raw": st.text(max_size=8),
        "user_slot": st.none() | st.integers(),
        "record_number": st.none() | st.integers(),
        "seq": st.integers(),
        "session_id": st.text(),
        "device": st.builds(Device, address=st.text()),
        "amends": st.none() | st.text(),
        "characteristic": st.text(max_size=5),
    }
    names = draw(st.lists(st.sampled_from(sorted(wrong)), max_size=2, unique=True))
    systolic = draw(st.sampled_from(["120", "NaN", "1e999999", "-0", "0E+9999", "", "৪২"]))
    sound = reading(seq, systolic)
    return msgspec.structs.replace(sound, **{name: draw(wrong[name]) for name in names})


@st.composite
def item_lists(draw: st.DrawFn) -> list[object]:
    def one(seq: int) -> object:
        kind = draw(st.sampled_from(["sound", "bent", "json"]))
        if kind == "sound":
            return reading(seq)
        if kind == "bent":
            return bent(draw, seq)
        jsons = st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["kind", "seq", "device"]), inner, max_size=3)
            ),
            max_leaves=5,
        )
        return json.dumps(draw(jsons)).encode()

    return [one(seq) for seq in range(1, draw(st.integers(1, 6)) + 1)]


@given(item_lists())
def test_every_number_of_an_envelope_is_accounted_for_at_most_once(items: list[object]) -> None:
    try:
        sent = message(items)
    except (UnicodeEncodeError, OverflowError):
        return  # a gateway could not have written it either
    parsed = parse(sent, VIEW.attribute)
    found = numbers(parsed)
    displaced = [
        record for record in records(parsed) if isinstance(record, Rejected) and record.seq is None
    ]
    assert set(found.values()) <= {1}
    assert set(found) <= set(range(1, len(items) + 1))
    assert len(found) + len(displaced) == len(items)
    assert all(record.reason == "number" for record in displaced)


@given(
    body=st.binary(max_size=200),
    properties=st.lists(
        st.tuples(st.sampled_from(["stream", "first", "count", "sha256"]), st.text())
    ),
    topic=st.text(max_size=30) | st.just(SEALED.topic) | st.just("vitalwire/v1/a/health"),
    retained=st.booleans(),
)
def test_noise_is_kept_byte_for_byte_and_never_raises(
    body: bytes, properties: list[tuple[str, str]], topic: str, retained: bool
) -> None:
    rejected = only(Message(topic, body, RECEIVED_MS, properties, retained))
    assert isinstance(rejected, Rejected)
    assert (rejected.payload, rejected.stream) == (body, None)
