"""Progress as a person sees it, and commands that end in time or with one line of cause."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEARTBEAT_S = 5.0
_STARTED_S = time.monotonic()


class SetupError(Exception):
    """One line for a person: what failed, why, and the way out."""


@dataclass(frozen=True)
class Command:
    """A program to run to its end, and what to tell a person when it does not get there."""

    argv: Sequence[str]
    what: str
    way_out: str
    timeout_s: float
    env: Mapping[str, str] | None = None


def step(text: str) -> None:
    """Print one line of progress, with the seconds since the start."""
    print(f"[{time.monotonic() - _STARTED_S:6.1f} s] {text}", flush=True)


def run(command: Command) -> str:
    """Run a command and return what it printed; say every few seconds where it is.

    Raises:
        SetupError: it failed, could not be started, or took longer than its limit.
    """
    try:
        child = subprocess.Popen(
            command.argv,
            env=command.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        msg = f"{command.what}: cannot start {command.argv[0]}: {error.strerror}. {command.way_out}"
        raise SetupError(msg) from None
    try:
        printed = _wait(child, command)
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        raise
    if child.returncode != 0:
        cause = _last_error(printed) or f"exit code {child.returncode}"
        msg = f"{command.what} failed: {cause}. {command.way_out}"
        raise SetupError(msg)
    return printed


def _wait(child: subprocess.Popen[bytes], command: Command) -> str:
    deadline_s = time.monotonic() + command.timeout_s
    while True:
        try:
            output, _ = child.communicate(timeout=HEARTBEAT_S)
            return output.decode(errors="replace")
        except subprocess.TimeoutExpired as slow:
            printed = (slow.output or b"").decode(errors="replace")
            if time.monotonic() > deadline_s:
                msg = f"{command.what}: no end after {command.timeout_s:.0f} s. {command.way_out}"
                raise SetupError(msg) from None
            step(f"  ... {_last_line(printed)}")


def _last_line(printed: str) -> str:
    lines = printed.replace("\r", "\n").split("\n")
    return next((line.strip()[:100] for line in reversed(lines) if line.strip()), "still at it")


def _last_error(printed: str) -> str:
    """Find the line that names the cause: E: of apt, ERROR: of pip, error: and a tree of uv."""
    broken = re.findall(r"after connection broken by '(.*)': /", printed)  # pip's own end hides it
    if broken:
        return str(broken[-1])[:300]
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    marks = ("e:", "error", "dpkg-deb: error", "caused by", "├─▶", "╰─▶")
    named = [line for line in lines if line.lower().startswith(marks)]
    return " ".join(named[-2:] or lines[-1:])[:300].rstrip(".")
