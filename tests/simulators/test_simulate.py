"""`vitalwire simulate` as its own process: over real HCI bytes on a socket, and on a bus."""

import asyncio
import errno
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from pathlib import Path
from socket import gaierror

import pytest
from bleak import BleakClient
from bumble import hci
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement, Device, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.keys import KeyStore, MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport
from bumble.transport.common import Transport

from gateway.bluetooth import first_meeting, pairing
from schemas.errors import InvalidInput, MisconfiguredError, UnavailableError
from schemas.gatt import blood_pressure, glucose, uuids
from simulators.peripherals.models import MODELS
from simulators.scenario import DeviceKind
from simulators.simulate import run as simulate_run
from simulators.simulate import surroundings
from simulators.simulate.typed import Button, Take, doubt, read_command
from simulators.world.central import make_host
from simulators.world.radio import Air
from tests.bluetooth_world import CLOCK, eventually, heard
from tests.simulators.simulated import TIMEOUT_S, simulate

GATEWAY = hci.Address("00:1A:7D:00:00:01", hci.AddressType.PUBLIC_DEVICE)
PASSKEY = 42


@asynccontextmanager
async def listening(socket: Path) -> AsyncIterator[Transport]:
    """An HCI transport that waits for the other end."""
    async with await open_transport(f"unix-server:{socket}") as transport:
        try:
            yield transport
        finally:
            transport.server.close()  # bumble leaves it open
            socket.unlink()


