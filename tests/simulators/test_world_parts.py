"""The parts of the world that need no radio: objects and their signals, errors, faults, the bus."""

import asyncio
import gc
from pathlib import Path

import pytest
from dbus_fast import BusType, Message, Variant
from dbus_fast.aio import MessageBus
from structlog.testing import capture_logs

from gateway.bluetooth.bluez import call, system_bus
from schemas.errors import MisconfiguredError
from simulators.world import BluetoothWorld, ConnectFails, PrivateBus, ServicesResolvedEarly
from simulators.world.central import BackgroundTasks
from simulators.world.errors import BluezError, from_att_code
from simulators.world.faults import FaultList
from simulators.world.objects import ObjectTree

ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"


async def test_a_background_task_that_answers_with_a_bluez_error_has_told_its_caller() -> None:
    async def refuse(error: Exception) -> None:
        raise error

    tasks = BackgroundTasks()
    with capture_logs() as logged:
        for error in (BluezError("AuthenticationFailed", "no"), OSError("broken")):
            with pytest.raises(type(error)):
                await tasks.start(refuse(error))
    assert [line["error"] for line in logged] == ["OSError('broken')"]


def test_objects_announce_themselves_and_their_changes_in_order() -> None:
    signals: list[Message] = []
    tree = ObjectTree(signals.append)
    tree.add("/a", ADAPTER, {"Powered": Variant("b", True)})
    tree.add("/a/device", DEVICE, {"RSSI": Variant("n", -40), "Paired": Variant("b", False)})
    tree.change("/a/device", DEVICE, {"Paired": Variant("b", True)}, invalidated=("RSSI",))
    tree.remove("/a")
    assert [(s.member, s.body[0]) for s in signals] == [
        ("InterfacesAdded", "/a"),
        ("InterfacesAdded", "/a/device"),
        ("PropertiesChanged", DEVICE),
        ("InterfacesRemoved", "/a/device"),  # the deepest first
        ("InterfacesRemoved", "/a"),
    ]
    assert signals[2].body[1:] == [{"Paired": Variant("b", True)}, ["RSSI"]]
    assert tree.managed() == {}


def test_a_change_of_what_is_gone_says_nothing() -> None:
    signals: list[Message] = []
    tree = ObjectTree(signals.append)
    tree.change("/a", ADAPTER, {"Powered": Variant("b", True)})
    assert signals == []
    assert tree.value("/a", ADAPTER, "Powered") is None


@pytest.mark.parametrize(
    ("code", "name", "text"),
    [
        (0x03, "org.bluez.Error.NotPermitted", "Write not permitted"),
        (0x0F, "org.bluez.Error.NotPermitted", "Not paired"),
        (0x80, "org.bluez.Error.Failed", "ATT error: 0x80 (Application Error)"),
        (0xFD, "org.bluez.Error.Failed", "ATT error: 0xfd (Unknown)"),
    ],
)
def test_errors_of_the_attribute_protocol_in_the_words_of_bluez(
    code: int, name: str, text: str
) -> None:
    error = from_att_code(code)
    assert error.name == name
    assert error.text.endswith(text)


def test_an_error_name_with_dots_is_kept() -> None:
    assert BluezError("org.freedesktop.DBus.Error.X", "").name == "org.freedesktop.DBus.Error.X"


def test_a_fault_happens_once_and_in_its_order() -> None:
    faults = FaultList()
    first, second = ConnectFails("one"), ConnectFails("two")
    for fault in (first, ServicesResolvedEarly(), second):
        faults.inject(fault)
    assert faults.take(ConnectFails) is first
    assert faults.take(ConnectFails) is second
    assert faults.take(ConnectFails) is None
    assert faults.take(ServicesResolvedEarly) is not None


async def test_a_bus_serves_and_leaves_nothing_behind(short_directory: Path) -> None:
    async with PrivateBus(short_directory) as bus:
        client = await MessageBus(bus_address=bus.address, bus_type=BusType.SYSTEM).connect()
        assert client.connected
        client.disconnect()
    assert not (short_directory / "bus").exists()


async def test_a_directory_with_a_long_path_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 25)
    directory.mkdir()
    with pytest.raises(MisconfiguredError, match="too long"):
        async with PrivateBus(directory):
            pass


async def test_a_killed_daemon_complains_of_no_answer_that_it_could_not_give(
    world: BluetoothWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever ends a simulated device while somebody is connected was shown "Bad file descriptor".

    Here a call is being answered when the bus is left.
    """
    stand_in = world._running
    question = Message("org.bluez", "/org/bluez/hci0", ADAPTER, "Nothing")
    asked, answers = asyncio.Event(), asyncio.Event()

    async def answer_late(_message: Message) -> None:
        asked.set()
        await answers.wait()

    def leave(bus: MessageBus) -> None:
        disconnect(bus)
        answers.set()

    disconnect, complaints = MessageBus.disconnect, list[str]()
    monkeypatch.setattr(stand_in, "_perform", answer_late)
    monkeypatch.setattr(MessageBus, "disconnect", leave)
    asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(str(said)))
    async with system_bus() as bus:
        asking = asyncio.create_task(call(bus, question))
        await asked.wait()
        with capture_logs() as logged:
            await world.crash()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    gc.collect()
    await asyncio.sleep(0)
    assert [line for line in logged if line["log_level"] == "warning"] == []
    assert complaints == []
