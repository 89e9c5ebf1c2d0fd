"""Repeats that come in any order, in time or when nobody waits any more: engine and oracle."""

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.step import step
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord, Tick, Withdrawals
from schemas.registry import PatientEntry
from tests.alerts.engine.agreement import agree
from tests.alerts.engine.corrected import gone
from tests.alerts.engine.histories import reborn
from tests.alerts.engine.rule_books import HEAD, PRESSURE_BAND, RULE
from tests.alerts.engine.scenes import Scene, examples
from tests.alerts.oracle import Oracle
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, fresh_state, pressure, record, stamped

ROBIN = PatientEntry("p1", "Robin", ["a"])
DELAYS = [0, 8 * MINUTE, 14 * MINUTE, 20 * MINUTE, 20 * MINUTE, 40 * MINUTE, 5 * HOUR, DAY]
EXTRAS = ["", 'confirm = { within = "10min" }', 'confirm = { within = "30min" }']
GATES = ["", 'repeat = { within = "5min" }']


@st.composite
def books(draw: st.DrawFn) -> str:
    """Two steps of one ladder."""
    text = HEAD.format(name="a", pressure_fresh="4h", glucose_fresh="1h")
    for number, (limit, severities) in enumerate(
        [(180, ["critical"]), (140, ["critical", "high", "medium"])]
    ):
        rule = RULE.format(
            id=f"a-{number}",
            ladder="bp-high",
            vital="blood_pressure",
            when=f"systolic > {limit} mmHg",
            severity=draw(st.sampled_from(severities)),
        )
        extra = draw(st.sampled_from(EXTRAS)), draw(st.sampled_from(GATES))
        text += "\n".join([rule.rstrip(), PRESSURE_BAND, *filter(None, extra), ""])
    return text


@st.composite
def deliveries(draw: st.DrawFn) -> list[ReadingsRecord]:
    """A flagged match and what is measured soon after; most come late, some are taken back."""
    minutes = draw(st.lists(st.integers(1, 20), min_size=1, max_size=5, unique=True))
    first = pressure(NOON, draw(st.sampled_from([150, 190])), 80, "body-moved")
    arrivals: list[tuple[int, ReadingsRecord]] = [(NOON, record(NOON, [first]))]
    for minute in minutes:
        flags = draw(st.sampled_from([("body-moved",), ()]))
        value = draw(st.sampled_from([120, 138, 150, 178, *[190] * 4]))
        one = pressure(NOON + minute * MINUTE, value, 80, *flags)
        came_ms = one.at_ms + draw(st.sampled_from(DELAYS)) + draw(st.integers(0, 1))
        arrivals.append((came_ms, record(came_ms, [one])))
        if draw(st.integers(0, 9)) == 0:
            lent_ms = came_ms + draw(st.sampled_from([MINUTE, 16 * MINUTE, HOUR]))
            lent = gone(stamped(one, came_ms))
            arrivals.append((lent_ms, Withdrawals("p1", lent_ms, "the cuff was lent", [lent])))
    ticks = [NOON + 16 * MINUTE, NOON + 31 * MINUTE, NOON + HOUR, NOON + 3 * DAY]
    arrivals += [(at_ms, Tick(at_ms)) for at_ms in ticks]
    return [one for _, one in sorted(arrivals, key=lambda arrival: arrival[0])]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    return Scene((draw(books()),), (ROBIN,), tuple(draw(deliveries())))


@settings(max_examples=examples(80))
@given(scenes())
def test_they_say_the_same_in_whatever_order_repeats_come(scene: Scene) -> None:
    state = fresh_state(ROBIN, rules=scene.rule_set())
    found = step(state, scene.log).transitions
    agree(found, Oracle(scene.patients, scene.books).judge(scene.log))


def test_of_many_patients_at_once_a_late_repeat_answers_too() -> None:
    """As columns go: one between the limits leads to nothing else, and has not confirmed."""
    names = [f"p{number}" for number in range(40)]
    moved, between = pressure(NOON, 190, 80, "body-moved"), pressure(NOON + 6 * MINUTE, 178)
    late = pressure(NOON + 12 * MINUTE, 190, 80, "body-moved")
    log: list[ReadingsRecord] = [record(NOON, [moved], name) for name in names]
    log.append(Tick(NOON + 16 * MINUTE))
    log += [record(NOON + 17 * MINUTE, [between], name) for name in names]
    log += [record(NOON + 18 * MINUTE, [late], name) for name in names]
    state = fresh_state(*(PatientEntry(name, "Robin", ["adult-standard"]) for name in names))
    found = step(state, log).transitions
    for name in names:
        told = [one.event for one in found if one.patient_id == name]
        assert told == ["repeat-asked", "onset", "again", "repeat-asked"]
    assert not any(one.severity == "critical" for one in found if one.event != "repeat-asked")


@settings(max_examples=examples(40))
@given(scenes(), st.data())
def test_neither_a_cut_nor_a_restart_forgets_who_may_still_be_confirmed(
    scene: Scene, data: st.DataObject
) -> None:
    rules, found = scene.rule_set(), list[Transition]()
    whole = step(fresh_state(ROBIN, rules=rules), scene.log).transitions
    state = fresh_state(ROBIN, rules=rules)
    for one in scene.log:
        found += step(state, [one]).transitions
        if data.draw(st.booleans()):
            state = reborn(state, rules, scene.patients)
    assert found == whole
