"""The connection policy in virtual time: every edge of its table, and what bounds it."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.visits.diagram import diagram
from gateway.visits.table import (
    ANSWERS,
    BONDED_ELSEWHERE,
    COMPLETE,
    DEADLINES_S,
    TRANSITIONS,
    UNFINISHED,
    WAKE_WINDOW_S,
    Command,
    Edge,
    Event,
    State,
)
from gateway.visits.visit import CONNECT_PAUSES_S, CONNECT_SHORTEST_S, IllegalEvent, Order, Visit
from schemas.gatt.quirks import AND_UA651, BEURER_BM, Quirk

BEGIN_MS = 1_000
# What leads into each state when all goes well.
TO_CONNECTING = (Event.TURN,)
TO_BONDING = (*TO_CONNECTING, Event.LINK_UP)
TO_SUBSCRIBING = (*TO_BONDING, Event.BONDED)
TO_SYNCING = (*TO_SUBSCRIBING, Event.ACQUAINTED, Event.SUBSCRIBED)
TO_DRAINING = (*TO_SYNCING, Event.SYNCED)
TO_DONE = (*TO_DRAINING, Event.DRAINED)


@dataclass
class Story:
    """Events 10 ms apart, the edge that the last one takes, and how the visit then stands."""

    events: tuple[Event, ...]
    state: State
    command: Command
    outcome: str
    quirk: Quirk | None = None
    said: str | None = None  # by the dialogue, at its end
    bonded: bool = True
    may_bond_anew: bool = False
    last_after_ms: int = 10
    edge: tuple[State, Event, Edge] = field(init=False)

    def play(self) -> tuple[Visit, Order]:
        may = self.may_bond_anew
        visit = Visit(Random(1), self.quirk, bonded=self.bonded, may_bond_anew=may)
        now_ms = BEGIN_MS
        order = visit.begin(now_ms)
        for event in self.events[:-1]:
            now_ms += 10
            order = visit.handle(event, now_ms, self.said if event is Event.SYNCED else None)
        before, last = visit.state, self.events[-1]
        now_ms += self.last_after_ms
        order = visit.handle(last, now_ms)
        (self.edge,) = (
            (before, last, edge)
            for edge in TRANSITIONS[before][last]
            if (edge.to, edge.command) == (visit.state, order.command)
        )
        return visit, order


def over(*events: Event, outcome: str, quirk: Quirk | None = None, after_ms: int = 10) -> Story:
    return Story(events, State.BACKOFF, Command.REST, outcome, quirk, last_after_ms=after_ms)


def left(*events: Event, outcome: str, said: str | None = None) -> Story:
    return Story(events, State.DONE, Command.DISCONNECT, outcome, said=said)


def on(*events: Event, state: State, command: Command, quirk: Quirk | None = None) -> Story:
    return Story(events, state, command, COMPLETE, quirk)


def anew(*events: Event) -> Story:
    return Story(events, State.BONDING, Command.BOND_ANEW, COMPLETE, may_bond_anew=True)


STORIES = {
    "its turn comes": on(*TO_CONNECTING, state=State.CONNECTING, command=Command.CONNECT),
    "others take too long": over(Event.DEADLINE, outcome="no-turn", after_ms=30_000),
    "the adapter goes before its turn": over(Event.ADAPTER_LOST, outcome="bluetooth-lost"),
    "a link": on(*TO_BONDING, state=State.BONDING, command=Command.BOND),
    "a try fails early": on(
        *TO_CONNECTING, Event.CONNECT_FAILED, state=State.CONNECTING, command=Command.CONNECT
    ),
    "all tries fail": over(*TO_CONNECTING, *[Event.CONNECT_FAILED] * 3, outcome="link-failed"),
    "bluetoothd forgot the device": over(*TO_CONNECTING, Event.VANISHED, outcome="vanished"),
    "connecting hangs": left(*TO_CONNECTING, Event.DEADLINE, outcome="link-failed"),
    "the adapter goes while connecting": over(
        *TO_CONNECTING, Event.ADAPTER_LOST, outcome="bluetooth-lost"
    ),
    "the bond holds": on(*TO_SUBSCRIBING, state=State.SUBSCRIBING, command=Command.READ),
    "the link is refused": on(
        *TO_CONNECTING, Event.LINK_REFUSED, state=State.CONNECTING, command=Command.CONNECT
    ),
    "every link is refused": over(*TO_CONNECTING, *[Event.LINK_REFUSED] * 3, outcome="link-failed"),
    "every link is refused by one that drops bonds": anew(
        *TO_CONNECTING, *[Event.LINK_REFUSED] * 3
    ),
    "two links are refused by one that drops bonds, and the third try is slow": anew(
        *TO_CONNECTING, *[Event.LINK_REFUSED] * 2, Event.DEADLINE
    ),
    "one link is refused, and the second try is slow": replace(
        left(*TO_CONNECTING, Event.LINK_REFUSED, Event.DEADLINE, outcome="link-failed"),
        may_bond_anew=True,
    ),
    "two links are refused by one that keeps bonds, and the third try is slow": left(
        *TO_CONNECTING, *[Event.LINK_REFUSED] * 2, Event.DEADLINE, outcome="link-failed"
    ),
    "its bond is gone here": replace(anew(Event.TURN), bonded=False),
    "a new bond": replace(
        anew(Event.TURN, Event.BONDED_ANEW),
        bonded=False,
        state=State.SUBSCRIBING,
        command=Command.READ,
        quirk=BEURER_BM,
    ),
    "a new bond ends with the link": replace(
        anew(Event.TURN, Event.BONDED_ANEW),
        bonded=False,
        state=State.DONE,
        command=Command.DISCONNECT,
        outcome="bonded",
        quirk=AND_UA651,
    ),
    "no bond": left(*TO_BONDING, Event.NOT_BONDED, outcome="not-bonded"),
    "pairing is not answered": left(*TO_BONDING, Event.FAILED, outcome="link-failed"),
    "the link goes while bonding": over(*TO_BONDING, Event.LINK_LOST, outcome="link-lost"),
    "bonding hangs": left(*TO_BONDING, Event.DEADLINE, outcome="too-long"),
    "the adapter goes while bonding": over(
        *TO_BONDING, Event.ADAPTER_LOST, outcome="bluetooth-lost"
    ),
    "acquainted": on(
        *TO_SUBSCRIBING, Event.ACQUAINTED, state=State.SUBSCRIBING, command=Command.SUBSCRIBE
    ),
    "subscribed": on(*TO_SYNCING, state=State.SYNCING, command=Command.SYNC),
    "a subscription wants a bond": left(*TO_SUBSCRIBING, Event.NOT_BONDED, outcome="not-bonded"),
    "it is not the admitted device": left(*TO_SUBSCRIBING, Event.REFUSED, outcome="refused"),
    "a subscription fails": left(*TO_SUBSCRIBING, Event.FAILED, outcome="link-failed"),
    "no room for what was read": left(*TO_SUBSCRIBING, Event.DISK_REFUSES, outcome="journal"),
    "a fast cuff": over(*TO_SUBSCRIBING, Event.LEFT, outcome=COMPLETE),
    "the link goes early": over(*TO_SUBSCRIBING, Event.LINK_LOST, outcome="link-lost"),
    "subscribing hangs": left(*TO_SUBSCRIBING, Event.DEADLINE, outcome="too-long"),
    "the adapter goes early": over(*TO_SUBSCRIBING, Event.ADAPTER_LOST, outcome="bluetooth-lost"),
    "nothing more to ask": on(*TO_DRAINING, state=State.DRAINING, command=Command.DRAIN),
    "the meter wants a bond": left(*TO_SYNCING, Event.NOT_BONDED, outcome="not-bonded"),
    "the meter does not answer": left(*TO_SYNCING, Event.FAILED, outcome="link-failed"),
    "no cursor to be had": left(*TO_SYNCING, Event.DISK_REFUSES, outcome="journal"),
    "the meter leaves with all given": over(*TO_SYNCING, Event.LEFT, outcome=COMPLETE),
    "the link goes within a transfer": over(*TO_SYNCING, Event.LINK_LOST, outcome="link-lost"),
    "a transfer without end": left(*TO_SYNCING, Event.DEADLINE, outcome="too-long"),
    "the adapter goes within a transfer": over(
        *TO_SYNCING, Event.ADAPTER_LOST, outcome="bluetooth-lost"
    ),
    "all is given": on(*TO_DONE, state=State.DONE, command=Command.SET_CLOCK),
    "after a failed dialogue the clock is left alone": left(
        *TO_DRAINING, Event.DRAINED, outcome="racp-timeout", said="racp-timeout"
    ),
    "the cuff leaves by itself": over(*TO_DRAINING, Event.LEFT, outcome=COMPLETE),
    "the cuff never spoke": over(*TO_DRAINING, Event.LINK_LOST, outcome="link-lost"),
    "a cuff that never stops": left(*TO_DRAINING, Event.DEADLINE, outcome="too-long"),
    "the adapter goes at the end": over(*TO_DRAINING, Event.ADAPTER_LOST, outcome="bluetooth-lost"),
    "the clock is set": left(*TO_DONE, Event.CLOCK_SET, outcome=COMPLETE),
    "disconnected": over(*TO_DONE, Event.CLOCK_SET, Event.CLOSED, outcome=COMPLETE),
    "it leaves before it is left": over(*TO_DONE, Event.LEFT, outcome=COMPLETE),
    "the link goes when nothing is wanted": over(*TO_DONE, Event.LINK_LOST, outcome=COMPLETE),
    "disconnecting hangs": over(
        *TO_DONE, Event.CLOCK_SET, Event.DEADLINE, outcome=COMPLETE, after_ms=30_000
    ),
    "the adapter goes when nothing is wanted": over(*TO_DONE, Event.ADAPTER_LOST, outcome=COMPLETE),
}


@pytest.mark.parametrize("title", STORIES)
def test_an_edge(title: str) -> None:
    story = STORIES[title]
    visit, order = story.play()
    assert (visit.state, order.command, visit.outcome) == (
        story.state,
        story.command,
        story.outcome,
    )


def test_every_edge_has_a_story() -> None:
    told = set()
    for story in STORIES.values():
        story.play()
        told.add(story.edge)
    every = {
        (state, event, edge)
        for state, events in TRANSITIONS.items()
        for event, edges in events.items()
        for edge in edges
    }
    assert every == told


@pytest.mark.parametrize(
    ("events", "linked"),
    [
        ((Event.ADAPTER_LOST,), None),
        ((*TO_CONNECTING, Event.VANISHED), None),
        ((*TO_CONNECTING, Event.ADAPTER_LOST), None),
        ((*TO_CONNECTING, Event.CONNECT_FAILED), False),
        ((*TO_CONNECTING, Event.CONNECT_FAILED, Event.ADAPTER_LOST), False),
        ((*TO_CONNECTING, Event.DEADLINE), False),
        ((*TO_CONNECTING, Event.LINK_REFUSED), True),
        ((*TO_CONNECTING, Event.LINK_REFUSED, Event.CONNECT_FAILED), True),
        (TO_BONDING, True),
        ((*TO_BONDING, Event.LINK_LOST), True),
    ],
)
def test_a_visit_knows_whether_a_link_came_about(
    events: tuple[Event, ...], linked: bool | None
) -> None:
    visit = Visit(Random(1), bonded=True)
    visit.begin(BEGIN_MS)
    for number, event in enumerate(events):
        visit.handle(event, BEGIN_MS + number)
    assert visit.linked is linked


@pytest.mark.parametrize("state", State)
def test_what_the_table_does_not_know_raises(state: State) -> None:
    for event in Event:
        assert_raises_unless_known(state, event)


def assert_raises_unless_known(state: State, event: Event) -> None:
    visit, events = Visit(Random(1)), (*TO_DONE, Event.CLOCK_SET, Event.CLOSED)
    visit.begin(0)
    for leading in events:
        if visit.state is state:
            break
        visit.handle(leading, 0)
    if event in TRANSITIONS[state] and ANSWERS.get(event) in (None, visit._command):
        visit.handle(event, 0)
        return
    with pytest.raises(IllegalEvent, match=f"{event.name} in {state.name}"):
        visit.handle(event, 0)


@given(st.data(), st.randoms(use_true_random=False))
def test_any_visit_ends_within_its_deadlines(data: st.DataObject, rng: Random) -> None:
    """Whatever happens, and however long it takes within the orders' limits."""
    visit, now_ms = Visit(rng), 0
    order = visit.begin(now_ms)
    orders = 1
    while order.command is not Command.REST:
        longest_ms = int((order.after_s + order.within_s) * 1000)
        now_ms += data.draw(st.integers(0, longest_ms))
        possible = [
            event
            for event in TRANSITIONS[visit.state]
            if ANSWERS.get(event) in (None, order.command)
        ]
        order = visit.handle(data.draw(st.sampled_from(possible)), now_ms)
        orders += 1
    assert visit.state is State.BACKOFF
    assert now_ms <= sum(DEADLINES_S.values()) * 1000
    assert orders <= len(Command) + len(CONNECT_PAUSES_S)


