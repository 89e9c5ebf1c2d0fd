"""A replica record by record: what it follows, what it notes of each patient, what it writes."""

import gc
import weakref

import msgspec
import pytest

from alerts.engine.absence.gaps import LOG_GAP_MS, Gap
from alerts.engine.absence.keep import KeptAway
from alerts.engine.partitions.changelog import (
    CHECKPOINT_KEY,
    Checkpoint,
    Kept,
    Reign,
    checkpoint_key,
    decode_checkpoint,
    decode_kept,
    encode_checkpoint,
    encode_kept,
)
from alerts.engine.partitions.replica import Replica, Write
from alerts.engine.state.archive import decode_patient
from alerts.engine.state.plans import Plans
from tests.alerts.engine.members import OTHER_TOPIC, TOPIC, Member, World
from tests.alerts.readings import MINUTE, NOON, at_once, basic, encoded, pressure

LOG = [encoded(one) for one in at_once(*(pressure(NOON + n * MINUTE, 200) for n in range(6)))]


def replica(topic_id: str = TOPIC) -> Replica:
    return Member(World(), "any", topic_id).replica


def said(write: Write) -> tuple[str, str, int, str, int]:
    """Key, writer, log time, life of the topic and offset of a patient's record."""
    key, value = write
    assert value is not None
    kept = decode_kept(value)
    assert kept is not None
    patient = decode_patient(kept.patient)
    assert patient is not None
    return key.decode(), kept.writer, kept.log_ms, patient.topic_id, patient.next_offset


def checkpoint(write: Write) -> Checkpoint:
    assert write[1] is not None
    found = decode_checkpoint(write[1])
    assert found is not None
    return found


def led(records: int = 2) -> tuple[World, Member]:
    world = World()
    member = Member(world, "a")
    member.lead()
    member.judge(LOG, records)
    return world, member


def patient_record(world: World, key: bytes = b"p1") -> bytes:
    return next(value for name, value in reversed(world.state) if name == key and value)


# -- following -------------------------------------------------------------------------------------


def test_what_can_be_read_is_taken_and_what_cannot_is_told() -> None:
    world, _ = led()
    follower, good = replica(), patient_record(world)
    name = checkpoint_key("a.1")
    there = encode_checkpoint(Checkpoint(TOPIC, 2, NOON, [Reign("a.1", 1, 0)]))
    assert follower.follow([(name, there)]) == []
    assert follower.follow([(name, b"\x00")]) == [0]
    assert follower.follow([(name, None)]) == []
    assert follower.follow([(b"\x00other", b"x")]) == []
    assert follower.follow([(b"p1", None)]) == []
    assert len(follower) == 0, "a record that was taken away makes nobody known"
    assert follower.follow([(b"p1", good)]) == []
    assert follower.follow([(b"p2", b"\xc1")]) == [0]
    assert follower.follow([(b"p3", encode_kept("a.1", NOON, b"\xc1"))]) == [0]
    assert follower.partition.state.patients == ["p1", "p2", "p3"]


def test_many_records_at_once_lead_to_what_they_lead_to_one_by_one() -> None:
    world, _ = led(2)
    early = patient_record(world)
    world, _ = led(6)
    late = patient_record(world)
    unreadable = encode_kept("a.1", NOON, b"\xc1")
    log = [
        (b"p1", late),
        (b"p2", early),
        (b"\x00other", b"x"),
        (b"p1", early),  # of several records of one patient the last one counts
        (b"p3", late),
        (b"p3", unreadable),
        (b"p4", unreadable),
        (b"p4", late),
        (b"p2", None),
    ]
    at_once, one_by_one = replica(), replica()
    places = at_once.follow(log)
    assert places == [place for place, one in enumerate(log) if one_by_one.follow([one])]
    assert places == [5, 6]
    assert [*at_once.items(range(4))] == [*one_by_one.items(range(4))]
    assert said(next(at_once.items([0]))) == ("p1", "a.1", NOON + MINUTE, TOPIC, 2)
    assert at_once.beside == one_by_one.beside == {b"\x00other": b"x"}


def test_a_checkpoint_counts_until_it_is_taken_away_or_nobody_can_read_it() -> None:
    def begins(*records: bytes | None) -> int:
        follower = replica()
        for value in records:
            follower.follow([(checkpoint_key("a"), value)])
        follower.lead("b")
        return follower.partition.next_offset

    there = encode_checkpoint(Checkpoint(TOPIC, 7, NOON, [Reign("a", 1, 0)]))
    assert begins(there) == 7
    assert begins(there, None) == 0
    assert begins(there, b"\x00") == 0
    assert begins(there, b"\x00", there) == 7


