"""The shipped daemon while the disk under it becomes read-only, or its directory is removed."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.bedside.overview import ask_daemon
from gateway.bedside.status import look
from simulators.peripherals import Cuff
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.process import Child, Program
from simulators.world import BluetoothWorld
from tests.bluetooth_world import eventually
from tests.gateway.bluetooth.clinic import GATEWAY_ID, Clinic

SHIPPED = "import vitalwire; vitalwire.cli()"
PROMPT = f"from gateway import daemon; daemon.HEARTBEAT_S = 0.2; {SHIPPED}"


def problems(clinic: Clinic) -> str:
    return str(clinic.reports[-1].problems) if clinic.reports else ""


async def test_a_state_directory_that_was_removed_is_there_again_with_what_was_not_at_the_clinic(
    cuff: Cuff, run: Callable[[str], Child], clinic: Clinic, tmp_path: Path
) -> None:
    """The daemon went on in files that end with it, told nobody, and no command found it."""
    state = tmp_path / "state"
    daemon = run(SHIPPED)
    taken = [cuff.take(120, 80, 70)]
    await eventually(lambda: clinic.payloads == taken and clinic.held == 1)
    shutil.rmtree(state)
    log = tmp_path / "gateway.log"
    await eventually(lambda: log.read_text().count("gateway.started") == 2)
    taken.append(cuff.take(130, 85, 71))
    await eventually(lambda: set(clinic.payloads) == set(taken))
    assert look(state).status.held == 2
    await eventually(lambda: ask_daemon(state) is not None)
    assert daemon.running


async def test_a_state_directory_that_cannot_be_made_again_is_told_and_no_device_is_asked(
    cuff: Cuff, run_in: Callable[[Path], Child], clinic: Clinic, tmp_path: Path
) -> None:
    """A cuff that keeps its readings keeps them better."""
    home = tmp_path / "home"
    home.mkdir()
    daemon = run_in(home / "state")
    await eventually(lambda: clinic.held == 0 and not clinic.reports[-1].problems)
    shutil.rmtree(home)
    await eventually(lambda: "is gone" in problems(clinic))
    taken = cuff.take(120, 80, 70)
    await eventually(lambda: "is gone" in problems(clinic) and len(clinic.reports) > 3)
    assert (clinic.payloads, cuff.pending) == ([], 1)
    home.mkdir()
    await eventually(lambda: clinic.payloads == [taken] and cuff.pending == 0)
    await eventually(lambda: "is gone" not in problems(clinic))
    assert (daemon.running, look(home / "state").status.held) == (True, 1)


@pytest.fixture
def run_in(
    world: BluetoothWorld, mqtt: EmbeddedMqtt, tmp_path: Path
) -> Iterator[Callable[..., Child]]:
    """Start a daemon with this state directory, within a command that is put before it."""
    started: list[Child] = []

    def start(state: Path, *before: str) -> Child:
        where = ("--gateway-id", GATEWAY_ID, "--mqtt", mqtt.url, "--state", str(state))
        daemon = (sys.executable, "-c", PROMPT, "gateway", "run", *where, "--rest", "0.1")
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": world.bus_address}
        program = Program("gateway", (*before, *daemon), tmp_path / "gateway.log", environment)
        child = Child(program)
        started.append(child.start())
        return child

    yield start
    for child in started:
        child.kill()


async def output(*command: str) -> str:
    """Run a command beside the world, which lives in this thread."""
    done = await asyncio.to_thread(
        subprocess.run, command, check=False, capture_output=True, text=True
    )
    return str(done.stdout + done.stderr)


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/loop-control").exists(),
    reason="only root mounts a file system, and not in every container",
)
async def test_a_file_system_that_the_kernel_made_read_only_is_told_before_a_device_is_asked(
    cuff: Cuff, run_in: Callable[..., Child], clinic: Clinic, tmp_path: Path
) -> None:
    """As ext4 does it over an error (errors=remount-ro, Raspberry Pi OS): in a mount namespace."""
    state, image = tmp_path / "state", tmp_path / "card"
    state.mkdir()
    with image.open("wb") as card:
        card.truncate(24 << 20)
    await output("mkfs.ext4", "-q", str(image))
    mount = 'mount -o loop "$1" "$2" && shift 2 && exec "$@"'
    inside = ("unshare", "--mount", "sh", "-c", mount, "sh", str(image), str(state))
    daemon = run_in(state, *inside)

    async def within(*command: str) -> str:
        return await output("nsenter", "--mount", "--target", str(daemon.pid), *command)

    async def gateway(command: str) -> str:
        vitalwire = (sys.executable, "-m", "vitalwire", "gateway", command)
        return await within(*vitalwire, "--state", str(state))

    taken = [cuff.take(120, 80, 70)]
    await eventually(lambda: clinic.payloads == taken and clinic.held == 1)
    await within("mount", "-o", "remount,abort", str(state))
    await eventually(lambda: "read-only file system" in problems(clinic))
    taken.append(cuff.take(130, 85, 71))
    assert "it takes nothing: read-only file system" in await gateway("doctor")
    assert "Restart it with `sudo reboot`" in await gateway("status")
    assert (clinic.payloads, cuff.pending) == (taken[:1], 1)
    await within("umount", "--lazy", str(state))  # and what is below is a disk that works
    await eventually(lambda: set(clinic.payloads) == set(taken) and cuff.pending == 0)
    await eventually(lambda: "read-only" not in problems(clinic))
    assert (daemon.running, look(state).status.held) == (True, 2)
