"""`vitalwire alerts replay` against an engine that ran: the same, and seen to differ."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from schemas.errors import MisconfiguredError
from schemas.topics import ALERTS, GATEWAYS, UNASSIGNED
from simulators.stack.kafka import EmbeddedKafka
from tests.alert_records import transition
from tests.alerts.engine.clinic import Clinic, engine, nobodys, story
from tests.alerts.readings import BASIC, MINUTE, NOON

EVENTS = 5
"""Of a story, with the one that its timer brings."""


def replay(
    kafka: EmbeddedKafka, alert_id: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vitalwire", "alerts", "replay", alert_id, *arguments],
        env=os.environ | {"VITALWIRE_KAFKA": kafka.bootstrap},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_log_gives_the_same_and_another_book_does_not(
    kafka: EmbeddedKafka, clinic: Clinic, tmp_path: Path
) -> None:
    with engine(kafka):
        clinic.receive(*((patient, line) for patient in ("p1", "p2") for line in story(patient)))
        clinic.tick(NOON + 30 * MINUTE)
        events = clinic.wait_for(2 * EVENTS).values()
    alerts = {one.alert_id: one for one in events if one.patient_id == "p1"}
    assert len(alerts) == 2
    for alert_id in alerts:
        done = replay(kafka, alert_id, "--books", str(BASIC))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "The log gives the same." in done.stdout

    for path in BASIC.glob("*.toml"):
        text = path.read_text("utf-8").replace("systolic > 180 mmHg", "systolic > 193 mmHg")
        (tmp_path / path.name).write_text(text, "utf-8")
    severe = next(one for one in alerts.values() if one.ladder == "bp-high")
    done = replay(kafka, severe.alert_id, "--books", str(tmp_path), "--json")
    assert done.returncode == 1, done.stderr
    found = msgspec.json.decode(done.stdout)
    assert not found["same"]
    assert "is another now" in found["notes"][0]
    assert {event["missing"] for event in found["events"]} == {"replayed"}


def test_a_device_that_belongs_to_nobody_is_judged_again_too(
    kafka: EmbeddedKafka, clinic: Clinic
) -> None:
    with engine(kafka):
        for minute in range(2):
            clinic.producer.send(UNASSIGNED, nobodys(minute), timestamp_ms=NOON)
        clinic.producer.flush()
        (alert_id,) = {one.alert_id for one in clinic.wait_for(2).values()}
    done = replay(kafka, alert_id, "--books", str(BASIC), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = msgspec.json.decode(done.stdout)
    assert [one["event"] for one in found["events"]] == ["onset", "again"]
    assert found["notes"] == []


def test_an_alert_about_a_gateway_says_why_it_is_not_judged_again(
    kafka: EmbeddedKafka, clinic: Clinic
) -> None:
    away = transition("1", alert_id="g", at_ms=NOON, patient_id="", subject="gateway/home-1")
    clinic.producer.send(ALERTS, msgspec.json.encode(away), key=b"gateway/home-1")
    clinic.producer.flush()
    done = replay(kafka, "g")
    assert done.returncode == MisconfiguredError.exit_code
    assert "about gateway/home-1" in done.stderr
    assert "cannot be judged again" in done.stderr
    assert f"Read what {GATEWAYS} says of it before 2026-" in done.stderr


def test_why_nothing_came_is_said_not_to_be_judged_again(
    kafka: EmbeddedKafka, clinic: Clinic
) -> None:
    silent = transition("1", alert_id="s", at_ms=NOON, patient_id="p1", cause="device-silent")
    clinic.producer.send(ALERTS, msgspec.json.encode(silent), key=b"p1")
    clinic.producer.flush()
    done = replay(kafka, "s")
    assert done.returncode == 1
    assert f"Why nothing came is not judged again: {GATEWAYS} told it then." in done.stdout


def test_an_alert_that_nobody_wrote_is_one_line(kafka: EmbeddedKafka) -> None:
    done = replay(kafka, "0" * 32)
    assert done.returncode not in {0, 1}
    assert "holds no alert" in done.stderr
    assert "Traceback" not in done.stderr
