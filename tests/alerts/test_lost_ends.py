"""A broker that loses its newest records while desk and page run, and goes on with others."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from random import Random
from typing import cast

import msgspec
import pytest

from alerts.feed.follower import Batch, Follower, News, Start
from alerts.log import Log, LogRecord, TopicLife
from alerts.records import Place
from schemas.alert import Transition
from schemas.errors import UnavailableError
from schemas.topics import ALERTS
from simulators.stack.kafka import EmbeddedKafka
from tests.alert_log import AlertLog, log
from tests.alert_records import transition
from tests.alerts.desk.real_desk import onset, running
from tests.servers import HandClock, eventually, kafka

__all__ = ["kafka", "log"]
pytestmark = pytest.mark.timeout(90)
PLACE = (ALERTS, 0)


class Broker(AbstractContextManager["Broker"]):
    """Has one partition; who reads behind its end begins anew, as kafka-python does."""

    def __init__(self) -> None:
        self.records: list[str] = []
        self.away = False
        self._at = 0
        self._topics: tuple[str, ...] = ()

    def connect(self, _: str, topics: tuple[str, ...], *__: object, **___: object) -> Log:
        self._topics = topics
        return cast("Log", self)

    def life(self, topic: str) -> TopicLife:
        return TopicLife(topic, "id", 1)

    def check(self) -> None:
        away, self.away = self.away, False
        if away:
            raise UnavailableError("Kafka is away.")

    def ends(self) -> dict[Place, int]:
        return {(topic, 0): 0 for topic in self._topics} | {PLACE: len(self.records)}

    def position(self) -> dict[Place, int]:
        return {(topic, 0): 0 for topic in self._topics} | {PLACE: self._at}

    def since(self, *_: object) -> dict[Place, int]:
        return {}

    def seek(self, starts: dict[Place, int]) -> None:
        self._at = starts.get(PLACE, 0)

    def read_one(self, _: Place, offset: int, __: int) -> tuple[list[LogRecord], int]:
        before, self._at = self._at, offset
        records, self._at = self.poll(), before
        return records, offset

    def poll(self, *_: object) -> list[LogRecord]:
        first = self._at if self._at <= len(self.records) else 0
        self._at = len(self.records)
        return [
            LogRecord(*PLACE, first + number, b"p", msgspec.json.encode(transition(name)))
            for number, name in enumerate(self.records[first:])
        ]

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""


def told(broker: Broker, then: Callable[[], None]) -> list[list[str]]:
    """Give what a page takes after each start; ``then`` happens once it has taken something."""
    found: list[list[str]] = []

    def deliver(news: News) -> bool:
        if isinstance(news, Start):
            found.append([])
        if isinstance(news, Batch):
            found[-1] += [one.event_id for one in news.records if isinstance(one, Transition)]
            if found == [["a", "b"]]:
                then()
        if found[-1][-1:] == ["last"]:
            follower.stop()
        return True

    follower = Follower("", HandClock(), deliver, Random(1), broker.connect)
    follower.run()
    return found


@pytest.mark.parametrize(
    ("records", "away", "expected"),
    [
        (["a", "b", "last"], True, [["a", "b", "last"]]),
        (["a", "c", "last"], True, [["a", "b"], ["a", "c", "last"]]),
        (["last"], False, [["a", "b"], ["last"]]),
    ],
    ids=["nothing is lost", "others are there after an outage", "the end is missing"],
)
def test_a_page_that_runs_reads_all_anew_when_its_log_has_lost_what_it_read(
    records: list[str], expected: list[list[str]], *, away: bool
) -> None:
    """It went on behind the others, and never showed what they say."""
    broker = Broker()
    broker.records = ["a", "b"]

    def happens() -> None:
        broker.records, broker.away = records, away

    assert told(broker, happens) == expected


@pytest.mark.parametrize("others", [False, True])
def test_a_desk_that_runs_reads_all_anew_if_other_records_are_there_after_an_outage(
    kafka: EmbeddedKafka, log: AlertLog, monkeypatch: pytest.MonkeyPatch, *, others: bool
) -> None:
    with running(kafka) as daemon:
        log.put(onset("1"))
        eventually(lambda: daemon._core.desk.case("a") is not None)
        former = daemon._core
        if others:
            last = daemon.bookmark.last
            daemon.bookmark.last = {
                place: one._replace(crc32=one.crc32 ^ 1) for place, one in last.items()
            }
        away = [UnavailableError("Kafka is away.")]

        def check(_: Log) -> None:
            if away:
                raise away.pop()

        monkeypatch.setattr(Log, "check", check)
        eventually(lambda: not away)
        log.put(onset("2", alert_id="b"))
        eventually(lambda: daemon._core.desk.case("b") is not None)
        assert (daemon._core is not former) == others
        assert daemon._core.desk.case("a") is not None


def test_a_desk_reads_all_anew_when_its_log_goes_back(kafka: EmbeddedKafka, log: AlertLog) -> None:
    """The client begins at the beginning where it asks for what is no more."""
    with running(kafka) as daemon:
        log.put(onset("1"))
        eventually(lambda: daemon._core.desk.case("a") is not None)
        former = daemon._core
        daemon._reached = {place: at + 1_000 for place, at in daemon._reached.items()}
        log.put(onset("2", alert_id="b"))
        eventually(lambda: daemon._core is not former)
        eventually(lambda: daemon.waiting_for is None)
        eventually(lambda: daemon._core.desk.case("b") is not None)
        assert daemon._core.desk.case("a") is not None
