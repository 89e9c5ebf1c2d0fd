"""What a kernel that crashes costs the tests after the one under which it did."""

from contextlib import suppress
from pathlib import Path

import pytest

from schemas.errors import UnavailableError
from simulators.true_world import Machine

CRASH = "echo c >/proc/sysrq-trigger"


def test_a_machine_that_crashed_says_so_and_is_started_anew(tmp_path: Path) -> None:
    with Machine(tmp_path) as machine:
        machine.revive()  # which leaves alone what lives
        machine.run("touch /run/before")
        assert "before" in machine.run("ls /run")
        with suppress(UnavailableError):
            machine.run(CRASH)
        assert machine.wait_for_end(20.0) is not None
        with pytest.raises(UnavailableError, match="Kernel panic - not syncing: sysrq"):
            machine.run("true")
        machine.revive()
        assert "before" not in machine.run("ls /run")
