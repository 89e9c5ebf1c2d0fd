"""A cuff that remembers who has subscribed, and sends before it has said who it is."""

import asyncio
from collections.abc import Callable
from enum import Enum

import pytest
from bumble import att
from bumble.core import UUID
from bumble.device import Connection

from schemas.gatt import uuids
from simulators.peripherals import Cuff
from simulators.peripherals.attributes import Characteristic
from simulators.peripherals.listening import ListeningDevice

UNASKED_AFTER_S = 0.2


class Then(Enum):
    """What it does when it has sent what it has."""

    ANSWERS = "says its serial number"
    LEAVES = "drops the link"
    HANGS = "keeps the link and says nothing"


class EagerCuff(Cuff):
    """Asked for its serial number, it first sends what it has."""

    def __init__(self, like: Cuff, then: Then, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(like.identity, like.clock, like.ledger)
        self.clock_read_first: list[bool] = []  # before each subscription
        self._clock_was_read = False
        self._answer: Callable[[], None] | None = None
        on_pdu, drop = ListeningDevice.on_gatt_pdu, self._link.drop

        async def leave(connection: Connection) -> None:
            answer, self._answer = self._answer, None
            if answer is None or then is Then.LEAVES:
                await drop(connection)
            elif then is Then.ANSWERS:
                answer()

        def hear(device: ListeningDevice, connection: Connection, pdu: bytes) -> None:
            self._hear(pdu, lambda: on_pdu(device, connection, pdu))

        monkeypatch.setattr(ListeningDevice, "on_gatt_pdu", hear)
        monkeypatch.setattr(self._link, "drop", leave)

    def begin(self, *, remembers: bool) -> None:
        """Remember an earlier subscription, or none."""
        self._remembers, self._clock_was_read = remembers, False

    def _hear(self, pdu: bytes, take: Callable[[], None]) -> None:
        asked = None
        if pdu[0] == att.Opcode.ATT_READ_REQUEST:
            handle = int.from_bytes(pdu[1:3], "little")
            attribute = self._device.gatt_server.get_attribute(handle)
            asked = attribute and attribute.type
        self._clock_was_read |= asked == UUID.from_16_bits(uuids.CURRENT_TIME)
        if asked == UUID.from_16_bits(uuids.SERIAL_NUMBER) and self._remembers and self.pending:
            self._answer = take
            asyncio.get_running_loop().call_later(UNASKED_AFTER_S, self._send_unasked)
        else:
            take()

    def _send_unasked(self) -> None:
        if self._link.connection is not None:
            self._resume(self._link.connection)

    def _on_subscription(
        self, characteristic: Characteristic, connection: Connection, notify: bool, indicate: bool
    ) -> None:
        self.clock_read_first.append(self._clock_was_read)
        super()._on_subscription(characteristic, connection, notify, indicate)
