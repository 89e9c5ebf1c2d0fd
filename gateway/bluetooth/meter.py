"""Empties a glucose meter: performs what ``gateway.dialogue`` commands."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from gateway.bluetooth.link import Link, WriteRefused
from gateway.dialogue import (
    PROCEDURE_TIMEOUT_S,
    Command,
    Dialogue,
    Finished,
    Outcome,
    Subscribe,
    Write,
)
from schemas.gatt import glucose, uuids
from schemas.gatt.errors import MalformedPayload

Captured = Callable[[int, bytes], None]


class MeterVisit:
    """One synchronisation with one meter over one link."""

    def __init__(self, link: Link, dialogue: Dialogue, captured: Captured) -> None:
        """``captured`` gets every record, before anything else is done with it."""
        self._link = link
        self._dialogue = dialogue
        self._captured = captured
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
                    return outcome
                case Subscribe():
                    await self._subscribe()
                case Write(payload):
                    await self._write(payload)

    async def _subscribe(self) -> None:
        """Subscribe to the records first: a meter refuses requests before."""
        link = self._link
        await link.subscribe(uuids.GLUCOSE_MEASUREMENT, self._on_measurement)
        if link.has(uuids.GLUCOSE_MEASUREMENT_CONTEXT):
            await link.subscribe(uuids.GLUCOSE_MEASUREMENT_CONTEXT, self._on_context)
        await link.subscribe(uuids.RECORD_ACCESS_CONTROL_POINT, self._on_answer)

    async def _next_command(self) -> Command:
        """Wait for the meter's answer, no longer than it may be silent."""
        while not self._commands:
            self._arrived.clear()
            try:
                async with asyncio.timeout(PROCEDURE_TIMEOUT_S):
                    await self._arrived.wait()
            except TimeoutError:
                self._commands.extend(self._dialogue.timed_out())
        return self._commands.popleft()

    async def _write(self, payload: bytes) -> None:
        try:
            await self._link.write(uuids.RECORD_ACCESS_CONTROL_POINT, payload)
        except WriteRefused as refusal:
            self._commands.extend(self._dialogue.write_failed(refusal.code))

    # Called by bleak. The dialogue hears at once, so that it knows how far the meter came even if
    # the link drops right behind.

    def _on_measurement(self, payload: bytes) -> None:
        self._captured(uuids.GLUCOSE_MEASUREMENT, payload)
        with suppress(MalformedPayload):  # it is in the journal; its number is unknown
            self._dialogue.record(glucose.decode(payload).sequence, payload)
        self._arrived.set()

    def _on_context(self, payload: bytes) -> None:
        self._captured(uuids.GLUCOSE_MEASUREMENT_CONTEXT, payload)
        self._arrived.set()

    def _on_answer(self, payload: bytes) -> None:
        self._commands.extend(self._dialogue.answered(payload))
        self._arrived.set()