async def failure(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vitalwire", "simulate", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complained = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    return process.returncode, complained.decode()


class Reader(PairingDelegate):
    """A host with a keyboard, whose person reads the device's display."""

    def __init__(self, passkey: int | None) -> None:
        super().__init__(self.NO_OUTPUT_NO_INPUT if passkey is None else self.KEYBOARD_INPUT_ONLY)
        self._passkey = passkey

    async def get_number(self) -> int | None:
        return self._passkey


async def host_in(air: Air, bonds: KeyStore, passkey: int | None = None) -> Device:
    """A central in this air, as a gateway's adapter would be."""
    host, _ = make_host(air, GATEWAY, bonds)
    host.pairing_config_factory = lambda _connection: PairingConfig(
        sc=True, mitm=passkey is not None, bonding=True, delegate=Reader(passkey)
    )
    await host.power_on()
    return host


async def find(host: Device, address: str) -> Advertisement:
    """Hear the device."""
    heard: asyncio.Future[Advertisement] = asyncio.get_running_loop().create_future()

    def note(advertisement: Advertisement) -> None:
        if advertisement.address == hci.Address(address) and not heard.done():
            heard.set_result(advertisement)

    host.on("advertisement", note)
    await host.start_scanning()
    found = await asyncio.wait_for(heard, TIMEOUT_S)
    await host.stop_scanning()
    return found


async def subscribed(peer: Peer, number: int, received: list[bytes]) -> CharacteristicProxy[bytes]:
    (characteristic,) = peer.get_characteristics_by_uuid(UUID.from_16_bits(number))
    await characteristic.subscribe(received.append, prefer_notify=False)
    return characteristic


async def test_over_a_socket_a_central_finds_pairs_and_reads_it_and_its_bond_outlives_it(
    short_directory: Path,
) -> None:
    air, bonds, socket = Air(), MemoryKeyStore(), short_directory / "hci"
    options = ("cuff", "--transport", f"unix:{socket}", "--bonds", str(short_directory / "bonds"))
    host = await host_in(air, bonds)
    for turn in ("first", "second"):
        async with listening(socket) as behind:
            dongle = Controller(
                "dongle", host_source=behind.source, host_sink=behind.sink, link=air
            )
            async with simulate(*options, "--name", "MY CUFF", "--records", "2") as cuff:
                ready = await cuff.until("ready")
                assert ready["pairing"] is (turn == "first")
                found = await find(host, ready["address"])
                assert found.data.get(AdvertisingData.COMPLETE_LOCAL_NAME) == "MY CUFF"
                public = hci.OwnAddressType.PUBLIC
                connection = await host.connect(found.address, own_address_type=public)
                await (connection.pair() if turn == "first" else connection.encrypt())
                peer = Peer(connection)
                await peer.discover_all()
                received = list[bytes]()
                await subscribed(peer, uuids.BLOOD_PRESSURE_MEASUREMENT, received)
                await cuff.until("disconnected")
                assert received == cuff.payloads("handed over")
                assert len(received) == 2
                first, second = [blood_pressure.decode(payload) for payload in received]
                assert first.timestamp != second.timestamp
                await cuff.type("take 192 124 96")
                measured = await cuff.until("measured")
                assert blood_pressure.decode(bytes.fromhex(measured["payload"])).systolic == 192
                assert measured["pending"] == 1
                await cuff.type("quit")
            air.remove_controller(dongle)  # the next one has the same address
    assert await bonds.get_all() != []


async def test_a_host_gets_it_as_the_neighbour_of_an_adapter(short_directory: Path) -> None:
    socket = short_directory / "hci"
    async with listening(socket) as transport:
        meter = ("meter", "--transport", f"unix:{socket}", "--as-adapter")
        async with simulate(*meter, "--passkey", str(PASSKEY), "--model", "mmol") as device:
            assert (await device.until("display"))["passkey"] == "000042"
            host = Device.with_hci(
                "host", hci.Address("C0:00:00:00:00:77"), transport.source, transport.sink
            )
            host.keystore = MemoryKeyStore()
            host.pairing_config_factory = lambda _connection: PairingConfig(
                sc=True, mitm=True, bonding=True, delegate=Reader(PASSKEY)
            )
            await host.power_on()
            address = (await device.until("ready"))["address"]
            connection = await host.connect((await find(host, address)).address)
            await connection.pair()
            assert connection.authenticated
            await device.until("paired")
            await device.type("take HI")
            await device.until("measured")
            peer = Peer(connection)
            await peer.discover_all()
            received, answers = list[bytes](), list[bytes]()
            await subscribed(peer, uuids.GLUCOSE_MEASUREMENT, received)
            control = await subscribed(peer, uuids.RECORD_ACCESS_CONTROL_POINT, answers)
            await control.write_value(b"\x01\x01", with_response=True)
            await device.until("handed over")
            assert answers == [bytes.fromhex("06000101")]
            assert glucose.decode(received[0]).beyond is glucose.Beyond.ABOVE
            device.process.send_signal(signal.SIGTERM)


async def test_on_its_own_bus_a_gateway_pairs_and_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nobody() -> int | None:
        return None

    async def differs(_shown: int) -> bool:
        return False

    async with simulate("thermometer", "--every", "0.05") as device:
        bus = (await device.until("bus"))["DBUS_SYSTEM_BUS_ADDRESS"]
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus)
        address = (await device.until("ready"))["address"]
        person = pairing.Person(address, nobody, differs, lambda _told: None)
        await pairing.pair("hci0", person, first_meeting.Task(CLOCK))
        found = await heard(address)
        assert found is not None
        gone, received = asyncio.Event(), list[bytes]()
        async with BleakClient(found, lambda _client: gone.set()) as client:
            await client.start_notify(
                uuids.full(uuids.TEMPERATURE_MEASUREMENT),
                lambda _sender, value: received.append(bytes(value)),
            )
            await eventually(lambda: received)
            await device.type("drop")
            await asyncio.wait_for(gone.wait(), TIMEOUT_S)
        await device.type("status")
        assert (await device.until("status"))["measured"] >= 1
        await device.type("quit")
    assert not Path(bus.removeprefix("unix:path=")).exists()


