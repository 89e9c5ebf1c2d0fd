"""One visit to one device: connect, learn what is needed, take everything, leave.

The order matters. The clock is read first: with it a reading's time can be trusted at once. Then
the subscriptions: a cuff answers them with its burst and drops the link; a meter is asked. Each
wait is bounded, and the end of the link ends whatever was waiting.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog
from bleak.backends.device import BLEDevice

from gateway.bluetooth.bluez import Bluez
from gateway.bluetooth.link import Link, LinkFailed, NotBonded
from gateway.bluetooth.meter import MeterVisit
from gateway.dialogue import Dialogue, Outcome
from gateway.journal import Journal
from gateway.record import DeviceClock, Record, SessionFacts
from gateway.session_end import newest
from schemas.clock import Clock
from schemas.errors import UnavailableError
from schemas.gatt import blood_pressure, current_time, device_information, glucose, uuids
from schemas.gatt.errors import MalformedPayload
from schemas.reading import Device

FIRST_RECORD_TIMEOUT_S = 30.0
SILENCE_S = 2.0  # a cuff that has sent its burst and keeps the link has nothing more
SESSION_LONGEST_S = 1800.0
BATTERY_EVERY_MS = 24 * 3600 * 1000

COMPLETE = "complete"
MEASUREMENTS = frozenset({uuids.BLOOD_PRESSURE_MEASUREMENT, uuids.GLUCOSE_MEASUREMENT})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every session of this gateway uses.

    ``capture`` takes session, address, characteristic and payload; it gives the record if it is
    durable. ``told`` hears that a session will tell nothing more.
    """

    bluez: Bluez
    connecting: asyncio.Lock
    journal: Journal
    clock: Clock
    capture: Callable[[str, str, str, bytes], Record | None]
    told: Callable[[str], None]


@dataclass(slots=True)
class Acquaintance:
    """What earlier sessions of this run learnt of a device and need not ask again."""

    device: Device
    seen_ms: int
    asked: bool = False
    blood_pressure_feature: int | None = None
    glucose_feature: int | None = None
    battery_percent: int | None = None
    battery_asked_ms: int | None = None


