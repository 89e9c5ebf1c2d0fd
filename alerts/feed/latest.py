"""The newest readings, for the panel that moves and for a patient's page. Memory is bounded.

What the server received last is on top, in whichever order the partitions were read. A
``reading_id`` that is still remembered is shown once, however often it was delivered. Of a patient
the vital that was measured most often is forgotten first, so that each keeps its latest value.
"""

from bisect import insort
from collections import Counter, OrderedDict
from collections.abc import Mapping
from itertools import islice

import msgspec

from schemas.kafka import (
    CorrectedReading,
    Corrections,
    PatientReadings,
    StampedReading,
    Withdrawals,
)

READINGS_BACK_MS = 24 * 60 * 60 * 1000
"""So far back they are read when the page starts."""
RECENT_MAX = 60
PER_PATIENT_MAX = 24
PATIENTS_MAX = 20_000
CORRECTED = "corrected"
"""The attribute that tells the revision of a reading that was decoded anew."""


class LatestReadings:
    """Takes records of readings.v1 and keeps the last few overall and of each patient."""

    def __init__(
        self,
        recent_max: int = RECENT_MAX,
        per_patient_max: int = PER_PATIENT_MAX,
        patients_max: int = PATIENTS_MAX,
    ) -> None:
        """Remember nothing yet."""
        self._per_patient_max = per_patient_max
        self._patients_max = patients_max
        self._recent_max = recent_max
        self._recent: list[tuple[str, StampedReading]] = []  # by the server's receipt, oldest first
        self._patients: OrderedDict[str, list[StampedReading]] = OrderedDict()

    def take(self, record: PatientReadings) -> bool:
        """Take a record; tell whether it brought anything new."""
        known = self._patients.pop(record.patient_id, [])
        self._patients[record.patient_id] = known  # the last of the ordered dictionary: most recent
        if len(self._patients) > self._patients_max:
            self._patients.popitem(last=False)
        ids = {reading.reading.reading_id for reading in known}
        news = [reading for reading in record.readings if reading.reading.reading_id not in ids]
        news.sort(key=lambda reading: (reading.stamp.measured_at_ms, reading.reading.seq))
        known.extend(news)
        while len(known) > self._per_patient_max:
            del known[_first_of_the_commonest(known)]
        for reading in news:
            insort(self._recent, (record.patient_id, reading), key=_received)
        del self._recent[: -self._recent_max]
        return bool(news)

    def correct(self, record: Corrections) -> bool:
        """Show readings that are still remembered as they were corrected; tell whether any was."""
        news = {reading.reading_id: reading for reading in record.readings}
        known = self._patients.get(record.patient_id, [])
        for place, stamped in enumerate(known):
            known[place] = _corrected(stamped, news)
        shown = {stamped.reading.reading_id: stamped for stamped in known}
        self._recent = [
            (who, shown.get(stamped.reading.reading_id, stamped))
            if who == record.patient_id
            else (who, stamped)
            for who, stamped in self._recent
        ]
        return not news.keys().isdisjoint(shown)

    def withdraw(self, record: Withdrawals) -> bool:
        """Show no longer what is another patient's; tell whether anything of it was shown."""
        gone = {reading.reading_id for reading in record.readings}
        known = self._patients.get(record.patient_id, [])
        kept = [stamped for stamped in known if stamped.reading.reading_id not in gone]
        recent = [
            (who, stamped)
            for who, stamped in self._recent
            if who != record.patient_id or stamped.reading.reading_id not in gone
        ]
        shown = len(kept) != len(known) or len(recent) != len(self._recent)
        known[:] = kept
        self._recent = recent
        return shown

    def recent(self, count: int) -> list[tuple[str, StampedReading]]:
        """Give the last (patient_id, reading) that the server received, newest first."""
        return list(islice(reversed(self._recent), count))

    def of(self, patient_id: str) -> list[StampedReading]:
        """Give a patient's last readings, newest measurement first."""
        readings = list(self._patients.get(patient_id, ()))
        return sorted(readings, key=lambda reading: -reading.stamp.measured_at_ms)


def _corrected(stamped: StampedReading, news: Mapping[str, CorrectedReading]) -> StampedReading:
    reading = stamped.reading
    now = news.get(reading.reading_id)
    if now is None:
        return stamped
    corrected = msgspec.structs.replace(
        reading,
        quantities=now.quantities,
        outcome=now.outcome,
        status=now.status,
        attributes={**reading.attributes, CORRECTED: str(now.revision)},
    )
    return msgspec.structs.replace(stamped, reading=corrected)


def _first_of_the_commonest(known: list[StampedReading]) -> int:
    """Choose what to forget: an oximeter that talks all day leaves the last weight in its place."""
    counts = Counter(stamped.reading.vital for stamped in known)
    vital = counts.most_common(1)[0][0]
    return next(place for place, stamped in enumerate(known) if stamped.reading.vital == vital)


def _received(entry: tuple[str, StampedReading]) -> int:
    return entry[1].stamp.received_at_ms