@pytest.mark.parametrize(
    ("arguments", "code", "way_out"),
    [
        (("--transport", "unix:/nowhere/hci"), 78, "is the other end of the socket up?"),
        (("--transport", "tcp-client:127.0.0.1:1"), 75, "start the other end first"),
        (("--transport", "teleport:0"), 78, "Transports are bumble's"),
        (("--transport", "usb"), 78, "Write one of usb:0"),
        (("--transport", "tcp-client:localhost"), 78, "tcp-client:HOST:PORT"),
        (("--as-adapter",), 78, "socket of the host"),
        (("--clock-error", "nan"), 2, "number of seconds"),
        (("--clock-error", "1e99"), 2, "--clock-error"),
        (("--every", "inf"), 2, "number of seconds"),
        (("--name", "x" * 30), 2, "29 bytes"),
        (("--bonds", str(Path(__file__))), 78, "no file of bonds"),
        (("--bonds", "/proc/bonds"), 78, "that you may write"),
        (("--model", "sphygmograph"), 78, "Choose from conformant"),
        (("--address", "00:11:22:33:44:55"), 2, "static random"),
    ],
)
async def test_what_cannot_be_is_one_error_with_a_way_out(
    arguments: tuple[str, ...], code: int, way_out: str
) -> None:
    returned, complained = await failure("cuff", *arguments)
    assert (returned, way_out in complained) == (code, True), complained
    assert "Traceback" not in complained


async def test_a_controller_that_does_not_answer_is_an_error(
    short_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "_ANSWER_WITHIN_S", 0.2)
    device = MODELS["cuff"]["conformant"].build("C4:DE:30:00:00:01", CLOCK)
    async with listening(short_directory / "hci"):
        with pytest.raises(UnavailableError, match="does not answer"):
            async with surroundings.on_controller(device, f"unix:{short_directory / 'hci'}"):
                pass


@pytest.mark.parametrize(
    ("name", "error", "kind", "way_out"),
    [
        ("usb:0", PermissionError(errno.EACCES, "no"), MisconfiguredError, "udev"),
        ("usb:0", Exception("LIBUSB_ERROR_ACCESS [-3]"), MisconfiguredError, "udev"),
        ("usb:0", Exception("LIBUSB_ERROR_BUSY [-6]"), UnavailableError, "bluetoothd"),
        ("hci-socket:0", OSError(errno.EBUSY, "busy"), UnavailableError, "bluetoothd"),
        ("hci-socket:7", OSError(errno.ENODEV, "none"), MisconfiguredError, "plugged in"),
        ("hci-socket:0", Exception("not supported on this platform"), MisconfiguredError, "usb:0"),
        ("usb:0", ValueError("device not found"), MisconfiguredError, "plugged in"),
        ("tcp-client:nowhere:1", gaierror(-2, "unknown"), MisconfiguredError, "name right"),
        ("vhci", OSError(errno.ENOENT, "none"), MisconfiguredError, "modprobe hci_vhci"),
        (
            "android-netsim",
            ModuleNotFoundError("No module named 'grpc'"),
            MisconfiguredError,
            "packages grpcio and protobuf",
        ),
    ],
)
def test_each_reason_why_a_radio_cannot_be_used_has_its_way_out(
    name: str, error: Exception, kind: type[Exception], way_out: str
) -> None:
    explained = surroundings._explained(name, error)
    assert isinstance(explained, kind)
    assert way_out in explained.way_out


@pytest.mark.parametrize(
    ("line", "kind", "expected"),
    [
        ("take 150 95", "cuff", {"systolic": 150, "diastolic": 95, "pulse": 76}),
        ("t 150 95 70", "cuff", {"pulse": 70}),
        ("take hi", "meter", {"glucose_mg_dl": "HI"}),
        ("take 112.5", "meter", {"glucose_mg_dl": "112.5"}),
        ("take 83.8", "scale", {"weight_kg": "83.8"}),
        ("take 97 72", "oximeter", {"spo2_percent": 97, "pulse": 72}),
        ("take 38.5", "thermometer", {"temperature_c": "38.5"}),
    ],
)
def test_what_is_typed_is_what_is_measured(
    line: str, kind: DeviceKind, expected: dict[str, object]
) -> None:
    command = read_command(line, kind)
    assert isinstance(command, Take)
    assert command.planned is not None
    assert {name: getattr(command.planned, name) for name in expected} == expected
    assert command.planned.device == kind


