"""Watches the page's event stream as a browser does, and notes when each alert event arrived."""

import json
import threading
import urllib.request
from collections.abc import Iterable
from random import Random

from schemas.backoff import Backoff
from schemas.clock import SystemClock

_STREAM = "api/v1/alerts/stream"
_SILENCE_S = 20.0  # the stream's heartbeat comes every 5 s
_LONGEST_PAUSE_S = 1.0


class Screen:
    """A thread that reads the stream until ``close``; reconnects with Last-Event-ID."""

    def __init__(self, url: str, rng: Random) -> None:
        """Watch the feed whose page is at ``url``; ``rng`` spreads reconnections."""
        self._url = url + _STREAM
        self._backoff = Backoff(rng, 0.1, _LONGEST_PAUSE_S)
        self._last_event_id = ""
        self._clock = SystemClock()
        self._seen_ms: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="screen", daemon=True)
        self._thread.start()

    @property
    def seen_ms(self) -> dict[str, int]:
        """When each event (by event_id) first arrived here, UTC ms."""
        return dict(self._seen_ms)

    def close(self) -> None:
        """Stop watching; the thread ends at the next heartbeat at the latest."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
            except (OSError, ValueError):  # not there yet, or away for a moment
                self._stop.wait(self._backoff.next_s())

    def _read(self) -> None:
        request = urllib.request.Request(self._url)  # noqa: S310 - our own http address
        if self._last_event_id:
            request.add_header("Last-Event-ID", self._last_event_id)
        with urllib.request.urlopen(request, timeout=_SILENCE_S) as reply:  # noqa: S310 - the same
            self._backoff.reset()
            for line in reply:
                if self._stop.is_set():
                    return
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    self._last_event_id = value
                elif name == "data":
                    self._note(json.loads(value))

    def _note(self, data: object) -> None:
        now_ms = self._clock.wall_ms()
        for event_id in _event_ids(data):
            self._seen_ms.setdefault(event_id, now_ms)


def _event_ids(data: object) -> Iterable[str]:
    """List the events that a frame's cards show."""
    if isinstance(data, dict):
        for card in data.get("cards", ()):
            yield card["event_id"]
