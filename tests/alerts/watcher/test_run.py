"""The watcher's process against a real log, a switch and a pager on this machine."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from random import Random
from typing import Self

import msgspec
import paho.mqtt.client as paho
import pytest
from click.testing import CliRunner
from paho.mqtt.enums import CallbackAPIVersion

from alerts.desk.channels import Channels, senders
from alerts.log import Log
from alerts.watcher.cli import watch as command
from alerts.watcher.run import Watch, Watcher
from alerts.watcher.vigil import MISSED_MAX
from schemas.alert import CANARY, Action
from schemas.clock import Clock, SystemClock
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.kafka import EngineReport
from schemas.rota import Channel
from schemas.servers import MqttServer
from schemas.topics import ACTIONS, ENGINES, mqtt_filter
from schemas.wire import ReadingsMessage, open_envelope
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.mqtt import EmbeddedMqtt
from simulators.stack.ports import free_port
from tests.alert_log import AlertLog
from tests.alerts.desk.receivers import Inbox, odd_server, web_server
from tests.servers import PARTITIONS, broker_dies, eventually

pytestmark = pytest.mark.timeout(90)
PERIOD_S = 1.0
LATE_S = 5.0
Connect = Callable[[str, tuple[str, ...], str], Log]


class SetClock(SystemClock):
    """A clock that somebody sets."""

    ahead_ms = 0

    def wall_ms(self) -> int:
        return super().wall_ms() + self.ahead_ms


@contextmanager
def running(  # noqa: PLR0913  (each test names what it changes)
    servers: tuple[str, int],
    pager: Inbox,
    switch: Inbox,
    *ready: str,
    connect: Connect = Log,
    others: Sequence[str] = (),
    clock: Clock | None = None,
    period_s: float = PERIOD_S,
) -> Iterator[Watcher]:
    """Tell ``pager``, and the webhooks ``others`` before it."""
    bootstrap, mqtt_port = servers
    stop, rng = threading.Event(), Random(1)
    tell = [Channel("webhook", url) for url in (*others, pager.url)]
    mqtt = MqttServer("127.0.0.1", mqtt_port)
    watch = Watch(bootstrap, mqtt, tell, ready, switch.url, period_s, LATE_S)
    channels = Channels(senders(None), rng, stop)
    watcher = Watcher(watch, channels, clock or SystemClock(), rng, stop, connect)
    thread = threading.Thread(target=watcher.run)
    thread.start()
    try:
        yield watcher
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def judge(log: AlertLog) -> None:
    """Report as an engine does that has judged every mark of time until now."""
    for partition in range(PARTITIONS):
        report = EngineReport(partition, "e", 1, 0, now_ms(), now_ms())
        log.put_raw(ENGINES, str(partition), msgspec.json.encode(report))


class Path(AbstractContextManager["Path"]):
    """Bridge, engine and desk as the watcher sees them: what becomes of a canary, and the marks."""

    def __init__(self, mqtt: EmbeddedMqtt, log: AlertLog) -> None:
        self.log = log
        self.works = True
        self.seen: list[ReadingsMessage] = []
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="path", protocol=paho.MQTTv5
        )
        self.client.on_message = self._passes
        self.client.connect("127.0.0.1", mqtt.port)

    def __enter__(self) -> Self:
        self.client.loop_start()
        eventually(self.client.is_connected)
        self.client.subscribe(mqtt_filter("canary"), qos=1)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _passes(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        sealed = getattr(message.properties, "UserProperty", [])
        envelope = open_envelope(sealed, bytes(message.payload))
        self.seen.append(msgspec.json.decode(message.payload, type=ReadingsMessage))
        if self.works:
            judge(self.log)
            name = f"{CANARY}{envelope.stream}-{envelope.first}"
            decided = Action(name, [], "canary", "desk", now_ms(), "", answers=name)
            self.log.put_raw(ACTIONS, "", msgspec.json.encode(decided))


@pytest.fixture
def path(mqtt: EmbeddedMqtt, log: AlertLog) -> Iterator[Path]:
    judge(log)
    with Path(mqtt, log) as path:
        yield path


def subjects(pager: Inbox) -> list[object]:
    return [body["subject"] for body in pager.bodies]


def test_it_beats_while_canaries_come_back_and_tells_people_when_they_stop(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, path: Path
) -> None:
    with (
        web_server(Inbox()) as pager,
        web_server(Inbox()) as switch,
        running((kafka.bootstrap, mqtt.port), pager, switch) as watcher,
    ):
        eventually(lambda: switch.gets >= 2)
        path.works = False
        eventually(lambda: len(pager.bodies) == 1)
        assert "the desk has decided on none" in (watcher.trouble or "")
        beats = switch.gets
        path.works = True
        eventually(lambda: len(pager.bodies) == 2)
        eventually(lambda: switch.gets > beats)
    assert subjects(pager) == ["CRITICAL: alerting is down", "Alerting works again"]
    assert len(set(pager.keys)) == 2


def test_marks_that_nobody_judges_are_told_though_canaries_come_back_by_another_partition(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        web_server(Inbox()) as pager,
        web_server(Inbox()) as switch,
        running((kafka.bootstrap, mqtt.port), pager, switch),
    ):
        eventually(lambda: switch.gets >= 1)
        monkeypatch.setattr(f"{__name__}.judge", lambda _: None)
        eventually(lambda: len(pager.bodies) == 1)
    assert "Readings wait" in str(pager.bodies[0]["text"])
    assert "No canary" not in str(pager.bodies[0]["text"])


def test_marks_that_are_too_old_are_told_before_the_period_is_over(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.watcher.vigil.LAG_MS_MAX", int(1_200 * LATE_S))
    with (
        web_server(Inbox()) as pager,
        web_server(Inbox()) as switch,
        running((kafka.bootstrap, mqtt.port), pager, switch, period_s=600.0),
    ):
        eventually(lambda: switch.gets >= 1)
        monkeypatch.setattr(f"{__name__}.judge", lambda _: None)
        eventually(lambda: len(pager.bodies) == 1)


def test_no_beat_before_the_first_canary_is_back(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, path: Path
) -> None:
    """A watcher that starts again and again has seen nothing: the switch must fire."""
    path.works = False
    with web_server(Inbox()) as pager, web_server(Inbox()) as switch:
        with running((kafka.bootstrap, mqtt.port), pager, switch):
            eventually(lambda: len(path.seen) == 2)
        assert switch.gets == 0


def test_it_is_not_ready_before_the_first_canary_is_back(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, path: Path
) -> None:
    """It has found no trouble, and has proven nothing."""
    path.works = False
    with (
        web_server(Inbox()) as pager,
        web_server(Inbox()) as switch,
        running((kafka.bootstrap, mqtt.port), pager, switch) as watcher,
    ):
        eventually(lambda: path.seen)
        assert watcher.trouble is not None
        path.works = True
        eventually(lambda: watcher.trouble is None)
        eventually(lambda: switch.gets >= 1)


def test_until_it_has_been_well_once_it_tries_again_at_once_and_tells_nobody(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, path: Path
) -> None:
    """While everything begins a canary has nowhere to go."""
    path.works = False
    an_hour_s = 3600.0
    with (
        web_server(Inbox()) as pager,
        web_server(Inbox()) as switch,
        running((kafka.bootstrap, mqtt.port), pager, switch, period_s=an_hour_s) as watcher,
    ):
        eventually(lambda: len(path.seen) >= MISSED_MAX + 1)
        path.works = True
        eventually(lambda: watcher.trouble is None)
        assert not pager.bodies
        assert not switch.gets


@broker_dies
def test_an_mqtt_broker_that_is_away_is_told(kafka: EmbeddedKafka, log: AlertLog) -> None:
    judge(log)
    with web_server(Inbox()) as pager, web_server(Inbox()) as switch:
        with running((kafka.bootstrap, free_port()), pager, switch):
            eventually(lambda: len(pager.bodies) == 1)
        assert "The MQTT broker at 127.0.0.1" in str(pager.bodies[0]["text"])
        assert switch.gets == 0


def test_a_daemon_that_is_not_ready_is_told(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, path: Path
) -> None:
    with (
        web_server(Inbox()) as pager,
        web_server(Inbox()) as switch,
        web_server(Inbox([503])) as desk,
    ):
        with running((kafka.bootstrap, mqtt.port), pager, switch, desk.url):
            eventually(lambda: len(pager.bodies) == 1)
        assert f"Not ready: {desk.url}." in str(pager.bodies[0]["text"])
        assert switch.gets == 0


def test_a_log_that_is_away_is_told_and_a_pager_that_is_away_is_told_later() -> None:
    with web_server(Inbox([400, 200])) as pager, web_server(Inbox()) as switch:
        with running(("127.0.0.1:1", 1), pager, switch, connect=_away):
            eventually(lambda: len(pager.bodies) == 2)
        assert "The log cannot be read." in str(pager.bodies[0]["text"])
        assert pager.keys[0] == pager.keys[1]
        assert switch.gets == 0


def test_a_clock_that_is_set_pages_nobody(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, path: Path
) -> None:
    clock = SetClock()
    with (
        web_server(Inbox()) as pager,
        web_server(Inbox()) as switch,
        running((kafka.bootstrap, mqtt.port), pager, switch, clock=clock),
    ):
        for ahead_ms in (10 * 60_000, -3_600_000, 0):
            clock.ahead_ms = ahead_ms
            switch.gets = 0
            eventually(lambda: switch.gets >= 2)
    assert pager.bodies == []


@pytest.mark.parametrize("ahead_ms", [-3_600_000, 3_600_000])
def test_a_clock_that_is_set_does_not_hide_that_marks_are_not_judged(
    kafka: EmbeddedKafka,
    mqtt: EmbeddedMqtt,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ahead_ms: int,
) -> None:
    clock = SetClock()
    with (
        web_server(Inbox()) as pager,
        web_server(Inbox()) as switch,
        running((kafka.bootstrap, mqtt.port), pager, switch, clock=clock),
    ):
        eventually(lambda: switch.gets >= 1)
        monkeypatch.setattr(f"{__name__}.judge", lambda _: None)
        clock.ahead_ms = ahead_ms
        eventually(lambda: len(pager.bodies) == 1)
    assert re.search(r"Readings wait \d{1,2} s", str(pager.bodies[0]["text"]))


def test_receivers_that_speak_no_http_neither_end_it_nor_keep_others_from_being_told(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, path: Path
) -> None:
    path.works = False
    with odd_server([b"SSH-2.0-OpenSSH_9.9\r\n"]) as odd, web_server(Inbox()) as pager:
        odd.url = f"http://127.0.0.1:{odd.url}/"
        switch = Inbox(url=odd.url)
        servers = kafka.bootstrap, mqtt.port
        with running(servers, pager, switch, odd.url, others=[odd.url]):
            eventually(lambda: len(pager.bodies) == 1)
            tried = odd.gets
            eventually(lambda: odd.gets > tried)
    assert f"Not ready: {odd.url}." in str(pager.bodies[0]["text"])


def test_a_pager_that_was_away_is_told_the_last_word_only(
    kafka: EmbeddedKafka, mqtt: EmbeddedMqtt, path: Path
) -> None:
    """Not that alerting is down, once it works again."""
    path.works = False
    with (
        web_server(Inbox([400])) as pager,
        web_server(Inbox()) as switch,
        running((kafka.bootstrap, mqtt.port), pager, switch),
    ):
        eventually(lambda: len(pager.bodies) == 2)
        path.works = True
        eventually(lambda: subjects(pager)[-1] == "Alerting works again")
        heard = len(pager.bodies)
        pager.answers[:] = [200]
        eventually(lambda: len(pager.bodies) > heard)
    assert set(subjects(pager)[heard:]) == {"Alerting works again"}


def _away(*_: object) -> Log:
    raise UnavailableError("Kafka does not answer.")


@pytest.mark.parametrize("tell", ["pigeon=1", "webhook", "email="])
def test_a_way_to_tell_that_is_none_is_refused(tell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITALWIRE_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("VITALWIRE_MQTT", "mqtt://127.0.0.1:1")
    with pytest.raises(MisconfiguredError, match="--tell"):
        CliRunner().invoke(command, ["--tell", tell], catch_exceptions=False)


@pytest.mark.parametrize("option", ["--ready", "--heartbeat"])
@pytest.mark.parametrize("url", ["switch.example/3f2a", "file:///etc/hostname", "http://"])
def test_an_address_that_is_none_is_refused(
    option: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for the first time when it is too late."""
    monkeypatch.setenv("VITALWIRE_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("VITALWIRE_MQTT", "mqtt://127.0.0.1:1")
    monkeypatch.setattr("alerts.watcher.cli.Watcher", None)  # it must not come so far
    with pytest.raises(MisconfiguredError, match="no address"):
        CliRunner().invoke(command, [option, url], catch_exceptions=False)
