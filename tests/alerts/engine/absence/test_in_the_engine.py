"""Absence through the engine's process: who never sent anything is missed too, and a home once."""

from collections.abc import Iterator

import msgspec
import pytest
from msgspec.structs import replace

from alerts.rules.load import SHIPPED
from schemas.kafka import GatewayReport
from schemas.topics import GATEWAYS
from schemas.wire import Health
from simulators.stack.kafka import EmbeddedKafka
from tests.alerts.engine.clinic import Clinic, clinic_at, engine
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, encoded, pressure, record

BOOK = "adult-standard"
AWAY, HOME = "home-away", "home-1"
TOLD = NOON + 3 * DAY + 2 * HOUR


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
    half_hours = [
        GatewayReport(HOME, TOLD + n * 30 * MINUTE, Health(state="online")) for n in range(-5, 1)
    ]
    for report in (
        GatewayReport(AWAY, NOON + HOUR, Health(state="offline")),
        *half_hours,
        GatewayReport(HOME, TOLD + MINUTE, Health(state="offline")),
    ):
        value, key = msgspec.json.encode(report), report.gateway_id.encode()
        clinic.producer.send(GATEWAYS, value, key=key).get(10)
    with engine(kafka, SHIPPED):
        # The log was away for three days: silence is judged two hours after it came back.
        for minutes in range(0, 3 * 60, 4):
            clinic.tick(NOON + 3 * DAY + minutes * MINUTE)
        found = clinic.wait_for(4).values()
    onsets = {one.patient_id or one.subject: one for one in found if one.event == "onset"}
    assert {name: one.at_ms for name, one in onsets.items()} == dict.fromkeys(
        ["never", "stopped", f"gateway/{AWAY}"], TOLD
    )
    assert onsets["never"].cause == "not-measured"
    assert onsets["stopped"].reason.startswith("No blood pressure for 3 days")
    assert onsets["never"].ladder == "absence-blood-pressure"
    # The engine knew of its gateway's end before it judged what was due before that.
    assert onsets["stopped"].cause == "not-measured"
    (later,) = (one for one in found if one.event != "onset")
    assert (later.event, later.alert_id) == ("cause", onsets["stopped"].alert_id)
    assert (later.cause, later.at_ms) == ("gateway-offline", TOLD + MINUTE)
