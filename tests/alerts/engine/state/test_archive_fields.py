"""Each thing that a patient's record says comes back, and what it does not say is gone."""

from dataclasses import dataclass

import msgspec
import numpy as np
import pytest

from alerts.engine.ladders.ladder import INFO
from alerts.engine.readings.sight import Sight
from alerts.engine.state.archive import Source, decode_patient
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.step import step
from alerts.engine.transitions.ladder_state import (
    LONG_AGO_MS,
    Awaiting,
    Ended,
    LadderState,
    Match,
    Pending,
    Unanswered,
)
from schemas.kafka import ReadingsRecord, Tick
from tests.alerts.engine.confirming import rules as confirming
from tests.alerts.engine.correcting import withdrawal
from tests.alerts.engine.histories import PATIENTS, reborn
from tests.alerts.engine.one_patient import encode_patient, restore_patient
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    at_once,
    fresh_state,
    glucose,
    pressure,
    record,
    trial,
)

KEY = (0, 0)


@dataclass
class Kept:
    """A record of MessagePack, to be changed as another release would have written it."""

    said: dict[str, object]

    @classmethod
    def of(cls, state: PartitionState) -> "Kept":
        return cls(msgspec.msgpack.decode(encode_patient(state, 0, Source("topic", 7))))

    def into(self, state: PartitionState) -> PartitionState:
        patient = decode_patient(msgspec.msgpack.encode(self.said))
        assert patient is not None
        restore_patient(state, "p1", patient)
        return state


def lived(*log: ReadingsRecord) -> PartitionState:
    state = fresh_state(*PATIENTS, rules=trial())
    step(state, log or at_once(glucose(NOON, 50), pressure(NOON, 200)))
    return state


def fresh() -> PartitionState:
    return fresh_state(*PATIENTS, rules=trial())


def test_all_that_a_ladder_remembers_comes_back() -> None:
    state = fresh()
    state.row("p1")
    sight = Sight("a", "blood_pressure", NOON, "receipt", {}, ["body-moved"], ["irregular-pulse"])
    ladder = state.rule_set.ladders[0]
    every = (1 << len(ladder.rungs)) - 1
    held = LadderState(
        latched=every,
        lowered=1,
        last_match_ms=NOON,
        onset_reading_id="a",
        pending=[Pending(sight, 1, NOON + 1, 2 * MINUTE, delayed=True)],
        unanswered=[Unanswered("u", NOON - HOUR, 1, 3 * MINUTE)],
        flagged=[(NOON, 1)],
        awaiting=Awaiting(sight, 1, NOON + 3, 4 * MINUTE),
        basis=[Match("a", NOON, every), Match("b", NOON + 1, 1)],
        older=1,
        said={0: 20_000},
        ended=[
            Ended(
                LadderState(
                    latched=1,
                    last_match_ms=5,
                    awaiting=Awaiting(sight, 1, 6, 7),
                    basis=[Match("d", 5, 1)],
                ),
                {0: ("c", NOON + 5)},
                NOON + 6,
            )
        ],
    )
    state.put_ladder(KEY, held)
    back = reborn(state)
    assert back.ladders == {KEY: held}
    assert back.latched[0, 0] == every
    assert back.waits[0, 0]
    assert back.timers.when(KEY) == NOON + 1


def test_what_an_older_record_says_takes_the_place_of_all_that_was_known() -> None:
    """Of several records of one patient the last one counts, also in what it does not say."""
    empty = Kept.of(lived(*at_once(pressure(NOON, 120))))
    stale = record(NOON + 3 * DAY, [pressure(NOON, 200)])
    moved = withdrawal(pressure(NOON + MINUTE, 120), at_ms=NOON + HOUR)
    state = lived(*at_once(glucose(NOON, 50), pressure(NOON + MINUTE, 120)), moved, stale)
    assert state.ladders
    assert state.arrivals
    assert state.withdrawn
    state.orphans[0] = []
    empty.into(state)
    assert state.ladders == {}
    assert state.arrivals == {}
    assert state.withdrawn == {}
    assert state.orphans == {}
    assert not state.latched.any()


def test_how_often_a_reading_was_withdrawn_comes_back() -> None:
    moved = withdrawal(pressure(NOON, 120), at_ms=NOON + HOUR)
    state = lived(*at_once(pressure(NOON, 120)), moved)
    assert [*state.withdrawn[0].values()] == [1]
    assert reborn(state).withdrawn == state.withdrawn


def test_old_readings_of_a_day_come_back_and_the_worst_only_under_a_rule_that_there_is() -> None:
    state = lived(record(NOON + 3 * DAY, [pressure(NOON, 200)]))
    ((_, arrivals),) = state.arrivals.items()
    assert reborn(state).arrivals == state.arrivals
    assert arrivals.count == 1
    kept = Kept.of(state)
    vitals = kept.said["vitals"]
    assert isinstance(vitals, dict)
    vitals["blood_pressure"]["arrivals"]["rung"] = "gone/gone"
    ((_, counted),) = kept.into(fresh()).arrivals.items()
    assert (counted.count, counted.rank) == (1, INFO + 1), "any other one is worse"


def test_of_whom_somebody_was_told_that_there_is_no_baseline_comes_back() -> None:
    state = lived()
    assert not reborn(state).inactive.any()
    state.inactive[0, 0] = 1
    assert reborn(state).inactive[0].tolist() == state.inactive[0].tolist()
    other = fresh()
    other.row("p1")
    other.inactive[0, 0] = 1
    Kept.of(lived()).into(other)
    assert other.inactive[0, 0] == 1, "nothing is said of it"


