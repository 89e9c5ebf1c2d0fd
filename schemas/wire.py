"""MQTT messages between the home and the clinic.

A readings message carries its envelope as MQTT 5 user properties (``Envelope``), so that it is
parsed first; each item of the payload is then parsed by itself: one bad item rejects itself alone.
"""

import hashlib
from typing import Literal

import msgspec

from schemas.errors import InvalidInput

MAJOR_VERSION = 1
PACKET_BYTES_MAX = 256 * 1024  # below Kafka's message limit
ITEMS_MAX = 500
BROKER_KEEPS_S = 7 * 24 * 3600
"""Message expiry interval of a readings message: how long a broker may hold it for the bridge.

A broker forwards what is left of the interval (MQTT 5, 3.3.2.3.3), which tells how long the message
waited. One that expires costs a re-send: no receipt ever came for it.
"""
CANARY_KEPT_S = 180
"""The same of a canary: after that alerting is down, and it would be news of the past."""
_STREAM_DIGITS = 16


class Envelope(msgspec.Struct, frozen=True):
    """Delivery key of a message: items ``first`` .. ``first + count - 1`` of one stream."""

    stream: str
    first: int
    count: int
    sha256: str

    def user_properties(self) -> list[tuple[str, str]]:
        """Give the envelope as MQTT 5 user properties."""
        return [
            ("stream", self.stream),
            ("first", str(self.first)),
            ("count", str(self.count)),
            ("sha256", self.sha256),
        ]

    @property
    def numbers(self) -> range:
        """The journal numbers that the message carries."""
        return range(self.first, self.first + self.count)


def envelope_for(stream: str, first: int, count: int, payload: bytes) -> Envelope:
    """Seal a payload."""
    return Envelope(stream, first, count, hashlib.sha256(payload).hexdigest())


def open_envelope(properties: list[tuple[str, str]], payload: bytes) -> Envelope:
    """Read and verify the envelope; raise ``InvalidInput`` (nothing can be confirmed then)."""
    found = dict(properties)
    try:
        envelope = Envelope(
            found["stream"], int(found["first"]), int(found["count"]), found["sha256"]
        )
    except (KeyError, ValueError) as error:
        raise InvalidInput("envelope", f"user property missing or malformed: {error}") from error
    stream_ok = len(envelope.stream) == _STREAM_DIGITS and set(envelope.stream) <= set(
        "0123456789abcdef"
    )
    if not (stream_ok and envelope.first >= 1 and 1 <= envelope.count <= ITEMS_MAX):
        raise InvalidInput("envelope", "stream, first or count is out of its bounds")
    if hashlib.sha256(payload).hexdigest() != envelope.sha256:
        raise InvalidInput("digest", "the payload is not what the gateway sealed")
    return envelope


class ReadingsMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of ``vitalwire/v1/{gateway_id}/readings``; items are ``schemas.reading.Item``.

    ``sent_wall_ms`` is given only if the wall clock was kept true when the message left.
    """

    boot_id: str
    sent_monotonic_ms: int
    items: list[msgspec.Raw]
    version: int = MAJOR_VERSION
    sent_wall_ms: int | None = None


class StreamState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Highest number given out and lowest still held: silence is not taken for success."""

    highest: int
    lowest_held: int | None = None
    held: int = 0


class DeviceState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A known device as the gateway last met it; ``battery_low``: its own newest record said so."""

    address: str
    model: str | None = None
    last_seen_s: int | None = None
    battery_percent: int | None = None
    battery_low: bool = False


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of ``…/health``, retained; the will carries ``state`` offline and nothing else."""

    state: Literal["online", "offline"]
    version: int = MAJOR_VERSION
    boot_id: str = ""
    sent_monotonic_ms: int = 0
    streams: dict[str, StreamState] = {}
    devices: list[DeviceState] = []
    counters: dict[str, int] = {}
    problems: list[str] = []
    software: str = ""


class Receipts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of ``…/receipts``, retained: per stream the numbers in custody, as ranges."""

    streams: dict[str, list[tuple[int, int]]]
    version: int = MAJOR_VERSION


class DeviceCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the database has a numbered memory without a gap.

    Counted as in ``gateway.record_access.cursor``.

    ``digest``: the first 16 hex digits of the SHA-256 of the payload of record ``last``; ``held``:
    so many records, one number after the other, end with it.
    """

    last: int
    digest: str
    held: int


class BoundDevice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device that this gateway has brought readings of.

    ``zone``: the IANA time zone of whoever wears it now, which its display should show.
    """

    address: str
    zone: str | None = None
    cursor: DeviceCursor | None = None


class Resend(msgspec.Struct, frozen=True, omit_defaults=True):
    """A wish to have everything again that was receipted at ``since_ms`` or later; fulfilled once.

    A database that was restored from a backup lost what came after it.
    """

    request: str
    since_ms: int


class Config(msgspec.Struct, frozen=True, omit_defaults=True):
    """Payload of ``…/config``, retained, server to gateway: what a new journal cannot know."""

    devices: list[BoundDevice] = []
    resend: Resend | None = None
    version: int = MAJOR_VERSION


def refuse_other_major(version: int) -> None:
    """Raise ``InvalidInput`` for a major version this program does not know."""
    if version != MAJOR_VERSION:
        raise InvalidInput("version", f"major version {version}, this program reads 1")
