"""The desk's process against a real log and a receiver on this machine."""

import time
from collections.abc import Iterator

import msgspec
import pytest

from alerts.desk.calls import outcome
from alerts.desk.metrics import REFUSED
from schemas.alert import Action
from schemas.clock import SystemClock
from schemas.kafka import EngineReport
from schemas.rota import Channel, Contact, OffHours, RotaEntry
from schemas.topics import ENGINES
from simulators.stack.kafka import EmbeddedKafka
from simulators.stack.ports import free_port
from tests.alert_log import AlertLog
from tests.alert_records import acknowledgement, patient
from tests.alerts.desk.real_desk import actions, kinds, now_ms, onset, put_rota, running, staff
from tests.alerts.desk.receivers import Inbox, web_server
from tests.servers import PARTITIONS, eventually

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with web_server(Inbox()) as received:
        yield received


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


def test_a_channel_that_fails_beside_one_that_works_is_told_to_technical_staff_until_it_works(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox
) -> None:
    with web_server(Inbox([404, 200])) as broken, web_server(Inbox()) as technician:
        channels = [Channel("webhook", inbox.url), Channel("webhook", broken.url)]
        nurse = Contact("nurse", channels)
        support = Contact("support", [Channel("webhook", technician.url)])
        put_rota(
            log,
            RotaEntry(
                "home",
                contacts=[nurse, support],
                off_hours=OffHours(["nurse"]),
                programme_lead=["nurse"],
                technical=["support"],
            ),
        )
        with running(kafka):
            log.put(onset())
            eventually(lambda: len(technician.keys) == 1)
            log.put(onset("2", alert_id="b"))
            eventually(lambda: "resolve" in kinds(kafka))
    (said,) = technician.bodies
    assert said["subject"] == "HIGH: A channel takes nothing, programme home"
    assert "the webhook 2 of nurse failed (The webhook answered 404.)" in str(said["text"])


class SetBack(SystemClock):
    """A clock that lost three hours while its machine was off."""

    def wall_ms(self) -> int:
        return super().wall_ms() - 3 * 3_600_000


@pytest.mark.parametrize("said_by", ["the alert", "an engine"])
def test_a_clock_that_was_set_back_before_the_desk_began_delays_no_chain(
    said_by: str, kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox
) -> None:
    """The log says what time it is at least."""
    staff(log, f"http://127.0.0.1:{free_port()}/", second=inbox.url)
    told_ms = now_ms() - 300_000
    told = Action(
        "told", ["a"], "notify", "desk", told_ms, "p", event_ids=["1"], reason="onset", to=["nurse"]
    )
    log.put(told, outcome(told, told_ms, delivered=True), onset(at_ms=told_ms))
    if said_by == "an engine":
        judged = EngineReport(0, "e", 1, 0, now_ms(), now_ms())
        log.put_raw(ENGINES, "0", msgspec.json.encode(judged))
    else:
        log.put(onset("2", alert_id="b", severity="info"))
    with running(kafka, SetBack()):
        eventually(lambda: len(inbox.keys) == 1)
    assert "nobody has acknowledged it" in str(inbox.bodies[0]["text"])


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


def test_an_engine_that_died_is_told_to_technical_staff_though_its_clock_was_ahead(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its stamps it would have been heard of for another hour."""
    monkeypatch.setattr("alerts.desk.daemon.TECHNICAL_MS", 1_500)
    staff(log, inbox.url, technician=inbox.url)
    ahead_ms = time.time_ns() // 1_000_000 + 3_600_000
    for partition in range(PARTITIONS):
        report = EngineReport(partition, "e", 1, 0, 0, ahead_ms)
        log.put_raw(ENGINES, str(partition), msgspec.json.encode(report))
    with running(kafka):
        eventually(lambda: len(inbox.keys) == 1)
    assert str(inbox.bodies[0]["subject"]).startswith("HIGH: Alerts are late")


def test_a_closing_of_a_critical_alert_without_an_outcome_is_counted_and_the_chain_goes_on(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox
) -> None:
    staff(log, inbox.url)
    before = REFUSED._value.get()
    closing = Action("x", ["a"], "resolve", "Anna", now_ms(), "patient-of-a", event_ids=["1"])
    with running(kafka) as daemon:
        log.put(onset())
        eventually(lambda: "delivered" in kinds(kafka))
        log.put(closing)
        eventually(lambda: REFUSED._value.get() == before + 1)
        case = daemon._core.desk.case("a")
    assert case is not None
    assert case.attention == "unacknowledged"
