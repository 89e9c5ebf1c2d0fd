"""The pairing agent: bluetoothd asks it what a person would be asked. bleak registers none.

Without an agent nothing pairs: Pair fails with AuthenticationFailed, and bluetoothd is not Pairable
for a device that asks for security by itself. With one, bluetoothd asks it about every pairing that
a device began; a Pair that somebody on the bus called it takes for authorised.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from dbus_fast import Message
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.errors import DBusError
from dbus_fast.service import ServiceInterface, dbus_method

from gateway.bluetooth.bluez import BLUEZ, call, system_bus

AGENT_PATH = "/vitalwire/agent"
CAPABILITY = "KeyboardDisplay"
_MANAGER = "org.bluez.AgentManager1"
_REJECTED = "org.bluez.Error.Rejected"


class Answers(Protocol):
    """Who answers; each question names the device by its address, upper case."""

    def allows(self, address: str) -> bool:
        """May this device pair now?"""

    async def passkey(self, address: str) -> int | None:
        """Give the digits that the device shows; None: nobody can, or they gave up."""

    async def same(self, address: str, passkey: int) -> bool:
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

    @dbus_method()
    def Release(self) -> None:  # noqa: N802
        """Nothing to clean up."""

    @dbus_method()
    async def RequestPasskey(self, device: DBusObjectPath) -> DBusUInt32:  # noqa: N802
        """Give the digits that the device shows."""
        passkey = await self._answers.passkey(self._allowed(device))
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
        if not await self._answers.same(self._allowed(device), passkey):
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
        await register(bus, answers)
        yield bus


async def register(bus: MessageBus, answers: Answers, *, default: bool = False) -> None:
    """Register an agent on ``bus``; ``default``: also for what nobody here began."""
    bus.export(AGENT_PATH, Agent(answers))
    await call(bus, _to_manager("RegisterAgent", "os", [AGENT_PATH, CAPABILITY]))
    if default:
        await call(bus, _to_manager("RequestDefaultAgent", "o", [AGENT_PATH]))


def _to_manager(member: str, signature: str, body: list[str]) -> Message:
    return Message(BLUEZ, "/org/bluez", _MANAGER, member, signature=signature, body=body)
