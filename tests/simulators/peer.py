"""A bleak client of one device, for tests that look at what it sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bleak import BleakClient

from schemas.gatt import racp, uuids
from tests.bluetooth_world import eventually, heard

TIMEOUT_S = 10.0
CONTROL_POINT = uuids.full(uuids.RECORD_ACCESS_CONTROL_POINT)


@dataclass
class Peer:
    """A client of one device, what came, and the end of its link."""

    client: BleakClient
    gone: asyncio.Event
    received: list[tuple[int, bytes]] = field(default_factory=list)

    async def subscribe(self, *numbers: int) -> None:
        for number in numbers:

            def note(_characteristic: object, value: bytearray, number: int = number) -> None:
                self.received.append((number, bytes(value)))

            await self.client.start_notify(uuids.full(number), note)

    async def ended(self) -> None:
        await asyncio.wait_for(self.gone.wait(), TIMEOUT_S)

    async def ask(self, request: racp.Request) -> bytes:
        """Write a request; give what came back on the control point."""
        before = len(self.of(uuids.RECORD_ACCESS_CONTROL_POINT))
        payload = racp.encode_request(request)
        await self.client.write_gatt_char(CONTROL_POINT, payload, response=True)
        await eventually(lambda: len(self.of(uuids.RECORD_ACCESS_CONTROL_POINT)) > before)
        return self.of(uuids.RECORD_ACCESS_CONTROL_POINT)[-1]

    def of(self, number: int) -> list[bytes]:
        return [payload for sender, payload in self.received if sender == number]


@asynccontextmanager
async def peer(address: str) -> AsyncIterator[Peer]:
    """Connect, and leave nothing behind, whoever ends the link."""
    found = await heard(address)
    assert found is not None
    gone = asyncio.Event()
    async with BleakClient(found, lambda _client: gone.set()) as client:
        yield Peer(client, gone)