@given(st.lists(st.integers(0, 12_000), min_size=3, max_size=3), st.randoms())
def test_all_tries_fit_the_wake_window(took_ms: list[int], rng: Random) -> None:
    visit, now_ms = Visit(rng), BEGIN_MS
    visit.begin(now_ms)
    order = visit.handle(Event.TURN, now_ms)
    began_ms = now_ms
    for attempt_ms in took_ms:
        now_ms += int(order.after_s * 1000)
        assert order.within_s > 0
        now_ms += min(attempt_ms, int(order.within_s * 1000))
        assert now_ms - began_ms <= WAKE_WINDOW_S * 1000
        order = visit.handle(Event.CONNECT_FAILED, now_ms)
        if order.command is Command.REST:
            break
    assert (order.command, visit.outcome) == (Command.REST, "link-failed")


def test_a_turn_is_waited_for_as_long_as_a_cuff_may_be_awake() -> None:
    order = Visit(Random(1)).begin(BEGIN_MS)
    assert (order.command, order.within_s) == (Command.AWAIT_TURN, DEADLINES_S[State.SEEN])


def test_a_cuff_has_time_for_its_whole_memory() -> None:
    """Two users' hundred records each, one a second."""
    visit = Visit(Random(1))
    visit.begin(0)
    orders = [visit.handle(event, 0) for event in TO_DRAINING]
    assert orders[-1].within_s >= 200


