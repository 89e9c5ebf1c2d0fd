"""Engines that share the partitions of Apache Kafka: its coordinator deals, and takes back.

The broker runs with deploy/'s own settings, which allow a session of four seconds.
"""

from tests.alerts.engine.clinic import clinic_at
from tests.alerts.engine.takeover import live_through, members
from tests.alerts.readings import BASIC
from tests.real.apache_kafka import ApacheKafka


def test_one_sleeps_and_one_dies_and_nothing_is_missed_or_has_two_names(
    kafka: ApacheKafka,
) -> None:
    with (
        clinic_at(kafka) as clinic,
        members(kafka, 2, "--books", str(BASIC)) as (first, second),
    ):
        live_through(clinic, first, second)
