"""A page that begins at its bookmark shows what one shows that has read all."""

import re
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk.filed import Filed
from alerts.desk.fold import Desk
from alerts.feed.answers import DEEDS, Answer, deed
from alerts.feed.board import Board
from alerts.feed.bookmark_file import FILE, Known, PageBookmark
from alerts.feed.serve import listen, running_feed
from alerts.kept_file import Last, Read
from alerts.log import Log, TopicLife
from alerts.records import Place
from schemas.alert import Action, Transition
from schemas.topics import ACTIONS, ALERTS
from simulators.stack.kafka import EmbeddedKafka
from tests.alert_log import AlertLog
from tests.alert_records import acknowledgement, patient, pressure, readings, transition
from tests.alerts.desk.cases import fold
from tests.alerts.desk.happenings import logs
from tests.alerts.feed.streams import settings as of_a_feed
from tests.alerts.feed.streams import streaming
from tests.servers import eventually

LIVES = (TopicLife(ALERTS, "one", 1), TopicLife(ACTIONS, "two", 1), TopicLife("other", "x", 1))
ENDS: dict[Place, int] = {(ALERTS, 0): 7, (ACTIONS, 0): 9}
READ = Read(ENDS, {(ALERTS, 0): Last(6, 99)})
UTC = ZoneInfo("UTC")


def there(_: object) -> bool:
    return True


def through_a_file(board: Board) -> Board:
    """Give the board of a page that finds the bookmark of another one."""
    with tempfile.TemporaryDirectory() as folder:
        bookmark = PageBookmark(Path(folder))
        bookmark.keep(board.desk.kept(), LIVES, READ)
        known = bookmark.begin(LIVES, ENDS, there)
    assert known is not None
    assert known.read == READ
    return Board(known.desk)


def shown(board: Board, log: Sequence[Transition | Action]) -> dict[str, object]:
    """Give all that a page shows, and what it says to each answer."""
    overview = board.overview()
    names = sorted({one.alert_id for one in log if isinstance(one, Transition)})
    return {
        "cards": {card.alert_id: card for card in overview.cards},
        "order": overview.order,
        "patients": [board.patient(who) for who in ("p", "q")],
        "more": board.beyond(1),
        "charts": [board.chart_of(name, UTC) for name in names],
        "answers": [
            deed(board.desk, name, Answer(kind, "Anna", "a note", hours="1"), "id", at_ms)
            for name in names
            for kind in DEEDS
            for at_ms in (0, 10**13)
        ],
    }


@settings(max_examples=40)
@given(logs(), st.data())
def test_a_bookmark_and_the_rest_make_what_all_makes_wherever_both_topics_were_cut(
    log: Sequence[Transition | Action], data: st.DataObject
) -> None:
    events = [one for one in log if isinstance(one, Transition)]
    actions = [one for one in log if isinstance(one, Action)]
    first, second = (data.draw(st.integers(0, len(part))) for part in (events, actions))
    before, whole = Board(Desk(at_hand_max=data.draw(st.integers(0, 3)))), Board()
    before.take([*events[:first], *actions[:second]])
    restarted = through_a_file(before)
    rest: list[Transition | Action] = [*events[first:], *actions[second:]]
    restarted.take(data.draw(st.permutations(rest)) if len(rest) < 2 else rest)
    whole.take(log)
    assert shown(restarted, log) == shown(whole, log)


@pytest.fixture
def kept(tmp_path: Path) -> Known:
    """Keep the bookmark of a page that knows two alerts; give what another one finds."""
    closing = Action("y", ["b"], "resolve", "Anna", 0, "p", event_ids=["2"], outcome="advised")
    desk = fold(transition("1"), transition("2", alert_id="b"), closing)
    read = Read({**ENDS, ("other", 0): 5}, {**READ.last, ("other", 0): Last(4, 1)})
    PageBookmark(tmp_path).keep(desk.kept(), LIVES, read)
    known = PageBookmark(tmp_path).begin(LIVES, ENDS, there)
    assert known is not None
    return known


