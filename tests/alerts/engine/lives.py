"""Random scenes in which care plans change while readings come."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from hypothesis import strategies as st

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import GatewayReport, ReadingsRecord, Tick
from schemas.registry import PatientEntry, Pause, PersonalLimit, ZonePeriod
from tests.alerts.engine.histories import reborn, written
from tests.alerts.engine.rule_books import BASELINE, HEAD, LIMITS, PRESSURE_BAND, RULE
from tests.alerts.engine.scenes import Scene, scenes
from tests.alerts.engine.silences import reports, silent
from tests.alerts.engine.versions import versions
from tests.alerts.oracle import Oracle
from tests.alerts.oracle_words import Said
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Version,
    at_once,
    fresh_state,
    pressure,
    record,
)

Item = ReadingsRecord | PatientEntry | Version | GatewayReport
"""What happens: a record comes, or a patient's plan, or the books, are others from here on."""


@dataclass(frozen=True)
class Life:
    """Books as TOML, patients as they begin, and what happens.

    ``gap_ms``: stamps farther apart tell that the way to the clinic was late.
    """

    books: tuple[str, ...]
    patients: tuple[PatientEntry, ...]
    log: tuple[Item, ...]
    gap_ms: int | None = None

    def expected(self) -> list[Said]:
        return Oracle(self.patients, self.books, self.gap_ms).judge(self.log)


def rule_set(books: Sequence[str]) -> RuleSet:
    return arrange([read_book("generated", text) for text in books])


class Lived:
    """An engine through what happens, in pieces; between them it may be started anew."""

    def __init__(self, life: Life) -> None:
        """Start as the engine does: it knows the patients whom the registry has."""
        self.books = life.books
        self.plans = {entry.patient_id: entry for entry in life.patients}
        self.state = fresh_state(*life.patients, rules=rule_set(life.books))
        for patient in life.patients:
            self.state.row(patient.patient_id)
        self.state.absences.gap_ms = life.gap_ms
        self._kept: dict[str, bytes] = {}
        """What alerts.state.v1 has of each patient: written whenever a step touches one."""

    def take(self, log: Sequence[Item]) -> list[Transition]:
        found, records = list[Transition](), list[ReadingsRecord]()
        for item in log:
            if isinstance(item, PatientEntry | Version | GatewayReport):
                found += self._step(records)
                records = []
                self._change(item)
            else:
                records.append(item)
        return found + self._step(records)

    def restart(self) -> None:
        """Begin with what was written down; whom nothing touched is as in the beginning."""
        plans = list(self.plans.values())
        self.state = reborn(self.state, rule_set(self.books), plans, self._kept)

    def _step(self, records: Sequence[ReadingsRecord]) -> list[Transition]:
        if not records:
            return []
        outcome = step(self.state, records)
        for row in outcome.touched:
            self._kept[self.state.patients[row]] = written(self.state, row)
        return outcome.transitions

    def _change(self, item: PatientEntry | Version | GatewayReport) -> None:
        if isinstance(item, GatewayReport):
            if self.state.plans.surroundings.take(item):
                self.state.absences.gateway_changed(item.gateway_id)
            return
        if isinstance(item, Version):  # as a replica under other books
            self.books = item.books
            plans = list(self.plans.values())
            self.state = reborn(self.state, rule_set(self.books), plans)
            return
        self.plans[item.patient_id] = item
        self.state.plans.put(item)
        self.state.replan(item.patient_id)


def lived(life: Life) -> list[Transition]:
    return Lived(life).take(life.log)


