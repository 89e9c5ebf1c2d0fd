"""One MQTT message in, the records that Kafka gets for it out. No I/O, no clock, no exception.

The envelope is opened first; what fails there is kept but confirms nothing: without it nobody knows
which numbers the message carried. After it each item is parsed by itself. Every number of the
envelope ends in exactly one record, so that the sink can confirm it: a patient's readings, an
unassigned reading or a rejection. The one exception is an item that claims another number than its
place says: it is kept, and neither number is confirmed. A part of a record, which another item
tells, is confirmed by a record with the reason ``PART``, and by nothing else.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from zoneinfo import ZoneInfo

import msgspec

from ingest import plausibility
from ingest.bridge.opening import Message, opened
from ingest.outgoing import Outgoing
from ingest.registry.view import Attributed, Waiting
from schemas import topics
from schemas.errors import UNREADABLE, InvalidInput
from schemas.kafka import (
    ITEM_DECODER,
    PART,
    Canary,
    GatewayReport,
    PatientReadings,
    Rejected,
    StampedReading,
    Unassigned,
)
from schemas.reading import Device, Part, Reading, Undecodable
from schemas.stamp import Sending, stamp
from schemas.wire import (
    BROKER_KEEPS_S,
    CANARY_KEPT_S,
    PACKET_BYTES_MAX,
    Health,
    refuse_other_major,
)

KEPT_BYTES_MAX = 64 * 1024
"""Of a message that is too large to be ours, its beginning is kept."""
UNKNOWN_GATEWAY = "unknown"


Attribute = Callable[[StampedReading], Attributed | Waiting]
ZoneOf = Callable[[str, int], ZoneInfo | None]
_HEALTH_DECODER = msgspec.json.Decoder(Health)
_ENCODER = msgspec.json.Encoder()
_OTHER_NUMBER = "number"


class _Addressed(msgspec.Struct):
    device: Device


_ADDRESS_DECODER = msgspec.json.Decoder(_Addressed)


@dataclass(slots=True)
class Parsed:
    """The records of one message, and how many of its items went which way.

    ``outcomes`` counts items (a message refused as a whole counts once): ``assigned``, an
    unassigned reason, or a rejection's reason.
    """

    records: list[Outgoing] = field(default_factory=list)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)


def parse(message: Message, attribute: Attribute, zone_of: ZoneOf | None = None) -> Parsed:
    """Turn a message into records; whatever is wrong with it becomes a rejection.

    ``zone_of`` gives the zone of whoever wore a device (its address) at an instant (UTC ms).
    """
    parsed = Parsed()
    gateway_id = topics.gateway_of(message.topic)
    try:
        gateway = _check_message(message, gateway_id)
        if message.topic == topics.mqtt_topic(gateway, "health"):
            _report(message, gateway, parsed)
        elif message.topic == topics.mqtt_topic(gateway, "canary"):
            return _canary(message)
        else:
            _readings(message, gateway, (attribute, zone_of), parsed)
    except InvalidInput as error:
        kept = KEPT_BYTES_MAX if error.reason == "oversized" else None
        parsed = Parsed()
        rejected = Rejected(
            gateway_id=gateway_id or UNKNOWN_GATEWAY,
            received_at_ms=message.received_at_ms,
            reason=error.reason,
            detail=error.detail,
            payload=message.payload[:kept],
        )
        _reject(rejected, parsed)
    return parsed


def _check_message(message: Message, gateway_id: str | None) -> str:
    """Refuse a message for what it is before looking at what it says; give the gateway."""
    if gateway_id is None:
        raise InvalidInput("gateway-id", f"{message.topic[:200]!r} names no gateway")
    if len(message.payload) > PACKET_BYTES_MAX:
        raise InvalidInput("oversized", f"{len(message.payload)} bytes")
    return gateway_id


def _report(message: Message, gateway_id: str, parsed: Parsed) -> None:
    """Pass a gateway's health on."""
    try:
        health = _HEALTH_DECODER.decode(message.payload)
    except UNREADABLE as error:
        raise InvalidInput("health", str(error)) from error
    refuse_other_major(health.version)
    report = GatewayReport(gateway_id, message.received_at_ms, health)
    _put(parsed, topics.GATEWAYS, gateway_id, report)
    parsed.outcomes["health", health.state] += 1


