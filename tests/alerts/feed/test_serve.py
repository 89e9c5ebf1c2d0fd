"""The feed as it runs: a real log, real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from alerts.feed.follower import News
from alerts.feed.hub import Hub
from alerts.feed.metrics import CLIENTS_CUT
from alerts.feed.serve import listen, running_feed
from schemas.errors import MisconfiguredError
from schemas.topics import ACTIONS, ALERTS, REGISTRY
from simulators.stack.kafka import EmbeddedKafka
from tests.alert_log import AlertLog
from tests.alert_records import acknowledgement, patient, transition
from tests.alerts.feed.streams import WITHIN_S, Event, settings, streaming


@asynccontextmanager
async def serving(kafka: EmbeddedKafka) -> AsyncIterator[str]:
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with running_feed(settings(kafka), listener):
            async with streaming(url) as reader:
                while (await reader.until("heartbeat")).data["trouble"] is not None:
                    pass
            yield url


def ids(event: Event) -> list[str]:
    cards = event.data["cards"]
    assert isinstance(cards, list)
    return [card["alert_id"] for card in cards]


async def test_a_stream_resumes_at_its_last_event_id(kafka: EmbeddedKafka, log: AlertLog) -> None:
    async with serving(kafka) as url:
        async with streaming(url) as reader:
            await reader.until("snapshot")
            log.put(transition("1", alert_id="a"))
            first = await reader.until("update")
            assert ids(first) == ["a"]
        log.put(transition("2", alert_id="b"))
        async with streaming(url, first.cursor) as reader:
            second = await reader.until("update", "snapshot")
            assert (second.name, ids(second)) == ("update", ["b"])
        async with streaming(url, second.cursor) as reader:
            log.put(acknowledgement("2", alert_ids=("b",)))
            third = await reader.until("update", "snapshot")
            assert (third.name, ids(third)) == ("update", ["b"])


async def test_a_restarted_feed_knows_what_is_and_a_stream_goes_on(
    kafka: EmbeddedKafka, log: AlertLog
) -> None:
    log.put(transition("1", alert_id="a"), acknowledgement("1", alert_ids=("a",)))
    async with serving(kafka) as url, streaming(url) as reader:
        before = await reader.until("snapshot")
    async with serving(kafka) as url, streaming(url, before.cursor) as reader:
        log.put(transition("2", alert_id="b"))
        event = await reader.until("update", "snapshot")
        assert (event.name, ids(event)) == ("update", ["b"])


async def test_topics_made_anew_are_read_anew(kafka: EmbeddedKafka, log: AlertLog) -> None:
    log.put(patient("p", "Wren-01"), transition("1", alert_id="a"))
    async with serving(kafka) as url, streaming(url) as reader:
        assert ids(await reader.until("snapshot")) == ["a"]
        log.create_again()
        log.put(transition("2", alert_id="b"))
        while ids(await reader.until("snapshot")) != ["b"]:
            pass  # the topics may have been found empty first


async def test_a_bad_record_rejects_itself_alone(kafka: EmbeddedKafka, log: AlertLog) -> None:
    for topic in (ALERTS, ACTIONS, REGISTRY):
        log.put_raw(topic, "p", b"{")
        log.put_raw(topic, "p", b'{"version": 2}')
        log.put_raw(topic, "p" if topic == REGISTRY else None, b"")  # compacted: no key, no record
    log.put(transition("1"))
    async with serving(kafka) as url, streaming(url) as reader:
        assert ids(await reader.until("snapshot")) == ["a"]
        async with httpx.AsyncClient() as client:
            metrics = (await client.get(f"{url}/metrics")).text
        assert 'rejected_total{reason="malformed",topic="alerts.v1"}' in metrics
        assert 'rejected_total{reason="empty",topic="alerts.actions.v1"}' in metrics


async def test_a_reader_that_sleeps_is_cut(kafka: EmbeddedKafka, log: AlertLog) -> None:
    async with serving(kafka) as url, streaming(url) as quick:
        await quick.until("snapshot")
        with socket.socket() as sleeper:
            sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sleeper.connect(("127.0.0.1", int(url.rpartition(":")[2])))
            sleeper.sendall(b"GET /api/v1/alerts/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            before = CLIENTS_CUT._value.get()
            for number in range(20):
                log.put(transition(str(number), alert_id="a", advice="x" * 500_000))
                await quick.until("update")
            assert CLIENTS_CUT._value.get() == before + 1


def test_a_port_in_use_is_said_at_once() -> None:
    with (
        listen("127.0.0.1", 0) as taken,
        pytest.raises(MisconfiguredError, match="Choose another with --port"),
    ):
        listen("127.0.0.1", taken.getsockname()[1])


def test_only_loopback_is_served() -> None:
    with pytest.raises(MisconfiguredError, match="sign-in does not exist yet"):
        listen("0.0.0.0", 0)


async def test_a_part_that_ends_by_itself_ends_the_whole(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Hub, __: News) -> None:
        raise LookupError("a mistake of ours")

    monkeypatch.setattr(Hub, "take", broken)
    with listen("127.0.0.1", 0) as listener:
        async with running_feed(settings(kafka), listener) as running:
            with pytest.raises(LookupError, match="a mistake of ours"):
                async with asyncio.timeout(WITHIN_S):
                    await running.until(asyncio.Event())
