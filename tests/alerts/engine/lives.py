"""Random scenes in which care plans change while readings come."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from hypothesis import strategies as st

from alerts.engine.ladders import RuleSet, arrange
from alerts.engine.state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord, Tick
from schemas.registry import PatientEntry, PersonalLimit, ZonePeriod
from tests.alerts.engine.histories import reborn
from tests.alerts.engine.rule_books import BASELINE, HEAD, PRESSURE_BAND, RULE
from tests.alerts.engine.scenes import Scene, scenes
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, at_once, fresh_state, pressure, record

Item = ReadingsRecord | PatientEntry
"""What happens: a record comes, or a patient's plan is another one from here on."""


@dataclass(frozen=True)
class Life:
    """Books as TOML, patients as they begin, and what happens."""

    books: tuple[str, ...]
    patients: tuple[PatientEntry, ...]
    log: tuple[Item, ...]

    def rule_set(self) -> RuleSet:
        return arrange([read_book("generated", text) for text in self.books])

    def begin(self) -> PartitionState:
        """Start as the engine does: it knows the patients whom the registry has."""
        state = fresh_state(*self.patients, rules=self.rule_set())
        for patient in self.patients:
            state.row(patient.patient_id)
        return state


def lived(state: PartitionState, log: Sequence[Item]) -> list[Transition]:
    """Step through what happens."""
    found: list[Transition] = []
    records: list[ReadingsRecord] = []
    for item in log:
        if not isinstance(item, PatientEntry):
            records.append(item)
            continue
        found += step(state, records).transitions if records else []
        records = []
        state.plans.put(item)
        state.replan(item.patient_id)
    return found + (step(state, records).transitions if records else [])


class Restarted:
    """The same, in pieces; between them the engine may be started anew."""

    def __init__(self, life: Life) -> None:
        self.life, self.state = life, life.begin()
        self.plans = {entry.patient_id: entry for entry in life.patients}

    def take(self, log: Sequence[Item]) -> list[Transition]:
        self.plans |= {item.patient_id: item for item in log if isinstance(item, PatientEntry)}
        return lived(self.state, log)

    def restart(self) -> None:
        self.state = reborn(self.state, self.life.rule_set(), list(self.plans.values()))


@st.composite
def changed(draw: st.DrawFn, entry: PatientEntry, now_ms: int) -> PatientEntry:
    """Change one thing of a plan, as somebody would now."""
    what = draw(st.sampled_from(["books", "books", "books", "limit", "limit", "zone", "therapy"]))
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
        case "zone":
            # From now on: one that is entered for the past is not held yet (docs/design/028).
            moved = ZonePeriod(now_ms + 1, draw(st.sampled_from(["Asia/Tokyo", "America/Lima"])))
            return msgspec.structs.replace(entry, zones=[*entry.zones, moved])
        case _:
            therapy_ms = now_ms + draw(st.sampled_from([-DAY, 0, 3 * DAY]))
            return msgspec.structs.replace(entry, therapy_start_ms=therapy_ms)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    scene: Scene = draw(scenes())
    plans = {entry.patient_id: entry for entry in scene.patients}
    log, now_ms = list[Item](), scene.log[0].received_at_ms
    changed_ms = dict.fromkeys(plans, 0)
    for item in scene.log:
        log.append(item)
        now_ms = max(now_ms, item.received_at_ms)
        if draw(st.integers(0, 5)) == 0:
            name = draw(st.sampled_from(sorted(plans)))
            if changed_ms[name] == now_ms:  # no person is so quick; names tell by the log's time
                continue
            changed_ms[name] = now_ms
            plans[name] = draw(changed(plans[name], now_ms))
            log.append(plans[name])
    log.append(scene.log[-1])
    return Life(scene.books, scene.patients, tuple(log))


def seldom() -> Life:
    """What random lives bring seldom.

    A repeat that denies, what stands, what is over at once, a rule without its baseline.
    """
    first = HEAD.format(name="a", pressure_fresh="4h", glucose_fresh="1h")
    second = HEAD.format(name="b", pressure_fresh="4h", glucose_fresh="1h")
    rule = RULE.format(
        id="{id}", ladder="bp-high", vital="blood_pressure", when="{when}", severity="{severity}"
    )
    severe = rule.format(id="a-0", when="systolic > 180 mmHg", severity="critical")
    high = rule.format(id="b-0", when="systolic >= 140 mmHg", severity="medium")
    risen = rule.format(id="b-1", when="systolic rise >= 20 mmHg", severity="medium")
    books = (
        f'{first}{severe}{PRESSURE_BAND}\nconfirm = {{ within = "10min" }}\n',
        f"{second}{high}{PRESSURE_BAND}\n{risen}{PRESSURE_BAND}\n{BASELINE}\n",
    )
    robin = PatientEntry("p1", "Robin", ["a"])
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