@pytest.mark.parametrize(
    "line",
    ["take 150", "take 1 2 3 4", "take x y", "take -1 5", "take 120.7 80", "what", "pair 1"],
)
def test_what_cannot_be_typed_is_refused(line: str) -> None:
    with pytest.raises(InvalidInput):
        read_command(line, "cuff")


@pytest.mark.parametrize(
    ("line", "kind", "reason"),
    [
        ("take 150 95 70", "cuff", None),
        ("take 80 101", "cuff", "systolic 80 is not above diastolic"),
        ("take 150 95 999", "cuff", "pulse 999 /min is no living patient's: 20..250"),
        ("take 5.5", "meter", "glucose 5.5 mg/dL"),
        ("take lo", "meter", None),
        ("take 0", "scale", "weight 0 kg"),
        ("take 101", "oximeter", "spo2 101 %"),
        ("take 101", "thermometer", "temperature 101 °C"),
    ],
)
def test_what_no_patient_can_have_is_doubted(
    line: str, kind: DeviceKind, reason: str | None
) -> None:
    command = read_command(line, kind)
    assert isinstance(command, Take)
    assert command.planned is not None
    doubted = doubt(command.planned)
    assert doubted == reason if reason is None else doubted is not None and reason in doubted


@pytest.mark.parametrize(
    ("kind", "line"), [("meter", "take 999.999"), ("scale", "take 500"), ("cuff", "take 80 101")]
)
async def test_a_value_that_the_device_cannot_send_is_refused_and_an_odd_one_is_told(
    kind: str, line: str
) -> None:
    async with simulate(kind) as device:
        await device.until("ready")
        await device.type(line)
        expected = "implausible" if kind == "cuff" else "refused"
        assert (await device.until(expected))["reason"]
        await device.type("take")
        await device.until("measured")
        await device.type("quit")


def test_buttons_are_words_or_their_first_letter() -> None:
    assert read_command("  ", "cuff") is None
    assert read_command("take", "cuff") == Take(None)
    for button in Button:
        assert read_command(button.value, "cuff") is button
        assert read_command(button.value[0], "cuff") is button


def test_a_packet_behind_the_end_of_its_link_is_nobodys_business(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loggers = [logging.getLogger(name) for name in ("bumble", "bumble.controller")]
    before = [logger.level for logger in loggers]
    try:
        simulate_run._quieten_bumble()
        loggers[1].error("Cannot find a connection for %s", GATEWAY)
        loggers[0].error("something else")
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
    assert caplog.messages == ["something else"]


async def test_every_model_is_listed() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vitalwire", "simulate", "models", "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    listed, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    rows = {(row["kind"], row["model"]) for row in json.loads(listed)}
    assert rows == {(kind, name) for kind, models in MODELS.items() for name in models}


def test_a_clock_that_was_never_set_was_not_there_before_its_battery() -> None:
    settings = simulate_run.Settings(
        **{field.name: None for field in fields(simulate_run.Settings)}  # type: ignore[arg-type]
    )
    asked = replace(settings, kind="cuff", model="clock-never-set", records=3, clock_error_s=0.0)
    simulation = simulate_run._Simulation(asked, CLOCK)
    simulation._fill_memory()
    taken = [bytes.fromhex(entry.payload) for entry in simulation._device.ledger.taken]
    stamps = [blood_pressure.decode(payload).timestamp for payload in taken]
    assert [stamp and stamp.text for stamp in stamps] == [
        f"2000-01-01T{hour:02}:00:00" for hour in (0, 6, 12)
    ]
