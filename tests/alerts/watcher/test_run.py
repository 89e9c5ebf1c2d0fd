"""The watcher's process against a real log, a switch and a pager on this machine."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import msgspec
import pytest
from click.testing import CliRunner

from alerts.desk.channels import Channels, senders
from alerts.log import Log
from alerts.watcher.cli import watch as command
from alerts.watcher.run import Watch, Watcher
from schemas.clock import SystemClock
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.kafka import EngineReport
from schemas.rota import Channel
from schemas.topics import ENGINES
from simulators.stack.kafka import EmbeddedKafka
from tests.alert_log import AlertLog
from tests.alerts.desk.receivers import Inbox, web_server
from tests.servers import PARTITIONS, eventually

pytestmark = pytest.mark.timeout(90)
PERIOD_S = 0.3
CANARY_S = 2.0
Connect = Callable[[str, tuple[str, ...], str], Log]


@contextmanager
def running(
    bootstrap: str, pager: Inbox, switch: Inbox, *ready: str, connect: Connect = Log
) -> Iterator[Watcher]:
    stop, rng = threading.Event(), Random(1)
    tell = [Channel("webhook", pager.url)]
    watch = Watch(bootstrap, tell, ready, switch.url, period_s=PERIOD_S, canary_s=CANARY_S)
    channels = Channels(senders(None), rng, stop)
    watcher = Watcher(watch, channels, SystemClock(), rng, stop, connect)
    thread = threading.Thread(target=watcher.run)
    thread.start()
    try:
        yield watcher
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def judge(log: AlertLog) -> None:
    """Report as an engine does that has judged every mark of time until now."""
    now_ms = time.time_ns() // 1_000_000
    for partition in range(PARTITIONS):
        report = EngineReport(partition, "e", 1, 0, now_ms, now_ms)
        log.put_raw(ENGINES, str(partition), msgspec.json.encode(report))


def test_it_beats_while_canaries_come_and_tells_people_when_they_stop(
    kafka: EmbeddedKafka, log: AlertLog
) -> None:
    with web_server(Inbox()) as pager, web_server(Inbox()) as switch:
        judge(log)
        with running(kafka.bootstrap, pager, switch) as watcher:

            def beating() -> bool:
                judge(log)
                return switch.gets >= 2

            eventually(beating)
            eventually(lambda: len(pager.bodies) == 1)  # nobody judges any longer
            assert watcher.trouble is not None
            beats = switch.gets

            def well_again() -> bool:
                judge(log)
                return len(pager.bodies) == 2

            eventually(well_again)

            def beating_again() -> bool:
                judge(log)
                return switch.gets > beats

            eventually(beating_again)
    assert [body["subject"] for body in pager.bodies] == [
        "CRITICAL: alerting is down",
        "Alerting works again",
    ]
    assert len(set(pager.keys)) == 2


def test_a_daemon_that_is_not_ready_is_told(kafka: EmbeddedKafka, log: AlertLog) -> None:
    with (
        web_server(Inbox()) as pager,
        web_server(Inbox()) as switch,
        web_server(Inbox([503])) as desk,
    ):
        with running(kafka.bootstrap, pager, switch, desk.url):

            def told() -> bool:
                judge(log)
                return len(pager.bodies) == 1

            eventually(told)
        assert f"Not ready: {desk.url}." in str(pager.bodies[0]["text"])
        assert switch.gets == 0


def test_a_log_that_is_away_is_told_and_a_pager_that_is_away_is_told_later() -> None:
    with web_server(Inbox([400, 200])) as pager, web_server(Inbox()) as switch:
        with running("127.0.0.1:1", pager, switch, connect=_away):
            eventually(lambda: len(pager.bodies) == 2)
        assert "The log cannot be read." in str(pager.bodies[0]["text"])
        assert pager.keys[0] == pager.keys[1]
        assert switch.gets == 0


def _away(*_: object) -> Log:
    raise UnavailableError("Kafka does not answer.")


@pytest.mark.parametrize("tell", ["pigeon=1", "webhook", "email="])
def test_a_way_to_tell_that_is_none_is_refused(tell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITALWIRE_KAFKA", "127.0.0.1:1")
    with pytest.raises(MisconfiguredError, match="--tell"):
        CliRunner().invoke(command, ["--tell", tell], catch_exceptions=False)
