"""Any meter against the dialogue: what it still holds at a complete visit has been received.

The model forgets (battery, overwriting, its user), wraps, sends in orders of its own, knows only
some requests, refuses writes, and drops the link wherever it likes.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from gateway.record_access.cursor import Cursor
from gateway.record_access.dialogue import Command, Dialogue, Finished, Outcome, Subscribe, Write
from schemas.gatt import racp
from schemas.gatt.racp import CountResponse, Opcode, Operator, ResponseCode, ResponseValue
from simulators.peripherals.records import Record, select

COMMANDS_MAX = 40
SEQUENCES = 0x10000
DROP, ATT_ERRORS = "drop", (0x80, 0xFE, 0x81, 0xFD)


class Order(Enum):
    """In which order a meter hands its records over."""

    OLDEST_FIRST = "oldest-first"
    NEWEST_FIRST = "newest-first"
    AS_IN_THE_RING = "as-in-the-ring"
    BY_NUMBER = "by-number"


@dataclass
class Meter:
    """A memory of a few records."""

    capacity: int
    order: Order
    counts: bool
    shows_last: bool
    next_sequence: int
    taken: int = 0

    def __post_init__(self) -> None:
        """Begin empty."""
        self.memory: deque[Record] = deque(maxlen=self.capacity)

    def take(self) -> None:
        """Measure; no two measurements are alike."""
        self.taken += 1
        self.memory.append(Record(self.next_sequence, b"measurement %d" % self.taken))
        self.next_sequence = (self.next_sequence + 1) % SEQUENCES

    def answer(self, request: racp.Request) -> int | list[Record] | ResponseValue:
        """Give a count, records in the meter's own order, or a refusal."""
        if request.opcode is Opcode.REPORT_COUNT:
            return len(self.memory) if self.counts else ResponseValue.OPCODE_NOT_SUPPORTED
        if request.operator is Operator.LAST and not self.shows_last:
            return ResponseValue.OPERATOR_NOT_SUPPORTED
        found = select(request, list(self.memory))
        if isinstance(found, ResponseValue):
            return found
        records = list(found)
        if self.order is Order.NEWEST_FIRST:
            records.reverse()
        elif self.order is Order.BY_NUMBER:
            records.sort(key=lambda record: record.sequence)
        elif self.order is Order.AS_IN_THE_RING:
            slots = {
                id(record): self.taken - len(self.memory) + place
                for place, record in enumerate(self.memory)
            }
            records.sort(key=lambda record: slots[id(record)] % self.capacity)
        return records


class MeterMachine(RuleBasedStateMachine):
    """A meter's life, and the visits to it."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        super().__init__()
        self.cursor: Cursor | None = None
        self.received: set[bytes] = set()

    @initialize(
        capacity=st.integers(3, 6),
        order=st.sampled_from(Order),
        knows=st.sampled_from([(True, True), (True, False), (False, True)]),
        first=st.sampled_from([1, 65533]),
    )
    def build(self, capacity: int, order: Order, knows: tuple[bool, bool], first: int) -> None:
        self.meter = Meter(capacity, order, *knows, next_sequence=first)

    @rule(count=st.integers(1, 7))
    def measure(self, count: int) -> None:
        for _ in range(count):
            self.meter.take()

    @rule(mishap=st.sampled_from(["battery", "deleted", "gateway-replaced"]))
    def suffer(self, mishap: str) -> None:
        match mishap:
            case "battery":
                self.meter.memory.clear()
                self.meter.next_sequence = 1
            case "deleted" if self.meter.memory:
                self.meter.memory.popleft()
            case _:
                self.cursor = None

    @rule(
        trouble=st.one_of(
            st.just([]), st.lists(st.sampled_from([None, None, DROP, *ATT_ERRORS]), max_size=8)
        ),
        takes_meanwhile=st.booleans(),
        drop_after=st.sampled_from([None, None, 2, 3, 4, 5, 8]),
    )
    def visit(
        self, trouble: list[str | int | None], drop_after: int | None, takes_meanwhile: bool
    ) -> None:
        """``trouble``: what happens to each write; the link may drop within the records too."""
        dialogue, left = Dialogue(self.cursor), drop_after
        held_at_start = {record.measurement for record in self.meter.memory}
        commands: deque[Command] = deque(dialogue.start())
        for number in range(COMMANDS_MAX):
            command = commands.popleft()
            if isinstance(command, Finished):
                self.judge(command.outcome, held_at_start)
                break
            if isinstance(command, Subscribe):
                continue
            fate = trouble[number] if number < len(trouble) else None
            if fate == DROP:
                break
            if isinstance(fate, int):
                commands.extend(dialogue.write_failed(fate))
                continue
            left = self.serve(dialogue, command, commands, left)
            if left is not None and left < 0:
                break
            if takes_meanwhile:
                self.meter.take()
                takes_meanwhile = False
        else:
            raise AssertionError("the dialogue does not end")
        self.cursor = dialogue.reached

    def serve(
        self, dialogue: Dialogue, command: Write, commands: deque[Command], left: int | None
    ) -> int | None:
        """Let the meter answer; give how many records the link still carries."""
        request = racp.decode_request(command.payload)
        assert request.opcode is not Opcode.DELETE_RECORDS
        if request.opcode is Opcode.ABORT:
            done = ResponseCode(Opcode.ABORT, ResponseValue.SUCCESS)
            commands.extend(dialogue.answered(racp.encode_response(done)))
            return left
        answer = self.meter.answer(request)
        if isinstance(answer, int) and not isinstance(answer, ResponseValue):
            commands.extend(dialogue.answered(racp.encode_response(CountResponse(answer))))
            return left
        value = answer if isinstance(answer, ResponseValue) else ResponseValue.SUCCESS
        if isinstance(answer, list):
            for stored in answer:
                if left is not None:
                    left -= 1
                    if left < 0:
                        return left
                self.received.add(stored.measurement)
                dialogue.record(stored.sequence, stored.measurement)
            value = value if answer else ResponseValue.NO_RECORDS_FOUND
        response = ResponseCode(request.opcode, value)
        commands.extend(dialogue.answered(racp.encode_response(response)))
        return left

    def judge(self, outcome: Outcome, held_at_start: set[bytes]) -> None:
        """What was taken after the meter had answered comes with the next visit."""
        if outcome is Outcome.COMPLETE:
            still_held = {record.measurement for record in self.meter.memory}
            assert self.received >= held_at_start & still_held

    def teardown(self) -> None:
        """A visit without trouble leaves nothing behind."""
        if hasattr(self, "meter"):
            self.visit([], None, takes_meanwhile=False)
            assert self.received >= {record.measurement for record in self.meter.memory}


MeterMachine.TestCase.settings = settings(max_examples=600, stateful_step_count=20)
test_nothing_stays_behind_in_any_meter = MeterMachine.TestCase
