"""From a cuff's bytes to the page through every real component, also while parts of it are away.

The homes are simulated; everything else is what the clinic runs: the shipped daemons in processes
of their own, a real MQTT broker, a Kafka-compatible one, a real PostgreSQL.
"""

import json
import urllib.request
from collections.abc import Iterator

import psycopg
import pytest

from simulators.demo.check import settle
from simulators.demo.run import Running
from simulators.patients import oximetry
from tests.lived_demo import QUIET_HOME, WITHIN_S, alerts, is_on_the_page, lived_demo, measure

pytestmark = pytest.mark.timeout(240)

RESENT_WITHIN_S = 90.0  # a gateway waits half a minute for a receipt before it sends again


@pytest.fixture(scope="module")
def demo() -> Iterator[Running]:
    """Two homes whose plans have been lived through as far as they will be."""
    with lived_demo() as running:
        yield running


def test_the_first_alert_says_what_why_and_that_its_patient_is_simulated(demo: Running) -> None:
    plan = demo.neighbourhood.plans[0]
    card = next(card for card in alerts(demo) if card["patient_id"] == plan.patient_id)
    assert card["patient"] == plan.pseudonym
    assert card["simulated"]
    assert card["severity"] == "critical"
    assert card["reason"]
    assert card["source"]
    assert settle(demo, WITHIN_S).problems == []


def test_an_acknowledgement_names_a_person_on_the_page_and_in_the_table(demo: Running) -> None:
    card = alerts(demo)[0]
    request = urllib.request.Request(
        f"{demo.clinic.url}api/v1/alerts/{card['alert_id']}/acknowledge",
        data=json.dumps({"who": "Nurse Joy", "event_id": card["event_id"]}).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.status == 200

    def is_acknowledged() -> bool:
        with psycopg.connect(demo.clinic.postgres.url) as connection:
            found = connection.execute(
                "SELECT answered_by FROM vitalwire.alerts WHERE alert_id = %s", [card["alert_id"]]
            ).fetchone()
        return found == ("Nurse Joy",)

    assert demo.step_until(is_acknowledged, WITHIN_S)
    acknowledged = {one["alert_id"]: one["answered_by"] for one in alerts(demo)}
    assert acknowledged[card["alert_id"]] == "Nurse Joy"


def test_what_an_oximeter_measured_is_in_its_table_and_on_the_patients_page(demo: Running) -> None:
    patient_id = demo.neighbourhood.plans[QUIET_HOME].patient_id
    demo.neighbourhood.controls[QUIET_HOME].measure(oximetry(91, 83))

    def is_stored() -> bool:
        with psycopg.connect(demo.clinic.postgres.url) as connection:
            found = connection.execute(
                "SELECT spo2, pulse_rate FROM vitalwire.oximetry_current WHERE patient_id = %s",
                [patient_id],
            ).fetchall()
        return (91.0, 83.0) in found

    def is_shown() -> bool:
        with urllib.request.urlopen(f"{demo.clinic.url}patients/{patient_id}", timeout=5) as reply:
            return "91 %" in reply.read().decode()

    assert demo.step_until(is_stored, WITHIN_S)
    assert demo.step_until(is_shown, WITHIN_S)


def test_a_canary_comes_back_by_the_whole_way_and_is_on_no_page_and_in_no_table(
    demo: Running,
) -> None:
    port = demo.clinic.monitor_port_of("alerts-watch")

    def is_back() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
            lines = reply.read().decode().splitlines()
        return any(
            line.startswith('vitalwire_watcher_canaries_total{outcome="back"}')
            and float(line.split()[-1]) >= 1
            for line in lines
        )

    assert demo.step_until(is_back, WITHIN_S)
    measure(demo, 122, 77)  # what came after the canary is stored: so would it be
    assert settle(demo, WITHIN_S).problems == []
    with urllib.request.urlopen(f"{demo.clinic.url}api/v1/alerts", timeout=5) as reply:
        assert b"anary" not in reply.read()
    with psycopg.connect(demo.clinic.postgres.url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'vitalwire'"
        ).fetchall()
        assert tables
        for (table,) in tables:
            question = f"SELECT count(*) FROM vitalwire.{table} one WHERE one::text ~* 'canary'"
            assert connection.execute(question.encode()).fetchone() == (0,), table


def test_alerts_reach_the_page_while_the_database_is_away_and_nothing_is_missing_after(
    demo: Running,
) -> None:
    demo.clinic.take_database_away()
    value = measure(demo, 201, 111)
    assert demo.step_until(lambda: is_on_the_page(demo, value), WITHIN_S)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(demo.clinic.postgres.url)
    demo.clinic.put_database_back()
    measure(demo, 128, 78)
    assert settle(demo, WITHIN_S).problems == []


@pytest.mark.parametrize(
    ("name", "systolic"),
    [("ingest-bridge", 182), ("ingest-sink", 184), ("alerts-engine", 186), ("alerts-feed", 188)],
)
def test_a_daemon_that_crashes_comes_back_and_nothing_is_missing(
    demo: Running, name: str, systolic: int
) -> None:
    value = measure(demo, systolic, 112)
    demo.clinic.daemon(name).kill()
    assert demo.step_until(lambda: any(name in crash for crash in demo.crashes), WITHIN_S)
    assert demo.step_until(lambda: is_on_the_page(demo, value), WITHIN_S)
    measure(demo, 126, 79)
    assert settle(demo, WITHIN_S).problems == []


def test_a_crashed_gateway_goes_on_where_it_was(demo: Running) -> None:
    demo.neighbourhood.gateway(QUIET_HOME).kill()
    value = measure(demo, 189, 101)
    assert demo.step_until(lambda: is_on_the_page(demo, value), WITHIN_S)
    measure(demo, 131, 81)
    assert settle(demo, WITHIN_S).problems == []


def test_a_broker_that_loses_its_memory_costs_a_second_sending_and_no_reading(
    demo: Running,
) -> None:
    value = measure(demo, 185, 99)
    demo.clinic.mqtt.child.kill()
    assert demo.step_until(lambda: is_on_the_page(demo, value), RESENT_WITHIN_S)
    measure(demo, 133, 82)
    assert settle(demo, RESENT_WITHIN_S).problems == []


def test_the_check_itself_notices_a_reading_that_is_gone(demo: Running) -> None:
    with psycopg.connect(demo.clinic.postgres.url) as connection:
        gone = connection.execute("DELETE FROM vitalwire.glucose").rowcount
    problems = settle(demo, 0.0).problems
    assert gone > 0
    assert sum(problem.startswith("not in the database") for problem in problems) == gone
