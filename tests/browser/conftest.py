"""A real log, the feed as its own process, and Debian's chromium."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Self

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from simulators.programs import UNPACKED, find_program
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.ports import free_port
from tests.alert_log import AlertLog, log
from tests.servers import eventually, kafka

__all__ = ["kafka", "log"]
expect.set_options(timeout=15_000)  # ms; a slow machine is not a wrong answer
SILENCE_S = 5.0  # the page is told so by the feed; shipped is 15 s, and 2 s is a busy machine
_CHROMIUM = [
    "--no-sandbox",  # needed as root; what it shows is ours
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


class FeedProcess(AbstractContextManager["FeedProcess"]):
    """`vitalwire alerts feed`, to be killed and started again at the same address."""

    def __init__(self, bootstrap: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._bootstrap = bootstrap
        self._client = httpx.Client(base_url=self.url)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        port = self.url.rpartition(":")[2]
        pace = ["--heartbeat-s", "0.25", "--silence-s", str(SILENCE_S)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vitalwire", "alerts", "feed", "--port", port, *pace],
            env=os.environ | {"VITALWIRE_KAFKA": self._bootstrap},
        )
        try:
            eventually(self._is_ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)
        self._client.close()

    def end(self, number: signal.Signals) -> int:
        """Send a signal and give the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait()

    def _is_ready(self) -> bool:
        try:
            return self._client.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")  # a Playwright that lives longer keeps its loop from asyncio tests
def browser() -> Iterator[Browser]:
    if (UNPACKED / "playwright-node").exists():  # its Node needs a library that was missing here
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(UNPACKED / "playwright-node"))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_program("chromium"), args=_CHROMIUM
        )
        yield chromium
        chromium.close()


@pytest.fixture
def feed(kafka: EmbeddedKafka, log: AlertLog) -> Iterator[FeedProcess]:
    with FeedProcess(kafka.bootstrap) as process:
        yield process


@pytest.fixture
def page(browser: Browser, feed: FeedProcess) -> Iterator[Page]:
    context = browser.new_context(base_url=feed.url)
    context.set_default_timeout(15_000)
    tab = context.new_page()
    problems: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    yield tab
    context.close()
    assert problems == []
