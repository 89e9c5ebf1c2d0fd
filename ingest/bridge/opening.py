"""Opening a message: what its envelope vouches for, as many items as it says.

What fails here is kept but confirms nothing: nobody knows which numbers the message carried.
"""

from dataclasses import dataclass, field

import msgspec

from schemas.errors import UNREADABLE, InvalidInput
from schemas.stamp import Sending
from schemas.wire import Envelope, ReadingsMessage, open_envelope, refuse_other_major

_SEQ_MAX = (1 << 63) - 1
_MESSAGE_DECODER = msgspec.json.Decoder(ReadingsMessage)


@dataclass(frozen=True, slots=True)
class Message:
    """What MQTT gave us, and when; ``expires_s`` is what the broker left of its interval."""

    topic: str
    payload: bytes
    received_at_ms: int
    properties: list[tuple[str, str]] = field(default_factory=list)
    retained: bool = False
    expires_s: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A message whose envelope vouches for its items, as many as it says."""

    envelope: Envelope
    items: list[msgspec.Raw]
    sending: Sending


def opened(message: Message, kept_s: int) -> Opened:
    """Open the envelope, and read what it has sealed; ``kept_s``: its interval at the start."""
    if message.retained:
        raise InvalidInput("retained", "a retained message would be taken again and again")
    envelope = open_envelope(message.properties, message.payload)
    body = _body(message.payload, envelope)
    sending = Sending(
        message.received_at_ms,
        body.boot_id,
        body.sent_monotonic_ms,
        body.sent_wall_ms,
        _waited_ms(message.expires_s, kept_s),
    )
    return Opened(envelope, body.items, sending)


def _waited_ms(expires_s: int | None, kept_s: int) -> int:
    """Give how long a broker held the message, in whole seconds; 0 if it does not tell."""
    if expires_s is None:
        return 0
    return max(kept_s - expires_s, 0) * 1000


def _body(payload: bytes, envelope: Envelope) -> ReadingsMessage:
    """Decode what the envelope has vouched for."""
    try:
        body = _MESSAGE_DECODER.decode(payload)
    except UNREADABLE as error:
        raise InvalidInput("message", str(error)) from error
    refuse_other_major(body.version)
    if len(body.items) != envelope.count:
        raise InvalidInput("envelope", f"{len(body.items)} items, {envelope.count} announced")
    if envelope.numbers[-1] > _SEQ_MAX:
        raise InvalidInput("envelope", "a number beyond 64 bits")
    return body
