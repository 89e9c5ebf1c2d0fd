"""One open event stream over HTTP: pumps a client's frames until somebody has enough."""

import asyncio
from contextlib import suppress

from starlette.types import Receive, Scope, Send

from alerts.feed.hub import Client, Hub

_RETRY = b"retry: 1000\n\n"  # ms; the browser reconnects by itself with its Last-Event-ID
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold frames back
]


class EventStream:
    """An ASGI response that ends when the reader leaves, is too slow, or the feed stops."""

    def __init__(self, hub: Hub, cursor: str) -> None:
        """Serve what follows ``cursor``."""
        self._hub = hub
        self._cursor = cursor

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Stream; a send that is stuck in a full socket is cancelled when the client is cut."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        client = self._hub.join(self._cursor)
        ends = [
            asyncio.ensure_future(_pump(client, send)),
            asyncio.ensure_future(_gone(receive)),
            asyncio.ensure_future(client.cut.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(client)
            for end in ends:
                end.cancel()
            for outcome in await asyncio.gather(*ends, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, OSError):
                    raise outcome
        if client.cut.is_set():
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await send({"type": "http.response.body", "body": b""})


async def _pump(client: Client, send: Send) -> None:
    await send({"type": "http.response.body", "body": _RETRY, "more_body": True})
    while True:
        frames = await client.next()
        await send({"type": "http.response.body", "body": frames, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
