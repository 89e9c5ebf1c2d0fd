"""Children that end by themselves come back, named with their log; stopped ones stay stopped."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from schemas.errors import MisconfiguredError
from simulators.demo.supervisor import Supervisor
from simulators.stack.process import Child, Program
from tests.servers import eventually

FOR_EVER = ("/bin/sleep", "600")


class Said(list[str]):
    """What the supervisor told the person."""


def a_child(directory: Path, *command: str, name: str = "child") -> Child:
    return Child(Program(name, command or FOR_EVER, directory / f"{name}.log"))


def step_until(supervisor: Supervisor, condition: Callable[[], bool]) -> None:
    def look() -> bool:
        supervisor.step()
        return condition()

    eventually(look)


def runs(child: Child) -> bool:
    return child.running


def test_a_child_that_crashes_is_named_and_comes_back(tmp_path: Path) -> None:
    said = Said()
    with Supervisor(Random(1), said.append) as supervisor:
        child = supervisor.start(a_child(tmp_path))
        first = child.pid
        child.kill()
        step_until(supervisor, lambda: child.running)
        assert child.pid != first
    assert "child ended by itself (exit -9)" in said[0]
    assert str(tmp_path / "child.log") in said[0]
    assert len(supervisor.crashes) == 1
    assert not child.running


def test_what_a_crash_forgot_is_mended_after_each_restart(tmp_path: Path) -> None:
    mended = Said()
    with Supervisor(Random(1), Said().append) as supervisor:
        child = supervisor.start(a_child(tmp_path), lambda: mended.append("again"))
        assert mended == []
        child.kill()
        step_until(supervisor, lambda: child.running)
    assert mended == ["again"]


def test_a_paused_child_stays_stopped_until_it_is_resumed(tmp_path: Path) -> None:
    with Supervisor(Random(1), Said().append) as supervisor:
        child = supervisor.start(a_child(tmp_path))
        supervisor.pause(child)
        assert supervisor.is_paused(child)
        for _ in range(3):
            supervisor.step()
        assert not runs(child)
        supervisor.resume(child)
        assert runs(child)
    assert supervisor.crashes == []


def test_a_child_that_keeps_crashing_is_started_ever_more_rarely(tmp_path: Path) -> None:
    said = Said()
    with Supervisor(Random(1), said.append) as supervisor:
        supervisor.start(a_child(tmp_path, "/bin/false"))
        step_until(supervisor, lambda: len(said) >= 4)
    delays = [float(line.split("again in ")[1].split(" s")[0]) for line in said]
    assert delays[0] < delays[2] < delays[3]


def test_a_misconfigured_child_is_not_started_again(tmp_path: Path) -> None:
    words = "echo 'error: no such adapter.'; exit 78"
    with Supervisor(Random(1), Said().append) as supervisor:
        supervisor.start(a_child(tmp_path, "/bin/sh", "-c", words))
        with pytest.raises(MisconfiguredError, match="no such adapter") as error:
            step_until(supervisor, lambda: False)
    assert "child.log" in error.value.way_out


def test_leaving_stops_every_child(tmp_path: Path) -> None:
    with Supervisor(Random(1), Said().append) as supervisor:
        children = [supervisor.start(a_child(tmp_path, name=f"child-{n}")) for n in range(3)]
    assert not any(child.running for child in children)
