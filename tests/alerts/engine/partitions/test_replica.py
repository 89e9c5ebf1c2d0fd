"""A partition that changes hands wherever its leader may crash, or only seems to have.

Events repeat under their names; none is lost, none is changed.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.partitions.changelog import (
    CHECKPOINT_KEY,
    VERSION,
    Checkpoint,
    Reign,
    decode_checkpoint,
    decode_kept,
    encode_checkpoint,
)
from alerts.engine.state.plans import Plans
from schemas.kafka import ReadingsRecord
from tests.alerts.engine.histories import PATIENTS, histories, judged
from tests.alerts.engine.members import NEVER, OTHER_TOPIC, TOPIC, Member, World
from tests.alerts.readings import MINUTE, NOON, at_once, basic, encoded, pressure, record


@settings(max_examples=40, deadline=None)
@given(histories(), st.data())
def test_no_crash_and_no_zombie_loses_an_event_or_gives_one_another_meaning(
    records: list[ReadingsRecord], data: st.DataObject
) -> None:
    log = [encoded(one) for one in records]
    world = World()
    members = [Member(world, name) for name in "AB"]
    lives = 0
    for _ in range(data.draw(st.integers(1, 12), label="steps")):
        place = data.draw(st.integers(0, 1), label="who")
        member = members[place]
        world.survives = data.draw(
            st.sampled_from([NEVER, NEVER, 0, 1, 2, 3, 5, 8]), label="writes"
        )
        if not member.leads or data.draw(st.integers(0, 3), label="again") == 0:
            alive = member.lead()
        else:
            alive = member.judge(log, data.draw(st.integers(1, 6), label="records"))
        if not alive:
            lives += 1
            members[place] = Member(world, f"{'AB'[place]}{lives}")
        if data.draw(st.booleans(), label="compacted"):
            world.compact()
    world.survives = NEVER
    last = Member(world, "last")
    assert last.lead()
    while last.next_offset < len(log):
        assert last.judge(log, 3)
    expected = {one.event_id: one for one in judged(records)}
    assert {one.event_id: one for one in world.events} == expected
    assert all(expected[one.event_id] == one for one in world.events)
    after = Member(world, "after")
    assert after.lead()
    assert after.next_offset == len(log), "all is settled: nothing is judged once more"


def test_a_zombie_that_writes_last_hides_nothing() -> None:
    log = [encoded(one) for one in at_once(*(pressure(NOON + n * MINUTE, 200) for n in range(6)))]
    world = World()
    zombie, owner = Member(world, "zombie"), Member(world, "owner")
    zombie.lead()
    zombie.judge(log, 1)
    owner.lead()
    owner.judge(log, 4)
    zombie.judge(log, 1)
    world.compact()  # of the patient, the zombie's record is the only one now
    heir = Member(world, "heir")
    heir.lead()
    assert heir.next_offset == 2
    heir.judge(log, 10)
    names = [one.event_id for one in world.events]
    assert len(set(names)) == len(log)


def test_a_topic_made_again_is_read_from_its_beginning_and_nothing_is_judged_twice() -> None:
    log = [encoded(one) for one in at_once(pressure(NOON, 120), pressure(NOON + MINUTE, 200))]
    world = World()
    first = Member(world, "first")
    first.lead()
    first.judge(log, 2)
    again = Member(world, "again", OTHER_TOPIC)
    again.lead()
    assert again.next_offset == 0
    again.judge([*log, encoded(at_once(pressure(NOON + 2 * MINUTE, 201))[0])], 3)
    assert [one.event for one in world.events] == ["onset", "again"]
    assert len({one.alert_id for one in world.events}) == 1


def test_a_topic_made_again_while_it_is_read_begins_at_its_beginning() -> None:
    world = World()
    member = Member(world, "member")
    member.lead()
    member.judge([encoded(record(NOON, [pressure(NOON, 200)]))], 1)
    member.replica.rest()
    member.replica.begin_again(OTHER_TOPIC)
    member.replica.lead("member")
    assert member.next_offset == 0
    member.judge([encoded(record(NOON, [pressure(NOON, 200)]))], 1)
    assert [one.event for one in world.events] == ["onset"]


def test_all_that_is_remembered_can_be_written_anew() -> None:
    world, copy = World(), World()
    member = Member(world, "member")
    member.lead()
    member.judge([encoded(record(NOON, [pressure(NOON, 192)]))], 1)
    copy.state = [*member.replica.items(range(len(member.replica)))]
    copy.state += member.replica.notes()
    heir = Member(copy, "heir")
    heir.lead()
    assert (heir.next_offset, len(heir.replica)) == (1, 1)
    assert [*heir.replica.items([0])] == [*member.replica.items([0])]


def test_a_patient_whose_state_nobody_can_read_is_judged_from_the_beginning() -> None:
    log = [encoded(one) for one in at_once(pressure(NOON, 200), pressure(NOON + MINUTE, 201))]
    world = World()
    member = Member(world, "member")
    member.lead()
    member.judge(log, 2)
    world.state.append((b"p1", b"\xc1"))
    heir = Member(world, "heir")
    assert heir.replica.follow([(b"p1", b"\xc1")]) == [0]
    heir = Member(world, "heir")
    heir.lead()
    assert heir.next_offset == 0


def test_what_the_former_release_wrote_is_still_read() -> None:
    former = encode_checkpoint(Checkpoint(TOPIC, 7, NOON, version=1))
    assert decode_checkpoint(former) == Checkpoint(TOPIC, 7, NOON, version=1)
    bare = decode_kept(b"\x83")
    assert bare is not None
    assert (bare.writer, bare.patient) == ("", b"\x83")
    world = World(state=[(CHECKPOINT_KEY, former)])
    heir = Member(world, "heir")
    heir.lead()
    assert heir.next_offset == 7
    assert world.state[-1] == (CHECKPOINT_KEY, None)


def test_what_a_later_release_wrote_is_left_alone() -> None:
    assert decode_checkpoint(b"") is None
    assert decode_checkpoint(encode_checkpoint(Checkpoint(TOPIC, 7, NOON, version=9))) is None
    assert decode_kept(b"\x90") is None
    assert Member(World(), "member").replica.follow([(CHECKPOINT_KEY + b"/a", b"\x00")]) == [0]


def test_only_so_many_reigns_are_remembered() -> None:
    checkpoint = Checkpoint(TOPIC, 0, 0)
    for number in range(20):
        checkpoint = checkpoint.succeeded(f"w{number}", number, TOPIC)
    assert len(checkpoint.reigns) == 8
    assert checkpoint.reigns[-1] == Reign("w19", 19, 0)
    assert checkpoint.version == VERSION


def test_other_books_find_their_own_and_the_log_goes_on() -> None:
    log = [encoded(one) for one in at_once(*(pressure(NOON + n * MINUTE, 200) for n in range(3)))]
    world = World()
    member = Member(world, "member")
    member.lead()
    member.judge(log, 2)
    rules = basic()
    plans = Plans(rules)
    plans.put(PATIENTS[0])
    member.replica = member.replica.under(rules, plans)
    assert member.next_offset == 2
    member.judge(log, 2)
    assert [one.event for one in world.events][-1] == "again"
    heir = Member(world, "heir")
    heir.lead()
    assert heir.next_offset == 3
