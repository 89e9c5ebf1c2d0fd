"""Absence through the engine's process: who never sent anything is missed too, and a home once."""

from collections.abc import Iterator

import msgspec
import pytest
from msgspec.structs import replace

from alerts.rules.load import SHIPPED
from schemas.alert import Transition
from schemas.kafka import GatewayReport
from schemas.topics import GATEWAYS
from schemas.wire import Health
from simulators.stack.kafka import EmbeddedKafka
from tests.alerts.engine.clinic import Clinic, clinic_at, engine
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, encoded, pressure, record

BOOK = "adult-standard"
AWAY = "home-away"


@pytest.fixture
def clinic(kafka: EmbeddedKafka) -> Iterator[Clinic]:
    with clinic_at(kafka) as clinic:
        clinic.enrol("never", "stopped", "behind", "beside", books=[BOOK], from_ms=NOON)
        yield clinic


def test_silence_is_told_of_who_never_sent_anything_and_once_for_a_home(
    kafka: EmbeddedKafka, clinic: Clinic
) -> None:
    clinic.receive(
        ("stopped", encoded(record(NOON, [pressure(NOON, 120, 80)], "stopped"))),
        *(
            (name, encoded(replace(record(NOON, [pressure(NOON, 120, 80)], name), gateway_id=AWAY)))
            for name in ("behind", "beside")
        ),
    )
    report = GatewayReport(AWAY, NOON + HOUR, Health(state="offline"))
    clinic.producer.send(GATEWAYS, msgspec.json.encode(report), key=AWAY.encode()).get(10)
    with engine(kafka, SHIPPED):
        # The log was away for three days: silence is judged two hours after it came back.
        for minutes in range(0, 3 * 60, 4):
            clinic.tick(NOON + 3 * DAY + minutes * MINUTE)
        found = clinic.wait_for(3).values()
    by_subject = {one.patient_id or one.subject: one for one in found}
    assert set(by_subject) == {"never", "stopped", f"gateway/{AWAY}"}
    assert all(two_hours_later(one) for one in found)
    assert by_subject["never"].cause == "not-measured"
    assert by_subject["stopped"].reason.startswith("No blood pressure for 3 days")
    assert by_subject["never"].ladder == "absence-blood-pressure"


def two_hours_later(onset: Transition) -> bool:
    """Tell whether it is the beginning of something, when the log had been back for long enough."""
    return onset.event == "onset" and onset.at_ms == NOON + 3 * DAY + 2 * HOUR
