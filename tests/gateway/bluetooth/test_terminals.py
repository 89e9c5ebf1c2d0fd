"""The commands of a visiting nurse at a terminal: keys, colours and cursors."""

import os
import subprocess
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

from gateway.admission.admissions import Admissions
from gateway.bedside.options import STATE_VARIABLE
from simulators.world import BluetoothWorld
from tests.bluetooth_world import CUFF_ADDRESS, eventually, make_cuff
from tests.gateway.bluetooth.people import COMMAND


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "state"
    monkeypatch.setenv(STATE_VARIABLE, str(directory))
    return directory


class Terminal(AbstractContextManager["Terminal"]):
    """A command at a terminal of its own: what it shows, and keys to press."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        wanted = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self._master, slave = os.openpty()
        os.set_blocking(self._master, False)
        # What a shell script runs in its background ignores SIGINT; what a terminal runs does not.
        self._process = subprocess.Popen(
            ["env", "--default-signal=INT", "setsid", "--ctty", "--wait", *COMMAND, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=wanted | {"TERM": "xterm"} | (environment or {}),
        )
        os.close(slave)
        self.shown = ""

    def __exit__(self, *_: object) -> None:
        """End it, however the test has ended."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def shows(self, words: str) -> bool:
        with suppress(OSError):  # nothing now, or nothing more
            self.shown += os.read(self._master, 65536).decode()
        return words in self.shown

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    @property
    def code(self) -> int | None:
        return self._process.poll()


async def test_digits_are_typed_at_a_terminal(world: BluetoothWorld, state: Path) -> None:
    cuff = make_cuff(passkey=123_456)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    with Terminal("pair", CUFF_ADDRESS) as terminal:
        await eventually(lambda: terminal.shows("Six digits"))
        for mistyped in (b"twelve\n", b"12 34\n"):
            terminal.shown = ""
            terminal.press(mistyped)
            await eventually(lambda: terminal.shows("Write all six digits"))
        terminal.press(b"123 456\n")
        await eventually(lambda: terminal.code is not None)
        assert (terminal.code, terminal.shows("Paired BLOOD CUFF")) == (0, True)
        assert "\x1b[32m" in terminal.shown
        assert state.is_dir()


async def test_ctrl_c_at_a_question_ends_at_once_and_leaves_nothing_paired(
    world: BluetoothWorld, state: Path
) -> None:
    cuff = make_cuff(passkey=123_456)
    await world.add(cuff, bonded=False)
    await cuff.set_pairing_mode(on=True)
    with Terminal("pair", CUFF_ADDRESS) as terminal:
        await eventually(lambda: terminal.shows("Six digits"))
        terminal.press(b"\x03")
        await eventually(lambda: terminal.code is not None)
        assert (terminal.code, terminal.shows("Fatal")) == (130, False)
        assert "Traceback" not in terminal.shown, terminal.shown
        await eventually(lambda: not cuff.is_connected)
        assert not world.is_paired(cuff)
        with Admissions(state) as admissions:
            assert admissions.all() == []


@pytest.mark.parametrize("unwanted", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
async def test_where_colours_are_not_wanted_no_cursor_moves_either(
    world: BluetoothWorld, unwanted: dict[str, str]
) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    cuff.take(120, 80, 70)
    with Terminal("scan", "--listen", "2", environment=unwanted) as terminal:
        await eventually(lambda: terminal.code is not None)
        assert terminal.shows("To pair one")
        assert terminal.shown.count(cuff.name) == 1
        assert "\x1b" not in terminal.shown


async def test_ctrl_c_ends_a_scan_with_what_was_heard(world: BluetoothWorld) -> None:
    cuff = make_cuff()
    await world.add(cuff, bonded=False)
    cuff.take(120, 80, 70)
    with Terminal("scan", "--listen", "60") as terminal:
        await eventually(lambda: terminal.shows(CUFF_ADDRESS))
        assert "Listening…" in terminal.shown
        terminal.press(b"\x03")
        await eventually(lambda: terminal.code is not None)
        assert (terminal.code, terminal.shows("To pair one")) == (0, True)
        assert "Traceback" not in terminal.shown
