"""Empties a numbered memory: performs what ``gateway.record_access.dialogue`` commands."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from gateway import metrics
from gateway.bluetooth.link import Link, WriteRefused
from gateway.record_access.dialogue import Command, Dialogue, Finished, Outcome, Subscribe, Write
from schemas.gatt import blood_pressure_record, glucose, glucose_context, uuids
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import content_of_segments

CameBefore = Callable[[bytes], bool]

log = structlog.get_logger(__name__)


class Captured(Protocol):
    """Keeps a notification; ``newest``: the device calls it its last record, and it is news."""

    def __call__(self, number: int, payload: bytes, /, *, newest: bool = False) -> None:
        """Take one."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """What a record says of itself; ``content`` is what is the same each time it is sent."""

    sequence: int
    content: bytes
    promises_context: bool = False


Numbering = Callable[[bytes], Numbered]


@dataclass(frozen=True, slots=True)
class Memory:
    """Which characteristics a memory speaks by, and how its records are numbered in a visit.

    A numbering raises ``MalformedPayload`` for what has no number, or has not come whole yet.
    ``part_of``: the number of the record for which a payload needs others; None: it needs none.
    """

    records: int
    numbering: Callable[[], Numbering]
    contexts: int | None = None
    part_of: Callable[[bytes], int | None] = lambda _payload: None


def _glucose_number(payload: bytes) -> Numbered:
    record = glucose.decode(payload)
    return Numbered(record.sequence, payload, record.context_follows)


def _segments_number() -> Numbering:
    """A blood pressure record comes in segments under one number, and is there with its last one.

    It counts only if none is missing, else the cursor would pass a record that nobody can read.
    """
    assembly = blood_pressure_record.Assembly()

    def number(payload: bytes) -> Numbered:
        whole = assembly.add(payload)
        if whole is None:
            raise MalformedPayload("blood pressure record: more segments follow, or one is missing")
        return Numbered(*content_of_segments(whole))

    return number


GLUCOSE_MEMORY = Memory(
    uuids.GLUCOSE_MEASUREMENT, lambda: _glucose_number, uuids.GLUCOSE_MEASUREMENT_CONTEXT
)
BLOOD_PRESSURE_MEMORY = Memory(
    uuids.BLOOD_PRESSURE_RECORD, _segments_number, part_of=blood_pressure_record.part_of
)
MEMORIES = (GLUCOSE_MEMORY, BLOOD_PRESSURE_MEMORY)


class MeterVisit:
    """One synchronisation with one meter over one link."""

    def __init__(
        self,
        link: Link,
        dialogue: Dialogue,
        captured: Captured,
        memory: Memory = GLUCOSE_MEMORY,
        came_before: CameBefore = lambda _payload: False,
    ) -> None:
        """``captured`` gets every record once, before anything else is done with it.

        Parts of one as often as they come: only in their order do they make a record.
        ``came_before``: at an earlier visit; asked of each record of glucose.
        """
        self._link = link
        self._dialogue = dialogue
        self._captured = captured
        self._memory = memory
        self._came_before = came_before
        self._number = memory.numbering()
        self._seen: set[tuple[int, bytes]] = set()
        self._commands: deque[Command] = deque()
        self._arrived = asyncio.Event()

    async def run(self) -> Outcome:
        """Take everything new; raise ``LinkFailed`` if the link does not hold."""
        await self._subscribe()
        self._commands.extend(self._dialogue.start())
        while True:
            command = await self._next_command()
            match command:
                case Finished(outcome):
                    self._tell()
                    return outcome
                case Subscribe():
                    await self._subscribe()
                case Write(payload):
                    await self._write(payload)

    async def _subscribe(self) -> None:
        """Subscribe to the records first: a meter refuses requests before."""
        link, memory = self._link, self._memory
        await link.subscribe(memory.records, self._on_record)
        if memory.contexts is not None and link.has(memory.contexts):
            await link.subscribe(memory.contexts, self._on_context)
        await link.subscribe(uuids.RECORD_ACCESS_CONTROL_POINT, self._on_answer)

    async def _next_command(self) -> Command:
        """Wait for the meter's answer, no longer than it may be silent."""
        while not self._commands:
            self._arrived.clear()
            try:
                async with asyncio.timeout(self._dialogue.patience_s):
                    await self._arrived.wait()
            except TimeoutError:
                self._commands.extend(self._dialogue.timed_out())
        return self._commands.popleft()

    async def _write(self, payload: bytes) -> None:
        try:
            await self._link.write(uuids.RECORD_ACCESS_CONTROL_POINT, payload)
        except WriteRefused as refusal:
            self._commands.extend(self._dialogue.write_failed(refusal.code))

    def _tell(self) -> None:
        """Say why everything was read, if it was."""
        if (reason := self._dialogue.anew) is not None:
            metrics.READ_ANEW.labels(reason.value).inc()
            log.info("meter.read_anew", reason=reason.value, new_epoch=reason.new_epoch)

    # Called by bleak. The dialogue hears at once, so that it knows how far the meter came even if
    # the link drops right behind.

    def _on_record(self, payload: bytes) -> None:
        again = self._came_again(payload)
        found: Numbered | None = None
        try:
            with suppress(MalformedPayload):
                found = self._number(payload)
        finally:  # whatever the codec says, and even if it fails
            newest = found is not None and self._dialogue.names(found.sequence, found.content)
            self._capture(self._memory.records, payload, newest=newest)
        if found is None:  # no whole record yet
            if (sequence := self._memory.part_of(payload)) is not None:
                self._dialogue.part(sequence)
        else:
            self._dialogue.record(
                found.sequence,
                found.content,
                promises_context=found.promises_context,
                again=again,
            )
        self._arrived.set()

    def _on_context(self, payload: bytes) -> None:
        assert self._memory.contexts is not None
        self._capture(self._memory.contexts, payload)
        with suppress(MalformedPayload):
            sequence = glucose_context.decode(payload).sequence
            self._commands.extend(self._dialogue.context(sequence))
        self._arrived.set()

    def _on_answer(self, payload: bytes) -> None:
        self._commands.extend(self._dialogue.answered(payload))
        self._arrived.set()

    def _came_again(self, payload: bytes) -> bool:
        """Tell whether this record came before, in this visit or another; ask before it is kept."""
        if self._memory.contexts is None:
            return False
        return (self._memory.records, payload) in self._seen or self._came_before(payload)

    def _capture(self, number: int, payload: bytes, *, newest: bool = False) -> None:
        """Keep a record; the last one comes twice, first by itself and then among the newer."""
        if (number, payload) not in self._seen or self._memory.part_of(payload) is not None:
            self._captured(number, payload, newest=newest)
            self._seen.add((number, payload))
