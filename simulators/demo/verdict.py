"""Pure: compares what devices handed over with what arrived; decides whether all is well.

A payload is named by (device address, characteristic, its bytes): a cuff's carry the second of
measuring, a meter's a record number, so that no two records of a run are alike.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, nan

from schemas.gatt.measurement import measure
from schemas.reading import Quantity
from simulators.expectations import ExpectedEvent, Shown, expected_events

PayloadName = tuple[str, str, str]
"""Device address, characteristic as four hex digits, payload in hex."""

_JUDGED = frozenset({"2a35", "2a18"})  # the simulated patients' books have rules for no other
_AMENDMENTS = frozenset({"2a34"})  # a glucose context completes a reading of another vital
_WORDS = {"positive-infinity": inf, "negative-infinity": -inf}
_BODY_MOVED, _IRREGULAR_PULSE = "body-moved", "irregular-pulse"


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row of a vital's table; ``record`` names the Kafka record that carried it."""

    name: PayloadName
    reading_id: str
    patient_id: str
    record: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was asked, of the devices and of what stands at the end. Times: UTC ms.

    ``taken`` in the order of measuring; ``handed_over`` with the device's proof of it; ``patients``
    by device address; ``raised`` from alerts.v1; ``seen_ms``: when what rests on a reading first
    reached a client of the page, by reading_id.
    """

    taken: Sequence[PayloadName]
    handed_over_ms: Mapping[PayloadName, int]
    patients: Mapping[str, str]
    rows: Sequence[StoredRow]
    raised: Sequence[ExpectedEvent]
    seen_ms: Mapping[str, int]
    rejected: int
    unassigned: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The numbers of the summary, and every discrepancy in words; none means all is well."""

    taken: int
    handed_over: int
    stored: int
    vitals: int
    rejected: int
    unassigned: int
    in_flight: int
    expected: int
    raised: int
    latencies_ms: list[int]
    problems: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether every reading is stored exactly once and the alerts match exactly."""
        return not self.problems

    def latency_ms(self, percentile: int) -> int | None:
        """Give a percentile of notification to page, nearest rank; None if nothing was seen."""
        ranked = sorted(self.latencies_ms)
        return ranked[-(-len(ranked) * percentile // 100) - 1] if ranked else None


def judge(evidence: Evidence) -> Verdict:
    """Compare; the evidence is complete, nothing moves any more."""
    counts = Counter(row.name for row in evidence.rows)
    in_flight = [name for name in evidence.handed_over_ms if not counts[name]]
    expected = expected_events(_shown(evidence))
    return Verdict(
        taken=len(set(evidence.taken)),
        handed_over=len(evidence.handed_over_ms),
        stored=len(evidence.rows),
        vitals=len({row.name[1] for row in evidence.rows} - _AMENDMENTS),
        rejected=evidence.rejected,
        unassigned=evidence.unassigned,
        in_flight=len(in_flight),
        expected=len(expected),
        raised=len(evidence.raised),
        latencies_ms=_latencies(evidence),
        problems=[
            *([] if evidence.handed_over_ms else ["no device handed over anything"]),
            *(f"not in the database: {_text(name)}" for name in in_flight),
            *_wrong_rows(evidence, counts),
            *_wrong_alerts(expected, evidence.raised),
        ],
    )


def shown(name: str, record: str, payload: PayloadName, patient_id: str) -> Shown:
    """Read a payload as its device's display."""
    measurement = measure(payload[1], bytes.fromhex(payload[2]))
    values = {key: _number(quantity) for key, quantity in measurement.quantities.items()}
    return Shown(
        patient_id,
        name,
        record,
        systolic=values.get("systolic", nan),
        diastolic=values.get("diastolic", nan),
        glucose=values.get("glucose", nan),
        flagged=_BODY_MOVED in (measurement.status or []),
        irregular=_IRREGULAR_PULSE in (measurement.status or []),
    )


def _shown(evidence: Evidence) -> Iterable[Shown]:
    """Say what the rules must have judged of what was handed over, in the order of measuring."""
    rows = {row.name: row for row in evidence.rows}
    received = evidence.handed_over_ms.keys() | rows.keys()
    for payload in dict.fromkeys(evidence.taken):
        if payload not in received or payload[1] not in _JUDGED:
            continue
        row = rows.get(payload)
        reading_id = row.reading_id if row else _text(payload)
        record = row.record if row else reading_id
        yield shown(reading_id, record, payload, evidence.patients[payload[0]])


def _wrong_rows(evidence: Evidence, counts: Counter[PayloadName]) -> Iterable[str]:
    taken = frozenset(evidence.taken)
    for name, count in counts.items():
        if count > 1:
            yield f"in the database {count} times: {_text(name)}"
        if name not in taken:
            yield f"in the database, but no device measured it: {_text(name)}"
    for row in evidence.rows:
        owner = evidence.patients.get(row.name[0])
        if owner is not None and row.patient_id != owner:
            yield f"{_text(row.name)} belongs to {owner}, but is stored as {row.patient_id}'s"
    if evidence.rejected:
        yield f"{evidence.rejected} payloads were rejected"
    if evidence.unassigned:
        yield f"{evidence.unassigned} readings found no patient"


def _wrong_alerts(
    expected: Sequence[ExpectedEvent], raised: Sequence[ExpectedEvent]
) -> Iterable[str]:
    missing, surplus = Counter(expected), Counter(raised)
    missing.subtract(raised)
    surplus.subtract(expected)
    yield from (f"never raised: {_event(one)}" for one in sorted((+missing).elements()))
    yield from (f"raised, not expected: {_event(one)}" for one in sorted((+surplus).elements()))


def _latencies(evidence: Evidence) -> list[int]:
    """Measure from the device's proof that it handed a reading over to the alert on the page."""
    names = {row.reading_id: row.name for row in evidence.rows}
    return [
        seen_ms - evidence.handed_over_ms[names[reading_id]]
        for reading_id, seen_ms in evidence.seen_ms.items()
        if names.get(reading_id) in evidence.handed_over_ms
    ]


def _number(quantity: Quantity) -> float:
    if quantity.value is not None:
        return float(quantity.value)
    return _WORDS.get(quantity.absent or "", nan)


def _text(name: PayloadName) -> str:
    return " ".join(name)


def _event(one: ExpectedEvent) -> str:
    return f"{one.event} {one.severity} of {one.ladder} for {one.patient_id} on {one.reading_id}"
