"""The desk: a log read back with 10,000 open alerts, and events that come while they wait.

Read back: each alert has an onset, its notice, its delivery and six further matches with what was
decided on them; nobody has answered. Beside it: the same, but judging an alert with each of its
records, as one would who cannot wait until somebody asks. Live: one event after the other, found,
decided, delivered and taken back, as the desk's process does it, but without Kafka. One long alert:
whether its cost grows with its records or faster.
"""

import time
from collections.abc import Callable, Iterable, Iterator

from alerts.desk.calls import outcome
from alerts.desk.core import Core
from alerts.desk.triage import GATHER_MS
from bench.record import Figure, Reference, Target
from schemas.alert import Action, Evidence, Transition
from schemas.rota import Channel, Contact, OffHours, RotaEntry

ALERTS = 10_000
MATCHES = 6
LIVE = 1_000
LONG = 1_000
_BEGIN_MS = 1_790_000_000_000
_ROTA = RotaEntry(
    "home",
    contacts=[Contact("nurse", [Channel("log")])],
    off_hours=OffHours(["nurse"], ["nurse"]),
    programme_lead=["nurse"],
    technical=["nurse"],
)

Record = Transition | Action


def run() -> Iterator[Figure]:
    """Measure."""
    log = _clinic()
    eager = len(log) / _seconds(lambda: _read(log, eager=True))
    lazy = len(log) / _seconds(lambda: _read(log))
    yield Figure("desk.read_back", lazy, "records/s", Reference("judged with each record", eager))
    yield Figure("desk.live", _live(_read(log)), "events/s", target=Target(">=", 100))
    short = _seconds(lambda: _read(_long(LONG))) / LONG
    long = _seconds(lambda: _read(_long(4 * LONG))) / (4 * LONG)
    yield Figure(
        "desk.long_alert",
        long * 1e6,
        "us/record",
        Reference("a quarter as long", short * 1e6),
        Target("<=", 2, "ratio"),
    )


def _clinic() -> list[Record]:
    return [record for number in range(ALERTS) for record in _history(number)]


def _long(matches: int) -> list[Record]:
    return list(_history(0, matches))


def _history(number: int, matches: int = MATCHES) -> Iterator[Record]:
    onset = _event(number, 0, "onset")
    notice = _notify(onset)
    yield onset
    yield notice
    yield outcome(notice, notice.at_ms, delivered=True)
    for index in range(1, matches + 1):
        match = _event(number, index, "again")
        yield match
        yield _withhold(match)


def _read(log: Iterable[Record], *, eager: bool = False) -> Core:
    core = Core()
    core.put_rota(_ROTA)
    for record in log:
        if isinstance(record, Transition):
            core.found(record, record.at_ms)
            alert_id = record.alert_id
        else:
            core.done(record, record.at_ms)
            (alert_id,) = record.alert_ids
        if eager:
            core.desk.case(alert_id)
    core.due_ms()
    return core


def _live(core: Core) -> float:
    """Give events a second, each decided before the next comes; the others wait for their step."""
    now_ms = _BEGIN_MS + 1  # before the next step of any chain is due
    events = [_event(ALERTS + number, 0, "onset") for number in range(LIVE)]
    begin_s = time.perf_counter()
    for event in events:
        core.found(event, now_ms - GATHER_MS)
        core.due_ms()
        while drafts := core.decide(now_ms):
            for draft in drafts:
                core.done(draft, now_ms)
        for notice in core.to_deliver():
            for said in core.outcome(notice, now_ms, delivered=True, note="log"):
                core.done(said, now_ms)
    return LIVE / (time.perf_counter() - begin_s)


def _seconds(work: Callable[[], object]) -> float:
    begin_s = time.perf_counter()
    work()
    return time.perf_counter() - begin_s


def _event(number: int, index: int, kind: str) -> Transition:
    return Transition(
        event_id=f"{number}-{index}",
        alert_id=f"alert-{number}",
        patient_id=f"patient-{number}",
        ladder="bp-high",
        rule="bp-severe",
        event="onset" if kind == "onset" else "again",
        severity="critical",
        at_ms=_BEGIN_MS + index,
        title="Severe blood pressure",
        reason="192/124 mmHg is above 180/120 mmHg.",
        evidence=Evidence("00" * 16, "blood_pressure", _BEGIN_MS, "device-clock", {}),
        book="adult-standard",
        book_sha256="0" * 64,
    )


def _notify(event: Transition) -> Action:
    return _decision(event, "notify", "onset", ["nurse"])


def _withhold(event: Transition) -> Action:
    return _decision(event, "withhold", "attached", [])


def _decision(event: Transition, kind: str, reason: str, people: list[str]) -> Action:
    return Action(
        action_id=f"{kind}-{event.event_id}",
        alert_ids=[event.alert_id],
        kind="notify" if kind == "notify" else "withhold",
        who="desk",
        at_ms=event.at_ms,
        patient_id=event.patient_id,
        event_ids=[event.event_id],
        reason="onset" if reason == "onset" else "attached",
        to=people,
    )
