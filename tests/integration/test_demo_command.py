"""`vitalwire demo` as a person meets it: it says what it does, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from simulators.demo.enrolment import TRIAL_PATIENT
from simulators.demo.neighbourhood import Neighbourhood
from simulators.homes import home_paths
from simulators.residents import Pace, draw_homes
from simulators.stack.directory import stack_directory
from simulators.stack.mqtt import EmbeddedMqtt
from tests.processes import descendants, ends, handles
from tests.servers import eventually

pytestmark = pytest.mark.timeout(120)

DEMO = (sys.executable, "-m", "vitalwire", "demo")
END_WITHIN_S = 15


@contextmanager
def running_demo(
    *words: str, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A demo of one home; killed if the test has not ended it."""
    process = subprocess.Popen(
        [*DEMO, "--homes", "1", "--port", "0", *words],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> list[str]:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return lines
    pytest.fail(f"it ended before it said {words!r}: {lines}")


def test_it_says_what_it_does_and_ctrl_c_leaves_nothing() -> None:
    with running_demo() as process:
        said = "".join(read_until(process, "First alert"))
        assert "All patients here are simulated" in said
        assert "The page: http://127.0.0.1:" in said
        directory = Path(said.split("Data and logs: ")[1].split()[0])
        assert directory.is_dir()
        typed = said.split("In another terminal: ")[1].splitlines()[0]
        assert "home-001-cuff" in of_a_shell(typed)
        with handles(descendants(process.pid)) as opened:
            assert len(opened) > 15  # servers, daemons, a home with its bus, its gateway
            process.send_signal(signal.SIGINT)
            assert process.wait(END_WITHIN_S) == 0
            assert all(ends(handle) for handle in opened)
        assert not directory.exists()


def of_a_shell(line: str) -> str:
    """What a person sees who types a line in a terminal in which nothing is set."""
    bare = {"PATH": os.defpath}
    argv = ["sh", "-c", line]
    return subprocess.run(argv, capture_output=True, text=True, check=True, env=bare).stdout


def test_nothing_is_left_running_if_it_is_killed() -> None:
    with stack_directory() as data, running_demo("--data", str(data)) as process:
        read_until(process, "First alert")
        with handles(descendants(process.pid)) as opened:
            process.kill()
            assert all(ends(handle) for handle in opened)


def test_a_port_in_use_is_one_line_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = refused("--port", port)
    assert done == (
        f"error: Port {port} cannot be used: Address already in use."
        " Choose another with --port, or 0 for any free one."
    )


def test_a_directory_with_an_earlier_runs_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plans.json").touch()
    assert "is not empty" in refused("--data", str(tmp_path), "--port", "0")


def test_a_directory_too_deep_for_sockets_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 25)
    assert "too long a path" in refused("--data", str(deep), "--port", "0")


def test_impossible_options_are_refused() -> None:
    assert "cannot be simulated" in refused("--homes", "0")
    assert "--check counts simulated devices" in refused("--check", "--adapter", "hci0")


def test_a_trial_without_bluetooth_says_so(tmp_path: Path) -> None:
    nowhere = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path / 'no-bus'}"}
    assert "no D-Bus system bus" in refused("--adapter", "hci0", environment=nowhere)


def refused(*words: str, environment: dict[str, str] | None = None) -> str:
    """Run a demo that must refuse; give its last line, which is all a person needs."""
    done = subprocess.run(
        [*DEMO, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode not in (0, 1)
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


STATUS = ("gateway pair --adapter hci0", "gateway status")


def test_a_trial_takes_in_what_a_person_has_paired(tmp_path: Path) -> None:
    plans = draw_homes(seed=1, count=1, pace=Pace())
    with (
        stack_directory() as directory,
        Neighbourhood(plans, directory, Random(1), print) as homes,
        EmbeddedMqtt(tmp_path) as unused,
    ):
        homes.start(unused.url)
        home = home_paths(directory / "homes", 0)
        eventually(home.control.exists)
        environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": home.bus_address}
        words = ("--adapter", "hci0", "--data", str(directory / "trial"))
        with running_demo(*words, environment=environment) as process:
            said = "".join(read_until(process, "vitalwire gateway pair"))
            url = said.split("The page: ")[1].split()[0]
            paired_by = said.splitlines()[-1].strip()
            assert "waiting for the clinic" in of_a_shell(paired_by.replace(*STATUS))
            read_until(process, plans[0].devices["meter"])
            eventually(lambda: trial_alerts(url), within_s=40.0)
            card = trial_alerts(url)[0]
            assert not card["simulated"]


def trial_alerts(url: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(f"{url}api/v1/alerts", timeout=5) as reply:
        cards = json.load(reply)["cards"]
    return [card for card in cards if card["patient_id"] == TRIAL_PATIENT]
