"""Engines that share the partitions of the embedded Kafka: one dies, one sleeps."""

from collections import Counter
from pathlib import Path

import pytest

from simulators.stack.kafka import EmbeddedKafka
from tests.alerts.engine.takeover import Member, members
from tests.alerts.engine.test_daemon import (
    EVENTS,
    PARTITIONS,
    PATIENTS,
    Clinic,
    clinic_at,
    create_topics,
    story,
)
from tests.alerts.readings import BASIC, MINUTE, NOON
from tests.servers import eventually

pytestmark = pytest.mark.timeout(120)

OPTIONS = ("--session", "3", "--books", str(BASIC))


def tell(clinic: Clinic, step: int) -> None:
    clinic.receive(*((patient, story(patient)[step]) for patient in PATIENTS))


def test_one_dies_and_one_sleeps_and_nothing_is_missed_or_has_two_names(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path) as kafka:
        create_topics(kafka)
        with clinic_at(kafka) as clinic, members(kafka, 2, *OPTIONS) as (first, second):
            lived_through(clinic, first, second)


def lived_through(clinic: Clinic, first: Member, second: Member) -> None:
    eventually(lambda: first.leads() == second.leads() == PARTITIONS // 2)
    tell(clinic, 0)
    clinic.wait_for(len(PATIENTS))
    first.pause()  # it is taken for dead, and will believe that it leads
    tell(clinic, 1)
    tell(clinic, 2)
    clinic.wait_for(2 * len(PATIENTS))
    first.go_on()
    eventually(lambda: first.leads() == second.leads() == PARTITIONS // 2)
    second.kill()
    tell(clinic, 3)
    tell(clinic, 4)
    clinic.tick(NOON + 30 * MINUTE)
    events = clinic.wait_for(len(EVENTS) * len(PATIENTS))
    for patient in PATIENTS:
        mine = Counter(one.event for one in events.values() if one.patient_id == patient)
        assert mine == Counter(EVENTS)
    assert all(events[one.event_id] == one for one in clinic.transitions)
