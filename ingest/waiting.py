"""Waiting for servers: for ever, with growing delays, said once and shown by readyz."""

from collections.abc import Callable
from random import Random
from threading import Event
from typing import TypeVar

import structlog

from schemas.backoff import Backoff
from schemas.errors import UnavailableError

REASONS_MAX = 50  # of one outage in the log: some name an address or a time of their own

_log = structlog.get_logger()
_Result = TypeVar("_Result")


class Condition:
    """Why a daemon does not do its work right now; one line per thing that it waits for.

    Threads may write different names; readyz reads.
    """

    def __init__(self, *names: str) -> None:
        """Begin with everything still to come."""
        self._told: dict[str, set[str]] = {}
        self._reasons: dict[str, str | None] = dict.fromkeys(names, "starting")

    def bad(self, name: str, reason: str) -> None:
        """Say what is wrong; each reason is logged once until the thing works again.

        Servers that come back slowly refuse, time out and refuse again.
        """
        told = self._told.setdefault(name, set())
        if reason not in told and len(told) < REASONS_MAX:
            told.add(reason)
            _log.warning("waiting", on=name, reason=reason)
        self._reasons[name] = reason

    def good(self, name: str) -> None:
        """Say that a thing works (again)."""
        if self._reasons.get(name) is not None:
            _log.info("working", on=name)
            self._told.pop(name, None)
        self._reasons[name] = None

    def reason(self) -> str | None:
        """Give the reasons in one line, None if there are none."""
        wrong = [f"{name}: {reason}" for name, reason in self._reasons.items() if reason]
        return "; ".join(wrong) or None


def until_available(
    attempt: Callable[[], _Result], name: str, condition: Condition, stop: Event
) -> _Result | None:
    """Try until it works; None if ``stop`` came first."""
    backoff = Backoff(Random())
    while not stop.is_set():
        try:
            result = attempt()
        except UnavailableError as error:
            condition.bad(name, error.cause)
            stop.wait(backoff.next_s())
        else:
            condition.good(name)
            return result
    return None