@pytest.mark.parametrize("said", [True, False])
def test_of_which_vitals_nobody_kept_readings_comes_back(said: bool) -> None:
    state = lived()
    state.unfilled = {(0, 1)}
    assert reborn(state).unfilled == {(0, 1)}
    kept = Kept.of(state)
    if not said:
        kept.said["kept_vitals"] = None
    other = fresh()
    other.row("p1")
    other.unfilled = {(0, 0), (0, 1)}
    assert kept.into(other).unfilled == ({(0, 1)} if said else set())


def test_the_ids_of_a_record_of_the_first_release_are_known() -> None:
    state = lived(*at_once(*(pressure(NOON + n, 120) for n in range(3))))
    vital = next(one for one in state.rule_set.vitals if one.vital.name == "blood_pressure")
    memory = state.memories[vital.index]
    recent = memory.table["recent"][int(memory.slot_of[0])][:3]
    kept = Kept.of(state)
    vitals = kept.said["vitals"]
    assert isinstance(vitals, dict)
    vitals["blood_pressure"].pop("slot")
    vitals["blood_pressure"]["recent"] = recent.astype("<u8").tobytes()
    kept.said["version"] = 1
    back = kept.into(fresh())
    again = step(back, [record(NOON + MINUTE, [pressure(NOON + n, 120) for n in range(3)])])
    assert again.duplicates == 3


def test_a_ladder_that_the_first_release_called_clear_is_so() -> None:
    kept = Kept.of(lived())
    ladders = kept.said["ladders"]
    assert isinstance(ladders, dict)
    name = next(iter(ladders))
    ladders[name] = {"clear": True}
    back = kept.into(fresh())
    ladder = next(one for one in back.rule_set.ladders if one.name == name)
    assert back.clear[0, ladder.index] == (1 << len(ladder.rungs)) - 1
    assert (0, ladder.index) not in back.ladders


def test_what_holds_without_matches_that_are_known_rests_on_older_ones() -> None:
    state = lived()
    key = next(iter(state.ladders))
    held = state.ladders[key]
    kept = Kept.of(state)
    ladders = kept.said["ladders"]
    assert isinstance(ladders, dict)
    name = state.rule_set.ladders[key[1]].name
    ladders[name].pop("basis")
    back = kept.into(fresh()).ladders[key]
    assert (back.older, back.latched, back.basis) == (held.latched, held.latched, [])


def test_what_waits_under_rules_that_are_gone_waits_no_more() -> None:
    sight = Sight("a", "blood_pressure", NOON, "receipt", {})
    state = fresh()
    state.row("p1")
    state.put_ladder(
        KEY,
        LadderState(
            latched=1,
            pending=[Pending(sight, 1, NOON, MINUTE, delayed=False)],
            unanswered=[Unanswered("u", NOON, 1, MINUTE)],
            awaiting=Awaiting(sight, 1, NOON, MINUTE),
            ended=[Ended(LadderState(latched=1), {0: ("c", NOON)}, NOON)],
            flagged=[(NOON, 1)],
        ),
    )
    kept = Kept.of(state)
    text = msgspec.msgpack.encode(kept.said)
    key = state.rule_set.ladders[0].rungs[0].key.encode()
    gone = msgspec.msgpack.decode(text.replace(key, b"x" * len(key)))
    back = Kept(gone).into(fresh())
    held = back.ladders[KEY]
    assert (held.latched, held.pending, held.awaiting, held.ended) == (0, [], None, [])
    assert held.unanswered == []
    assert held.last_match_ms == LONG_AGO_MS


def test_of_a_former_release_nobody_is_known_whose_repeat_may_come_late() -> None:
    state = lived(*at_once(pressure(NOON, 200, 80, "body-moved")), Tick(NOON + HOUR))
    kept = Kept.of(state)
    assert restored(kept).unanswered == next(iter(state.ladders.values())).unanswered != []
    ladders = kept.said["ladders"]
    assert isinstance(ladders, dict)
    for ladder in ladders.values():
        del ladder["unanswered"]
    assert restored(kept).unanswered == []
    assert restored(kept).latched


def restored(kept: Kept) -> LadderState:
    (held,) = kept.into(fresh()).ladders.values()
    return held


def test_a_page_that_waits_comes_after_a_restart_too() -> None:
    state = fresh_state(rules=confirming())
    step(state, at_once(pressure(NOON, 200, 125)))
    back = fresh_state(rules=confirming())
    Kept.of(state).into(back)
    (held,) = back.ladders.values()
    assert held.awaiting is not None
    assert held.awaiting == next(iter(state.ladders.values())).awaiting


def test_a_rung_is_named_by_four_bytes() -> None:
    state = lived()
    known = decode_patient(encode_patient(state, 0, Source("topic", 7)))
    assert known is not None
    in_force = sum(int(rungs).bit_count() for rungs in state.known[0])
    assert known.known is not None
    assert len(known.known) == 4 * in_force > 0


def test_whether_somebody_is_silent_comes_back() -> None:
    state = lived()
    assert reborn(state).absences.keep([0]) == state.absences.keep([0])
    assert np.array_equal(reborn(state).known[0], state.known[0])
