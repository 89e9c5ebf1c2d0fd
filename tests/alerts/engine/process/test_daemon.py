"""The engine's process against a real Kafka protocol: killed at will, nothing lost or doubled."""

import hashlib
import signal
from collections.abc import Iterable
from itertools import islice
from random import Random
from threading import Event, Thread

import msgspec
import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from alerts.engine.ladders.library import Library
from alerts.engine.partitions.replica import Replica, Write
from alerts.engine.process.daemon import Engine
from alerts.rules.load import SHIPPED, load_books
from schemas.clock import SystemClock
from schemas.errors import UnavailableError
from schemas.kafka import Tick
from schemas.registry import BOOK_KEY, PATIENT_KEY, BookEntry
from schemas.topics import REGISTRY, UNASSIGNED
from simulators.stack.kafka import EmbeddedKafka
from tests.alerts.engine.clinic import (
    EVENTS,
    PATIENTS,
    Clinic,
    clinic_at,
    create_topics,
    engine,
    nobodys,
    story,
)
from tests.alerts.readings import (
    BASIC,
    BOTH,
    DAY,
    MINUTE,
    NOON,
    encoded,
    glucose,
    pressure,
    record,
)
from tests.servers import eventually

SAID = {"author": "A", "role": "nurse", "reason": "", "valid_from_ms": 0}
pytestmark = pytest.mark.timeout(120)  # processes start and die here, beside other tests


def test_an_alert_reaches_the_topic_and_says_why(kafka: EmbeddedKafka, clinic: Clinic) -> None:
    with engine(kafka):
        clinic.receive(("p1", encoded(record(NOON, [pressure(NOON, 192, 100)]))))
        (onset,) = clinic.wait_for(1).values()
    assert (onset.event, onset.severity, onset.patient_id) == ("onset", "critical", "p1")
    assert onset.reason == "Systolic 192 mmHg is above 180 mmHg (adult-standard, bp-severe)"


def test_killed_anywhere_nothing_is_lost_and_nothing_has_two_names(
    kafka: EmbeddedKafka, clinic: Clinic
) -> None:
    stories = {patient: story(patient) for patient in PATIENTS}
    rng = Random(7)
    sent = 0
    for step in range(5):
        with engine(kafka) as process:
            clinic.receive(*((patient, lines[step]) for patient, lines in stories.items()))
            sent += len(PATIENTS) if step != 1 else 0
            # It dies while it writes, between records of a batch, or just after all of them.
            clinic.wait_for(max(1, sent - rng.randrange(len(PATIENTS))))
            process.send_signal(signal.SIGKILL)
    with engine(kafka):
        clinic.tick(NOON + 30 * MINUTE)
        events = clinic.wait_for(len(EVENTS) * len(PATIENTS))
    for patient in PATIENTS:
        mine = [one.event for one in events.values() if one.patient_id == patient]
        assert sorted(mine) == sorted(EVENTS)
    repeated = {one.event_id: one for one in reversed(clinic.transitions)}
    assert repeated == events, "an event that was written twice says the same twice"


def test_what_cannot_be_read_stops_nothing(kafka: EmbeddedKafka, clinic: Clinic) -> None:
    with engine(kafka):
        clinic.receive(("p1", b"{"), ("p1", b""), ("p1", b'{"kind":"tick","received_at_ms":"x"}'))
        clinic.receive(("p1", b'{"kind":"tick","received_at_ms":1,"version":9}'))
        clinic.receive(("p1", encoded(record(NOON, [pressure(NOON, 192, 100)]))))
        assert len(clinic.wait_for(1)) == 1


