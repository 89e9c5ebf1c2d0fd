"""A record on its way to Kafka, as the pure part hands it to the shell."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record for Kafka; ``partition`` None: by its key."""

    topic: str
    key: bytes | None
    value: bytes
    partition: int | None = None
