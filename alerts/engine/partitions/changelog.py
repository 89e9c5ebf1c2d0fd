"""What alerts.state.v1 says beside each patient's state: who wrote it, and who was to be believed.

Private to the engine, versioned, MessagePack. One record a patient (key: patient_id), a ``Kept``
around what ``alerts.engine.state.archive`` writes; one ``Checkpoint`` a writer (key:
``CHECKPOINT_KEY`` and its name); each in the partition of readings.v1 that it was judged from.

An engine that was taken for dead, and is not, goes on to write until it notices. Invariants:

- A writer writes the patients of a batch before its checkpoint. So whatever it writes after
  somebody else has read its last checkpoint holds further than that one.
- Each checkpoint names the reigns so far: who judged from which offset on. A patient's record by a
  writer whose reign was over before the offset that it holds for is a zombie's, or was never taken
  into account: it is true as far as it goes, but may lie over a later one. Its patient is judged
  again from there. A zombie can so make events repeat, under their names, and can hide none.
- Checkpoints of several writers do not replace each other: their keys differ.
"""

import msgspec

VERSION = 2
CHECKPOINT_KEY = b"\x00checkpoint"
"""No patient_id begins with a zero byte."""

REIGNS_MAX = 8


class Reign(msgspec.Struct, frozen=True, array_like=True):
    """An engine judges a partition from the offset ``began`` on, until the next one does."""

    writer: str
    generation: int
    began: int


class Checkpoint(msgspec.Struct, frozen=True):
    """Everything before ``next_offset`` has been judged, and log time stood at ``log_ms``."""

    topic_id: str
    next_offset: int
    log_ms: int
    reigns: list[Reign] = []
    version: int = VERSION
    away: bytes = b""
    """What ``alerts.engine.absence.keep`` writes of the partition's gateways."""

    @property
    def writer(self) -> str:
        """Who wrote it; empty: a release that did not say so."""
        return self.reigns[-1].writer if self.reigns else ""

    @property
    def generation(self) -> int:
        """How many took the partition over before; the highest is to be believed."""
        return self.reigns[-1].generation if self.reigns else 0

    def succeeded(self, writer: str, generation: int, topic_id: str) -> "Checkpoint":
        """Give the checkpoint with which ``writer`` takes over; it begins where this one ends."""
        same = topic_id == self.topic_id
        began = self.next_offset if same else 0
        former = self.reigns[-REIGNS_MAX + 1 :] if same else []
        reigns = [*former, Reign(writer, generation, began)]
        return Checkpoint(topic_id, began, self.log_ms, reigns, away=self.away)

    def believed_until(self) -> dict[str, int]:
        """Give for each writer but the last the offset from which on others judged."""
        following = zip(self.reigns, self.reigns[1:], strict=False)
        return {reign.writer: following.began for reign, following in following}


class Kept(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A patient's state by ``writer`` when log time stood at ``log_ms``."""

    version: int
    writer: str
    log_ms: int
    patient: bytes


_encoder = msgspec.msgpack.Encoder()
_checkpoint_decoder = msgspec.msgpack.Decoder(Checkpoint)
_kept_decoder = msgspec.msgpack.Decoder(Kept)


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Write it."""
    return _encoder.encode(checkpoint)


def decode_checkpoint(value: bytes) -> Checkpoint | None:
    """Read it, also one of the version before; None if it is of another version."""
    try:
        checkpoint = _checkpoint_decoder.decode(value)
    except msgspec.MsgspecError:
        return None
    return checkpoint if checkpoint.version <= VERSION else None


def checkpoint_key(writer: str) -> bytes:
    """Name a writer's checkpoint."""
    return CHECKPOINT_KEY + (f"/{writer}".encode() if writer else b"")


def encode_kept(writer: str, log_ms: int, patient: bytes) -> bytes:
    """Write a patient's state."""
    return _encoder.encode(Kept(VERSION, writer, log_ms, patient))


def decode_kept(value: bytes) -> Kept | None:
    """Read it, also one of the version before, which said only the state; None if neither."""
    if value[:1] > b"\x9f" or value[:1] < b"\x90":  # not the small array of MessagePack
        return Kept(VERSION, "", 0, value)
    try:
        kept = _kept_decoder.decode(value)
    except msgspec.MsgspecError:
        return None
    return kept if kept.version == VERSION else None
