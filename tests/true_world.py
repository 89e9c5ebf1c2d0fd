"""A plugin of pytest: the tests that ask for a Bluetooth world, in the true one.

``pytest -p tests.true_world tests/gateway`` runs those tests, unchanged, against Debian's kernel
and bluetoothd in an emulated machine. It starts once for all, with ``--numprocesses`` once for each
process; each test gets an adapter, an air, a bus socket and a run of bluetoothd of its own.
"""

import shutil
import tempfile
from pathlib import Path

import pytest

from simulators.true_world import Machine, TrueWorld
from tests import bluetooth_world

WAIT_TIMEOUT_S = 40.0
"""Instead of the fast world's: bluetoothd takes 2 s to disconnect, and its machine is emulated."""

_INJECTED = "bluetoothd cannot be told when to do that"
FAST_ONLY = {
    "test_pitfall_2_services_resolved_before_the_objects": _INJECTED,
    "test_pitfall_3_a_connect_that_fails_is_tried_again": _INJECTED,
    "test_a_link_that_ends_at_once_and_is_made_again_in_the_same_try_is_used": _INJECTED,
    "test_pitfall_6_a_slow_disconnect_holds_up_nobody_else": _INJECTED,
    "test_services_resolved_before_they_are_there": _INJECTED,
    "test_a_connect_that_fails_once": _INJECTED,
    "test_a_slow_disconnect": _INJECTED,
    "test_pitfall_7_a_read_that_hangs_ends_the_visit_not_the_home": _INJECTED,
    "test_pitfall_15_a_device_that_bluetoothd_forgot_is_scanned_for_again": _INJECTED,
    "test_a_scan_that_is_in_progress_is_tried_again": _INJECTED,
    "test_a_scan_that_bluetoothd_does_not_begin_is_one_line_with_a_way_out": _INJECTED,
    "test_a_scan_that_stays_in_progress_is_ended_by_power": _INJECTED,
    "test_a_silent_scan_is_started_anew": _INJECTED,
    "test_a_scan_that_stays_silent_gets_its_adapter_switched_off_and_on": _INJECTED,
    "test_a_scan_that_bluetoothd_cannot_end_is_ended_by_power": _INJECTED,
    "test_pitfall_5_not_paired_is_a_bond_that_is_missing": (
        "bluetoothd begins to pair by itself, and tells the refusal as an unlikely error"
    ),
    "test_everything_is_collected_from_further_models": (
        "the ways of models that are conformant to bluetoothd; half a minute each for nothing new"
    ),
    "test_a_record_that_is_cut_and_counted_anew_each_time_is_one_reading": (
        "to bluetoothd a notification is one like another; three visits for nothing new"
    ),
    "test_visits_and_crashes_of_bluetoothd_leave_nothing_open": (
        "this process also holds the true world's own connections, which come and go"
    ),
}
"""Tests that the true world cannot run, and why; tests/simulators/test_true_world.py counts."""


class Plugin:
    """Holds the machine of this process."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="vw-"))
        self._machine = Machine(self._directory)

    def world(self, directory: Path) -> TrueWorld:
        """Stand in for the class BluetoothWorld."""
        self._machine.revive()  # who ended it has failed; the tests after that one need not
        return TrueWorld(self._machine, directory)

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Keep what asks for a world."""
        chosen = [item for item in items if _is_ours(item)]
        if not config.getoption("every_parameter"):
            chosen = _first_of_each(chosen)
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Start the machine, once it is known that there is something to run here."""
        if session.config.getoption("dist") == "no":  # else it is left to the workers
            self._machine.__enter__()

    def pytest_unconfigure(self) -> None:
        """End it."""
        self._machine.__exit__()
        shutil.rmtree(self._directory, ignore_errors=True)


def _first_of_each(items: list[pytest.Item]) -> list[pytest.Item]:
    """Keep one parameter of each test: they differ in devices and clocks, not in bluetoothd."""
    first: dict[tuple[Path, str], pytest.Item] = {}
    for item in items:
        first.setdefault((item.path, getattr(item, "originalname", item.name)), item)
    return list(first.values())


def _is_ours(item: pytest.Item) -> bool:
    name = getattr(item, "originalname", item.name)
    asks = "world" in getattr(item, "fixturenames", ()) and name not in FAST_ONLY
    return asks or item.path.parent.name == "true"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the night take its time."""
    told = "run a parametrised test with all its parameters, not with the first ones only"
    parser.addoption("--every-parameter", action="store_true", help=told)


def pytest_configure(config: pytest.Config) -> None:
    """Put the true world where the fixture looks for the fast one."""
    plugin = Plugin()
    config.pluginmanager.register(plugin)
    patch = pytest.MonkeyPatch()
    patch.setattr(bluetooth_world, "BluetoothWorld", plugin.world)
    patch.setattr(bluetooth_world, "WAIT_TIMEOUT_S", WAIT_TIMEOUT_S)
