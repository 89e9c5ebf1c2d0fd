"""The pairing agent: bluetoothd asks it what a person would be asked. bleak registers none.

Without an agent nothing pairs: Pair fails with AuthenticationFailed, and bluetoothd is not Pairable
for a device that asks for security by itself. With one, bluetoothd asks it about every pairing that
a device began; a Pair that somebody on the bus called it takes for authorised.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeVar

from dbus_fast import Message
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.errors import DBusError
from dbus_fast.service import ServiceInterface, dbus_method

from gateway.bluetooth.bluez import BLUEZ, call, system_bus

T = TypeVar("T")
AGENT_PATH = "/vitalwire/agent"
CAPABILITY = "KeyboardDisplay"
_MANAGER = "org.bluez.AgentManager1"
_REJECTED = "org.bluez.Error.Rejected"


class Answers(Protocol):
    """Who answers; each question names the device by its address, upper case."""

    def allows(self, address: str) -> bool:
        """May this device pair now?"""

    def passkey(self, address: str) -> Coroutine[Any, Any, int | None]:
        """Give the digits that the device shows; None: nobody can, or they gave up."""

    def same(self, address: str, passkey: int) -> Coroutine[Any, Any, bool]:
        """Does the device show these digits?"""

    def show(self, address: str, passkey: int) -> None:
        """Show digits that are to be typed on the device."""


class Agent(ServiceInterface):
    """org.bluez.Agent1, as BlueZ's documentation describes it; BlueZ gives the method names.

    What only Bluetooth Classic asks (PIN codes) is not here: an unknown method is a refusal.
    """

    def __init__(self, answers: Answers) -> None:
        """Pass bluetoothd's questions on to ``answers``."""
        super().__init__("org.bluez.Agent1")
        self._answers = answers
        self._questions: set[asyncio.Task[Any]] = set()

    def hang_up(self) -> None:
        """Stop asking: whoever began it has gone, or the device has."""
        for question in self._questions:
            question.cancel()

    @dbus_method()
    def Release(self) -> None:  # noqa: N802
        """Nothing to clean up."""

    @dbus_method()
    async def RequestPasskey(self, device: DBusObjectPath) -> DBusUInt32:  # noqa: N802
        """Give the digits that the device shows."""
        passkey = await self._ask(self._answers.passkey(self._allowed(device)))
        if passkey is None:
            raise DBusError(_REJECTED, "nobody gave the passkey")
        return passkey

    @dbus_method()
    def DisplayPasskey(  # noqa: N802
        self, device: DBusObjectPath, passkey: DBusUInt32, entered: DBusUInt16
    ) -> None:
        """Show digits that are to be typed on the device; BlueZ calls again for each one typed."""
        if entered == 0:
            self._answers.show(self._allowed(device), passkey)

    @dbus_method()
    async def RequestConfirmation(  # noqa: N802
        self, device: DBusObjectPath, passkey: DBusUInt32
    ) -> None:
        """Both sides show digits; a person compares."""
        if not await self._ask(self._answers.same(self._allowed(device), passkey)):
            raise DBusError(_REJECTED, "the digits differ, or nobody compared")

    @dbus_method()
    def RequestAuthorization(self, device: DBusObjectPath) -> None:  # noqa: N802
        """A device without display or keys wants to pair."""
        self._allowed(device)

    @dbus_method()
    def AuthorizeService(self, _device: DBusObjectPath, _uuid: DBusStr) -> None:  # noqa: N802
        """Refuse: we offer no services."""
        raise DBusError(_REJECTED, "there are no services here")

    @dbus_method()
    def Cancel(self) -> None:  # noqa: N802
        """BlueZ gave up; the call to Pair tells it."""
        self.hang_up()

    async def _ask(self, question: Coroutine[Any, Any, T]) -> T | None:
        """Wait for an answer; None if there is nobody left to give one."""
        asking = asyncio.create_task(question)
        self._questions.add(asking)
        try:
            await asyncio.wait({asking})
        finally:
            self._questions.discard(asking)
            asking.cancel()
        return None if asking.cancelled() else asking.result()

    def _allowed(self, device: str) -> str:
        """Give the device's address if it may pair; else refuse."""
        address = address_of(device)
        if not self._answers.allows(address):
            raise DBusError(_REJECTED, "nobody is pairing this device")
        return address


def address_of(device: str) -> str:
    """Read a device's address from its object path: /org/bluez/hci0/dev_C0_00_00_00_00_01."""
    return device.rpartition("/dev_")[2].replace("_", ":").upper()


@asynccontextmanager
async def registered(answers: Answers) -> AsyncIterator[MessageBus]:
    """Register an agent for what is paired over the bus connection that this gives.

    BlueZ asks the agent of whoever called Pair; the default one, the daemon's, stays the default.
    Raises ``UnavailableError`` if there is no bluetoothd.
    """
    async with system_bus() as bus:
        agent = await register(bus, answers)
        try:
            yield bus
        finally:
            agent.hang_up()
            with suppress(DBusError, OSError, EOFError):
                await call(bus, _to_manager("UnregisterAgent", "o", [AGENT_PATH]))


async def register(bus: MessageBus, answers: Answers, *, default: bool = False) -> Agent:
    """Register an agent on ``bus``; ``default``: also for what nobody here began."""
    agent = Agent(answers)
    bus.export(AGENT_PATH, agent)
    await call(bus, _to_manager("RegisterAgent", "os", [AGENT_PATH, CAPABILITY]))
    if default:
        await request_default(bus)
    return agent


async def request_default(bus: MessageBus) -> None:
    """Let the agent on ``bus`` be the default one, whoever became it meanwhile."""
    await call(bus, _to_manager("RequestDefaultAgent", "o", [AGENT_PATH]))


def _to_manager(member: str, signature: str, body: list[str]) -> Message:
    return Message(BLUEZ, "/org/bluez", _MANAGER, member, signature=signature, body=body)
