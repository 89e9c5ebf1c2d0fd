"""Sends notices side by side and hands back what came of each; a slow channel holds up no other."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial

import structlog

from alerts.desk import metrics
from alerts.desk.channels import Channels
from alerts.desk.message import Notice
from schemas.errors import VitalwireError
from schemas.rota import Channel, RotaEntry

_WORKERS = 16

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a notice: ``note`` names the channels that took it, or that did not."""

    key: str
    delivered: bool
    note: str


@dataclass(slots=True)
class Delivery:
    """Notices under way, by key; use it from one thread."""

    channels: Channels
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_WORKERS, thread_name_prefix="delivery")
    )
    _under_way: dict[str, list[tuple[Channel, Future[None]]]] = field(default_factory=dict)

    def __contains__(self, key: str) -> bool:
        """Whether a notice is under way."""
        return key in self._under_way

    def start(self, notice: Notice, people: list[str], rota: RotaEntry) -> None:
        """Try every channel of everybody who is to be told."""
        reachable = {contact.name: contact.channels for contact in rota.contacts}
        channels = [channel for name in people for channel in reachable.get(name, ())]
        self._under_way[notice.key] = [
            (one, self._pool.submit(copy_context().run, self.channels.send, notice, one))
            for one in channels
        ]
        for one, future in self._under_way[notice.key]:
            future.add_done_callback(partial(_note, notice.key, one))
        metrics.IN_FLIGHT.set(len(self._under_way))

    def finished(self) -> list[Outcome]:
        """Give what is over: a notice is delivered once one channel took it."""
        found = []
        for key, tries in list(self._under_way.items()):
            taken = [one.kind for one, future in tries if future.done() and not _failed(future)]
            if taken or all(future.done() for _, future in tries):
                del self._under_way[key]
                note = ", ".join(taken) if taken else _causes(tries)
                found.append(Outcome(key, bool(taken), note))
        metrics.IN_FLIGHT.set(len(self._under_way))
        return found

    def close(self) -> None:
        """Start nothing more; what is under way may repeat under its key after the next start."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _failed(future: Future[None]) -> bool:
    return future.cancelled() or future.exception() is not None


def _causes(tries: list[tuple[Channel, Future[None]]]) -> str:
    if not tries:
        return "the rota says nothing of how to reach them"
    return "; ".join(f"{one.kind}: {_cause(future)}" for one, future in tries)


def _cause(future: Future[None]) -> str:
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
