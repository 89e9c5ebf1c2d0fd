"""AgentManager1: the bus client that answers pairing questions, and bumble's side of asking.

Who is asked is as in bluetoothd 5.66 (its src/agent.c): whoever registers joins the end of a queue
of which the first is the default one; RequestDefaultAgent goes to its front, and who leaves makes
room. The two calls after registering must name the object that was registered.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from bumble.device import Connection
from bumble.pairing import PairingConfig, PairingDelegate
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from simulators.world.calls import Call, Handler
from simulators.world.central import device_path
from simulators.world.errors import BluezError

__all__ = ["AGENT_MANAGER", "AGENT_MANAGER_PATH", "Agents"]

AGENT_MANAGER: Final = "org.bluez.AgentManager1"
AGENT_MANAGER_PATH: Final = "/org/bluez"
AGENT: Final = "org.bluez.Agent1"

NO_INPUT_NO_OUTPUT: Final = "NoInputNoOutput"
CAPABILITIES: Final = {
    "": PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
    "KeyboardDisplay": PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
    "DisplayOnly": PairingDelegate.DISPLAY_OUTPUT_ONLY,
    "DisplayYesNo": PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT,
    "KeyboardOnly": PairingDelegate.KEYBOARD_INPUT_ONLY,
    NO_INPUT_NO_OUTPUT: PairingDelegate.NO_OUTPUT_NO_INPUT,
}


@dataclass(frozen=True)
class RegisteredAgent:
    """Where an agent object is and what its owner can show or type."""

    owner: str
    path: str
    capability: str


class Agents:
    """The registered agents; that of Pair's caller is asked, else the default one."""

    def __init__(self, bus: MessageBus) -> None:
        """Call agents over `bus`."""
        self._bus = bus
        self._agents: dict[str, RegisteredAgent] = {}
        self._queue: list[str] = []
        self._pairing_for: dict[str, str] = {}

    @property
    def default(self) -> RegisteredAgent | None:
        """The agent that is asked about what no agent's owner began, if there is one."""
        return self._agents[self._queue[0]] if self._queue else None

    def of(self, caller: str) -> RegisteredAgent | None:
        """The agent that is asked when this bus client calls Pair."""
        return self._agents.get(caller) or self.default

    def asked_about(self, device: str) -> RegisteredAgent | None:
        """The agent that is asked about the device at this object path."""
        return self.of(self._pairing_for.get(device, ""))

    def is_pairing(self, device: str) -> bool:
        """Whether a bus client called Pair for the device at this object path."""
        return device in self._pairing_for

    @contextmanager
    def pairing(self, device: str, caller: str) -> Iterator[None]:
        """Ask the caller's agent about this device meanwhile."""
        self._pairing_for[device] = caller
        try:
            yield
        finally:
            del self._pairing_for[device]

    def methods(self) -> dict[tuple[str, str], Handler]:
        """Return the D-Bus methods."""
        return {
            (AGENT_MANAGER, "RegisterAgent"): self._register,
            (AGENT_MANAGER, "UnregisterAgent"): self._unregister,
            (AGENT_MANAGER, "RequestDefaultAgent"): self._request_default,
        }

    async def _register(self, call: Call) -> None:
        path, capability = call.arguments
        if call.sender in self._agents:
            raise BluezError("AlreadyExists", "Already Exists")
        if capability not in CAPABILITIES:
            raise BluezError("InvalidArguments", "Invalid arguments in method call")
        self._agents[call.sender] = RegisteredAgent(call.sender, path, capability)
        self._queue.append(call.sender)

    async def _unregister(self, call: Call) -> None:
        self._refuse_unknown(call)
        self.client_gone(call.sender)

    async def _request_default(self, call: Call) -> None:
        self._refuse_unknown(call)
        self._queue.remove(call.sender)
        self._queue.insert(0, call.sender)

    def _refuse_unknown(self, call: Call) -> None:
        (path,) = call.arguments
        agent = self._agents.get(call.sender)
        if agent is None or agent.path != path:
            raise BluezError("DoesNotExist", "Does Not Exist")

    def client_gone(self, owner: str) -> None:
        """Forget the agent of a client that left the bus; the next in the queue is asked."""
        if self._agents.pop(owner, None) is not None:
            self._queue.remove(owner)

    def pairing_config(self, adapter_path: str, connection: Connection) -> PairingConfig:
        """Return how to pair over this connection, given what the agent can do."""
        path = device_path(adapter_path, connection.peer_address)
        agent = self.asked_about(path)
        capability = NO_INPUT_NO_OUTPUT if agent is None else agent.capability
        return PairingConfig(
            sc=True,
            mitm=capability != NO_INPUT_NO_OUTPUT,
            bonding=True,
            delegate=AgentDelegate(self, capability, path),
        )

    async def ask(self, member: str, signature: str, arguments: list[Any]) -> list[Any] | None:
        """Ask about the device in the first argument; None means no (refused, nobody there)."""
        agent = self.asked_about(arguments[0])
        if agent is None:
            return None
        reply = await self._bus.call(
            Message(
                destination=agent.owner,
                path=agent.path,
                interface=AGENT,
                member=member,
                signature=signature,
                body=arguments,
            )
        )
        if reply.message_type is not MessageType.METHOD_RETURN:
            return None
        return list(reply.body)


class AgentDelegate(PairingDelegate):
    """Passes bumble's pairing questions on to the default agent, in BlueZ's words."""

    def __init__(self, agents: Agents, capability: str, device: str) -> None:
        """Ask about the device at this object path."""
        super().__init__(CAPABILITIES[capability])
        self._agents = agents
        self._device = device

    async def confirm(self, auto: bool = False) -> bool:  # noqa: ARG002, FBT001, FBT002 - bumble's
        """Ask nobody about what a bus client asked for; about what a device began, the agent.

        Without an agent there is no pairing that a device began: bluetoothd is not "Pairable".
        """
        if self._agents.is_pairing(self._device):
            return True
        return await self._agents.ask("RequestAuthorization", "o", [self._device]) is not None

    async def compare_numbers(self, number: int, digits: int) -> bool:  # noqa: ARG002 - bumble's
        """Let the agent compare."""
        answer = await self._agents.ask("RequestConfirmation", "ou", [self._device, number])
        return answer is not None

    async def get_number(self) -> int | None:
        """Let the agent type what the device shows."""
        answer = await self._agents.ask("RequestPasskey", "o", [self._device])
        return None if answer is None else int(answer[0])

    async def display_number(self, number: int, digits: int) -> None:  # noqa: ARG002 - bumble's
        """Let the agent show what has to be typed on the device."""
        await self._agents.ask("DisplayPasskey", "ouq", [self._device, number, 0])