def test_it_tells_how_far_the_alert_topics_were_read_and_of_no_other(kept: Known) -> None:
    assert kept.read == READ
    assert {case.alert_id for case in kept.desk.open_cases()} == {"a"}
    assert [case.alert_id for case in kept.desk.settled_cases(9)] == ["b"]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_it_counts_only_when_it_is_whole(damage: str, tmp_path: Path) -> None:
    path = tmp_path / FILE
    found = path.read_bytes()
    path.write_bytes(
        {"cut": found[:-40], "changed": found.replace(b"one", b"two", 1), "empty": b""}[damage]
    )
    assert PageBookmark(tmp_path).begin(LIVES, ENDS, there) is None


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("lives", "ends"),
    [
        ((LIVES[0], TopicLife(ACTIONS, "three", 1)), ENDS),
        (LIVES, {**ENDS, (ACTIONS, 0): 8}),
        (LIVES, {}),
    ],
    ids=["made anew", "lost its end", "gone"],
)
def test_it_is_of_its_topics_as_far_as_they_go(
    lives: tuple[TopicLife, ...], ends: dict[Place, int], tmp_path: Path
) -> None:
    assert PageBookmark(tmp_path).begin(lives, ends, there) is None


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alerts.feed.bookmark_file.VERSION", 3),
        ("alerts.kept_file.shape", lambda: "another field"),
    ],
)
def test_another_release_sees_more_in_a_record_and_reads_it_itself(
    name: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name, value)
    assert PageBookmark(tmp_path).begin(LIVES, ENDS, there) is None


