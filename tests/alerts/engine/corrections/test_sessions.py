"""A reading without a time of its own enters windows only if nothing else is of its session."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from alerts.cli import rules as commands
from alerts.engine.corrections.sessions import SESSIONS_MAX
from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.state.archive import Source, decode_patient
from alerts.engine.state.dated import DATED_MAX
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.kafka import Corrections, PatientReadings, ReadingsRecord, TimeQuality
from schemas.reading import Outcome
from schemas.registry import PatientEntry
from tests.alerts.book_text import rule
from tests.alerts.engine.correcting import correction, withdrawal
from tests.alerts.engine.cuts import judged, remembered
from tests.alerts.engine.histories import reborn
from tests.alerts.engine.one_patient import encode_patient, restore_patient
from tests.alerts.engine.window_rules import GATED, HEAD
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    fresh_state,
    glucose,
    pressure,
    record,
)

TWICE = HEAD + rule("high", "systolic >= 145 mmHg", "window = { matching = 2, of = 2 }")
GATED_TWICE = TWICE.replace(HEAD, GATED)
MEAN = HEAD + rule(
    "high", "systolic >= 145 mmHg", "window = { mean_days = 7, readings = 2, days = 1 }"
)
ROBIN = PatientEntry("p1", "Robin", ["edges"])


def rules(text: str = TWICE) -> RuleSet:
    return arrange([read_book("edges.toml", text)])


def undated(minutes: int, session: str, time: TimeQuality = "receipt") -> Measured:
    return replace(pressure(NOON + minutes * MINUTE, 150), session=session, time=time)


def came(one: Measured, *others: Measured, minutes: int = 0) -> PatientReadings:
    return record(one.at_ms + minutes * MINUTE, [one, *others])


def events(log: Sequence[ReadingsRecord], text: str = TWICE) -> list[str]:
    return [one.event for one in judged(log, ROBIN, rules=rules(text))]


def ring(state: PartitionState, row: int = 0) -> list[int]:
    (vital,) = (one for one in state.rule_set.vitals if one.ladders)
    memory = state.memories[vital.index]
    entries = memory.ring(int(memory.slot_of[row]))
    found: list[int] = ((entries["at_ms"] - NOON) // MINUTE).tolist()
    return found


def after(*log: ReadingsRecord) -> PartitionState:
    state = fresh_state(ROBIN, rules=rules())
    step(state, log)
    return state


def test_the_only_one_of_its_session_counts_in_windows() -> None:
    assert events([came(undated(0, "a")), came(undated(1, "b"))]) == ["onset"]


def test_the_newest_does_not_count_when_another_came_in_a_record_before() -> None:
    log = [came(undated(0, "a")), came(undated(1, "b", "untrusted")), came(undated(2, "b"))]
    assert events(log) == []
    assert ring(after(*log)) == [0]


def test_the_newest_leaves_the_windows_when_another_comes_in_a_record_after() -> None:
    newest, other = undated(1, "b"), undated(2, "b", "untrusted")
    log = [came(newest), came(other), came(undated(3, "c"))]
    assert events(log) == []
    assert ring(after(*log[:1])) == [1]
    assert ring(after(*log)) == [3]


@pytest.mark.parametrize("session", ["b", "c"])
def test_it_leaves_the_mean_over_its_days_too(session: str) -> None:
    first = record(NOON - DAY, [pressure(NOON - DAY, 120)])  # of an episode: it does not count
    low = replace(undated(3, "a"), quantities=pressure(0, 141).quantities)
    log = [first, came(undated(1, "b")), came(undated(2, session, "untrusted")), came(low)]
    log.append(record(NOON + HOUR, [pressure(NOON + HOUR, 148)]))
    # 141 and 148 have a mean of 144.5, and with 150 one of 146.3.
    assert events(log, MEAN) == ([] if session == "b" else ["onset"])


def test_whatever_the_order_of_arrival_windows_are_the_same() -> None:
    newest, other = came(undated(1, "b")), came(undated(2, "b", "untrusted"))
    last = came(undated(3, "c"))
    assert ring(after(newest, other, last)) == ring(after(other, newest, last)) == [3]


def test_an_alert_that_it_has_opened_is_not_taken_back() -> None:
    log = [came(undated(0, "a")), came(undated(1, "b")), came(undated(2, "b", "untrusted"))]
    assert events(log) == ["onset"]


def test_what_is_delivered_twice_is_still_the_only_one() -> None:
    first = undated(0, "a")
    log = [came(first), came(first, minutes=1), came(undated(2, "b"))]
    assert events(log) == ["onset"]


def test_a_withdrawn_one_that_comes_back_counts_again() -> None:
    first = undated(0, "a")
    back = came(first, minutes=1)
    assert ring(after(came(first), withdrawal(first))) == []
    assert ring(after(came(first), withdrawal(first), back)) == [0]


DATED: list[TimeQuality] = ["receipt", "device-clock"]


@pytest.mark.parametrize("outcome", ["failed", "control-solution", "measured"])
@pytest.mark.parametrize("time", DATED)
def test_all_readings_of_a_session_count_of_whatever_vital_outcome_and_time(
    outcome: Outcome, time: TimeQuality
) -> None:
    sugar = replace(glucose(NOON + 2 * MINUTE, 100), session="b", time=time, outcome=outcome)
    log = [came(undated(0, "a")), came(sugar), came(undated(3, "b"))]
    assert events(log) == []
    assert ring(after(came(undated(1, "b")), came(sugar))) == []


def test_sessions_of_several_devices_are_told_apart_while_they_take_turns() -> None:
    log = [came(undated(n, f"s{n % SESSIONS_MAX}")) for n in range(SESSIONS_MAX + 1)]
    assert ring(after(*log)) == list(range(1, SESSIONS_MAX))


def dated(minutes: int, session: str) -> Measured:
    return undated(minutes, session, "device-clock")


@pytest.mark.parametrize(("between", "counts"), [(DATED_MAX - 1, False), (DATED_MAX, True)])
def test_of_sessions_that_are_dated_the_last_are_known(between: int, *, counts: bool) -> None:
    others = [came(dated(n, f"s{n}")) for n in range(1, between + 1)]
    again = [came(dated(10 + n, f"s{n}")) for n in range(between, 0, -1)]
    state = after(came(dated(0, "b")), *others, *again, came(undated(30, "b")))
    assert (30 in ring(state)) is counts


def test_a_restart_between_a_dated_one_and_one_that_is_not_changes_nothing() -> None:
    log = [came(dated(1, "b")), came(undated(2, "b"))]
    state = after(log[0])
    step(other := reborn(state, rules(), [ROBIN]), log[1:])
    assert ring(other) == ring(after(*log)) == [1]


def test_no_more_than_a_few_sessions_are_kept_and_none_of_readings_that_have_a_time() -> None:
    log = [came(undated(n, f"s{n}")) for n in range(3 * SESSIONS_MAX)]
    assert len(after(*log).sessions[0]) == SESSIONS_MAX
    assert after(record(NOON, [pressure(NOON, 150), pressure(NOON - MINUTE, 150)])).sessions == {}


def test_a_restart_between_its_records_changes_nothing() -> None:
    log = [came(undated(1, "b")), came(undated(2, "b", "untrusted")), came(undated(3, "c"))]
    state = after(log[0])
    outcome = step(other := reborn(state, rules(), [ROBIN]), log[1:])
    assert outcome.touched == {0}
    assert remembered(other) == remembered(after(*log))


def test_a_record_of_the_release_before_says_nothing_of_sessions() -> None:
    said = msgspec.msgpack.decode(encode_patient(after(came(undated(0, "a"))), 0, Source("t", 7)))
    del said["sessions"]
    kept = decode_patient(msgspec.msgpack.encode(said))
    assert kept is not None
    state = fresh_state(ROBIN, rules=rules())
    restore_patient(state, "p1", kept)
    assert (ring(state), state.sessions) == ([0], {})


def test_sessions_that_a_record_does_not_name_are_gone() -> None:
    state = after(came(undated(0, "a")))
    kept = decode_patient(encode_patient(fresh_and_known(), 0, Source("t", 7)))
    assert kept is not None
    restore_patient(state, "p1", kept)
    assert state.sessions == {}


def fresh_and_known() -> PartitionState:
    state = fresh_state(ROBIN, rules=rules())
    state.row("p1")
    return state


@pytest.mark.parametrize("time", DATED)
def test_a_record_without_a_measurement_is_written_down(time: TimeQuality) -> None:
    """It is one of its session, and a contact."""
    state = fresh_state(ROBIN, rules=rules())
    failed = replace(undated(0, "a", time), outcome="failed")
    assert step(state, [came(failed)]).touched == {0}


@pytest.mark.parametrize(
    ("sessions", "told"), [("ab", True), ("aab", False), ("aba", False)], ids=str
)
def test_what_a_correction_unflags_counts_if_it_was_the_only_one(
    sessions: str, *, told: bool
) -> None:
    """Flagged it never was in windows, so nobody sees from them that it was alone."""
    first, *others = [undated(n, session) for n, session in enumerate(sessions)]
    moved = replace(first, flags=("body-moved",))
    log = [came(moved), *map(came, others)]
    assert events(log, GATED_TWICE) == []
    unflagged = unflagging(moved, others[-1].at_ms)
    assert events([*log, unflagged], GATED_TWICE) == (["corrected-match"] if told else [])


def test_what_was_unflagged_leaves_the_windows_when_another_comes_after_that() -> None:
    moved = replace(undated(0, "a"), flags=("body-moved",))
    log: list[ReadingsRecord] = [came(moved), unflagging(moved, moved.at_ms)]
    last = came(undated(9, "b"))
    assert events([*log, last], GATED_TWICE) == ["onset"]
    assert events([*log, came(undated(2, "a", "untrusted")), last], GATED_TWICE) == []


def unflagging(moved: Measured, at_ms: int) -> Corrections:
    told = correction(moved, replace(moved, flags=()), at_ms)
    (one,) = told.readings
    before = msgspec.structs.replace(one, status_before=list(moved.flags))
    return msgspec.structs.replace(told, readings=[before])


def line(number: int, session: str, quality: str) -> str:
    return (
        f'{{"reading_id": "r{number}", "vital": "blood_pressure", "patient_id": "p1", '
        f'"received_at": "2026-11-24T08:0{number}Z", "measured_at": "2026-11-24T08:0{number}Z", '
        f'"time_quality": "{quality}", "session_id": "{session}", '
        '"quantities": {"systolic": {"unit": "mm[Hg]", "value": 150}, '
        '"diastolic": {"unit": "mm[Hg]", "value": 80}}}'
    )


@pytest.mark.parametrize(
    ("sessions", "told"),
    [("abc", 1), ("abb", 0), ("bba", 0), ("bab", 1)],
    ids=["each its own", "the second before", "the first after", "after it was told"],
)
@pytest.mark.parametrize("cut", [1, 100])
def test_lines_of_a_log_may_be_of_one_session(
    tmp_path: Path, sessions: str, told: int, cut: int
) -> None:
    """The middle one of three is the older one of its session where it shares it."""
    qualities = ["receipt", "untrusted" if sessions in {"abb", "bba"} else "receipt", "receipt"]
    lines = zip(range(3), sessions, qualities, strict=True)
    log, book = tmp_path / "log.jsonl", tmp_path / "edges.toml"
    log.write_text("\n".join(line(*one) for one in lines))
    book.write_text(TWICE)
    given = ["judge", str(book), "--log", str(log), "--json", "--cut", str(cut)]
    result = CliRunner().invoke(commands, given)
    assert result.exit_code == 0, result.output
    assert result.stdout.count('"onset"') == told


def test_of_whose_session_it_is_each_patient_knows_alone() -> None:
    """Two homes' gateways may name a session alike; the names of others say nothing."""
    known, foreign = dated(1, "b"), dated(1, "c")
    last = {"b": undated(2, "b"), "c": undated(2, "c")}
    for session, counts in (("b", False), ("c", True)):
        state = fresh_state(ROBIN, PatientEntry("p2", "Kim", ["edges"]), rules=rules())
        first = [record(one.at_ms, [one], name) for one, name in ((foreign, "p1"), (known, "p2"))]
        step(state, [*first, record(last[session].at_ms, [last[session]], "p2")])
        assert (2 in ring(state, state.rows["p2"])) is counts
