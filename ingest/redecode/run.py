"""A run through stored readings: batch by batch, each corrected before the next is read.

Invariants: a batch is corrected whole or not at all; what was corrected does not differ any more,
so a run that was interrupted goes on when it is started again, and a second one changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from ingest.instants import from_ms, to_ms
from ingest.redecode.correct import Order, correct
from ingest.redecode.derived import Layout, layout_of
from ingest.redecode.examine import Difference, Refusal, StoredRow, examine
from ingest.redecode.report import Report, VitalReport
from ingest.redecode.selection import Selection, batches, windows
from ingest.registry import entries
from ingest.registry.view import Attributed, RegistryView
from schemas.clock import Clock
from schemas.errors import UNREADABLE, InvalidInput
from schemas.gatt.blood_pressure_record import completed
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import measure, measure_segments
from schemas.kafka import ITEM_DECODER
from schemas.reading import Undecodable
from schemas.vitals import Vital

REJECTED_PAGE = 500
ANOTHER_PATIENT = "another-patient"
_REJECTED = """
SELECT rejected_id, payload, received_at FROM vitalwire.rejected_payloads
WHERE reason = 'undecodable' AND (%(after)s::uuid IS NULL OR rejected_id > %(after)s)
ORDER BY rejected_id LIMIT %(page)s
"""

Progress = Callable[[str, int, datetime], None]
"""Told after each batch: the vital, how many of its rows were read, up to which time."""


@dataclass(frozen=True, slots=True)
class Run:
    """``reader`` streams; ``writer`` corrects if there is an ``order``. Both commit by themselves.

    Raises ``psycopg.Error`` if the database does not do its work.
    """

    reader: Connection[TupleRow]
    writer: Connection[TupleRow]
    selection: Selection
    order: Order | None
    run_id: str
    clock: Clock
    progress: Progress

    def through(self) -> Report:
        """Go through everything that was selected."""
        report = Report(self.order is not None, self.run_id)
        for vital in self.selection.vitals:
            report.vitals[vital.name] = self._vital(vital)
        for characteristic, received_at in decodable_now(self.reader):
            report.note_decodable(characteristic, received_at)
        return report

    def _vital(self, vital: Vital) -> VitalReport:
        seen, layout = VitalReport(), layout_of(vital)
        for window in windows(self.reader, vital, self.selection):
            for rows in batches(self.reader, layout, self.selection, window):
                self._batch(layout, rows, seen)
                self.progress(vital.name, seen.rows, window[1])
        return seen

    def _batch(self, layout: Layout, rows: Sequence[StoredRow], seen: VitalReport) -> None:
        seen.rows += len(rows)
        found = list(held_back(self.writer, examine(layout, rows)))
        for one in found:
            seen.note(one)
        differences = [one for one in found if isinstance(one, Difference)]
        if self.order is not None and differences:
            now = from_ms(self.clock.wall_ms())
            correct(self.writer, layout.vital, differences, self.order, now)
            seen.corrected += len(differences)


def held_back(
    connection: Connection[TupleRow], found: Iterator[Difference | Refusal]
) -> Iterator[Difference | Refusal]:
    """Refuse what would belong to another patient, or to nobody, by the user slot that it says now.

    Whose a reading is, is for a person to decide: the registry's edits, not a decoder, move it.
    """
    listed = list(found)
    moved = [one for one in listed if isinstance(one, Difference) and "user_slot" in one.fields]
    addresses = {one.row.address for one in moved if one.row.address is not None}
    view = RegistryView(entries.devices_at(connection, addresses) if addresses else ())
    for one in listed:
        if one in moved and not _stays(view, one):
            yield Refusal(one.reading_id, one.row.model, ANOTHER_PATIENT)
        else:
            yield one


def _stays(view: RegistryView, difference: Difference) -> bool:
    stored, slot = difference.stored, difference.derived.columns["user_slot"]
    interval_ms = to_ms(stored["time_earliest"]), to_ms(stored["time_latest"])
    owner = view.owner(difference.row.address or "", slot, interval_ms)
    return isinstance(owner, Attributed) and owner.patient_id == stored["patient_id"]


def decodable_now(connection: Connection[TupleRow]) -> Iterator[tuple[str, datetime]]:
    """Find payloads that were rejected as undecodable and are not any more.

    Gives characteristic and time of receipt. They are only told: a reading needs a name and a time,
    which its gateway gives from what its session knew. The gateway's journal holds the bytes too,
    and a mended gateway sends them when it is asked.
    """
    after = None
    while page := connection.execute(_REJECTED, {"after": after, "page": REJECTED_PAGE}).fetchall():
        after = page[-1][0]
        for _, payload, received_at in page:
            try:
                item = ITEM_DECODER.decode(payload)
                if isinstance(item, Undecodable):
                    _measure(item)
                    yield item.characteristic, received_at
            except (*UNREADABLE, InvalidInput, ValueError):
                continue


def _measure(item: Undecodable) -> None:
    payloads = [bytes.fromhex(payload) for payload in (*item.parts, item.raw)]
    if len(payloads) == 1:
        measure(item.characteristic, payloads[0])
    elif (whole := completed(payloads)) is not None:
        measure_segments(whole)
    else:
        raise MalformedPayload("it never came whole")
