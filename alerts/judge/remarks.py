"""What is odd about a log though each of its lines can be read: said once, at its end."""

from collections import OrderedDict, defaultdict

from alerts.engine.offline import LogRecord
from schemas.kafka import Corrections, GatewayReport, PatientReadings, Tick, Unassigned, Withdrawals

_FIRST_LIKELY_MS = 946_684_800_000  # the year 2000: seconds since 1970, taken for ms, are before it
_JITTER_MS = 60_000  # several bridges stamp one log; its time stands still for no longer
_NAMES_KEPT = 64
"""So many of each patient's newest: the engine itself does not know many more."""
_STAMPED = Corrections | GatewayReport | PatientReadings | Tick | Unassigned | Withdrawals
_SECONDS = "received before the year 2000: a number counts milliseconds since 1970, not seconds."
_BACKWARDS = (
    "received earlier than a line above: a log is in the order in which it came, and its time does "
    "not go back. Sort it by received_at."
)
_REPEATED = "a reading_id that its patient had already: the first counts, later ones are left out."


class Remarks:
    """Counts a log's lines that are odd; bounded by its patients, not by its length."""

    def __init__(self) -> None:
        """Start with none."""
        self._found: dict[str, tuple[int, int]] = {}
        self._newest_ms = 0
        self._names: defaultdict[str, OrderedDict[str, None]] = defaultdict(OrderedDict)

    def take(self, number: int, record: LogRecord) -> None:
        """Look at the record of a line."""
        if not isinstance(record, _STAMPED):
            return
        at_ms = record.received_at_ms
        self._count(number, _SECONDS, odd=at_ms < _FIRST_LIKELY_MS)
        self._count(number, _BACKWARDS, odd=at_ms < self._newest_ms - _JITTER_MS)
        self._newest_ms = max(self._newest_ms, at_ms)
        if isinstance(record, Withdrawals):
            for one in record.readings:  # they may come back
                self._names[record.patient_id].pop(one.reading_id, None)
        if isinstance(record, PatientReadings):
            self._count(number, _REPEATED, odd=self._repeats(record))

    def sentences(self) -> list[str]:
        """Say what was found, each with its first line."""
        return [
            f"Line {first}{f' and {count - 1} more' if count > 1 else ''}: {sentence}"
            for sentence, (count, first) in self._found.items()
        ]

    def _repeats(self, record: PatientReadings) -> bool:
        names = self._names[record.patient_id]
        repeated = False
        for stamped in record.readings:
            repeated |= stamped.reading.reading_id in names
            names[stamped.reading.reading_id] = None
        while len(names) > _NAMES_KEPT:
            names.popitem(last=False)
        return repeated

    def _count(self, number: int, sentence: str, *, odd: bool) -> None:
        if odd:
            count, first = self._found.get(sentence, (0, number))
            self._found[sentence] = (count + 1, first)
