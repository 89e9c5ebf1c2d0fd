"""Engines that share the partitions of the embedded Kafka: one dies, one sleeps."""

from pathlib import Path

import pytest

from simulators.stack.kafka import EmbeddedKafka
from tests.alerts.engine.clinic import clinic_at, create_topics
from tests.alerts.engine.takeover import live_through, members
from tests.alerts.readings import BASIC

pytestmark = pytest.mark.timeout(120)


def test_one_sleeps_and_one_dies_and_nothing_is_missed_or_has_two_names(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path) as kafka:
        create_topics(kafka)
        options = ("--session", "3", "--books", str(BASIC))
        with clinic_at(kafka) as clinic, members(kafka, 2, *options) as (first, second):
            live_through(clinic, first, second)
