"""What fails in the true world beside a test is told by that test all the same."""

from pathlib import Path

import pytest
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError

from schemas.errors import UnavailableError
from simulators.true_world import Machine, TrueWorld, daemon


async def test_a_bluetoothd_that_does_not_start_is_told_when_its_world_ends(
    tmp_path: Path, short_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "_START", "echo no such disk; false")
    with Machine(tmp_path) as machine:
        world = TrueWorld(machine, short_directory)
        await world.__aenter__()
        with pytest.raises((AuthError, EOFError, OSError)):
            await MessageBus(bus_address=world.bus_address).connect()
        with pytest.raises(UnavailableError, match="no such disk"):
            await world.__aexit__()