def test_what_else_is_kept_beside_the_patients_is_given_as_it_came() -> None:
    follower = replica()
    follower.follow([(b"\x00other", b"x")])
    follower.follow([(b"\x00gone", None)])
    assert follower.beside == {b"\x00other": b"x", b"\x00gone": b""}
    assert {*follower.notes()} >= {(b"\x00other", b"x"), (b"\x00gone", b"")}


def test_a_patient_who_is_expected_is_known_from_the_beginning_of_the_log() -> None:
    world, _ = led()
    follower = replica()
    follower.expect(["p9"])
    assert [said(one) for one in follower.items([0])] == [("p9", "", 0, TOPIC, 0)]
    follower.follow([(b"p1", patient_record(world))])
    before = [*follower.items([1])]
    follower.expect(["p1"])
    assert [*follower.items([1])] == before, "who is known is not expected anew"
    assert len(follower) == 2


def test_notes_of_each_patient_are_kept_when_there_are_more_and_more() -> None:
    world, _ = led()
    follower = replica()
    follower.follow([(b"p1", patient_record(world))])
    first = [*follower.items([0])]
    assert said(first[0]) == ("p1", "a.1", NOON + MINUTE, TOPIC, 2)
    for number in range(1, 700):
        follower.expect([f"x{number}"])
    assert [*follower.items([0])] == first
    assert said(next(follower.items([699]))) == ("x699", "", 0, TOPIC, 0)
    follower.follow([(b"x699", encode_kept("a.1", NOON, _patient(first[0])))])
    assert said(next(follower.items([699]))) == ("x699", "a.1", NOON, TOPIC, 2)
    assert [said(one)[0] for one in follower.items([255, 256, 512])] == ["x255", "x256", "x512"]


def _patient(write: Write) -> bytes:
    assert write[1] is not None
    kept = decode_kept(write[1])
    assert kept is not None
    return kept.patient


def test_a_state_that_nobody_can_read_is_said_to_be_so_to_the_next() -> None:
    follower = replica()
    follower.follow([(b"p1", b"\xc1")])
    ((key, value),) = follower.items([0])
    assert key == b"p1"
    assert replica().follow([(key, value)]) == [0]


def test_silence_is_not_judged_over_a_gap_of_the_log_itself() -> None:
    assert replica().partition.state.absences.gap_ms == LOG_GAP_MS


# -- leading ---------------------------------------------------------------------------------------


def test_each_reign_has_a_name_and_a_number_of_its_own() -> None:
    one = replica()
    first = checkpoint(one.lead("a")[0])
    assert (first.writer, first.generation, first.next_offset) == ("a.1", 1, 0)
    one.rest()
    writes = one.lead("a")
    second = checkpoint(writes[0])
    assert (second.writer, second.generation) == ("a.2", 2)
    assert writes[1:] == [(checkpoint_key("a.1"), None)], "what a former reign wrote is taken away"
    one.rest()
    assert [key for key, _ in one.lead("a")] == [checkpoint_key("a.3"), checkpoint_key("a.2")]


def test_the_highest_generation_is_believed_then_the_farthest() -> None:
    def begins(*known: Checkpoint) -> int:
        follower = replica()
        for one in known:
            follower.follow([(checkpoint_key(one.writer), encode_checkpoint(one))])
        return checkpoint(follower.lead("c")[0]).next_offset

    old = Checkpoint(TOPIC, 9, NOON, [Reign("a", 1, 0)])
    new = Checkpoint(TOPIC, 4, NOON, [Reign("a", 1, 0), Reign("b", 2, 3)])
    beside = Checkpoint(TOPIC, 5, NOON, [Reign("a", 1, 0), Reign("bb", 2, 3)])
    assert begins(old, new) == begins(new, old) == 4
    assert begins(new, beside) == begins(beside, new) == 5


def test_what_is_known_of_gateways_goes_with_the_lead() -> None:
    away = msgspec.msgpack.encode(KeptAway(gaps=[Gap(NOON - MINUTE, NOON)]))
    follower = replica()
    known = Checkpoint(TOPIC, 4, NOON, [Reign("a", 1, 0)], away=away)
    follower.follow([(checkpoint_key("a"), encode_checkpoint(known))])
    follower.lead("b")
    assert follower.partition.state.absences.keep_away() == away
    plans = follower.partition.state.plans
    assert follower.under(basic(), plans).partition.state.absences.keep_away() == away