class Session:
    """A visit; ``run`` it once."""

    def __init__(
        self, session_id: str, found: BLEDevice, acquaintance: Acquaintance, around: Surroundings
    ) -> None:
        """Prepare; ``found`` is from the live scan."""
        self._around = around
        self._acquaintance = acquaintance
        self._link = Link(found, around.bluez)
        self._facts = SessionFacts(session_id, acquaintance.device)
        self._dialogue: Dialogue | None = None
        self._arrived = asyncio.Event()
        self._captured = 0
        self._all_durable = True

    @property
    def fruitful(self) -> bool:
        """Whether the device gave something that was not known before."""
        return self._captured > 0 and (self._dialogue is None or self._dialogue.fresh)

    async def run(self) -> str:
        """Visit, and say how it went: ``COMPLETE``, or a reason for the metrics."""
        try:
            async with self._around.connecting:
                await self._link.open(MEASUREMENTS)
            outcome = await self._while_linked()
        except NotBonded as error:
            log.warning("session.failed", reason=error.cause)
            outcome = Outcome.NOT_BONDED.value
        except LinkFailed as error:
            log.info("session.failed", reason=error.cause)
            # A fast cuff may have given everything before BlueZ answered to the subscription.
            outcome = self._outcome_of_drop() if self._captured else "link-failed"
        except UnavailableError as error:
            log.error("session.failed", reason=error.cause, way_out=error.way_out)
            outcome = "journal"
        except Exception:  # the records wait for this session's end, however it came
            self._end("bug")
            raise
        finally:
            await self._link.close()
        if not self._all_durable:
            outcome = "journal"
        self._end(outcome)
        return outcome

    async def _while_linked(self) -> str:
        """Converse, but not with a device that is gone."""
        conversation = asyncio.ensure_future(self._converse())
        link_lost = asyncio.ensure_future(self._link.lost.wait())
        bluez_lost = asyncio.ensure_future(self._around.bluez.lost.wait())
        tasks = {conversation, link_lost, bluez_lost}
        try:
            await asyncio.wait(tasks, timeout=SESSION_LONGEST_S, return_when="FIRST_COMPLETED")
            if bluez_lost.done():
                return "bluetooth-lost"
            if conversation.done():
                return conversation.result()
            return self._outcome_of_drop() if link_lost.done() else "too-long"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _outcome_of_drop(self) -> str:
        """Judge a link that the device dropped: a cuff does so when it has given everything."""
        if self._dialogue is not None:
            return COMPLETE if self._dialogue.complete else "link-lost"
        return COMPLETE if self._captured else "link-lost"

    async def _converse(self) -> str:
        await self._get_acquainted()
        self._around.journal.keep_facts(self._facts)
        outcome = COMPLETE
        if self._link.has(uuids.BLOOD_PRESSURE_MEASUREMENT):
            await self._link.subscribe(uuids.BLOOD_PRESSURE_MEASUREMENT, self._on_blood_pressure)
        if self._link.has(uuids.GLUCOSE_MEASUREMENT):
            cursor = self._around.journal.cursor(self._facts.device.address)
            self._dialogue = Dialogue(cursor)
            outcome = (await MeterVisit(self._link, self._dialogue, self._capture).run()).value
        if self._link.has(uuids.BLOOD_PRESSURE_MEASUREMENT):
            await self._await_silence()
        return outcome

    async def _get_acquainted(self) -> None:
        """Read the clock, and once in a run what does not change."""
        known, clock = self._acquaintance, await self._read_clock()
        if clock is None:
            log.info("clock.unread")
        if not known.asked:
            known.blood_pressure_feature = _bits(
                blood_pressure.decode_feature, await self._link.read(uuids.BLOOD_PRESSURE_FEATURE)
            )
            known.glucose_feature = _bits(
                glucose.decode_feature, await self._link.read(uuids.GLUCOSE_FEATURE)
            )
            known.device = Device(
                address=known.device.address,
                model=_text(await self._link.read(uuids.MODEL_NUMBER)),
                manufacturer=_text(await self._link.read(uuids.MANUFACTURER_NAME)),
                serial=_text(await self._link.read(uuids.SERIAL_NUMBER)),
            )
            known.asked = not self._link.lost.is_set()
        await self._read_battery()
        self._facts = SessionFacts(
            session_id=self._facts.session_id,
            device=known.device,
            clock=clock,
            blood_pressure_feature=known.blood_pressure_feature,
            glucose_feature=known.glucose_feature,
        )

    async def _read_clock(self) -> DeviceClock | None:
        """Pair the device's clock with ours, at the middle of the read."""
        before_ms = self._around.clock.monotonic_ms()
        payload = await self._link.read(uuids.CURRENT_TIME)
        after_ms = self._around.clock.monotonic_ms()
        try:
            local = current_time.decode(payload).naive if payload is not None else None
        except MalformedPayload:
            return None
        return DeviceClock(local, (before_ms + after_ms) // 2) if local is not None else None

    async def _read_battery(self) -> None:
        """Read it now and then, before the subscriptions: a cuff drops the link after its burst."""
        known, now_ms = self._acquaintance, self._around.clock.monotonic_ms()
        asked_ms = known.battery_asked_ms
        if asked_ms is not None and now_ms - asked_ms < BATTERY_EVERY_MS:
            return
        known.battery_asked_ms = now_ms
        payload = await self._link.read(uuids.BATTERY_LEVEL)
        try:
            if payload is not None:
                known.battery_percent = device_information.decode_battery_percent(payload)
        except MalformedPayload:
            return

    async def _await_silence(self) -> None:
        """Wait until a cuff has said nothing for a while."""
        while True:
            patience_s = SILENCE_S if self._captured else FIRST_RECORD_TIMEOUT_S
            self._arrived.clear()
            try:
                async with asyncio.timeout(patience_s):
                    await self._arrived.wait()
            except TimeoutError:
                return

    # Called by bleak: the journal comes before everything else.

    def _on_blood_pressure(self, payload: bytes) -> None:
        self._capture(uuids.BLOOD_PRESSURE_MEASUREMENT, payload)

    def _capture(self, number: int, payload: bytes) -> None:
        device = self._facts.device
        record = self._around.capture(
            self._facts.session_id, device.address, f"{number:04x}", payload
        )
        self._all_durable = self._all_durable and record is not None
        self._captured += 1
        self._arrived.set()

    def _end(self, outcome: str) -> None:
        """Write what the session told, and how far the meter was read."""
        journal, session_id = self._around.journal, self._facts.session_id
        try:
            if self._captured:
                told = newest(journal.records_of(session_id)) if outcome == COMPLETE else None
                journal.keep_facts(replace(self._facts, ended=True, newest=told))
            else:
                journal.drop_facts(session_id)
            reached = self._dialogue.reached if self._dialogue is not None else None
            if reached is not None and self._all_durable:
                journal.move_cursor(self._facts.device.address, reached)
        except UnavailableError as error:
            log.error("session.not_kept", reason=error.cause, way_out=error.way_out)
        self._around.told(session_id)


def _bits(decode: Callable[[bytes], int], payload: bytes | None) -> int | None:
    try:
        return int(decode(payload)) if payload is not None else None
    except MalformedPayload:
        return None


def _text(payload: bytes | None) -> str | None:
    return (device_information.decode_text(payload) or None) if payload is not None else None
