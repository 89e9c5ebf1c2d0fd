"""How to empty a meter through its Record Access Control Point: events in, commands out.

Sans-IO: the shell writes what ``Write`` says, tells every answer and record, waits no longer than
``patience_s``, and drops the link when told that the dialogue is over. Nothing is ever deleted.

Every dialogue asks how many records there are and for the last one: that one comes first, whatever
happens to the link later. Then a known meter is asked for its records from the last known one on,
that one included: it proves that this is still the memory of the cursor. Everything is asked for if
the meter was never read, if the last record lies before the cursor or the count fell (a change of
battery, another meter, numbers at their end: a new *epoch*), if the known record differs or is
missing, or if fewer records came than were counted (``gateway.record_access.doubt``). What came in
parts of which one is missing is asked for again, up to three times in all. "Newer than the last
known one" alone would get "no records" from a meter that counts anew, and lose what it holds in
silence. A meter that can neither count nor show its last record is read all the same.

The caller moves its cursor to what ``reached`` gives, once the records are durable.
"""

from dataclasses import dataclass
from enum import Enum

from gateway.record_access import doubt
from gateway.record_access.cursor import Cursor, Harvest
from gateway.record_access.doubt import Anew
from gateway.record_access.gathered import Gathered
from schemas.gatt import racp
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.racp import CountResponse, FilterType, Request, ResponseValue

PROCEDURE_TIMEOUT_S = 30.0  # ST's BlueNRG collector; re-armed by each record
PROBE_TIMEOUT_S = 2.0  # for what a meter may not know at all; it is awake for ten seconds
CONTEXT_TIMEOUT_S = 2.0  # for what a flag promised and the closing answer overtook
ATTEMPTS_MAX = 3

IN_PROGRESS_CODES = frozenset({0x80, 0xFE})  # nRF SDK's own and the common profile code
NOT_SUBSCRIBED_CODES = frozenset({0x81, 0xFD})
NOT_BONDED_CODES = frozenset({0x05, 0x08, 0x0C, 0x0F})


class Outcome(Enum):
    """How a dialogue ended; the value is what metrics and logs call it."""

    COMPLETE = "complete"
    SILENT = "racp-timeout"
    NOT_BONDED = "not-bonded"
    REFUSED = "racp-refused"


@dataclass(frozen=True, slots=True)
class Write:
    """Write these bytes to 0x2A52, with response."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Subscribe to the record characteristics and to 0x2A52 again: the meter forgot it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more to ask."""

    outcome: Outcome


Command = Write | Subscribe | Finished


class Step(Enum):
    """What the dialogue is waiting for."""

    COUNT = "the number of records"
    LAST = "the last record"
    NEWER = "the last known record and newer ones"
    ALL = "every record"
    ABORTED = "the end of a procedure that is running"
    CONTEXTS = "what the records promised"
    OVER = "nothing"


_PROBES = {Step.COUNT, Step.LAST}
_PATIENCE_S = {
    Step.COUNT: PROBE_TIMEOUT_S,
    Step.LAST: PROBE_TIMEOUT_S,
    Step.ABORTED: PROBE_TIMEOUT_S,
    Step.CONTEXTS: CONTEXT_TIMEOUT_S,
}