def test_no_care_plan_of_one_patient_stops_the_judging_of_another(
    kafka: EmbeddedKafka, clinic: Clinic
) -> None:
    """Each of these did once, or would: in a plan, and in the bytes of one."""
    ever = 253_402_214_400_000  # 9999-12-31
    odd: list[dict[str, object]] = [
        {"pauses": [{"from_ms": 0, "until_ms": ever}]},
        {"schedules": [{"vital": "blood_pressure", "windows": [["06", "11"]]}]},
        {
            "schedules": [
                {"vital": "blood_pressure", "windows": [["06:00", "11:00"]], "grace_min": 10**12}
            ]
        },
        {"limits": [{"name": "severe-systolic", "values": [f"{30 * '9'} mmHg"], **SAID}]},
    ]
    later = NOON + 5 * DAY  # by then the silence of each of them is due
    with engine(kafka, SHIPPED):
        for patient, plan in zip(["p0", "p1", "p3", "p4"], odd, strict=True):
            entry = {"kind": "patient", "patient_id": patient, "pseudonym": patient, "books": BOTH}
            value = msgspec.json.encode(entry | plan)
            clinic.producer.send(REGISTRY, value, key=f"{PATIENT_KEY}{patient}".encode())
            clinic.receive((patient, encoded(record(NOON, [pressure(NOON, 120)], patient))))
        clinic.producer.send(REGISTRY, b'{"kind":"\xff"}', key=f"{PATIENT_KEY}p5".encode())
        clinic.tick(later)
        low = encoded(record(later, [glucose(later, 50)], "p2"))
        clinic.receive(("p2", low), appended_ms=later)
        while "glucose-below-54" not in {one.rule for one in clinic.transitions}:
            clinic.look()


def test_a_clock_that_is_ahead_ends_no_wait(kafka: EmbeddedKafka, clinic: Clinic) -> None:
    flagged = record(NOON, [pressure(NOON, 192, 100, "body-moved")])
    with engine(kafka):
        clinic.receive(("p1", encoded(flagged)))
        clinic.wait_for(1)
        clinic.receive(("p1", encoded(Tick(NOON + 1_000 * DAY))))
        clinic.receive(("p1", encoded(record(NOON + MINUTE, [pressure(NOON + MINUTE, 193)]))))
        found = [one.event for one in clinic.wait_for(2).values()]
    assert found == ["repeat-asked", "onset"]
    assert clinic.transitions[-1].marks == []


def test_a_book_is_changed_while_its_alerts_are_open(kafka: EmbeddedKafka, clinic: Clinic) -> None:
    text = (BASIC / "adult-standard.toml").read_text(encoding="utf-8")
    stricter = text.replace("systolic > 180 mmHg", "systolic > 170 mmHg")
    assert stricter != text

    def activate(book: str) -> None:
        sha256 = hashlib.sha256(book.encode()).hexdigest()
        value = msgspec.json.encode(BookEntry("adult-standard", book, sha256, "Dr. Who", NOON))
        clinic.producer.send(REGISTRY, value, key=f"{BOOK_KEY}adult-standard".encode())
        clinic.producer.flush()

    def high(patient: str, minute: int, systolic: int) -> tuple[str, bytes]:
        at_ms = NOON + minute * MINUTE
        return patient, encoded(record(at_ms, [pressure(at_ms, systolic, 100)], patient))

    with engine(kafka):
        clinic.receive(high("p1", 0, 192))
        clinic.wait_for(1)
        activate(stricter)
        activate("no book at all")  # refused: the stricter one stays
        minute = 1
        while len(clinic.transitions) < 2:  # it is adopted between two steps, soon
            clinic.receive(high(f"n{minute}", minute, 175))
            clinic.look()
            minute += 1
        clinic.receive(high("p1", minute, 176))
        while len(of_p1 := [one for one in clinic.transitions if one.patient_id == "p1"]) < 2:
            clinic.look()  # of several of the others alerts may be on their way
    assert [one.event for one in of_p1] == ["onset", "again"], "known by the name of its rule"


def test_a_device_that_belongs_to_nobody_is_told_once_across_restarts(
    kafka: EmbeddedKafka, clinic: Clinic
) -> None:
    with engine(kafka):
        clinic.producer.send(UNASSIGNED, b"{", timestamp_ms=NOON)
        clinic.producer.send(UNASSIGNED, nobodys(0), timestamp_ms=NOON)
        clinic.wait_for(1)
    with engine(kafka):
        clinic.producer.send(UNASSIGNED, nobodys(1), timestamp_ms=NOON)
        told = list(clinic.wait_for(2).values())
    assert [one.event for one in told] == ["onset", "again"]
    assert {one.severity for one in told} == {"high"}
    assert len({one.alert_id for one in told}) == 1


