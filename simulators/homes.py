"""Many simulated homes: imports once, forks a process per home, ends them all with itself.

`python -m simulators.homes --plans plans.json --directory DIR` hosts every home of the plans file
(a JSON list of HomePlan) in DIR/<number>, see `home_paths`. One process per home, each with its own
bus and air: many homes on one link starve each other, and importing bumble costs a second of CPU.
"""

import asyncio
import logging
import os
import signal
from pathlib import Path
from types import FrameType

import click
import msgspec
import structlog

from schemas.daemon import configure_logs, die_with_parent
from schemas.errors import UNREADABLE, MisconfiguredError
from simulators.home import HomePaths, serve_home
from simulators.scenario import HomePlan

__all__ = ["home_paths", "host_homes", "main", "read_plans"]

log = structlog.get_logger(__name__)


def home_paths(directory: Path, number: int) -> HomePaths:
    """Where the home with this number (its place in the plans, from 0) is reached."""
    return HomePaths(directory.absolute() / str(number))


def read_plans(path: Path) -> list[HomePlan]:
    """Read a plans file. Raises MisconfiguredError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[HomePlan])
    except (OSError, *UNREADABLE) as error:
        raise MisconfiguredError(
            f"The plans of the homes cannot be read: {path}: {error}.", "Write them anew."
        ) from error


def host_homes(plans: list[HomePlan], directory: Path, *, when_heard: bool = False) -> None:
    """Fork a process per home and wait until they have ended; ends them when it is ended.

    Call it from a process with one thread and no event loop: it forks.
    """
    children: dict[int, HomePlan] = {}
    signal.signal(signal.SIGTERM, _end)
    try:
        for number, plan in enumerate(plans):
            home = home_paths(directory, number).directory
            home.mkdir(parents=True, exist_ok=True)
            home_paths(directory, number).control.unlink(missing_ok=True)  # of an earlier run
            children[_fork(plan, home, when_heard=when_heard)] = plan
        while children:
            pid, status = os.wait()
            plan = children.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            log.error("home.ended", gateway_id=plan.gateway_id, exit_code=code)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGTERM)
        for pid in children:
            os.waitpid(pid, 0)


def _fork(plan: HomePlan, directory: Path, *, when_heard: bool) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid != 0:
        return pid
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.environ["VITALWIRE_SUPERVISED"] = str(parent)
        die_with_parent()
        structlog.contextvars.bind_contextvars(gateway_id=plan.gateway_id)
        asyncio.run(serve_home(plan, directory, when_heard=when_heard))
        code = 0
    except Exception as error:
        log.exception("home.failed", error=repr(error))
    finally:
        os._exit(code)  # what the parent has set up is not for the child to clean up


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


@click.command()
@click.option("--plans", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--directory", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--when-heard", is_flag=True, help="Measure once a gateway looks for devices.")
def main(*, plans: Path, directory: Path, when_heard: bool) -> None:
    """Host the simulated homes of a plans file until SIGTERM."""
    die_with_parent()
    configure_logs("homes")
    # It warns of every packet that crosses the end of a link.
    logging.getLogger("bumble").setLevel(logging.ERROR)
    host_homes(read_plans(plans), directory, when_heard=when_heard)


if __name__ == "__main__":
    main()