class Dialogue:
    """One synchronisation. Feed it events in the order in which they happen."""

    def __init__(
        self, cursor: Cursor | None, filter_type: FilterType = FilterType.SEQUENCE
    ) -> None:
        """Continue after ``cursor``; None asks for everything."""
        self.gathered = Gathered(cursor)
        """What has come so far, however the dialogue ends."""
        self._filter_type = filter_type
        self._step = Step.OVER
        self._request = racp.COUNT_ALL
        self._interrupted: Step = Step.OVER
        self._asked_for_parts = 0
        self._failed_writes = 0
        self._asked_twice = False
        self._probes_failed = False
        self._doubtful = False  # an answer may have been another request's
        self.complete = False
        """Whether the meter said that it has given everything."""
        self.anew: Anew | None = None
        """Why everything was asked for; None if it was not."""

    @property
    def patience_s(self) -> float:
        """How long the meter may be silent now; each record and each answer begins it anew."""
        return _PATIENCE_S.get(self._step, PROCEDURE_TIMEOUT_S)

    @property
    def reached(self) -> Cursor | None:
        """The cursor that the records received so far allow; the old one if none does."""
        return self.gathered.reached(complete=self.complete, doubtful=self._doubtful)

    def start(self) -> list[Command]:
        """Begin."""
        return self._ask(Step.COUNT, racp.COUNT_ALL)

    def names(self, sequence: int, payload: bytes) -> bool:
        """Tell whether the meter calls this record its last, and it was not known before.

        One that was known was not just measured, whoever knew it: a meter without news gives it
        again, to a replaced gateway too.
        """
        found = Cursor.at(sequence, payload)
        return self._step is Step.LAST and not self.gathered.is_known(found)

    def record(
        self, sequence: int, payload: bytes, *, promises_context: bool = False, again: bool = False
    ) -> None:
        """Note a measurement that arrived; ``again``: not for the first time."""
        found = Cursor.at(sequence, payload)
        self.gathered.came(found, promises_context=promises_context, again=again)
        if self._step is Step.LAST:
            self.gathered.named(found)
        elif self._step in (Step.NEWER, Step.ALL):
            self.gathered.add(found)

    def part(self, sequence: int) -> None:
        """Note a part of a record that is not whole by it."""
        if self._step in (Step.NEWER, Step.ALL):
            self.gathered.part(sequence)

    def context(self, sequence: int) -> list[Command]:
        """Note a context that arrived; it may be late."""
        self.gathered.context(sequence)
        if self._step is Step.CONTEXTS and not self.gathered.promised:
            return self._finish(Outcome.COMPLETE)
        return []

    def answered(self, payload: bytes) -> list[Command]:
        """Take an indication of 0x2A52."""
        if self._step in (Step.OVER, Step.CONTEXTS):
            return []
        try:
            response = racp.decode_response(payload)
        except MalformedPayload:
            probing = self._step in _PROBES
            return self._after_probe() if probing else self._finish(Outcome.REFUSED)
        if isinstance(response, CountResponse):
            return self._counted(response.count) if self._step is Step.COUNT else []
        if self._step is Step.ABORTED:
            return self._resume()
        if response.request is not self._request.opcode:
            return []
        if self._step is Step.COUNT:
            none = response.value is ResponseValue.NO_RECORDS_FOUND
            return self._counted(0 if none else None)
        return self._ask_for_records() if self._step is Step.LAST else self._ended(response.value)

    def write_failed(self, code: int) -> list[Command]:
        """Take the ATT error that refused a write; both families of codes are known."""
        if self._step in (Step.OVER, Step.CONTEXTS):
            return []
        self._failed_writes += 1
        if code in NOT_BONDED_CODES:
            return self._finish(Outcome.NOT_BONDED)
        if self._step is Step.ABORTED and self._failed_writes < ATTEMPTS_MAX:
            return self._resume()
        return self._refused(code)

    def _refused(self, code: int) -> list[Command]:
        """Try again, go on without it, or leave."""
        if self._failed_writes >= ATTEMPTS_MAX:
            return self._finish(Outcome.REFUSED)
        if code in IN_PROGRESS_CODES:
            return self._abort()
        if code in NOT_SUBSCRIBED_CODES:
            return [Subscribe(), self._write()]
        if self._step in _PROBES:
            return self._after_probe()
        if self._step is Step.NEWER:
            return self._ask_all(Anew.NOT_RECOGNISED)
        return self._finish(Outcome.REFUSED)

    def timed_out(self) -> list[Command]:
        """Neither a record nor an answer came for ``patience_s``."""
        match self._step:
            case Step.OVER:
                return []
            case Step.CONTEXTS:  # a promise that is not kept holds up nothing
                return self._finish(Outcome.COMPLETE)
            case Step.ABORTED:
                self._doubtful = self._probes_failed
                return self._resume()
            case Step.COUNT | Step.LAST:
                # Late, its answer would be taken for the next one's: end it first.
                self._probes_failed = True
                return self._abort()
            case _:
                return self._finish(Outcome.SILENT)

    # What to ask next.

    def _counted(self, count: int | None) -> list[Command]:
        self.gathered.count = count
        if count == 0:
            return self._ask_for_records()
        return self._ask(Step.LAST, racp.REPORT_LAST)

    def _after_probe(self) -> list[Command]:
        """Go on without what a probe should have told."""
        return self._counted(None) if self._step is Step.COUNT else self._ask_for_records()

    def _ask_for_records(self) -> list[Command]:
        got = self.gathered
        reason = doubt.before_asking(got.known, got.last, got.count)
        if reason is not None:
            return self._ask_all(reason)
        assert got.known is not None
        newer = racp.at_least(got.known.last, filter_type=self._filter_type)
        return self._ask(Step.NEWER, newer, Harvest(got.known))

    def _ended(self, value: ResponseValue) -> list[Command]:
        """React to the end of a request for records."""
        got = self.gathered
        if self._step is Step.NEWER:
            assert got.known is not None
            reason = doubt.after_answer(got.known, got.count, got.harvest, value)
            if reason is not None:
                return self._ask_all(reason)
        if value not in (ResponseValue.SUCCESS, ResponseValue.NO_RECORDS_FOUND):
            return self._finish(Outcome.REFUSED)
        if got.unfinished and self._asked_for_parts < ATTEMPTS_MAX - 1:
            self._asked_for_parts += 1
            got.unfinished.clear()
            return self._ask(self._step, self._request, Harvest(got.harvest.known))
        short = got.count is not None and len(got.harvest.distinct) < got.count
        if self._step is Step.ALL and short and not self._asked_twice:
            self._asked_twice = True
            return self._ask(Step.ALL, racp.REPORT_ALL, Harvest(distinct=got.harvest.distinct))
        if got.promised:
            self._step = Step.CONTEXTS
            return []
        return self._finish(Outcome.COMPLETE)

    def _ask_all(self, reason: Anew) -> list[Command]:
        self.anew = reason
        if reason in (Anew.MISSING, Anew.UNPROVEN):
            self.gathered.prove()
        return self._ask(Step.ALL, racp.REPORT_ALL, Harvest())

    # Procedures.

    def _ask(self, step: Step, request: Request, harvest: Harvest | None = None) -> list[Command]:
        self._step, self._request = step, request
        self.gathered.harvest = harvest or self.gathered.harvest
        self._failed_writes = 0
        return [self._write()]

    def _write(self) -> Write:
        return Write(racp.encode_request(self._request))

    def _abort(self) -> list[Command]:
        self._interrupted, self._step = self._step, Step.ABORTED
        return [Write(racp.encode_request(racp.ABORT))]

    def _resume(self) -> list[Command]:
        """Go on where a running procedure was in the way, or without a probe that got nowhere."""
        if self._interrupted in _PROBES and self._probes_failed:
            return self._ask_for_records()
        self._step = self._interrupted
        return [self._write()]

    def _finish(self, outcome: Outcome) -> list[Command]:
        self.complete = outcome is Outcome.COMPLETE
        self._step = Step.OVER
        return [Finished(outcome)]