@st.composite
def changed(draw: st.DrawFn, entry: PatientEntry, now_ms: int) -> PatientEntry:
    """Change one thing of a plan, as somebody would now."""
    whats = [*["books"] * 3, "limit", "limit", "zone", "therapy", "pause", "age"]
    what = draw(st.sampled_from(whats))
    match what:
        case "books":
            books = draw(st.sampled_from([["a"], ["b"], ["a", "b"], ["a", "b"], []]))
            return msgspec.structs.replace(entry, books=books)
        case "limit":
            from_ms = now_ms + draw(st.sampled_from([-DAY, 0, HOUR]))
            own = PersonalLimit(
                "high-systolic",
                [f"{draw(st.sampled_from([120, 140, 170]))} mmHg"],
                "Dr. Ito",
                "physician",
                "another drug",
                from_ms,
                draw(st.sampled_from([None, now_ms + 2 * HOUR, now_ms + 9 * DAY])),
                entered_at_ms=now_ms - draw(st.sampled_from([0, 0, 5 * HOUR, 3 * DAY])),
            )
            return msgspec.structs.replace(entry, limits=[*entry.limits, own])
        case "age":  # every book of a life is for adults
            return msgspec.structs.replace(entry, under_13=not entry.under_13)
        case "pause":
            until_ms = draw(st.sampled_from([None, now_ms + 3 * HOUR, now_ms + DAY]))
            return msgspec.structs.replace(entry, pauses=[Pause(now_ms, until_ms)])
        case "zone":
            # Devices' clocks are up to an hour ahead here: what is entered is known after that.
            entered_ms = now_ms + HOUR + 1
            from_ms = entered_ms + draw(st.sampled_from([-4 * DAY, -9 * HOUR, 0, 2 * HOUR]))
            zone = draw(st.sampled_from(["Asia/Tokyo", "America/Lima"]))
            moved = ZonePeriod(from_ms, zone, entered_ms)
            return msgspec.structs.replace(entry, zones=[*entry.zones, moved])
        case _:
            therapy_ms = now_ms + draw(st.sampled_from([-DAY, 0, 3 * DAY]))
            return msgspec.structs.replace(entry, therapy_start_ms=therapy_ms)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    scene: Scene = draw(silent(draw(scenes())))
    plans = {entry.patient_id: entry for entry in scene.patients}
    log, now_ms = list[Item](), scene.log[0].received_at_ms
    texts, changed_ms = scene.books, dict.fromkeys(plans, 0)
    for number, item in enumerate(scene.log):
        log.append(item)
        now_ms = max(now_ms, item.received_at_ms)
        what = draw(st.sampled_from([*["nothing"] * 12, *["plan"] * 3, "books", *["report"] * 3]))
        if what == "report":
            log += draw(st.lists(reports(now_ms), min_size=1, max_size=3))
        if what == "plan":
            name = draw(st.sampled_from(sorted(plans)))
            if changed_ms[name] == now_ms:  # no person is so quick; names tell by the log's time
                continue
            changed_ms[name] = now_ms
            plans[name] = draw(changed(plans[name], now_ms))
            log.append(plans[name])
        if what == "books" and now_ms not in changed_ms.values():
            changed_ms = dict.fromkeys(plans, now_ms)
            version = draw(versions(texts, number))
            texts = version.books
            log.append(version)
    log.append(scene.log[-1])
    return Life(scene.books, scene.patients, tuple(log), draw(st.sampled_from([None, 6 * HOUR])))


def seldom() -> Life:
    """What random lives bring seldom.

    A repeat that denies, what stands, what is over at once, a rule without its baseline, a limit of
    the patient's own that ends.
    """
    first = HEAD.format(name="a", pressure_fresh="4h", glucose_fresh="1h")
    second = HEAD.format(name="b", pressure_fresh="4h", glucose_fresh="1h")
    rule = RULE.format(
        id="{id}", ladder="bp-high", vital="blood_pressure", when="{when}", severity="{severity}"
    )
    severe = rule.format(id="a-0", when="systolic > 180 mmHg", severity="critical")
    high = rule.format(id="b-0", when="systolic >= 140 mmHg", severity="medium")
    risen = rule.format(id="b-1", when="systolic rise >= 20 mmHg", severity="medium")
    own = rule.format(id="b-2", when="systolic >= limit.high-systolic", severity="info")
    own = own.replace('"bp-high"', '"bp-low"')
    end = f"{PRESSURE_BAND}\n{LIMITS.format(value=145)}"
    books = (
        f'{first}{severe}{PRESSURE_BAND}\nconfirm = {{ within = "10min" }}\n',
        f"{second}{high}{PRESSURE_BAND}\n{risen}{PRESSURE_BAND}\n{BASELINE}\n{own}{end}",
    )
    ends = PersonalLimit(
        "high-systolic", ["120 mmHg"], "Dr. Grey", "physician", "", NOON - DAY, NOON + 3 * DAY, 1
    )
    robin = PatientEntry("p1", "Robin", ["a"], limits=[ends])
    high_then_back = [pressure(NOON + 3 * HOUR, 190), pressure(NOON + 3 * HOUR + MINUTE, 120)]
    log = [
        *at_once(pressure(NOON, 190), pressure(NOON + 5 * MINUTE, 120)),
        *at_once(pressure(NOON + HOUR, 150)),
        msgspec.structs.replace(robin, books=["a", "b"]),
        *at_once(pressure(NOON + 2 * HOUR, 120)),
        record(NOON + 3 * HOUR + MINUTE, high_then_back),
        Tick(NOON + 2 * DAY),
    ]
    return Life(books, (robin,), tuple(log))
