"""Canaries: made-up readings that go the way of a patient's, and which of them came back. Pure.

A canary is sealed like a gateway's message, under a leaf of its own (``…/canary``): whoever reads
it cannot take it for a patient's. It comes back as the desk's decision in alerts.actions.v1.
"""

from dataclasses import dataclass, field

import msgspec

from schemas.alert import CANARY, Action
from schemas.identity import Undated, reading_id
from schemas.reading import Capture, Device, Quantity, Reading
from schemas.topics import mqtt_topic
from schemas.wire import ReadingsMessage, envelope_for

_WAITED_FOR_MAX = 100
_ADDRESS = "00:00:00:00:00:00"
_CHARACTERISTIC = "2a18"
_GLUCOSE = Quantity("mg/dL", "40")
"""Critical by the published rule for adults with diabetes, whatever a clinic has changed."""


@dataclass(frozen=True, slots=True)
class Letter:
    """An MQTT message to send."""

    topic: str
    payload: bytes
    properties: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Instant:
    """When a canary starts, by the watcher's clocks; how long it is away the first of them says."""

    boot_id: str
    monotonic_ms: int
    wall_ms: int


@dataclass(slots=True)
class Canaries:
    """Those of one watcher; ``stream``: 16 hex digits, drawn at its start."""

    stream: str
    sent: int = 0
    back: int = 0
    _started: dict[str, Instant] = field(default_factory=dict)
    """When those started that have not come back, nor any later one: the oldest first."""

    def start(self, at: Instant) -> Letter:
        """Write the next canary."""
        self.sent += 1
        self._started[f"{self.stream}-{self.sent}"] = at
        if len(self._started) > _WAITED_FOR_MAX:  # the oldest says how long; the newest may come
            del self._started[list(self._started)[1]]
        raw = f"{self.sent:08x}"
        undated = Undated("canary", self.stream, self.sent, at.wall_ms)
        reading = Reading(
            seq=self.sent,
            reading_id=reading_id(_ADDRESS, _CHARACTERISTIC, bytes.fromhex(raw), undated),
            vital="glucose",
            device=Device(_ADDRESS),
            characteristic=_CHARACTERISTIC,
            raw=raw,
            quantities={"glucose": _GLUCOSE},
            session_id="canary",
            capture=Capture(at.boot_id, at.monotonic_ms),
            session_newest=True,
        )
        item = msgspec.Raw(msgspec.json.encode(reading))
        payload = msgspec.json.encode(ReadingsMessage(at.boot_id, at.monotonic_ms, [item]))
        envelope = envelope_for(self.stream, self.sent, 1, payload)
        topic = mqtt_topic(f"watcher-{self.stream}", "canary")
        return Letter(topic, payload, envelope.user_properties())

    def came_back(self, decided: Action) -> int | None:
        """Take note of the desk's decision; give when (UTC ms) its canary started, if it is ours.

        Those before it that have not come are no longer waited for: alerting works again.
        """
        name = decided.answers.removeprefix(CANARY)
        started = self._started.get(name)
        if started is None:
            return None
        self.back += 1
        names = list(self._started)
        for one in names[: names.index(name) + 1]:
            del self._started[one]
        return started.wall_ms

    def waiting_ms(self, monotonic_ms: int) -> int:
        """Give how long the oldest has been away that is waited for; 0 if none is."""
        oldest = next(iter(self._started.values()), None)
        return 0 if oldest is None else monotonic_ms - oldest.monotonic_ms
