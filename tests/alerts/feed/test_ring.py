from hypothesis import given
from hypothesis import strategies as st

from alerts.feed.cursor import start_of
from alerts.feed.ring import Ring
from schemas.topics import ACTIONS, ALERTS, READINGS, REGISTRY


def test_a_cursor_names_the_offsets_behind_the_page() -> None:
    start = start_of(
        ["a"],
        {(REGISTRY, 0): 40, (ALERTS, 1): 0, (ALERTS, 0): 5, (ACTIONS, 0): 0, (READINGS, 0): 9},
    )
    moved = start.advanced({(ALERTS, 1): 7, (ACTIONS, 0): 3, (READINGS, 0): 99})
    assert str(start) == f"{start.epoch}:5.0:0:40"
    assert str(moved) == f"{start.epoch}:5.7:3:40"


def test_topics_made_anew_are_another_place_at_the_same_offsets() -> None:
    assert str(start_of(["a", "b"], {})) != str(start_of(["a", "c"], {}))
    assert str(start_of(["ab", "c"], {})) != str(start_of(["a", "bc"], {}))


@given(st.lists(st.booleans(), max_size=30), st.integers(2, 40), st.data())
def test_a_reader_gets_exactly_what_followed_its_place(
    has_frame: list[bool], places_max: int, data: st.DataObject
) -> None:
    ring = Ring("0", places_max)
    frames = [f"<{number}>".encode() if yes else b"" for number, yes in enumerate(has_frame, 1)]
    for number, frame in enumerate(frames, 1):
        ring.push(str(number), frame)
    place = data.draw(st.integers(0, len(frames)))
    forgotten = place < len(frames) + 1 - places_max
    assert ring.since(str(place)) == (None if forgotten else b"".join(frames[place:]))
    assert ring.cursor == str(len(frames))


def test_a_place_that_never_was_is_not_remembered() -> None:
    assert Ring("0").since("elsewhere") is None
