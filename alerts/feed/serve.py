"""Runs the feed: the follower's thread, the heartbeat, the web server; stops all of it in order."""

import asyncio
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from random import Random
from zoneinfo import ZoneInfo

import uvicorn

from alerts.feed.actions import ActionWriter
from alerts.feed.bookmark_file import PageBookmark
from alerts.feed.follower import Follower, News
from alerts.feed.hub import Hub, Pace
from alerts.feed.web import Site, application, build_name
from schemas.clock import Clock, SystemClock
from schemas.daemon import why_no_port
from schemas.errors import MisconfiguredError
from schemas.servers import refuse_public

_STOP_WITHIN_S = 2
_DELIVER_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """What a feed is started with."""

    bootstrap: str
    zone: ZoneInfo
    pace: Pace = field(default_factory=Pace)
    clock: Clock = field(default_factory=SystemClock)
    bookmark: PageBookmark = field(default_factory=PageBookmark)


def listen(host: str, port: int) -> socket.socket:
    """Bind before anything else starts; raises ``MisconfiguredError`` with a way out."""
    family = socket.AF_INET6 if ":" in refuse_public(host) else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise MisconfiguredError(
            f"Port {port} on {host} cannot be used: {why_no_port(error)}.",
            "Choose another with --port, or 0 for any free one.",
        ) from error
    return listener


@dataclass(frozen=True, slots=True)
class Feed:
    """A running feed: its hub, and the parts that it consists of."""

    hub: Hub
    parts: tuple[asyncio.Task[None], ...]

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for ``stop``; raises what ended a part before it.

        A part that ends by itself is a mistake of ours. It ends the whole, so that a supervisor
        starts it again, instead of keeping a page that can only be red.
        """
        stopping = asyncio.ensure_future(stop.wait())
        ended, _ = await asyncio.wait({stopping, *self.parts}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for part in self.parts:
            if part in ended:
                part.result()
                message = f"{part.get_name()} ended by itself"
                raise RuntimeError(message)


@asynccontextmanager
async def running_feed(settings: FeedSettings, listener: socket.socket) -> AsyncIterator[Feed]:
    """Serve until the context is left; stopping takes less than 5 s."""
    hub = Hub(settings.clock, build_name(), settings.zone)
    writer = ActionWriter(settings.bootstrap)
    site = Site(hub, writer, settings.clock, settings.pace, _new_id)
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
    jitter = Random()  # needs no seed
    follower = Follower(
        settings.bootstrap, settings.clock, _deliver_to(hub), jitter, bookmark=settings.bookmark
    )
    following = asyncio.create_task(_in_thread(follower.run), name="follower")
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="server")
    pace = settings.pace
    beats = asyncio.create_task(_every(pace.heartbeat_s, hub.beat), name="heartbeat")
    flushes = asyncio.create_task(_every(pace.readings_s, hub.flush_readings), name="readings")
    parts = (following, serving, beats, flushes)
    try:
        yield Feed(hub, parts)
    finally:
        follower.stop()
        hub.close()
        server.should_exit = True
        await asyncio.wait({following, serving}, timeout=_STOP_WITHIN_S + 1)
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        await asyncio.to_thread(writer.close)


def _deliver_to(hub: Hub) -> Callable[[News], bool]:
    """Hand news over the threads' border; what goes wrong on the other side is raised on this."""
    loop = asyncio.get_running_loop()

    async def take(news: News) -> None:
        hub.take(news)

    def deliver(news: News) -> bool:
        if loop.is_closed():
            return False
        try:
            asyncio.run_coroutine_threadsafe(take(news), loop).result(_DELIVER_WITHIN_S)
        except (CancelledError, TimeoutError):  # the loop is about to close
            return False
        return True

    return deliver


async def _in_thread(run: Callable[[], None]) -> None:
    """Run in a daemon thread: one that is stuck in a dead connection must not hold up the end."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if not ended.done():
            ended.set_exception(error) if error else ended.set_result(None)

    def target() -> None:
        error: BaseException | None = None
        try:
            run()
        except BaseException as raised:  # noqa: BLE001 - it is raised again where it is awaited
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, error)

    context = copy_context()  # a thread starts with an empty one, and its log lines nameless
    threading.Thread(target=context.run, args=(target,), name="follower", daemon=True).start()
    await ended


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
