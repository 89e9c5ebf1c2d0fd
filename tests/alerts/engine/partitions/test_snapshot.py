"""A snapshot that is whole is as good as the topic; any other is thrown away."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from alerts.engine.partitions.replica import Replica
from alerts.engine.partitions.snapshot import Header, Saving, load, place
from tests.alerts.engine.members import TOPIC, Member, World
from tests.alerts.readings import MINUTE, NOON, at_once, encoded, pressure, record

HEADER = Header(TOPIC, "state-1", 0, 5)
PATIENTS = [f"p{number}" for number in range(7)]


def led() -> tuple[World, Member]:
    world = World()
    member = Member(world, "member")
    member.lead()
    member.judge([encoded(record(NOON, [pressure(NOON, 192)], one)) for one in PATIENTS], 100)
    return world, member


def saved(folder: Path, replica: Replica) -> Path:
    saving = Saving(folder, HEADER, replica)
    while not saving.advance(2):
        assert not place(folder, 0).exists(), "it has its name when it is whole"
    return place(folder, 0)


def restored(folder: Path, wanted: Header = HEADER) -> tuple[int, Member]:
    heir = Member(World(), "heir")
    return load(folder, replace(wanted, state_offset=0), heir.replica), heir


def test_what_a_snapshot_says_is_what_was_remembered(tmp_path: Path) -> None:
    _, member = led()
    saved(tmp_path, member.replica)
    state_offset, heir = restored(tmp_path)
    assert state_offset == HEADER.state_offset
    everybody = range(len(PATIENTS))
    assert [*heir.replica.items(everybody)] == [*member.replica.items(everybody)]
    heir.lead()
    assert heir.next_offset == len(PATIENTS)
    assert [path.name for path in tmp_path.iterdir()] == ["0.state"]


def test_what_changes_while_it_is_written_is_read_over_it(tmp_path: Path) -> None:
    world, member = led()
    saving = Saving(tmp_path, replace(HEADER, state_offset=len(world.state)), member.replica)
    saving.advance(3)
    log = [encoded(one) for one in at_once(*(pressure(NOON + n * MINUTE, 192) for n in range(9)))]
    member.judge(log, 100)  # p1, of whom the file knows the state before
    while not saving.advance(3):
        pass
    state_offset, heir = restored(tmp_path)
    heir.replica.follow(world.state[state_offset:])
    everybody = range(len(PATIENTS))
    assert [*heir.replica.items(everybody)] == [*member.replica.items(everybody)]


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_a_file_that_is_not_whole_is_thrown_away(tmp_path: Path, cut: int) -> None:
    _, member = led()
    path = saved(tmp_path, member.replica)
    path.write_bytes(path.read_bytes()[:-cut])
    state_offset, heir = restored(tmp_path)
    assert (state_offset, len(heir.replica)) == (0, 0)
    assert not path.exists()


@pytest.mark.parametrize("place_in_file", [0, 150, -40])
def test_a_file_that_has_changed_is_thrown_away(tmp_path: Path, place_in_file: int) -> None:
    _, member = led()
    path = saved(tmp_path, member.replica)
    changed = bytearray(path.read_bytes())
    changed[place_in_file] ^= 1
    path.write_bytes(changed)
    assert restored(tmp_path)[0] == 0
    assert not path.exists()


@pytest.mark.parametrize(
    "wanted",
    [
        replace(HEADER, readings_id="another"),
        replace(HEADER, state_id="another"),
        replace(HEADER, version=0),
    ],
)
def test_a_file_of_other_topics_or_another_release_is_thrown_away(
    tmp_path: Path, wanted: Header
) -> None:
    _, member = led()
    path = saved(tmp_path, member.replica)
    assert restored(tmp_path, wanted)[0] == 0
    assert not path.exists()


def test_no_file_is_no_error(tmp_path: Path) -> None:
    assert restored(tmp_path)[0] == 0


def test_one_that_is_not_finished_leaves_no_trace(tmp_path: Path) -> None:
    _, member = led()
    saving = Saving(tmp_path, HEADER, member.replica)
    saving.advance(2)
    saving.abandon()
    assert list(tmp_path.iterdir()) == []
