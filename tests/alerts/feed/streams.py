"""A feed with a quick pace, and its event stream as a browser reads it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import httpx
import pytest

from alerts.feed.hub import Pace
from alerts.feed.serve import FeedSettings
from simulators.stack.kafka import EmbeddedKafka

WITHIN_S = 20
QUICK = Pace(heartbeat_s=0.1, silence_s=15.0, readings_s=0.1)


def settings(kafka: EmbeddedKafka) -> FeedSettings:
    return FeedSettings(kafka.bootstrap, ZoneInfo("UTC"), QUICK)


@dataclass
class Event:
    name: str
    cursor: str | None
    data: dict[str, object]


class Reader:
    """Reads an event stream as a browser does."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def until(self, *names: str) -> Event:
        """Wait for the next event of one of these names."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(WITHIN_S):
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif fields.get("event") in names:
                    return Event(fields["event"], fields.get("id"), json.loads(fields["data"]))
                else:
                    fields = {}
        pytest.fail("the stream ended")


@asynccontextmanager
async def streaming(url: str, cursor: str | None = None) -> AsyncIterator[Reader]:
    headers = {} if cursor is None else {"last-event-id": cursor}
    path = f"{url}/api/v1/alerts/stream"
    async with (
        httpx.AsyncClient(timeout=WITHIN_S) as client,
        client.stream("GET", path, headers=headers) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Reader(response)
