"""Readings of devices that belong to nobody: a critical value is told, or nobody would see it.

They are judged by the critical rules of the default adult books, one reading at a time: there is no
patient, so no plan, no window and nothing that returns. For a day all critical values of a device
are one alert; a person closes it. As soon as the device is assigned, its readings come again, as
the patient's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from alerts.engine.ladders.alone import Met, is_true
from alerts.engine.ladders.findings import WORK_LIST_RANK, Finding
from alerts.engine.ladders.ladder import Ladder, RuleSet, Rung, VitalLadders
from alerts.engine.readings.identity import device_digest
from alerts.engine.readings.sight import sight_of
from alerts.engine.transitions.transition import transition
from schemas.alert import SEVERITIES, Event, Mark, Transition
from schemas.errors import UNREADABLE
from schemas.kafka import StampedReading, Unassigned, UnassignedReason

DEFAULT_BOOKS = ("adult-standard", "adult-diabetes")
TITLE = "Unassigned device reports a critical value"
RANK = SEVERITIES.index("high")
DELAYED_MS_MAX = ONE_ALERT_MS = 24 * 3_600_000
SEEN_MAX = 32
"""Ids kept of each open alert, to drop what is delivered twice."""

_WHY: dict[UnassignedReason, str] = {
    "unknown-device": "it is not registered",
    "no-assignment": "nobody wears it",
    "unknown-user-slot": "nobody has this user slot",
    "ambiguous-time": "the time does not tell who wore it",
}


class _Open(msgspec.Struct):
    """The alert of one device and vital: its first reading, how bad, how many and which came."""

    origin: str
    since_ms: int
    rank: int
    count: int = 0
    recent: list[str] = []


_decoder = msgspec.msgpack.Decoder(dict[str, _Open])


class UnassignedDevices:
    """Judges records of readings.unassigned.v1 in the order of the log."""

    def __init__(self, rule_set: RuleSet) -> None:
        """Take the critical rules of the default books; of all books if none of them is loaded."""
        books = [name for name in DEFAULT_BOOKS if name in rule_set.books] or list(rule_set.books)
        self._vitals = {vital.vital.name: vital for vital in rule_set.vitals}
        self._rungs = {name: _critical(vital, books) for name, vital in self._vitals.items()}
        self._open: dict[str, _Open] = {}

    def judge(self, records: Sequence[Unassigned]) -> list[Transition]:
        """Give what a person must hear of."""
        return [told for record in records for told in self._record(record)]

    def encode(self) -> bytes:
        """Write down what is open; whoever loses it only begins an alert again."""
        return msgspec.msgpack.encode(self._open)

    def restore(self, value: bytes) -> None:
        """Go on from what was written; what cannot be read is left."""
        try:
            self._open = _decoder.decode(value)
        except UNREADABLE:
            self._open = {}

    def _record(self, record: Unassigned) -> Iterator[Transition]:
        stamped = record.reading
        vital = self._vitals.get(stamped.reading.vital)
        if vital is None or stamped.reading.outcome != "measured":
            return
        sight, attributes = sight_of(stamped), stamped.reading.attributes
        rungs = self._rungs[vital.vital.name]
        rung = next(
            (rung for rung in rungs if is_true(rung, sight, {}, _met(rung, attributes))), None
        )
        if rung is None:
            return
        finding = self._finding(record, rung, frozenset(vital.gated))
        if finding is not None:
            yield _told(record, vital, rung, finding)

    def _finding(self, record: Unassigned, rung: Rung, gated: frozenset[str]) -> Finding | None:
        """Weigh a critical value by its age and quality, as one of a patient's would be."""
        sight, at_ms = sight_of(record.reading), record.received_at_ms
        age = _age(record.reading, at_ms, rung.fresh_ms)
        doubts: tuple[Mark, ...] = () if gated.isdisjoint(sight.status or ()) else ("flagged",)
        late = age is not None and not (age == "delayed" and rung.rule.keeps_severity_when_delayed)
        rank = WORK_LIST_RANK if late or doubts else RANK
        scope = f"stale/{sight.vital}" if age == "stale" else ""
        key = f"{_subject(record)}/{sight.vital}/{scope}"
        known = self._open.get(key)
        event: Event = "worsened" if known is not None and rank < known.rank else "again"
        if known is None or at_ms - known.since_ms >= ONE_ALERT_MS:
            known, event = _Open(sight.reading_id, at_ms, rank), "onset"
            self._forget(at_ms)
            self._open[key] = known
        if sight.reading_id in known.recent:
            return None
        known.rank = min(known.rank, rank)
        known.count += 1
        known.recent = [*known.recent, sight.reading_id][-SEEN_MAX:]
        return Finding(
            event="stale" if scope else event,
            speaking=0,
            cause=0,
            rank=known.rank,
            origin=known.origin,
            sight=sight,
            at_ms=at_ms,
            marks=(*doubts, age) if age else doubts,
            scope=scope,
            count=known.count,
        )

    def _forget(self, at_ms: int) -> None:
        """Drop alerts that are over by time."""
        self._open = {
            key: known for key, known in self._open.items() if at_ms - known.since_ms < ONE_ALERT_MS
        }


def _met(rung: Rung, attributes: Mapping[str, str]) -> Met:
    return {one: one.met(attributes) for one in rung.rule.requires}


def _critical(vital: VitalLadders, books: Sequence[str]) -> list[Rung]:
    """Give the critical rules that one reading decides."""
    return [
        rung
        for ladder in vital.ladders
        for rung in ladder.rungs
        if rung.rank == 0 and rung.rule.single and rung.book.name in books
    ]


def _age(stamped: StampedReading, at_ms: int, fresh_ms: int) -> Literal["delayed", "stale"] | None:
    """Give the mark that an age deserves; None for a fresh reading."""
    stamp = stamped.stamp
    earliest_ms = stamp.earliest_ms if stamp.quality == "bounded" else stamp.measured_at_ms
    if stamp.quality == "untrusted" or at_ms - stamp.measured_at_ms > DELAYED_MS_MAX:
        return "stale"
    return None if at_ms - earliest_ms <= fresh_ms else "delayed"


def _subject(record: Unassigned) -> str:
    """Name the device; one that is not registered by a digest: no address leaves by a topic."""
    stamped = record.reading
    return f"device/{stamped.device_id or device_digest(stamped.reading.device.address)}"


def _told(record: Unassigned, vital: VitalLadders, rung: Rung, finding: Finding) -> Transition:
    name, subject = vital.vital.name, _subject(record)
    ladder = Ladder(0, f"unassigned-{name}", name, (rung,), 0, 0)
    told = transition(subject, ladder, finding, vital.gated)
    device = record.reading.reading.device
    # A log by hand has no gateway.
    place = f" at gateway {record.gateway_id}" if record.gateway_id else ""
    where = f"{device.model or 'A device'}{place}: {_WHY[record.reason]}"
    return msgspec.structs.replace(
        told,
        patient_id="",
        subject=subject,
        title=TITLE,
        reason=f"{told.reason}; {where}",
        advice=f"Find out who measured, and assign the device. {told.advice}",
    )
