"""Sends notices side by side and hands back what came of each; a slow channel holds up no other.

Whoever is next in the chain waits while a receiver says neither yes nor no. So no try begins later
than ``TRIES_WITHIN_MS`` after the first, and what has no answer ``WITHIN_MS`` after it has failed,
whatever it waits for: a name to be looked up, or a thread.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from threading import Event

import structlog

from alerts.desk import metrics
from alerts.desk.channels import Channels
from alerts.desk.message import Notice
from alerts.desk.technical import Way, ways
from schemas.errors import VitalwireError
from schemas.rota import Channel, RotaEntry

TRIES_WITHIN_MS = 4_000
"""Longer than three tries of what fails at once, shorter than one wait for an answer."""
WITHIN_MS = 10_000
_WORKERS = 64
"""Each waits for one receiver; a night in which one takes nothing must not hold up the others."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a notice: ``note`` names the channels that took it, or whose did not."""

    key: str
    delivered: bool
    note: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A channel took a notice, or (``cause``) failed while another one took it."""

    way: Way
    cause: str | None


@dataclass(frozen=True, slots=True)
class _Try:
    way: Way
    channel: Channel
    future: Future[None]


@dataclass(slots=True)
class _Sending:
    """A notice under way; ``enough``: no further try; ``said``: whether it was delivered."""

    since_ms: int
    enough: Event
    waiting: list[_Try]
    ended: list[_Try] = field(default_factory=list)
    withdrawn: bool = False
    said: bool | None = None


@dataclass(slots=True)
class Delivery:
    """Notices under way, by key; use it from one thread. ``now_ms``: since the machine started."""

    channels: Channels
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_WORKERS, thread_name_prefix="delivery")
    )
    _under_way: dict[str, _Sending] = field(default_factory=dict)

    def __contains__(self, key: str) -> bool:
        """Whether a notice is under way."""
        return key in self._under_way

    def start(self, notice: Notice, people: list[str], rota: RotaEntry, now_ms: int) -> None:
        """Try every channel of everybody who is to be told."""
        enough = Event()
        send = partial(self.channels.send, notice, enough=enough.is_set)
        tries = [
            _Try(way, channel, self._pool.submit(copy_context().run, send, channel))
            for name in people
            for way, channel in ways(rota, name).items()
        ]
        self._under_way[notice.key] = _Sending(now_ms, enough, tries)
        for one in tries:
            one.future.add_done_callback(partial(_note, notice.key, one.channel))
        self._count()

    def withdraw(self, key: str) -> None:
        """Begin no further try: somebody has answered meanwhile."""
        if key in self._under_way:
            self._under_way[key].withdrawn = True
            self._under_way[key].enough.set()

    def finished(self, now_ms: int) -> tuple[list[Outcome], list[Heard]]:
        """Give what is over: a notice is delivered once one channel took it."""
        outcomes: list[Outcome] = []
        heard: list[Heard] = []
        for key, sending in list(self._under_way.items()):
            ended = [one for one in sending.waiting if one.future.done()]
            sending.waiting = [one for one in sending.waiting if one not in ended]
            sending.ended += ended
            age_ms = now_ms - sending.since_ms
            if age_ms >= TRIES_WITHIN_MS:
                sending.enough.set()
            outcome = _outcome(key, sending, too_late=age_ms >= WITHIN_MS)
            if outcome is not None:
                sending.said = outcome.delivered
                outcomes.append(outcome)
            heard += _heard(sending)
            if not sending.waiting:
                del self._under_way[key]
        self._count()
        return outcomes, heard

    def close(self) -> None:
        """Start nothing more; what is under way may repeat under its key after the next start."""
        for sending in self._under_way.values():
            sending.enough.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _count(self) -> None:
        metrics.IN_FLIGHT.set(sum(one.said is None for one in self._under_way.values()))


def _outcome(key: str, sending: _Sending, *, too_late: bool) -> Outcome | None:
    """Say what became of a notice, once; of one that was withdrawn only that it was taken."""
    if sending.said is not None:
        return None
    taken = [one.channel.kind for one in sending.ended if not _failed(one.future)]
    if taken:
        return Outcome(key, delivered=True, note=", ".join(taken))
    if sending.withdrawn or (sending.waiting and not too_late):
        return None
    return Outcome(key, delivered=False, note=_causes([*sending.ended, *sending.waiting]))


def _heard(sending: _Sending) -> list[Heard]:
    """Give what there is to say of channels; where all failed, the notice itself is the trouble."""
    found = []
    if sending.said is not None:
        found = [
            Heard(one.way, _cause(one.future) if _failed(one.future) else None)
            for one in sending.ended
            if not _failed(one.future) or (sending.said and not sending.withdrawn)
        ]
        sending.ended = []
    return found


def _failed(future: Future[None]) -> bool:
    return future.cancelled() or future.exception() is not None


def _causes(tries: Sequence[_Try]) -> str:
    if not tries:
        return "the rota says nothing of how to reach them"
    return "; ".join(f"{one.way.label} of {one.way.name}: {_cause(one.future)}" for one in tries)


def _cause(future: Future[None]) -> str:
    if not future.done():
        return "It does not answer in time."
    error = None if future.cancelled() else future.exception()
    return error.cause if isinstance(error, VitalwireError) else type(error).__name__


def _note(key: str, channel: Channel, future: Future[None]) -> None:
    """Count each try, also one that ends after another channel took the notice, and say why not."""
    if not _failed(future):
        metrics.DELIVERIES.labels(channel.kind, "taken").inc()
        return
    metrics.DELIVERIES.labels(channel.kind, "failed").inc()
    mistake = not future.cancelled() and not isinstance(future.exception(), VitalwireError)
    say = _log.error if mistake else _log.warning  # a mistake of ours: it must not stop the chain
    say("delivery.failed", key=key, channel=channel.kind, cause=_cause(future))
