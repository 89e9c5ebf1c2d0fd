"""What makes random scenes silent: rules about absence, pauses, schedules, homes, reports."""

from dataclasses import replace
from typing import Literal

import msgspec
from hypothesis import strategies as st

from schemas.kafka import GatewayReport, PatientReadings
from schemas.registry import PatientEntry, Pause, Schedule
from schemas.wire import DeviceState, Health
from tests.alerts.engine.scenes import Scene
from tests.alerts.readings import ADDRESS, DAY, HOUR, MINUTE

ABSENT = """
[[rule]]
id = "{name}-absent-{what}{number}"
ladder = "absence-{what}"
title = "Generated"
vital = "{vital}"
absent_for = "{days}d"
severity = "{severity}"
source = "none: this book is for tests"
advice = "none"
notify = {notify}
"""
HOMES = ["home-1", "home-1", "home-1", "home-2"]


@st.composite
def silent(draw: st.DrawFn, scene: Scene) -> Scene:
    """Let silence count in a scene."""
    counts = st.sampled_from([0, 1, 1, 2, 3])
    books = tuple(
        text + "".join(draw(absences(name, number)) for number in range(draw(counts)))
        for name, text in zip("ab", scene.books, strict=True)
    )
    log = tuple(
        msgspec.structs.replace(record, gateway_id=draw(st.sampled_from(HOMES)))
        if isinstance(record, PatientReadings)
        else record
        for record in scene.log
    )
    begin_ms = scene.log[0].received_at_ms
    patients = tuple(draw(watched(entry, begin_ms)) for entry in scene.patients)
    return replace(scene, books=books, log=log, patients=patients)


@st.composite
def absences(draw: st.DrawFn, name: str, number: int) -> str:
    vital = draw(st.sampled_from(["blood_pressure", "glucose"]))
    return ABSENT.format(
        name=name,
        vital=vital,
        what=vital.replace("_", "-"),
        number=number,
        days=draw(st.integers(1, 3)),
        severity=draw(st.sampled_from(["medium", "medium", "high", "critical"])),
        notify=draw(st.sampled_from(["true", "false"])),
    )


@st.composite
def watched(draw: st.DrawFn, entry: PatientEntry, begin_ms: int) -> PatientEntry:
    from_ms = begin_ms + draw(st.sampled_from([-DAY, 0, HOUR, DAY]))
    pauses = [Pause(from_ms, draw(st.sampled_from([None, from_ms + 20 * HOUR, from_ms + DAY])))]
    schedule = Schedule("blood_pressure", [("06:00", "11:00"), ("22:00", "01:30")])
    return msgspec.structs.replace(
        entry,
        care_plan_from_ms=draw(st.sampled_from([entry.care_plan_from_ms, begin_ms - DAY])),
        pauses=draw(st.sampled_from([[], [], pauses])),
        schedules=draw(st.sampled_from([[], [schedule]])),
    )


@st.composite
def reports(draw: st.DrawFn, now_ms: int) -> GatewayReport:
    """What a gateway says: by a topic of its own, perhaps before the tick that moves the log."""
    now_ms += draw(st.sampled_from([0, 0, 0, MINUTE, 50 * MINUTE, 3 * HOUR]))
    seen_s = draw(st.sampled_from([None, 0, 60, 5 * 3600, 30 * 3600]))
    states: list[Literal["online", "offline"]] = ["online", "online", "offline"]
    state = draw(st.sampled_from(states))
    devices = [] if seen_s is None else [DeviceState(ADDRESS, last_seen_s=seen_s)]
    gateway = draw(st.sampled_from(HOMES))
    return GatewayReport(gateway, now_ms, Health(state=state, devices=devices))