def test_care_plans_are_followed_as_they_change(kafka: EmbeddedKafka, clinic: Clinic) -> None:
    def high(patient: str, minute: int) -> tuple[str, bytes]:
        at_ms = NOON + minute * MINUTE
        return patient, encoded(record(at_ms, [pressure(at_ms, 190 + minute)], patient))

    with engine(kafka):
        clinic.receive(high("p1", 0))
        clinic.wait_for(1)
        clinic.enrol("p1", books=["adult-diabetes", "no-such-book"])
        clinic.producer.send(REGISTRY, b"not an entry", key=f"{PATIENT_KEY}p1".encode())
        clinic.enrol("newcomer")  # met for the first time: the registry is read before judging
        clinic.receive(high("newcomer", 1))
        clinic.wait_for(2)
        clinic.receive(high("p1", 2), high("newcomer", 3))
        found = clinic.wait_for(4)
    for patient, expected in {"p1": ["onset", "retired"], "newcomer": ["onset", "again"]}.items():
        assert [one.event for one in found.values() if one.patient_id == patient] == expected


def test_state_of_which_only_half_was_read_is_read_to_its_end(
    kafka: EmbeddedKafka, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow, followed = Replica.follow, 0

    def interrupted(replica: Replica, writes: Iterable[Write]) -> list[int]:
        nonlocal followed
        followed += 1
        if followed == 1:
            follow(replica, islice(writes, 1))
            raise UnavailableError("Kafka went away.")
        return follow(replica, writes)

    with engine(kafka):
        clinic.receive(*((one, story(one)[0]) for one in PATIENTS))
        clinic.wait_for(len(PATIENTS))
        clinic.receive(*((one, story(one)[2]) for one in PATIENTS))
        clinic.wait_for(2 * len(PATIENTS))  # so the state behind the first ones is in the log
    monkeypatch.setattr(Replica, "follow", interrupted)
    stop = Event()
    daemon = Engine(kafka.bootstrap, Library(load_books(BASIC)), SystemClock(), Random(1), stop)
    thread = Thread(target=daemon.run)
    thread.start()
    try:
        clinic.receive(*((one, story(one)[3]) for one in PATIENTS))
        events = clinic.wait_for(3 * len(PATIENTS))
    finally:
        stop.set()
        thread.join()
    assert followed > 1
    assert {one.event for one in events.values()} == {"onset", "again", "returned"}
    onsets = [one for one in clinic.transitions if one.event == "onset"]
    assert len(onsets) == len(PATIENTS), "the log was judged from its beginning again"


def test_a_broker_that_lost_everything_is_read_from_the_beginning(kafka: EmbeddedKafka) -> None:
    def at(minute: int, systolic: int) -> tuple[str, bytes]:
        at_ms = NOON + minute * MINUTE
        return "p1", encoded(record(at_ms, [pressure(at_ms, systolic, 100)]))

    with engine(kafka):
        with clinic_at(kafka) as clinic:
            clinic.receive(*(at(minute, 150) for minute in range(5)), at(5, 192))
            (onset,) = clinic.wait_for(1).values()
        kafka.stop()
        kafka.start().wait()
        create_topics(kafka)
        with clinic_at(kafka) as clinic:
            clinic.receive(at(5, 192), at(6, 195))
            (again,) = clinic.wait_for(1).values()
    assert (again.event, again.alert_id) == ("again", onset.alert_id)


def test_unassigned_readings_are_read_afresh_when_their_topic_is_made_again(
    kafka: EmbeddedKafka, clinic: Clinic
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    stop = Event()
    daemon = Engine(kafka.bootstrap, Library(load_books(BASIC)), SystemClock(), Random(1), stop)
    thread = Thread(target=daemon.run)
    thread.start()
    try:
        clinic.producer.send(UNASSIGNED, nobodys(0), timestamp_ms=NOON)
        clinic.wait_for(1)
        admin.delete_topics([UNASSIGNED])
        eventually(lambda: daemon.waiting_for == f"Kafka has no topic {UNASSIGNED}.")
        admin.create_topics([NewTopic(UNASSIGNED, 1, 1)])
        clinic.producer.send(UNASSIGNED, nobodys(1), timestamp_ms=NOON)
        told = list(clinic.wait_for(2).values())
    finally:
        stop.set()
        thread.join()
        admin.close()
    assert [one.event for one in told] == ["onset", "again"]
