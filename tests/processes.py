"""Looks at processes from outside: what was started, and whether it ends."""

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

END_WITHIN_MS = 15_000


def descendants(pid: int) -> list[int]:
    """Every process that the given one started, and theirs."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = status.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        parents.setdefault(int(after_name[1]), []).append(int(status.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


@contextmanager
def handles(pids: list[int]) -> Iterator[list[int]]:
    """Hold on to processes: a number alone may soon be somebody else's. Some may have ended."""
    opened: list[int] = []
    try:
        for pid in pids:
            with suppress(ProcessLookupError):
                opened.append(os.pidfd_open(pid))
        yield opened
    finally:
        for handle in opened:
            os.close(handle)


def ends(handle: int) -> bool:
    """Wait, with a bound, until the process has ended."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(END_WITHIN_MS))
