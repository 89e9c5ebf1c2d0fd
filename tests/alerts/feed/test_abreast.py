"""Two topics are read abreast, whichever of them the broker would give first."""

import threading
from collections.abc import Mapping
from random import Random
from typing import Self, cast

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alerts.desk.staffing import DAY_MS
from alerts.feed.abreast import further_back
from alerts.feed.follower import Batch, Contact, Follower, News
from alerts.log import Log, LogRecord, TopicLife
from alerts.records import Place
from schemas.alert import Action, Transition
from schemas.topics import ACTIONS, ALERTS
from tests.alert_records import acknowledgement, transition
from tests.servers import HandClock

PLACES: list[Place] = [(ALERTS, 0), (ALERTS, 1), (ACTIONS, 0)]
AT_ONCE = 50


@given(
    st.dictionaries(st.sampled_from(PLACES), st.integers(0, 9)),
    st.sets(st.sampled_from(PLACES), min_size=1),
)
def test_what_is_furthest_back_is_next_among_what_is_not_at_its_end(
    reached_ms: dict[Place, int], unread: set[Place]
) -> None:
    place = further_back(reached_ms, unread)
    assert place in unread
    assert reached_ms.get(place, 0) == min(reached_ms.get(one, 0) for one in unread)


class Topics:
    """Gives some records of the first partition in which there are any left."""

    def __init__(self, records: Mapping[Place, list[Transition | Action]]) -> None:
        self._records = records
        self._position = dict.fromkeys(records, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def life(self, topic: str) -> TopicLife:
        return TopicLife(topic, topic, 1)

    def since(self, *_: object) -> dict[Place, int]:
        return {}

    def seek(self, starts: dict[Place, int]) -> None:
        self._position = {place: starts.get(place, 0) for place in self._position}

    def check(self) -> None: ...

    def ends(self) -> dict[Place, int]:
        return {place: len(records) for place, records in self._records.items()}

    def position(self) -> dict[Place, int]:
        return dict(self._position)

    def read_one(self, place: Place, offset: int, _: int) -> tuple[list[LogRecord], int]:
        self._position = {place: offset}
        return self.poll(), self._position[place]

    def poll(self, *_: object) -> list[LogRecord]:
        for (topic, partition), at in self._position.items():
            if left := self._records[topic, partition][at : at + AT_ONCE]:
                self._position[topic, partition] += len(left)
                return [
                    LogRecord(topic, partition, at + number, b"p", msgspec.json.encode(one))
                    for number, one in enumerate(left)
                ]
        return []


def test_years_of_alerts_are_not_read_before_their_first_answer() -> None:
    times_ms = range(0, 600 * DAY_MS, DAY_MS // 10)
    events = [transition(f"{at_ms}", at_ms=at_ms) for at_ms in times_ms]
    answers = [acknowledgement(action_id=f"{at_ms}", at_ms=at_ms) for at_ms in times_ms]
    records: dict[Place, list[Transition | Action]] = {
        (ALERTS, 0): [*events[::5]],
        (ALERTS, 1): [one for number, one in enumerate(events) if number % 5],
        (ACTIONS, 0): [*answers],
    }
    reached_ms = dict.fromkeys(records, 0)
    apart_ms: list[int] = []
    taken: list[str] = []
    caught_up = threading.Event()

    def deliver(news: News) -> bool:
        if isinstance(news, Batch):
            for one in news.records:
                assert isinstance(one, Transition | Action)
                taken.append(one.event_id if isinstance(one, Transition) else one.action_id)
            for place, offset in news.next_offsets.items():
                reached_ms[place] = records[place][offset - 1].at_ms
            apart_ms.append(max(reached_ms.values()) - min(reached_ms.values()))
        if isinstance(news, Contact) and news.caught_up:
            caught_up.set()
            follower.stop()
        return True

    def connect(_: str, topics: tuple[str, ...], __: str, **___: int) -> Log:
        mine = {place: one for place, one in records.items() if place[0] in topics}
        return cast("Log", Topics(mine))

    follower = Follower("", HandClock(), deliver, Random(1), connect)
    follower.run()
    assert caught_up.is_set()
    assert sorted(taken) == sorted(2 * [f"{at_ms}" for at_ms in times_ms]), "each once"
    assert max(apart_ms) <= 5 * AT_ONCE * DAY_MS // 10
