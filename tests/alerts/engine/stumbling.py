"""Random lives in which hardly anything is sent, and the log itself comes and goes meanwhile."""

from collections.abc import Sequence
from itertools import cycle, islice

import msgspec
from hypothesis import strategies as st

from schemas.kafka import Tick
from schemas.registry import PatientEntry
from tests.alerts.engine.lives import Item, Life, changed
from tests.alerts.engine.rule_books import HEAD, PRESSURE_BAND, RULE
from tests.alerts.engine.silences import HOMES, absences, reports, watched
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, glucose, pressure, record

APART_MS = HOUR
"""Of a log whose ticks come every minute nobody would see so many days."""
STAYS = [(0,), (0, 50), (0, 30, 59), (0, 55, 110)]
"""Minutes of the ticks of one stay."""
AWAY_MIN = [61, 90, 119, 120, 121, 200]
STARTS_MS = [MINUTE, 20 * HOUR, 23 * HOUR, 44 * HOUR, 47 * HOUR]
"""When it begins to come and go after something was sent: before somebody is missed."""


@st.composite
def stumbling_lives(draw: st.DrawFn) -> Life:
    """Two patients, rules about their silence, and a log that is away again and again."""
    books = tuple(draw(of_silence(name)) for name in "ab")
    patients = tuple(
        draw(watched(PatientEntry(name, name, draw(st.sampled_from([["a"], ["a", "b"]]))), NOON))
        for name in ("p1", "p2")
    )
    plans = {entry.patient_id: entry for entry in patients}
    log, now_ms = list[Item](), NOON
    for _ in range(draw(st.integers(1, 3))):
        log += draw(sent(now_ms))
        ticks_ms = draw(course(now_ms + draw(st.sampled_from(STARTS_MS))))
        for tick_ms in ticks_ms:
            log.append(Tick(tick_ms))
            what = draw(st.sampled_from([*["nothing"] * 30, "plan", "report", "report"]))
            if what == "report":
                log += draw(st.lists(reports(tick_ms), min_size=1, max_size=2))
            elif what == "plan":
                name = draw(st.sampled_from(sorted(plans)))
                plans[name] = draw(changed(plans[name], tick_ms))
                log.append(plans[name])
        now_ms = ticks_ms[-1] + draw(st.sampled_from([MINUTE, HOUR, 5 * HOUR]))
    return Life(books, patients, (*log, Tick(now_ms + DAY)), APART_MS)


@st.composite
def of_silence(draw: st.DrawFn, name: str) -> str:
    head = HEAD.format(name=name, pressure_fresh="4h", glucose_fresh="1h")
    severe = {"id": f"{name}-0", "ladder": "bp-high", "vital": "blood_pressure"}
    rule = RULE.format(when="systolic > 180 mmHg", severity="critical", **severe)
    silent = (draw(absences(name, number)) for number in range(draw(st.integers(1, 2))))
    return head + rule + PRESSURE_BAND + "".join(silent)


@st.composite
def sent(draw: st.DrawFn, now_ms: int) -> Sequence[Item]:
    name = draw(st.sampled_from(["p1", "p2"]))
    at_ms = now_ms - draw(st.sampled_from([0, MINUTE, 5 * HOUR]))
    one = draw(st.sampled_from([pressure(at_ms, 120), glucose(at_ms, 100)]))
    came = record(now_ms, [one], name)
    return [msgspec.structs.replace(came, gateway_id=draw(st.sampled_from(HOMES)))]


@st.composite
def course(draw: st.DrawFn, begin_ms: int) -> list[int]:
    """Stamps of ticks: stays of a few kinds by turns, and absences between them."""
    kinds = st.tuples(st.sampled_from(STAYS), st.sampled_from(AWAY_MIN))
    stamps, at_ms = list[int](), begin_ms
    for minutes, away_min in islice(cycle(draw(st.lists(kinds, min_size=1, max_size=3))), 18):
        stamps += [at_ms + minute * MINUTE for minute in minutes]
        at_ms = stamps[-1] + away_min * MINUTE
    return stamps
