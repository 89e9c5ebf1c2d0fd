"""Visits of a cuff that tells its records in segments, and what a journal makes of them."""

from collections.abc import Sequence

from gateway.decoding.decode import decode
from gateway.decoding.session_end import newest
from gateway.journal.journal import Journal
from gateway.record import BLOOD_PRESSURE_RECORD, Notification, SessionFacts
from schemas.gatt.blood_pressure_record import Record, encode_segment, split
from schemas.reading import Capture, Device, Item, Reading, Undecodable
from tests.gateway.records import ADDRESS, BOOT, cuff_payload

NOW_MS = 1_800_000_000_000
DATED, UNDATED, OTHER = cuff_payload(), cuff_payload(None), bytes.fromhex("00820055006400")


def cut(
    content: bytes = DATED, size: int = 5, counter: int = 0, *, number: int = 7, seal: bool = False
) -> list[bytes]:
    """The segments of a record; of ``DATED`` in fives there are three."""
    record = Record(sequence=number, characteristic=0x2A35, payload=content)
    return [encode_segment(part) for part in split(record, size, checksum=seal, counter=counter)]


def came(
    journal: Journal, session: str, payloads: Sequence[bytes], *, ended: bool = True, end: str = ""
) -> list[int]:
    """A visit: ``end`` is "complete" if the cuff was read to its end. Gives the rows."""
    rows = [
        journal.append(
            Notification(
                ADDRESS, BLOOD_PRESSURE_RECORD, payload, session, Capture(BOOT, 1_000, NOW_MS)
            )
        )
        for payload in payloads
    ]
    if ended:
        told = newest(journal.records_of(session)) if end == "complete" else None
        facts = SessionFacts(session, Device(ADDRESS), ended=True, newest=told)
        journal.keep_facts(facts, whole=told is not None)
    return [row.seq for row in rows]


def sent(journal: Journal) -> dict[int, Item]:
    """What would leave now, by its row."""
    numbers = [seq for seq, _ in journal.custody.held_after(0, 10_000)]
    return {
        seq: decode(entry, "home-1")
        for seq in numbers
        for entry in journal.entries(range(seq, seq + 1))
    }


def readings(journal: Journal) -> list[Reading]:
    return [item for item in sent(journal).values() if isinstance(item, Reading)]


def complaints(journal: Journal) -> list[Undecodable]:
    return [item for item in sent(journal).values() if isinstance(item, Undecodable)]