@pytest.mark.parametrize("packed", [b"no zlib", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_what_cannot_be_unpacked_takes_no_page_with_it(packed: bytes, tmp_path: Path) -> None:
    PageBookmark(tmp_path).keep(
        {"a": Filed("p", 0, settled=False, over=False, packed=packed)}, LIVES, READ
    )
    assert PageBookmark(tmp_path).begin(LIVES, ENDS, there) is None


def test_a_folder_that_takes_nothing_stops_nothing(tmp_path: Path) -> None:
    gone = PageBookmark(tmp_path / "gone")
    assert gone.begin(LIVES, ENDS, there) is None
    gone.keep({}, LIVES, READ)
    assert PageBookmark().begin(LIVES, ENDS, there) is None


@asynccontextmanager
async def page(kafka: EmbeddedKafka, bookmark: PageBookmark) -> AsyncIterator[httpx.AsyncClient]:
    """Serve until all that was in the log is shown."""
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with running_feed(replace(of_a_feed(kafka), bookmark=bookmark), listener):
            async with streaming(url) as reader:
                while (await reader.until("heartbeat")).data["trouble"] is not None:
                    pass
            async with httpx.AsyncClient(base_url=url, timeout=20) as client:
                yield client


async def seen(client: httpx.AsyncClient) -> dict[str, object]:
    """Give what a page shows at its addresses."""
    alerts = (await client.get("/api/v1/alerts")).json()
    alerts["cards"].sort(key=lambda card: card["alert_id"])
    charts = [(await client.get(f"/api/v1/alerts/{name}/chart.svg")).text for name in "abc"]
    views = [(await client.get(path)).text for path in ("/more/1", "/patients/p1")]
    return {"alerts": alerts, "charts": charts, "views": [_without_times(one) for one in views]}


def _without_times(html: str) -> str:
    """Leave out when the page was made, which is another second."""
    return re.sub(
        r'data-now-ms="\d+"|<header>.*?</header>|<b id="silence-since.*?</b>',
        "",
        html,
        flags=re.DOTALL,
    )


async def test_a_page_that_begins_again_shows_the_same_and_does_not_read_it_all(
    kafka: EmbeddedKafka, log: AlertLog, tmp_path: Path
) -> None:
    bookmark = PageBookmark(tmp_path)
    closing = Action("y", ["b"], "resolve", "Anna", 2_000, "p1", event_ids=["2"], outcome="advised")
    log.put(
        patient("p1", "Wren-01"),
        transition("1", alert_id="a", patient_id="p1"),
        transition("2", alert_id="b", patient_id="p1"),
        closing,
        acknowledgement("3", alert_ids=("c",)),
    )
    async with page(kafka, bookmark) as client:
        before = await seen(client)
        eventually((tmp_path / FILE).exists)
    log.put(
        transition("3", alert_id="c", patient_id="p1"),
        transition("4", "again", alert_id="a", patient_id="p1", at_ms=5_000),
        readings("p1", "01" * 16, pressure(128, 79), time.time_ns() // 1_000_000),
    )
    written_ns = (tmp_path / FILE).stat().st_mtime_ns
    async with page(kafka, bookmark) as client:
        marked = await seen(client)
        eventually(lambda: (tmp_path / FILE).stat().st_mtime_ns != written_ns)
    async with page(kafka, PageBookmark()) as client:
        whole = await seen(client)
    assert marked == whole
    assert marked != before
    forget(bookmark, kafka, "a")
    assert await listed(kafka, bookmark) == {"b", "c"}, "what is known is not read again"


async def test_records_that_are_others_than_those_that_were_read_are_noticed(
    kafka: EmbeddedKafka, log: AlertLog, tmp_path: Path
) -> None:
    """A broker that lost power goes on with others, under the same offsets of the same topics."""
    bookmark = PageBookmark(tmp_path)
    log.put(transition("1", alert_id="a"), transition("2", alert_id="b"))
    async with page(kafka, bookmark):
        eventually((tmp_path / FILE).exists)
    forget(bookmark, kafka, "a")
    assert await listed(kafka, bookmark) == {"b"}
    forget(bookmark, kafka, "a", others=True)
    assert await listed(kafka, bookmark) == {"a", "b"}


def forget(
    bookmark: PageBookmark, kafka: EmbeddedKafka, alert_id: str, *, others: bool = False
) -> None:
    """Make the bookmark one of which a page can tell whether it was believed."""
    with Log(kafka.bootstrap, (ALERTS, ACTIONS), "test") as log:
        lives, ends = [log.life(topic) for topic in (ALERTS, ACTIONS)], log.ends()
    known = bookmark.begin(lives, ends, there)
    assert known is not None
    read = known.read
    if others:
        read = Read(
            read.reached,
            {place: Last(one.offset, one.crc32 ^ 1) for place, one in read.last.items()},
        )
    alerts = {name: one for name, one in known.desk.kept().items() if name != alert_id}
    bookmark.keep(alerts, lives, read)


async def listed(kafka: EmbeddedKafka, bookmark: PageBookmark) -> set[str]:
    """Give the ids of the alerts that a page shows."""
    async with page(kafka, bookmark) as client:
        return {one["alert_id"] for one in (await client.get("/api/v1/alerts")).json()["cards"]}


async def test_a_page_whose_bookmark_is_damaged_reads_all_and_makes_it_anew(
    kafka: EmbeddedKafka, log: AlertLog, tmp_path: Path
) -> None:
    log.put(transition("1", alert_id="a"), transition("2", alert_id="b"))
    (tmp_path / FILE).write_bytes(b"damaged")
    async with page(kafka, PageBookmark(tmp_path)) as client:
        cards = (await client.get("/api/v1/alerts")).json()["cards"]
        assert {card["alert_id"] for card in cards} == {"a", "b"}
        eventually(lambda: (tmp_path / FILE).read_bytes() != b"damaged")
    with Log(kafka.bootstrap, (ALERTS, ACTIONS), "test") as reader:
        lives, ends = [reader.life(topic) for topic in (ALERTS, ACTIONS)], reader.ends()
    known = PageBookmark(tmp_path).begin(lives, ends, there)
    assert known is not None
    assert {case.alert_id for case in known.desk.open_cases()} == {"a", "b"}
