"""The desk's process against a real log and a receiver on this machine."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import msgspec
import pytest

from alerts.desk.channels import Channels, senders
from alerts.desk.daemon import DeskDaemon
from alerts.desk.delivery import Delivery
from alerts.log import Log
from alerts.records import decode
from schemas.alert import Action, Transition
from schemas.clock import SystemClock
from schemas.kafka import EngineReport
from schemas.rota import ROTA_KEY, Channel, Contact, OffHours, RotaEntry
from schemas.topics import ACTIONS, ENGINES, REGISTRY
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.process import free_port
from tests.alert_log import AlertLog
from tests.alert_records import acknowledgement, patient, transition
from tests.alerts.desk.receivers import Inbox, web_server
from tests.servers import eventually

pytestmark = pytest.mark.timeout(90)


@contextmanager
def running(kafka: EmbeddedKafka) -> Iterator[DeskDaemon]:
    stop, rng = threading.Event(), Random(1)
    delivery = Delivery(Channels(senders(None), rng, stop))
    daemon = DeskDaemon(kafka.bootstrap, delivery, SystemClock(), rng, stop, "http://feed/")
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        eventually(lambda: daemon.waiting_for is None)
        yield daemon
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with web_server(Inbox()) as received:
        yield received


def staff(log: AlertLog, url: str, **contacts: str) -> None:
    """Put somebody on duty day and night; further names have addresses of their own."""
    rota = RotaEntry(
        "home",
        contacts=[
            Contact(name, [Channel("webhook", address)])
            for name, address in {"nurse": url, **contacts}.items()
        ],
        off_hours=OffHours(["nurse"], ["second"]),
        programme_lead=["nurse"],
        technical=["technician"],
    )
    log.put_raw(REGISTRY, f"{ROTA_KEY}home", msgspec.json.encode(rota))


def onset(event_id: str = "1", **fields: object) -> Transition:
    now_ms = time.time_ns() // 1_000_000
    return transition(event_id, at_ms=now_ms, **fields)  # type: ignore[arg-type]


def actions(kafka: EmbeddedKafka) -> list[Action]:
    with Log(kafka.bootstrap, (ACTIONS,), "test") as log:
        log.seek({})
        ends, found = log.ends(), []
        while any(log.position()[place] < end for place, end in ends.items()):
            found += [decode(ACTIONS, one.key, one.value) for one in log.poll(100)]
    return [one for one in found if isinstance(one, Action)]


def kinds(kafka: EmbeddedKafka) -> list[str]:
    return [one.kind for one in actions(kafka)]


def test_a_critical_alert_is_in_the_log_and_then_on_a_telephone(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox
) -> None:
    staff(log, inbox.url)
    log.put(patient("patient-of-a", "Wren-01"))
    with running(kafka):
        log.put(onset())
        eventually(lambda: len(inbox.keys) == 1)
        eventually(lambda: "delivered" in kinds(kafka))
    said = actions(kafka)
    assert [one.kind for one in said] == ["notify", "delivered"]
    assert inbox.keys == [said[0].action_id] == [said[1].answers]
    assert "patient Wren-01" in str(inbox.bodies[0]["text"])


def test_a_restart_pages_nobody_twice_and_what_was_not_confirmed_once_more_under_its_key(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox
) -> None:
    staff(log, inbox.url)
    with running(kafka):
        log.put(onset())
        eventually(lambda: "delivered" in kinds(kafka))
    notify = actions(kafka)[0]
    in_flight = msgspec.structs.replace(notify, action_id="in-flight", alert_ids=["b"])
    log.put(onset("2", alert_id="b"), msgspec.structs.replace(in_flight, event_ids=["2"]))
    with running(kafka):
        eventually(lambda: kinds(kafka).count("delivered") == 2)
    assert inbox.keys == [notify.action_id, "in-flight"]


def test_what_was_acknowledged_while_the_desk_was_away_is_not_paged(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox
) -> None:
    staff(log, inbox.url)
    log.put(onset(), acknowledgement("1", at_ms=time.time_ns() // 1_000_000))
    with running(kafka):
        eventually(lambda: "withhold" in kinds(kafka))
    assert inbox.keys == []
    assert actions(kafka)[-1].reason == "acknowledged"


def test_a_dead_channel_is_passed_over_at_once_and_told_to_technical_staff(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox
) -> None:
    dead = f"http://127.0.0.1:{free_port()}/"
    staff(log, dead, second=inbox.url, technician=inbox.url)
    with running(kafka):
        log.put(onset())
        eventually(lambda: len(inbox.keys) == 2)
        eventually(lambda: kinds(kafka).count("delivered") == 2)
    subjects = sorted(str(body["subject"]) for body in inbox.bodies)
    assert subjects[0].startswith("CRITICAL: Severe blood pressure")
    assert subjects[1].startswith("HIGH: A notification reached nobody")


def test_topics_made_anew_are_read_afresh(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox
) -> None:
    staff(log, inbox.url)
    with running(kafka) as daemon:
        log.put(onset())
        eventually(lambda: len(inbox.keys) == 1)
        log.create_again()
        eventually(lambda: daemon.waiting_for is None)
        staff(log, inbox.url)
        log.put(onset("9", alert_id="other"))
        eventually(lambda: len(inbox.keys) == 2)


def test_an_engine_that_is_late_is_told_to_technical_staff(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox
) -> None:
    staff(log, inbox.url, technician=inbox.url)
    late = EngineReport(0, "e", 1, 0, 0, time.time_ns() // 1_000_000, late_ms=61_000)
    log.put_raw(ENGINES, "0", msgspec.json.encode(late))
    with running(kafka):
        eventually(lambda: len(inbox.keys) == 1)
    assert str(inbox.bodies[0]["subject"]).startswith("HIGH: Alerts are late")
