"""The feed over HTTP, without a log behind it: pages, refusals, headers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import msgspec
import pytest

from alerts.feed.board import Board, Overview
from alerts.feed.follower import Batch, Contact, Lost, Start
from alerts.feed.hub import Hub, Pace
from alerts.feed.order import CRITICAL_SHOWN_MAX
from alerts.feed.web import Site, application
from alerts.records import Record
from schemas.alert import Action
from schemas.clock import Clock, SystemClock
from schemas.errors import UnavailableError
from schemas.topics import ACTIONS, ALERTS, REGISTRY
from tests.alert_records import patient, pressure, readings, transition

BASE = "http://127.0.0.1:8000"
STARTS = {(ALERTS, 0): 0, (ACTIONS, 0): 0, (REGISTRY, 0): 0}
EVIL = "<script>alert('x')</script>"


@dataclass
class Topic:
    """The topic of actions: what is written comes back by the log, unless it is away."""

    hub: Hub
    away: bool = False
    written: list[Action] = field(default_factory=list)

    def append(self, action: Action) -> None:
        if self.away:
            raise UnavailableError("Kafka is away.")
        self.written.append(action)
        self.hub.take(Batch([action], {(ACTIONS, 0): len(self.written)}))


@dataclass
class Feed:
    hub: Hub
    topic: Topic
    client: httpx.AsyncClient

    def read(self, *records: Record) -> None:
        self.hub.take(Start(("t", "u", "v"), STARTS))
        self.hub.take(Batch(list(records), {(ALERTS, 0): len(records)}))
        now_ms = SystemClock().monotonic_ms()
        self.hub.take(Contact(0, caught_up=True, at_monotonic_ms=now_ms))

    async def acknowledge(self, alert_id: str = "a", **answer: str) -> httpx.Response:
        path = f"/api/v1/alerts/{alert_id}/acknowledge"
        return await self.client.post(path, json=answer)


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


@pytest.fixture
async def feed(clock: Clock) -> AsyncIterator[Feed]:
    hub = Hub(clock, "build")
    topic = Topic(hub)
    site = Site(hub, topic, clock, Pace(), lambda: "action-1")
    transport = httpx.ASGITransport(application(site))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Feed(hub, topic, client)


async def test_the_page_shows_what_is_known(feed: Feed) -> None:
    feed.read(
        patient("p", "Wren-01"),
        transition("1", patient_id="p"),
        readings("p", "01" * 16, pressure(128, 79), 1_000),
    )
    page = (await feed.client.get("/")).text
    for text in ("Wren-01", "192/124 mmHg", "128/79 mmHg", "nothing here is real", "(1) Alerts"):
        assert text in page
    assert "Wren-01" in (await feed.client.get("/patients/p")).text


async def test_an_empty_page_says_so(feed: Feed) -> None:
    feed.read()
    page = (await feed.client.get("/")).text
    for sentence in ("Nothing waits.", "No open tasks.", "Whether anybody has measured"):
        assert f'<p class="empty" >{sentence}' in page


async def test_what_others_wrote_is_escaped(feed: Feed) -> None:
    feed.read(patient("p", EVIL), transition("1", patient_id="p", title=EVIL, reason=EVIL))
    for path in ("/", "/patients/p"):
        assert EVIL not in (await feed.client.get(path)).text


async def test_a_patient_whom_no_rule_watches_is_said_to_be_so(feed: Feed) -> None:
    feed.read(patient("p", "Wren-01"))
    assert "adult-standard" in (await feed.client.get("/patients/p")).text
    feed.read(msgspec.structs.replace(patient("p", "Wren-01"), books=[]))
    assert (
        "no reading of this patient raises an alert" in (await feed.client.get("/patients/p")).text
    )


async def test_a_patient_nobody_knows_is_not_found(feed: Feed) -> None:
    answer = await feed.client.get("/patients/nobody")
    assert answer.status_code == 404
    assert "No such patient" in answer.text


async def test_the_api_lists_alerts(feed: Feed) -> None:
    feed.read(patient("p", "Wren-01"), transition("1", patient_id="p"))
    listed = (await feed.client.get("/api/v1/alerts")).json()
    assert listed["order"]["waiting"] == ["a"]
    assert listed["cards"][0]["patient"] == "Wren-01"
    assert listed["cursor"] == feed.hub.cursor
    assert (listed["patients"], listed["simulated"], listed["trouble"]) == (1, 1, None)


async def test_an_acknowledgement_is_written_before_it_shows(feed: Feed) -> None:
    feed.read(transition("1"))
    answer = await feed.acknowledge(who="Anna", note="called", event_id="1")
    assert answer.status_code == 200
    (written,) = feed.topic.written
    assert answer.json()["action_id"] == written.action_id == "action-1"
    assert (written.who, written.note, written.event_ids) == ("Anna", "called", ["1"])
    (card,) = feed.hub.board.overview().cards
    assert card.answered_by == "Anna"


async def test_a_form_leads_back_to_the_page(feed: Feed) -> None:
    feed.read(transition("1"))
    answer = await feed.client.post("/api/v1/alerts/a/acknowledge", data={"who": "Anna"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert len(feed.topic.written) == 1


async def test_a_log_that_is_away_acknowledges_nothing(feed: Feed) -> None:
    feed.read(transition("1"))
    feed.topic.away = True
    answer = await feed.acknowledge(who="Anna")
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("Not done:")
    (card,) = feed.hub.board.overview().cards
    assert card.attention == "unacknowledged"


async def test_refusals_are_one_sentence(feed: Feed) -> None:
    feed.read(transition("1"), transition("2", "worsened"))
    statuses = {
        404: await feed.acknowledge("nothing", who="Anna"),
        400: await feed.acknowledge(who=""),
        409: await feed.acknowledge(who="Anna", event_id="1"),
    }
    for status, answer in statuses.items():
        assert answer.status_code == status
        assert answer.json()["error"].endswith(".")
    assert feed.topic.written == []
    form = await feed.client.post("/api/v1/alerts/a/acknowledge", data={"who": ""})
    assert form.status_code == 400
    assert "the name is missing" in form.text


async def test_too_long_a_body_is_refused(feed: Feed) -> None:
    feed.read(transition("1"))
    assert (await feed.acknowledge(who="Anna", note="x" * 100_000)).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},  # DNS rebinding: the name points here, the page came from there
        {"host": "127.0.0.1.evil.example:8000"},
        {"host": "[::1"},
        {"host": ""},
    ],
)
async def test_a_foreign_name_is_refused(feed: Feed, headers: dict[str, str]) -> None:
    answer = await feed.client.get("/", headers=headers)
    assert answer.status_code == 403
    assert "Wren" not in answer.text


@pytest.mark.parametrize("host", ["localhost:9000", "[::1]:8000", "127.0.0.1"])
async def test_every_name_of_this_machine_is_ours(feed: Feed, host: str) -> None:
    assert (await feed.client.get("/", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},  # another port of this machine
    ],
)
async def test_another_site_cannot_acknowledge(feed: Feed, headers: dict[str, str]) -> None:
    feed.read(transition("1"))
    path = "/api/v1/alerts/a/acknowledge"
    answer = await feed.client.post(path, data={"who": "Mallory"}, headers=headers)
    assert answer.status_code == 403
    assert feed.topic.written == []


async def test_our_own_page_can(feed: Feed) -> None:
    feed.read(transition("1"))
    headers = {"origin": BASE, "sec-fetch-site": "same-origin"}
    path = "/api/v1/alerts/a/acknowledge"
    answer = await feed.client.post(path, data={"who": "Anna"}, headers=headers)
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("sent_from", "leads_to"),
    [
        (f"{BASE}/more/3", "/more/3"),
        (f"{BASE}/patients/p%201", "/patients/p%201"),
        (f"{BASE}/api/v1/alerts/a/note", "/"),
        ("http://elsewhere.example/more/3", "/"),
        (f"{BASE}//elsewhere.example/more/3", "/"),
        ("http://[/more/3", "/"),
    ],
)
async def test_a_form_leads_back_to_where_it_was_sent_from(
    sent_from: str, leads_to: str, feed: Feed
) -> None:
    """Without scripts whoever answers what has no room on the first page goes on there."""
    feed.read(transition("1"))
    headers = {"referer": sent_from}
    path = "/api/v1/alerts/a/acknowledge"
    answer = await feed.client.post(path, data={"who": "Anna"}, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)


AGAIN = 'http-equiv="refresh"'


@pytest.mark.parametrize(
    ("path", "again"),
    [("/", True), ("/patients/p", True), ("/more/1", True), ("/alerts/a", False)],
)
async def test_only_what_takes_no_answer_without_scripts_is_fetched_again(
    path: str, again: bool, feed: Feed
) -> None:
    """What was being typed was gone after ten seconds."""
    feed.read(patient("p", "Wren-01"), transition("1", patient_id="p"))
    page = (await feed.client.get(path)).text
    assert (AGAIN in page) == again
    assert ('<main id="main" class="list">' in page) == again, "see unscripted.css"
    assert "picture of" in page


@pytest.mark.parametrize("path", ["/alerts/unknown", "/patients/nobody"])
async def test_a_message_is_not_fetched_again(path: str, feed: Feed) -> None:
    """Of a form that was refused there is nothing to fetch at its address."""
    answer = await feed.client.get(path)
    assert (answer.status_code, AGAIN in answer.text) == (404, False)


@pytest.mark.parametrize("kind", ["note", "resolve", "shelve"])
async def test_what_was_typed_into_a_form_that_is_refused_is_there_to_be_mended(
    kind: str, feed: Feed
) -> None:
    feed.read(patient("p", "Wren-01"), transition("1", patient_id="p"))
    typed = {
        "who": "Anna <Keller>",
        "note": "x" * 501,
        "hours": "7",
        "outcome": "advised",
        "back": "/patients/p",
        "typed": "1",
        "alert_id": "2",
    }
    answer = await feed.client.post(f"/api/v1/alerts/a/{kind}", data=typed)
    assert answer.status_code == 400
    page = answer.text
    assert '<p class="refused" role="alert">note may have at most 500 characters.</p>' in page
    assert page.count("x" * 501) == 1, "in the form that was sent, and in no other"
    assert page.count('value="Anna &lt;Keller&gt;"') == 6
    assert page.count('<a href="/patients/p">Back</a>') == 1
    assert ("selected" in page) == (kind == "resolve")
    assert ('name="hours" required inputmode="decimal" maxlength="5" value="7"' in page) == (
        kind == "shelve"
    )


@pytest.mark.parametrize(
    ("back", "leads_to"),
    [("/more/2", "/more/2"), ("/patients/p", "/patients/p"), ("//evil.example/more/", "/")],
)
async def test_an_answer_given_on_its_own_page_leads_back_to_the_list(
    back: str, leads_to: str, feed: Feed
) -> None:
    feed.read(transition("1"))
    page = (await feed.client.get("/alerts/a", headers={"referer": f"{BASE}{back}"})).text
    assert f'<a href="{leads_to}">Back</a>' in page
    assert page.count(f'<input type="hidden" name="back" value="{leads_to}">') == 6
    answer = await feed.client.post(
        "/api/v1/alerts/a/acknowledge", data={"who": "Anna", "back": back}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)


async def test_the_page_of_one_alert_says_that_others_wait(feed: Feed) -> None:
    feed.read(transition("1"), transition("2", alert_id="b"))
    assert "(2) Severe blood pressure" in (await feed.client.get("/alerts/a")).text


@pytest.mark.parametrize("path", ["/", "/patients/x", "/api/v1/alerts", "/static/feed.js"])
async def test_every_answer_forbids_foreign_scripts_and_frames(feed: Feed, path: str) -> None:
    headers = (await feed.client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


async def test_pages_load_nothing_from_elsewhere(feed: Feed) -> None:
    feed.read(transition("1"))
    page = (await feed.client.get("/")).text
    assert "http://" not in page
    assert "https://" not in page
    assert " style=" not in page


async def test_readiness_says_why_not(feed: Feed) -> None:
    waiting = await feed.client.get("/readyz")
    assert waiting.status_code == 503
    assert "read from its beginning" in waiting.json()["status"]
    feed.read()
    assert (await feed.client.get("/readyz")).json() == {"status": "ready"}
    feed.hub.take(Contact(0, caught_up=True, at_monotonic_ms=SystemClock().monotonic_ms() - 16_000))
    assert (await feed.client.get("/readyz")).status_code == 503


async def test_health_and_metrics_answer(feed: Feed) -> None:
    assert (await feed.client.get("/healthz")).status_code == 200
    assert "vitalwire_feed_screen_latency_seconds" in (await feed.client.get("/metrics")).text


class Stopped(SystemClock):
    """A clock that is moved by hand."""

    moved_ms = 0

    def monotonic_ms(self) -> int:
        return 1_000_000 + self.moved_ms

    def wall_ms(self) -> int:
        return 2_000_000 + self.moved_ms


@pytest.mark.parametrize("clock", [Stopped()])
async def test_the_list_is_made_once_for_all_who_ask_at_the_same_time(
    feed: Feed, clock: Stopped, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Board] = []
    overview = Board.overview

    def counted(board: Board) -> Overview:
        made.append(board)
        return overview(board)

    feed.read(transition("1"))
    monkeypatch.setattr(Board, "overview", counted)
    pages = [(await feed.client.get("/")).text for _ in range(3)]
    assert len(made) == 1
    assert len(set(pages)) == 1
    await feed.acknowledge(who="Anna")
    assert "Acknowledged by" in (await feed.client.get("/")).text
    assert len(made) == 2, "whoever answers sees it at once"
    clock.moved_ms += 1_000
    await feed.client.get("/")
    assert len(made) == 3, "times are said anew"
    feed.hub.take(Lost("Kafka is away."))
    assert "Kafka is away." in (await feed.client.get("/")).text


async def test_what_found_no_room_is_on_a_page_behind_the_first(feed: Feed) -> None:
    alerts = [transition(f"{n}", alert_id=f"{n}", at_ms=n) for n in range(CRITICAL_SHOWN_MAX)]
    feed.read(*alerts)
    assert "has room on the first page" in (await feed.client.get("/more/1")).text
    feed.read(*alerts, transition("last", alert_id="last", at_ms=9_999))
    assert 'href="/more/1"' in (await feed.client.get("/")).text
    page = (await feed.client.get("/more/1")).text
    assert 'id="alert-last"' in page
    assert 'id="alert-1"' not in page
    assert (await feed.client.get("/more/what")).status_code == 404