def succeeded(holds: int, begins: int) -> Replica:
    """A follower to whom a has told of p1 up to ``holds``, and b, who ``begins`` there, of 5."""
    world, _ = led()
    patient = decode_patient(_patient((b"p1", patient_record(world))))
    assert patient is not None
    value = msgspec.msgpack.encode(msgspec.structs.replace(patient, next_offset=holds))
    follower = replica()
    follower.follow([(b"p1", encode_kept("a", NOON, value))])
    last = Checkpoint(TOPIC, 5, NOON + MINUTE, [Reign("a", 1, 0), Reign("b", 2, begins)])
    follower.follow([(checkpoint_key("b"), encode_checkpoint(last))])
    return follower


@pytest.mark.parametrize(
    ("holds", "begins", "doubtful"),
    [
        (3, 5, []),  # written while the writer was to be believed
        (4, 5, []),  # up to the very offset at which the next one began
        (6, 5, ["p1"]),  # a zombie's: from beyond its reign
    ],
)
def test_a_record_is_believed_up_to_where_the_next_one_began(
    holds: int, begins: int, doubtful: list[str]
) -> None:
    follower = succeeded(holds, 4)
    writes = follower.lead("c")
    assert [key.decode() for key, _ in writes[2:]] == doubtful
    assert follower.partition.next_offset == begins
    assert follower.partition.held == ({"p1": 6} if doubtful else {})


@pytest.mark.parametrize("holds", [4, 5, 6])
def test_a_doubtful_record_before_the_end_is_judged_again_from_where_it_holds(holds: int) -> None:
    follower = succeeded(holds, 3)
    writes = follower.lead("c")
    own, partition = checkpoint(writes[0]), follower.partition
    before = holds < 5
    assert (own.next_offset, own.log_ms) == ((4, NOON) if before else (5, NOON + MINUTE))
    assert (partition.next_offset, partition.state.log_ms) == (own.next_offset, own.log_ms)
    assert partition.seen == 5
    assert partition.held == {"p1": holds}
    assert said(writes[-1])[:2] == ("p1", "c.3")


def test_a_patient_whose_state_is_unreadable_is_judged_from_the_beginning_in_our_name() -> None:
    follower = replica()
    last = Checkpoint(TOPIC, 5, NOON, [Reign("a", 1, 0)])
    follower.follow([(checkpoint_key("a"), encode_checkpoint(last))])
    follower.follow([(b"p1", b"\xc1")])
    writes = follower.lead("b")
    assert follower.partition.next_offset == 0
    assert follower.partition.held == {"p1": 0}
    assert said(writes[-1]) == ("p1", "b.2", 0, TOPIC, 0)


def test_of_another_life_of_the_topic_nothing_is_held_back() -> None:
    world, _ = led()
    follower = replica(OTHER_TOPIC)
    follower.follow([(b"p1", patient_record(world))])
    assert said(next(follower.items([0])))[3:] == ("", 0)
    member = Member(World(), "b")
    member.lead()
    member.judge(LOG, 2)
    member.replica.begin_again(OTHER_TOPIC)
    assert said(next(member.replica.items([0])))[3:] == ("", 0)


def test_other_books_keep_what_was_noted_of_each_patient() -> None:
    _, member = led(3)
    other = member.replica.under(basic(), member.replica.partition.state.plans)
    (before,), (after,) = member.replica.items([0]), other.items([0])
    assert said(after) == said(before) == ("p1", "a.1", NOON + 2 * MINUTE, TOPIC, 3)
    assert [*other.notes()] == [*member.replica.notes()]
    assert (other.writer, other.partition.next_offset) == ("a.1", 3)


# -- the bytes beside ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "bare"), [(0x8F, True), (0x90, False), (0x9F, False), (0xA0, True)]
)
def test_a_state_of_the_former_release_is_told_by_its_first_byte(first: int, bare: bool) -> None:
    value = bytes([first, 1])
    assert decode_kept(value) == (Kept(2, "", 0, value) if bare else None)


def test_a_checkpoint_that_names_no_reign_is_nobody_s_and_the_oldest() -> None:
    nobody = Checkpoint(TOPIC, 1, NOON)
    assert (nobody.writer, nobody.generation) == ("", 0)
    assert checkpoint_key("") == CHECKPOINT_KEY


def test_a_partition_that_is_replaced_is_freed_though_nobody_looks_for_rings() -> None:
    rules, before = basic(), replica()
    before.lead("a")
    before.judge(before.partition.read([(n, value) for n, value in enumerate(LOG)]))
    state = before.partition.state
    parts = before.partition, state, state.absences
    memory = [weakref.ref(one) for one in parts]
    del state, parts
    gc.disable()
    try:
        after = before.under(rules, Plans(rules))
        del before
        assert [one() for one in memory] == [None] * len(memory)
    finally:
        gc.enable()
    assert len(after) == 1