def test_tries_are_apart_by_a_pause_with_jitter() -> None:
    pauses_s = set()
    for seed in range(20):
        visit = Visit(Random(seed))
        visit.begin(0)
        visit.handle(Event.TURN, 0)
        pauses_s.add(visit.handle(Event.CONNECT_FAILED, 0).after_s)
    assert len(pauses_s) > 10
    assert all(
        CONNECT_PAUSES_S[0] / 2 <= pause_s <= CONNECT_PAUSES_S[0] * 1.5 for pause_s in pauses_s
    )


def test_a_quirk_known_late_still_gets_its_pause() -> None:
    visit = Visit(Random(1))
    visit.begin(0)
    for event in TO_SUBSCRIBING:
        visit.handle(event, 0)
    visit.quirk = BEURER_BM
    assert visit.handle(Event.ACQUAINTED, 0).after_s == BEURER_BM.pause_before_subscribing_s


def test_the_first_reason_is_the_one_that_counts() -> None:
    visit = Visit(Random(1))
    visit.begin(0)
    for event in (*TO_SUBSCRIBING, Event.ACQUAINTED, Event.SUBSCRIBED):
        visit.handle(event, 0)
    visit.handle(Event.SYNCED, 0, "racp-timeout")
    visit.handle(Event.LINK_LOST, 0)
    assert visit.outcome == "racp-timeout"


