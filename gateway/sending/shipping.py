"""Pack items into one MQTT message: contiguous numbers, bounded bytes, a sealed envelope."""

from dataclasses import dataclass

import msgspec

from schemas.reading import Item
from schemas.wire import ITEMS_MAX, PACKET_BYTES_MAX, Envelope, ReadingsMessage, envelope_for

_OVERHEAD_BYTES = 4096  # topic, user properties, the message around and between the items
PAYLOAD_BYTES_MAX = PACKET_BYTES_MAX - _OVERHEAD_BYTES

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Departure:
    """The clocks at the moment a message leaves; ``wall_ms`` None unless the clock is kept true."""

    boot_id: str
    monotonic_ms: int
    wall_ms: int | None


def pack(stream: str, items: list[Item], departure: Departure) -> tuple[Envelope, bytes]:
    """Pack the first items, as many as fit; the envelope tells how many that are.

    ``items`` carry contiguous numbers of ``stream`` and there is at least one.
    """
    first = items[0].seq
    assert [item.seq for item in items] == list(range(first, first + len(items)))
    bodies: list[msgspec.Raw] = []
    size_bytes = 0
    for item in items[:ITEMS_MAX]:
        body = _ENCODER.encode(item)
        size_bytes += len(body)
        if bodies and size_bytes > PAYLOAD_BYTES_MAX:
            break
        bodies.append(msgspec.Raw(body))
    message = ReadingsMessage(
        boot_id=departure.boot_id,
        sent_monotonic_ms=departure.monotonic_ms,
        items=bodies,
        sent_wall_ms=departure.wall_ms,
    )
    payload = _ENCODER.encode(message)
    return envelope_for(stream, first, len(bodies), payload), payload
