"""`vitalwire alerts replay` against an engine that ran: the same, and seen to differ."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from simulators.stack.kafka import EmbeddedKafka
from tests.alerts.engine.test_daemon import Clinic, clinic_at, create_topics, engine, story
from tests.alerts.readings import BASIC, MINUTE, NOON

EVENTS = 5
"""Of a story, with the one that its timer brings."""


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(tmp_path) as server:
        create_topics(server)
        yield server


@pytest.fixture
def clinic(kafka: EmbeddedKafka) -> Iterator[Clinic]:
    with clinic_at(kafka) as clinic:
        yield clinic


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


def test_an_alert_that_nobody_wrote_is_one_line(kafka: EmbeddedKafka) -> None:
    done = replay(kafka, "0" * 32)
    assert done.returncode not in {0, 1}
    assert "holds no alert" in done.stderr
    assert "Traceback" not in done.stderr
