"""The pairing agent: bluetoothd asks it what a person would be asked. bleak registers none.

Without an agent pairing fails with AuthenticationFailed; with this one a device without display
pairs silently, and one with a display asks for the six digits that it shows.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from dbus_fast import Message
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.errors import DBusError
from dbus_fast.service import ServiceInterface, dbus_method

from gateway.bluetooth.bluez import BLUEZ, call, system_bus

AGENT_PATH = "/vitalwire/agent"
CAPABILITY = "KeyboardDisplay"
_MANAGER = "org.bluez.AgentManager1"
_REJECTED = "org.bluez.Error.Rejected"

AskPasskey = Callable[[], Awaitable[int | None]]
"""Ask the person for the digits on the device's display; None: they gave up."""


class Agent(ServiceInterface):
    """org.bluez.Agent1, as BlueZ's documentation describes it; BlueZ gives the method names."""

    def __init__(self, ask_passkey: AskPasskey, show: Callable[[str], None]) -> None:
        """``show`` tells the person something."""
        super().__init__("org.bluez.Agent1")
        self._ask_passkey = ask_passkey
        self._show = show

    @dbus_method()
    def Release(self) -> None:  # noqa: N802
        """Nothing to clean up."""

    @dbus_method()
    async def RequestPinCode(self, _device: DBusObjectPath) -> DBusStr:  # noqa: N802
        """Give the digits of a device that pairs the old way."""
        return f"{await self._passkey():06}"

    @dbus_method()
    async def RequestPasskey(self, _device: DBusObjectPath) -> DBusUInt32:  # noqa: N802
        """Give the digits that the device shows."""
        return await self._passkey()

    @dbus_method()
    def DisplayPasskey(  # noqa: N802
        self, _device: DBusObjectPath, passkey: DBusUInt32, _entered: DBusUInt16
    ) -> None:
        """Show digits that are to be typed on the device."""
        self._show(f"Type {passkey:06} on the device.")

    @dbus_method()
    def DisplayPinCode(self, _device: DBusObjectPath, pin: DBusStr) -> None:  # noqa: N802
        """Show digits that are to be typed on the device."""
        self._show(f"Type {pin} on the device.")

    @dbus_method()
    def RequestConfirmation(  # noqa: N802
        self, _device: DBusObjectPath, passkey: DBusUInt32
    ) -> None:
        """Both sides show digits; the person who started this compares."""
        self._show(f"The device should show {passkey:06}. If not: `bluetoothctl remove ADDRESS`.")

    @dbus_method()
    def RequestAuthorization(self, _device: DBusObjectPath) -> None:  # noqa: N802
        """Whoever runs the command has authorised it."""

    @dbus_method()
    def AuthorizeService(self, _device: DBusObjectPath, _uuid: DBusStr) -> None:  # noqa: N802
        """We offer no services."""

    @dbus_method()
    def Cancel(self) -> None:  # noqa: N802
        """BlueZ gave up; the call to Pair tells it."""

    async def _passkey(self) -> int:
        passkey = await self._ask_passkey()
        if passkey is None:
            raise DBusError(_REJECTED, "nobody gave the passkey")
        return passkey


@asynccontextmanager
async def registered(agent: Agent) -> AsyncIterator[None]:
    """Let bluetoothd ask this agent; raise ``UnavailableError`` if there is no bluetoothd."""
    async with system_bus() as bus:
        bus.export(AGENT_PATH, agent)
        await call(bus, _to_manager("RegisterAgent", "os", [AGENT_PATH, CAPABILITY]))
        await call(bus, _to_manager("RequestDefaultAgent", "o", [AGENT_PATH]))
        yield


def _to_manager(member: str, signature: str, body: list[str]) -> Message:
    return Message(BLUEZ, "/org/bluez", _MANAGER, member, signature=signature, body=body)
