"""What to send next, decided on a clock that the test moves."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sending.outbox import (
    BACKLOG_MESSAGES_MAX,
    BACKLOG_ROWS_PER_S,
    LIVE_MS,
    MESSAGE_ROWS_MAX,
    REFUSED_PAUSE_MS,
    RESEND_FIRST_MS,
    RESEND_LONGEST_MS,
    SESSION_WAIT_MS,
    WINDOW_MESSAGES_MAX,
    Outbox,
    Shipment,
)

STREAM, OLD_STREAM = "b" * 16, "a" * 16


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(Random(1))


def live(outbox: Outbox, *numbers: int, now_ms: int = 0, waits_for: str | None = None) -> None:
    for seq in numbers:
        outbox.add_live(seq, STREAM, now_ms, waits_for)


def backlog(outbox: Outbox, *numbers: int) -> None:
    for seq in numbers:
        outbox.add_backlog(seq, OLD_STREAM)


def ship(outbox: Outbox, now_ms: int) -> range | None:
    """Let the next message leave."""
    shipment = outbox.choose(now_ms)
    if shipment is None:
        return None
    outbox.departed(shipment.numbers, now_ms)
    return shipment.numbers


def deliver(outbox: Outbox, now_ms: int) -> list[range]:
    """Let everything leave and arrive that may."""
    delivered = []
    while (numbers := ship(outbox, now_ms)) is not None:
        outbox.acknowledged(numbers, now_ms)
        delivered.append(numbers)
    return delivered


def test_nothing_to_send(outbox: Outbox) -> None:
    assert outbox.choose(0) is None
    assert outbox.wake_ms(0) is None


def test_contiguous_rows_of_one_stream_share_a_message(outbox: Outbox) -> None:
    live(outbox, 1, 2, 3, 5)
    assert outbox.choose(0) == Shipment(STREAM, range(1, 4))
    assert deliver(outbox, 0) == [range(1, 4), range(5, 6)]


def test_streams_never_share_a_message(outbox: Outbox) -> None:
    backlog(outbox, 1, 2)
    outbox.add_backlog(3, STREAM)
    assert ship(outbox, 0) == range(1, 3)


def test_live_goes_before_backlog(outbox: Outbox) -> None:
    backlog(outbox, 1, 2, 3)
    live(outbox, 9)
    assert ship(outbox, 0) == range(9, 10)
    assert ship(outbox, 0) == range(1, 4)


def test_a_row_that_waited_out_an_outage_is_backlog(outbox: Outbox) -> None:
    live(outbox, 1)
    live(outbox, 3, now_ms=LIVE_MS)
    assert ship(outbox, LIVE_MS) == range(3, 4)


def test_a_message_has_a_limit(outbox: Outbox) -> None:
    backlog(outbox, *range(1, MESSAGE_ROWS_MAX + 2))
    shipment = outbox.choose(0)
    assert shipment is not None
    assert len(shipment.numbers) == MESSAGE_ROWS_MAX


def test_backlog_is_rate_limited_and_live_is_not_held_up_by_it(outbox: Outbox) -> None:
    backlog(outbox, *range(1, 301))
    first = ship(outbox, 0)
    assert first is not None
    assert ship(outbox, 0) is None
    pause_ms = len(first) * 1000 // BACKLOG_ROWS_PER_S
    assert outbox.wake_ms(0) == pause_ms
    live(outbox, 1000)
    assert ship(outbox, 0) == range(1000, 1001)
    assert ship(outbox, pause_ms) == range(101, 201)


def test_the_window_of_unacknowledged_messages_is_bounded(outbox: Outbox) -> None:
    live(outbox, *range(1, 100, 2))
    sent = [ship(outbox, 0) for _ in range(WINDOW_MESSAGES_MAX)]
    assert None not in sent
    assert ship(outbox, 0) is None
    assert sent[0] is not None
    outbox.acknowledged(sent[0], 0)
    assert ship(outbox, 0) is not None


def test_backlog_leaves_room_in_the_window(outbox: Outbox) -> None:
    backlog(outbox, *range(1, 100, 2))
    sent = [ship(outbox, now_ms * 1000) for now_ms in range(WINDOW_MESSAGES_MAX)]
    assert sum(numbers is not None for numbers in sent) == BACKLOG_MESSAGES_MAX


def test_a_row_waits_for_the_end_of_its_session(outbox: Outbox) -> None:
    live(outbox, 1, waits_for="session")
    live(outbox, 2)
    assert ship(outbox, 0) == range(2, 3)
    assert ship(outbox, 0) is None
    outbox.session_told("another")
    assert ship(outbox, 0) is None
    outbox.session_told("session")
    assert ship(outbox, 0) == range(1, 2)


def test_homes_that_lost_their_server_together_do_not_send_again_together() -> None:
    due_ms = set()
    for seed in range(20):
        home = Outbox(Random(seed))
        live(home, 1)
        deliver(home, 0)
        due_ms.add(home.wake_ms(0))
    assert len(due_ms) == 20
    assert min(one or 0 for one in due_ms) >= RESEND_FIRST_MS


def test_a_session_that_never_tells_holds_up_no_row_for_ever(outbox: Outbox) -> None:
    live(outbox, 1, waits_for="session")
    assert outbox.wake_ms(0) == SESSION_WAIT_MS
    assert ship(outbox, SESSION_WAIT_MS - 1) is None
    assert ship(outbox, SESSION_WAIT_MS) == range(1, 2)


def test_only_a_receipt_makes_a_row_go(outbox: Outbox) -> None:
    live(outbox, 1, 2)
    deliver(outbox, 0)
    assert (len(outbox), 1 in outbox) == (2, True)
    outbox.gone([1])
    assert (len(outbox), 1 in outbox) == (1, False)


def test_without_receipt_a_row_is_sent_again_later_each_time_and_then_alone(
    outbox: Outbox,
) -> None:
    live(outbox, 1, 2)
    now_ms, pauses_ms, messages = 0, [], []
    for _ in range(8):
        messages.append(deliver(outbox, now_ms))
        wake_ms = outbox.wake_ms(now_ms)
        assert wake_ms is not None
        due_ms = max(row.due_ms for row in outbox._rows.values())
        pauses_ms.append(due_ms - now_ms)
        now_ms = due_ms
    assert messages[0] == [range(1, 3)]
    assert messages[1] == [range(1, 3)]
    assert messages[2] == [range(1, 2)]  # alone from the third time; the rate limit parts them
    assert RESEND_FIRST_MS <= pauses_ms[0] <= 1.5 * RESEND_FIRST_MS
    assert pauses_ms[-1] >= RESEND_LONGEST_MS / 2
    assert max(pauses_ms) <= 1.5 * RESEND_LONGEST_MS


def sent_twice(outbox: Outbox, *numbers: int) -> int:
    """Send rows twice without a receipt; give the time at which they are due again."""
    backlog(outbox, *numbers)
    now_ms = 0
    for _ in range(2):
        deliver(outbox, now_ms)
        now_ms = max(outbox._rows[seq].due_ms for seq in numbers)
    return now_ms


def test_what_was_sent_twice_takes_no_other_along(outbox: Outbox) -> None:
    now_ms = sent_twice(outbox, 1)
    backlog(outbox, 2)
    assert ship(outbox, now_ms) == range(1, 2)


def test_what_was_sent_twice_is_taken_along_by_no_other(outbox: Outbox) -> None:
    now_ms = sent_twice(outbox, 2)
    backlog(outbox, 1)
    assert ship(outbox, now_ms) == range(1, 2)


def test_a_row_sent_three_times_is_stuck_until_its_receipt(outbox: Outbox) -> None:
    live(outbox, 1)
    now_ms = 0
    for sendings in range(1, 4):
        assert outbox.stuck == 0
        assert deliver(outbox, now_ms) == [range(1, 2)]
        wake_ms = outbox.wake_ms(now_ms)
        assert wake_ms is not None
        now_ms = wake_ms
        assert outbox.stuck == (sendings == 3)
    outbox.gone([1])
    assert outbox.stuck == 0


def test_a_stuck_row_holds_up_no_other(outbox: Outbox) -> None:
    live(outbox, 1)
    now_ms = 0
    for _ in range(3):
        deliver(outbox, now_ms)
        now_ms = outbox.wake_ms(now_ms) or 0
    live(outbox, 2, now_ms=now_ms)
    assert deliver(outbox, now_ms)[0] == range(2, 3)


def test_what_was_in_flight_when_the_connection_ended_is_sent_again_at_once(
    outbox: Outbox,
) -> None:
    live(outbox, 1, 2)
    ship(outbox, 0)
    assert ship(outbox, 1) is None
    outbox.disconnected()
    assert (outbox.in_flight, ship(outbox, 1)) == (0, range(1, 3))


def test_what_nobody_listened_to_is_sent_again_soon_and_not_counted(outbox: Outbox) -> None:
    live(outbox, 1)
    for attempt in range(5):
        now_ms = attempt * REFUSED_PAUSE_MS
        assert ship(outbox, now_ms) == range(1, 2)
        outbox.refused(range(1, 2), now_ms)
        assert ship(outbox, now_ms) is None
    assert outbox.stuck == 0


def test_a_receipt_may_overtake_the_acknowledgement(outbox: Outbox) -> None:
    live(outbox, 1, 2)
    ship(outbox, 0)
    outbox.gone([1, 2])
    outbox.acknowledged(range(1, 3), 0)
    assert (len(outbox), outbox.in_flight) == (0, 0)


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("capture"), st.integers(1, 5)),
        st.tuples(st.just("pass"), st.integers(0, 120_000)),
        st.tuples(st.sampled_from(["send", "acknowledge", "refuse", "disconnect"]), st.just(0)),
        st.tuples(st.just("receipt"), st.integers(0, 40)),
    ),
    max_size=60,
)


class Days:
    """An outbox between devices, a broker and a server that all come and go."""

    def __init__(self, backlog_rows: int, seed: int) -> None:
        self.outbox = Outbox(Random(seed))
        self.now_ms = 0
        self.highest = backlog_rows
        self.held = set(range(1, backlog_rows + 1))
        self.flying: list[range] = []
        backlog(self.outbox, *self.held)

    def happen(self, event: str, number: int) -> None:
        match event:
            case "capture":
                rows = range(self.highest + 1, self.highest + 1 + number)
                live(self.outbox, *rows, now_ms=self.now_ms)
                self.held.update(rows)
                self.highest += number
            case "pass":
                self.now_ms += number
            case "send":
                numbers = ship(self.outbox, self.now_ms)
                self.flying += [numbers] if numbers else []
                in_flight = [seq for message in self.flying for seq in message]
                assert len(in_flight) == len(set(in_flight))
            case "disconnect":
                self.outbox.disconnected()
                self.flying.clear()
            case "receipt":
                self.outbox.gone([number])
                self.held.discard(number)
            case "acknowledge" if self.flying:
                self.outbox.acknowledged(self.flying.pop(0), self.now_ms)
            case "refuse" if self.flying:
                self.outbox.refused(self.flying.pop(0), self.now_ms)
            case _:
                assert not self.flying

    def heal(self) -> set[int]:
        """Let the broker take everything; give what it got."""
        self.happen("disconnect", 0)
        delivered = set[int]()
        for _ in range(2 * len(self.held) + 2):  # each row alone, at worst
            messages = deliver(self.outbox, self.now_ms)
            delivered.update(seq for message in messages for seq in message)
            self.now_ms = self.outbox.wake_ms(self.now_ms) or self.now_ms
        return delivered


@given(events=EVENTS, backlog_rows=st.integers(0, 30), seed=st.integers(0, 9))
def test_whatever_happened_everything_held_is_delivered_once_it_can_be(
    events: list[tuple[str, int]], backlog_rows: int, seed: int
) -> None:
    days = Days(backlog_rows, seed)
    for event, number in events:
        days.happen(event, number)
    assert days.heal() == days.held
