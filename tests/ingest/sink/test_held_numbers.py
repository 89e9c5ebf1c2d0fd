"""A cursor made from what the database holds claims no record that it does not hold."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.record_access.cursor import Cursor
from ingest.sink.held_numbers import NUMBERS, Numbered, cursor_of
from schemas.wire import DeviceCursor


def record(number: int, time_ms: int, text: str = "") -> Numbered:
    return Numbered(time_ms, number, f"{number}{text}".encode())


def test_nothing_stored_gives_no_cursor() -> None:
    assert cursor_of([]) is None


def test_the_digest_is_the_one_by_which_the_gateway_recognises_its_last_record() -> None:
    cursor = cursor_of([record(7, 70)])
    assert cursor is not None
    assert Cursor.at(7, b"7").record == (cursor.last, cursor.digest)


def test_a_gap_ends_what_is_claimed() -> None:
    cursor = cursor_of([record(number, 10 * number) for number in (1, 2, 4, 5, 6)])
    assert cursor == DeviceCursor(6, Cursor.at(6, b"6").digest, held=3)


def test_a_record_that_was_sent_first_and_alone_claims_only_itself() -> None:
    """The gateway died with the older ones in its journal; the meter still has them."""
    earlier_epoch = [record(number, number, "before") for number in range(1, 51)]
    cursor = cursor_of([*earlier_epoch, record(10, 1000)])
    assert cursor is not None
    assert (cursor.last, cursor.held) == (10, 1)


def test_numbers_that_wrap_are_one_run() -> None:
    cursor = cursor_of([record(65535, 1), record(0, 2), record(1, 3)])
    assert cursor is not None
    assert (cursor.last, cursor.held) == (1, 3)


@given(
    first=st.integers(0, NUMBERS - 1),
    taken=st.integers(1, 60),
    lost=st.sets(st.integers(0, 59)),
)
def test_every_record_that_is_claimed_is_held(first: int, taken: int, lost: set[int]) -> None:
    numbers = [(first + index) % NUMBERS for index in range(taken)]
    held = [record(n, index) for index, n in enumerate(numbers) if index not in lost]
    cursor = cursor_of(held)
    if cursor is None:
        assert not held
        return
    claimed = {(cursor.last - back) % NUMBERS for back in range(cursor.held)}
    assert claimed <= {stored.number for stored in held}
