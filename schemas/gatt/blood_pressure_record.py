"""Blood Pressure Record (0x2B36): a stored packet of another characteristic, in segments.

Blood Pressure Service 1.1: records are asked for through the Record Access Control Point. A segment
is a header (bit 0 first, bit 1 last, bits 2 to 7 a rolling counter), the record's sequence number,
the 16-bit number of the characteristic recorded, some of its bytes, and the E2E-CRC on cuffs that
announce one. (github.com/RonanB96/bluetooth-sig-python, made from the SIG's own field lists.)

Two things no public source confirms: that this E2E-CRC is the one of continuous glucose monitoring,
and which bytes it covers. So it never costs a record: ``checksum_fits`` is to be told, not to be
obeyed, and ``schemas.gatt.measurement`` takes bytes for one only if the packet leaves them over.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from schemas.gatt.checksum import e2e_crc
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.octets import Octets

COUNTER_MODULUS = 64
CHECKSUM_SIZE = 2
_NUMBERED = 3  # so many octets hold the header and the number

_FIRST = 1 << 0
_LAST = 1 << 1


class Segment(Struct, frozen=True, kw_only=True):
    """One notification: a part of one record."""

    first: bool
    last: bool
    counter: int
    sequence: int
    characteristic: int
    part: bytes
    checksum: int | None = None

    @property
    def checksum_fits(self) -> bool | None:
        """Whether the checksum is that of the bytes before it; None if there is none."""
        return None if self.checksum is None else self.checksum == e2e_crc(_body(self))


class Record(Struct, frozen=True, kw_only=True):
    """A whole record: the payload of the characteristic that was recorded.

    ``checksums_fit`` is False if one segment's does not, None if no segment has one.
    """

    sequence: int
    characteristic: int
    payload: bytes
    checksums_fit: bool | None = None


def decode_segment(payload: bytes, *, checksum: bool | None = None) -> Segment:
    """Decode 0x2B36. Raises ``MalformedPayload`` if there are fewer than 5 bytes (7 with checksum).

    ``checksum``: whether the cuff's feature bits announce one. None (nobody read them): there is
    one if the last two bytes are that of those before them.
    """
    octets = Octets(payload, "blood pressure record")
    header = octets.uint8("the segment header")
    sequence = octets.uint16("the sequence number")
    characteristic = octets.uint16("the recorded characteristic")
    rest = octets.rest()
    if checksum is None:
        checksum = len(rest) >= CHECKSUM_SIZE and _word(payload[-2:]) == e2e_crc(payload[:-2])
    elif checksum and len(rest) < CHECKSUM_SIZE:
        message = f"blood pressure record: {len(payload)} bytes are too few, there is no checksum"
        raise MalformedPayload(message)
    return Segment(
        first=bool(header & _FIRST),
        last=bool(header & _LAST),
        counter=header >> 2,
        sequence=sequence,
        characteristic=characteristic,
        part=rest[:-CHECKSUM_SIZE] if checksum else rest,
        checksum=_word(rest[-CHECKSUM_SIZE:]) if checksum else None,
    )


def part_of(payload: bytes) -> int | None:
    """Give the record's number if a payload of 0x2B36 is a segment among others; else None."""
    is_part = len(payload) >= _NUMBERED and payload[0] & (_FIRST | _LAST) != _FIRST | _LAST
    return int.from_bytes(payload[1:_NUMBERED], "little") if is_part else None


class Assembly:
    """Gathers the segments of one record after the other, as they come.

    Only an unbroken run counts: from a first segment to a last one, one counter after the other. A
    cuff that was interrupted begins again with the first. A segment that comes twice in a row is
    the same one: a notification that was delivered twice.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._run: list[bytes] = []
        self._latest: Segment | None = None

    def add(self, payload: bytes) -> tuple[bytes, ...] | None:
        """Take the next payload; give all of a record's, in their order, if it completes one.

        Raises ``MalformedPayload`` for one that is no segment; it changes nothing.
        """
        segment = decode_segment(payload, checksum=False)
        if segment.first:
            self._run = []
        elif self._run and payload == self._run[-1]:
            return None
        elif self._latest is None or not _follows(segment, self._latest):
            self._run, self._latest = [], None
            return None
        self._run.append(payload)
        self._latest = None if segment.last else segment
        if not segment.last:
            return None
        whole, self._run = tuple(self._run), []
        return whole


def completed(payloads: Iterable[bytes]) -> tuple[bytes, ...] | None:
    """Give the segments of the record that the last payload completes; None if it does not.

    Raises ``MalformedPayload`` if one is no segment.
    """
    assembly = Assembly()
    whole: tuple[bytes, ...] | None = None
    for payload in payloads:
        whole = assembly.add(payload)
    return whole


def _follows(segment: Segment, before: Segment) -> bool:
    same = (segment.sequence, segment.characteristic) == (before.sequence, before.characteristic)
    return same and segment.counter == (before.counter + 1) % COUNTER_MODULUS


def encode_segment(segment: Segment) -> bytes:
    """Encode as 0x2B36."""
    checksum = b"" if segment.checksum is None else segment.checksum.to_bytes(2, "little")
    return _body(segment) + checksum


def split(record: Record, part_size: int, *, checksum: bool, counter: int = 0) -> list[Segment]:
    """Cut a record into segments of at most ``part_size`` bytes; ``counter`` is the first one's."""
    starts = range(0, max(len(record.payload), 1), part_size)
    segments = []
    for index, start in enumerate(starts):
        segment = Segment(
            first=index == 0,
            last=index == len(starts) - 1,
            counter=(counter + index) % COUNTER_MODULUS,
            sequence=record.sequence,
            characteristic=record.characteristic,
            part=record.payload[start : start + part_size],
        )
        segments.append(_sealed(segment) if checksum else segment)
    return segments


def whole(record: Record) -> bytes:
    """Encode as 0x2B36 in one segment, without checksum."""
    (segment,) = split(record, max(len(record.payload), 1), checksum=False)
    return encode_segment(segment)


def join(segments: Sequence[Segment]) -> Record:
    """Put a record's segments together, in the order in which they came.

    Raises ``MalformedPayload`` if one is missing or belongs to another record.
    """
    if not segments or not segments[0].first or not segments[-1].last:
        raise MalformedPayload("blood pressure record: its first or last segment is missing")
    head = segments[0]
    for index, segment in enumerate(segments):
        inside = segment.last and segment is not segments[-1]
        if (segment.sequence, segment.characteristic) != (head.sequence, head.characteristic):
            raise MalformedPayload("blood pressure record: segments of two records are mixed")
        counted = segment.counter == (head.counter + index) % COUNTER_MODULUS
        if not counted or segment.first != (not index) or inside:
            raise MalformedPayload("blood pressure record: a segment is missing or out of order")
    fits = [segment.checksum_fits for segment in segments if segment.checksum is not None]
    return Record(
        sequence=head.sequence,
        characteristic=head.characteristic,
        payload=b"".join(segment.part for segment in segments),
        checksums_fit=all(fits) if fits else None,
    )


def _body(segment: Segment) -> bytes:
    header = segment.counter << 2 | segment.first * _FIRST | segment.last * _LAST
    numbers = segment.sequence.to_bytes(2, "little") + segment.characteristic.to_bytes(2, "little")
    return bytes((header,)) + numbers + segment.part


def _sealed(segment: Segment) -> Segment:
    return replace(segment, checksum=e2e_crc(_body(segment)))


def _word(octets: bytes) -> int:
    return int.from_bytes(octets, "little")
