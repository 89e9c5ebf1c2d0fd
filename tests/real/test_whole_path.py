"""From a cuff's bytes to the page, through Apache Kafka and Mosquitto as deploy/ configures them.

What tests/integration proves with the embedded servers; here it is the servers that go away.
"""

import os
import signal
from collections.abc import Iterator

import pytest
from kafka.admin import KafkaAdminClient

from schemas.topics import GATEWAYS, READINGS, REJECTED, UNASSIGNED
from simulators.demo.check import look, settle
from simulators.demo.run import Running
from tests.lived_demo import QUIET_HOME, WITHIN_S, alerts, is_on_the_page, lived_demo, measure
from tests.real.apache_kafka import ApacheKafka
from tests.real.servers import real_servers

pytestmark = pytest.mark.timeout(180)

RESENT_WITHIN_S = 90.0  # a gateway waits half a minute for a receipt before it sends again


@pytest.fixture(scope="module")
def demo() -> Iterator[Running]:
    """Two homes whose plans have been lived through as far as they will be."""
    with lived_demo(real_servers) as running:
        yield running


def arrives(demo: Running, value: str) -> bool:
    return demo.step_until(lambda: is_on_the_page(demo, value), RESENT_WITHIN_S)


def test_what_the_first_measurements_must_raise_is_raised(demo: Running) -> None:
    assert alerts(demo)
    assert settle(demo, WITHIN_S).problems == []


def test_kafka_is_restarted_and_nothing_is_missing(demo: Running) -> None:
    demo.clinic.take_away(demo.clinic.kafka)
    value = measure(demo, 191, 113)
    demo.step_until(lambda: False, 2.0)
    assert not is_on_the_page(demo, value)
    demo.clinic.put_back(demo.clinic.kafka)
    assert arrives(demo, value)
    measure(demo, 127, 78)
    assert settle(demo, WITHIN_S).problems == []


def test_kafka_crashes_and_nothing_is_missing(demo: Running) -> None:
    demo.clinic.kafka.child.kill()
    value = measure(demo, 192, 113)
    assert arrives(demo, value)
    measure(demo, 128, 78)
    assert settle(demo, WITHIN_S).problems == []


def test_mosquitto_is_restarted_and_nothing_is_missing(demo: Running) -> None:
    demo.clinic.take_away(demo.clinic.mqtt)
    value = measure(demo, 193, 113)
    demo.step_until(lambda: False, 2.0)
    demo.clinic.put_back(demo.clinic.mqtt)
    assert arrives(demo, value)
    measure(demo, 129, 78)
    assert settle(demo, WITHIN_S).problems == []


def test_topics_are_deleted_and_made_again_and_nothing_is_missing(demo: Running) -> None:
    admin = KafkaAdminClient(bootstrap_servers=demo.clinic.kafka.bootstrap)
    admin.delete_topics([READINGS, REJECTED, UNASSIGNED, GATEWAYS])
    admin.close()
    value = measure(demo, 194, 113)
    demo.clinic.set_up()
    assert arrives(demo, value)
    measure(demo, 130, 78)
    assert settle(demo, WITHIN_S).problems == []


def test_kafka_loses_its_disk_before_the_sink_has_read_it_and_no_reading_is_missing(
    demo: Running,
) -> None:
    sink, kafka = demo.clinic.daemon("ingest-sink"), demo.clinic.kafka
    os.kill(sink.pid, signal.SIGSTOP)
    value = measure(demo, 195, 113)
    assert arrives(demo, value)
    assert len(readings_missing(demo)) == 1  # the bridge has confirmed it, the sink sleeps
    demo.clinic.take_away(kafka)
    assert isinstance(kafka, ApacheKafka)
    kafka.replace_disk()
    demo.clinic.put_back(kafka)
    os.kill(sink.pid, signal.SIGCONT)
    demo.neighbourhood.gateway(QUIET_HOME).kill()  # sends at once what else waits half a minute
    assert demo.step_until(lambda: readings_missing(demo) == [], RESENT_WITHIN_S)
    value = measure(demo, 196, 114)
    assert arrives(demo, value)
    assert readings_missing(demo) == []


def readings_missing(demo: Running) -> list[str]:
    """What is wrong, but for alerts: those of the lost log are lost with it."""
    return [one for one in look(demo)[1].problems if not one.startswith(("never", "raised"))]
