"""Runs the feed: the follower's thread, the heartbeat, the web server; stops all of it in order."""

import asyncio
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import tzinfo
from random import Random

import uvicorn

from alerts.feed.actions import ActionWriter
from alerts.feed.follower import Follower, News
from alerts.feed.hub import Hub, Pace
from alerts.feed.web import Site, application, build_name
from schemas.clock import Clock, SystemClock
from schemas.errors import MisconfiguredError
from schemas.servers import refuse_public

_STOP_WITHIN_S = 2
_DELIVER_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """What a feed is started with."""

    bootstrap: str
    zone: tzinfo
    pace: Pace = field(default_factory=Pace)
    clock: Clock = field(default_factory=SystemClock)


def listen(host: str, port: int) -> socket.socket:
    """Bind before anything else starts; raises ``MisconfiguredError`` with a way out."""
    family = socket.AF_INET6 if ":" in refuse_public(host) else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise MisconfiguredError(
            f"Port {port} on {host} cannot be used: {error.strerror}.",
            "Choose another with --port, or 0 for any free one.",
        ) from error
    return listener


@asynccontextmanager
async def running_feed(settings: FeedSettings, listener: socket.socket) -> AsyncIterator[Hub]:
    """Serve until the context is left; stopping takes less than 5 s."""
    hub = Hub(settings.clock, build_name())
    writer = ActionWriter(settings.bootstrap)
    site = Site(hub, writer, settings.clock, settings.pace, settings.zone, _new_id)
    server = _Server(
        uvicorn.Config(
            application(site),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_STOP_WITHIN_S,
        )
    )
    follower = Follower(
        settings.bootstrap, settings.clock, _deliver_to(hub), Random()
    )  # jitter needs no seed
    thread = threading.Thread(target=follower.run, name="follower", daemon=True)
    thread.start()
    beats = asyncio.ensure_future(_every(settings.pace.heartbeat_s, hub.beat))
    flushes = asyncio.ensure_future(_every(settings.pace.readings_s, hub.flush_readings))
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        yield hub
    finally:
        follower.stop()
        hub.close()
        server.should_exit = True
        await serving
        for task in (beats, flushes):
            task.cancel()
        await asyncio.gather(beats, flushes, return_exceptions=True)
        await asyncio.to_thread(thread.join, _STOP_WITHIN_S)
        await asyncio.to_thread(writer.close)


def _deliver_to(hub: Hub) -> Callable[[News], bool]:
    loop = asyncio.get_running_loop()

    async def take(news: News) -> None:
        hub.take(news)

    def deliver(news: News) -> bool:
        try:
            asyncio.run_coroutine_threadsafe(take(news), loop).result(_DELIVER_WITHIN_S)
        except (RuntimeError, TimeoutError):  # the loop is closed, or about to be
            return False
        return True

    return deliver


async def _every(period_s: float, act: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(period_s)
        act()


def _new_id() -> str:
    return secrets.token_hex(16)


class _Server(uvicorn.Server):
    """Leaves signals to the daemon that embeds it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: uvicorn would raise the signal again once it has stopped."""
        yield
