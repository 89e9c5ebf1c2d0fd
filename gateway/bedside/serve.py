"""What the daemon's listener gives to people and to commands on this machine."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.admission.live import Live
from gateway.bedside.overview import LIVE_PATH, gather, look_if_any
from gateway.bedside.page import POLICY, render
from schemas.clock import Clock
from schemas.daemon import Page


class LocalPages:
    """The page and what the commands ask; called in the listener's threads."""

    def __init__(self, state: Path, live: Callable[[], Live], clock: Clock) -> None:
        """``live`` asks the daemon's event loop; it may raise ``TimeoutError``."""
        self._state = state
        self._live = live
        self._clock = clock
        self.by_path = {"/": self._page, LIVE_PATH: self._json}

    def _page(self) -> Page:
        overview = gather(self._state, look_if_any(self._state), self._live(), self._clock)
        at = datetime.fromtimestamp(self._clock.wall_ms() / 1000, UTC)
        html = render(overview, f"{at:%H:%M:%S} UTC")
        return Page("text/html; charset=utf-8", html.encode(), POLICY)

    def _json(self) -> Page:
        return Page("application/json", msgspec.json.encode(self._live()))