def test_unfinished_outcomes_are_outcomes_of_the_table() -> None:
    outcomes = {
        edge.outcome
        for events in TRANSITIONS.values()
        for edges in events.values()
        for edge in edges
    }
    assert outcomes > UNFINISHED - {BONDED_ELSEWHERE}


CHECKOUT = Path(__file__).parents[3]
PAGE = CHECKOUT / "docs" / "design" / "016-a-visit-is-a-table.md"


def test_the_diagram_in_the_manual_is_the_table() -> None:
    assert f"```mermaid\n{diagram()}\n```" in PAGE.read_text()


def test_each_pitfall_in_the_manual_has_a_test_that_exists_or_a_reason() -> None:
    sources = "".join(path.read_text() for path in (CHECKOUT / "tests").rglob("test_*.py"))
    exist = set(re.findall(r"^(?:async )?def (test_\w+)", sources, re.MULTILINE))
    page = PAGE.read_text()
    assert set(re.findall(r"`(test_\w+)`", page)) - exist == set()
    rows = re.findall(r"^\| (\d+) [^|]+\|[^|]+\| (`test_\w+`|none: \w+)", page, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 19))


def test_a_try_is_begun_only_with_time_left_for_it() -> None:
    """One that is cut off as it begins leaves a link half made behind."""
    pause_ms = int(CONNECT_PAUSES_S[0] * 1.5 * 1000)
    window_ms = int(WAKE_WINDOW_S * 1000)
    shortest_ms = int(CONNECT_SHORTEST_S * 1000)
    commands = []
    for late_ms in (0, 1):
        visit = Visit(Random(1))
        visit.begin(BEGIN_MS)
        visit.handle(Event.TURN, BEGIN_MS)
        failed_ms = BEGIN_MS + window_ms - pause_ms - shortest_ms + late_ms
        commands.append(visit.handle(Event.CONNECT_FAILED, failed_ms).command)
    assert commands == [Command.CONNECT, Command.REST]


def test_what_went_wrong_first_is_how_the_visit_went() -> None:
    visit = Visit(Random(1))
    visit.begin(BEGIN_MS)
    for event in TO_SYNCING:
        visit.handle(event, BEGIN_MS)
    visit.handle(Event.SYNCED, BEGIN_MS, "meter-silent")
    visit.handle(Event.DRAINED, BEGIN_MS, "refused-serial")
    assert visit.outcome == "meter-silent"