def _canary(message: Message) -> Parsed:
    """Pass a canary on: read and stamped like a gateway's reading, attributed to nobody.

    What is no sound canary leaves no record at all: the watcher misses it.
    """
    parsed = Parsed()
    try:
        found = opened(message, CANARY_KEPT_S)
        (seq,), (raw,) = found.envelope.numbers, found.items
        reading = _reading(bytes(raw), seq)
    except (InvalidInput, ValueError):  # ValueError: not one reading
        parsed.outcomes["canary", "refused"] += 1
        return parsed
    name = f"{found.envelope.stream}-{seq}"
    stamped = StampedReading(reading, stamp(reading, found.sending))
    record = Canary(name, message.received_at_ms, stamped)
    parsed.records.append(Outgoing(topics.READINGS, None, _ENCODER.encode(record)))
    parsed.outcomes["canary", ""] += 1
    return parsed


def _readings(
    message: Message, gateway_id: str, registry: tuple[Attribute, ZoneOf | None], parsed: Parsed
) -> None:
    """Sort a message's items: by patient, waiting for one, or rejected."""
    attribute, zone_of = registry
    whole = opened(message, BROKER_KEEPS_S)
    envelope = whole.envelope
    batch = _Batch(gateway_id, envelope.stream, whole.sending)
    patients: dict[str, list[StampedReading]] = {}
    for seq, raw in zip(envelope.numbers, whole.items, strict=True):
        item = bytes(raw)
        try:
            reading = _reading(item, seq)
        except InvalidInput as error:
            _reject(batch.rejected(item, seq, error), parsed)
            continue
        zone_at = None if zone_of is None else partial(zone_of, reading.device.address)
        stamped = StampedReading(reading, stamp(reading, batch.sending, zone_at))
        found = attribute(stamped)
        if isinstance(found, Attributed):
            owned = msgspec.structs.replace(
                stamped, device_id=found.device_id, assignment_id=found.assignment_id
            )
            patients.setdefault(found.patient_id, []).append(owned)
            parsed.outcomes["assigned", ""] += 1
        else:
            _put(parsed, topics.UNASSIGNED, gateway_id, batch.unassigned(stamped, found))
            parsed.outcomes["unassigned", found.reason] += 1
    for patient_id, readings in patients.items():
        record = PatientReadings(
            patient_id, gateway_id, envelope.stream, message.received_at_ms, readings
        )
        _put(parsed, topics.READINGS, patient_id, record)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the items of one message share."""

    gateway_id: str
    stream: str
    sending: Sending

    def unassigned(self, stamped: StampedReading, found: Waiting) -> Unassigned:
        return Unassigned(
            self.gateway_id,
            self.stream,
            self.sending.received_ms,
            found.reason,
            msgspec.structs.replace(stamped, device_id=found.device_id),
        )

    def rejected(self, item: bytes, seq: int, error: InvalidInput) -> Rejected:
        confirmed = error.reason != _OTHER_NUMBER
        return Rejected(
            gateway_id=self.gateway_id,
            received_at_ms=self.sending.received_ms,
            reason=error.reason,
            detail=error.detail,
            payload=item,
            stream=self.stream if confirmed else None,
            seq=seq if confirmed else None,
            device_address=_address(item),
        )


def _reading(item: bytes, seq: int) -> Reading:
    """Read one item; raise ``InvalidInput`` for all but a reading that can go to the rules."""
    try:
        found = ITEM_DECODER.decode(item)
    except UNREADABLE as error:
        raise InvalidInput("malformed", str(error)) from error
    if found.seq != seq:
        raise InvalidInput(_OTHER_NUMBER, f"item {found.seq} in the place of {seq}")
    if isinstance(found, Undecodable):
        raise InvalidInput("undecodable", found.reason)
    if isinstance(found, Part):
        raise InvalidInput(PART, "another item has its bytes")
    if b"\\u0000" in item:  # no database takes it as text
        raise InvalidInput("malformed", "a text holds the character NUL")
    plausibility.check(found)
    return found


def _address(item: bytes) -> str | None:
    """Find out which device an item is about, if it says so at all."""
    try:
        return _ADDRESS_DECODER.decode(item).device.address
    except UNREADABLE:
        return None


def _reject(rejected: Rejected, parsed: Parsed) -> None:
    _put(parsed, topics.REJECTED, rejected.gateway_id, rejected)
    outcome = PART if rejected.reason == PART else "rejected"
    parsed.outcomes[outcome, rejected.reason] += 1


def _put(parsed: Parsed, topic: str, key: str, record: msgspec.Struct) -> None:
    parsed.records.append(Outgoing(topic, key.encode(), _ENCODER.encode(record)))
