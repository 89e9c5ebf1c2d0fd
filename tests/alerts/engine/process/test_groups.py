"""An engine's share of the partitions: what was dealt before is written before it is given back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from alerts.engine.process.groups import Group, Share
from schemas.topics import READINGS
from simulators.stack.kafka import EmbeddedKafka
from tests.alerts.engine.clinic import PARTITIONS, create_topics

pytestmark = pytest.mark.timeout(120)

SHORT = Group("engines", 3_000)


@contextmanager
def second_engine(kafka: EmbeddedKafka) -> Iterator[None]:
    """Somebody who wants a share, until the end."""
    stop = Event()

    def live() -> None:
        with Share(kafka.bootstrap, (READINGS,), "second", SHORT) as share:
            while not stop.is_set():
                share.poll(100)

    thread = Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_whoever_gives_back_writes_first_and_then_writes_no_more(tmp_path: Path) -> None:
    settled: list[bool] = []

    def settle(within_s: float) -> None:
        assert within_s * 1000 < SHORT.session_ms / 2, "or it is taken for dead meanwhile"
        settled.append(share.holds())

    with EmbeddedKafka(tmp_path) as kafka:
        create_topics(kafka)
        with Share(kafka.bootstrap, (READINGS,), "first", SHORT, settle) as share:
            while len(share.take_news()) < PARTITIONS:
                share.poll(100)
            assert share.holds()
            settled.clear()
            with second_engine(kafka):
                while not share.has_news():
                    share.poll(100)
            assert settled == [True], "it could still write when it was asked to"
            assert not share.holds(), "what was read before may be another one's"
