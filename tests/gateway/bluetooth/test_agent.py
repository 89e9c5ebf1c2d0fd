"""What the agent answers to bluetoothd, question by question."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from dbus_fast.errors import DBusError
from dbus_fast.service import ServiceInterface

from gateway.bluetooth.agent import Agent, address_of
from tests.bluetooth_world import eventually

DEVICE = "/org/bluez/hci0/dev_C0_00_00_00_00_01"
ADDRESS = "C0:00:00:00:00:01"


@dataclass
class Somebody:
    """Answers as a test says, and keeps what was shown."""

    allowed: bool = True
    digits: int | None = 123_456
    are_same: bool = True
    shown: list[int] = field(default_factory=list)

    def allows(self, address: str) -> bool:
        return self.allowed and address == ADDRESS

    async def passkey(self, _address: str) -> int | None:
        return self.digits

    async def same(self, _address: str, _passkey: int) -> bool:
        return self.are_same

    def show(self, _address: str, passkey: int) -> None:
        self.shown.append(passkey)


def asked(agent: Agent, question: str) -> Callable[..., Awaitable[object] | object]:
    """The function behind a D-Bus method: what is called when bluetoothd asks."""
    (method,) = (one for one in ServiceInterface._get_methods(agent) if one.name == question)
    return lambda *arguments: method.fn(agent, *arguments)


async def answer(agent: Agent, question: str, *arguments: object) -> object:
    given = asked(agent, question)(*arguments)
    return await given if isinstance(given, Awaitable) else given


def test_a_device_is_known_by_its_path() -> None:
    assert address_of(DEVICE) == ADDRESS


async def test_the_device_that_is_being_paired_gets_its_answers() -> None:
    somebody = Somebody()
    agent = Agent(somebody)
    assert await answer(agent, "RequestPasskey", DEVICE) == 123_456
    assert await answer(agent, "RequestConfirmation", DEVICE, 7) is None
    assert await answer(agent, "RequestAuthorization", DEVICE) is None
    for entered in range(3):  # bluetoothd tells each digit that was typed
        await answer(agent, "DisplayPasskey", DEVICE, 42, entered)
    assert somebody.shown == [42]


@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        ("RequestPasskey", ()),
        ("RequestConfirmation", (7,)),
        ("RequestAuthorization", ()),
        ("DisplayPasskey", (7, 0)),
        ("AuthorizeService", ("0000",)),
    ],
)
async def test_nobody_else_gets_any(question: str, arguments: tuple[object, ...]) -> None:
    agent = Agent(Somebody(allowed=False))
    with pytest.raises(DBusError):
        await answer(agent, question, DEVICE, *arguments)


async def test_whoever_gives_up_or_sees_other_digits_pairs_nothing() -> None:
    agent = Agent(Somebody(digits=None, are_same=False))
    with pytest.raises(DBusError, match="nobody gave"):
        await answer(agent, "RequestPasskey", DEVICE)
    with pytest.raises(DBusError, match="differ"):
        await answer(agent, "RequestConfirmation", DEVICE, 7)


async def test_a_question_ends_when_bluetoothd_gives_up() -> None:
    class Slow(Somebody):
        async def passkey(self, _address: str) -> int | None:
            await asyncio.get_running_loop().create_future()
            return None

    agent = Agent(Slow())
    asking = asyncio.ensure_future(answer(agent, "RequestPasskey", DEVICE))
    await eventually(lambda: agent._questions)
    await answer(agent, "Cancel")
    with pytest.raises(DBusError, match="nobody gave"):
        await asking
