"""Streams get every change once and in order, or are cut."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.desk.fold import Desk
from alerts.feed.follower import Batch, Contact, Lost, Start
from alerts.feed.hub import QUEUE_BYTES_MAX, Client, Hub
from alerts.records import Record
from schemas.kafka import EngineReport, Tick
from schemas.registry import PatientEntry
from schemas.topics import ACTIONS, ALERTS, READINGS, REGISTRY
from tests.alert_records import acknowledgement, patient, transition
from tests.servers import HandClock

STARTS = {(ALERTS, 0): 0, (ACTIONS, 0): 0, (REGISTRY, 0): 0}


@dataclass
class Event:
    """A server-sent event as a browser sees it."""

    name: str
    cursor: str | None
    data: object


def events(client: Client) -> list[Event]:
    """Read all that waits for a client."""
    found = []
    for block in client.taken().decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append(Event(fields["event"], fields.get("id"), json.loads(fields["data"])))
    return found


def alert_events(client: Client) -> list[Event]:
    return [event for event in events(client) if event.name in {"snapshot", "update"}]


class Log:
    """Gives a hub batches as the follower does."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.offset = 0

    def start(self, *records: Record, topic_id: str = "t") -> "Log":
        self.offset = 0
        self.hub.take(Start((topic_id, "u", "v"), STARTS))
        self.append(*records)
        self.catch_up()
        return self

    def append(self, *records: Record) -> None:
        """Give records of the alert topics."""
        self.offset += len(records)
        self.hub.take(Batch(list(records), {(ALERTS, 0): self.offset}))

    def register(self, entry: PatientEntry, offset: int) -> None:
        self.hub.take(Batch([entry], {(REGISTRY, 0): offset + 1}))

    def catch_up(self) -> None:
        self.hub.take(Contact(0, caught_up=True, at_monotonic_ms=1_000_000))


def ready_hub(*records: Record) -> tuple[Hub, Log]:
    hub = Hub(HandClock(), "build")
    return hub, Log(hub).start(*records)


def test_a_fresh_stream_begins_with_a_snapshot_the_readings_and_a_heartbeat() -> None:
    hub, _ = ready_hub(transition("1"))
    first = events(hub.join(""))
    assert [event.name for event in first] == ["snapshot", "readings", "heartbeat"]
    assert first[0].cursor == hub.cursor


def test_a_page_rendered_while_the_log_is_read_gets_all_of_it_afterwards() -> None:
    hub = Hub(HandClock(), "build")
    log = Log(hub)
    hub.take(Start(("t", "u", "v"), STARTS))
    log.append(transition("1"))
    rendered_at, shown = hub.cursor, hub.board.overview().cards
    log.catch_up()
    (event,) = alert_events(hub.join(rendered_at))
    assert not shown
    assert event.name == "snapshot"


def test_a_page_goes_on_from_the_cursor_it_was_rendered_at() -> None:
    hub, log = ready_hub(transition("1"))
    rendered_at = hub.cursor
    log.append(transition("2", alert_id="b"))
    (update,) = alert_events(hub.join(rendered_at))
    assert update.name == "update"
    assert update.cursor == hub.cursor


def test_an_unknown_cursor_gets_a_snapshot() -> None:
    hub, _ = ready_hub(transition("1"))
    assert [event.name for event in alert_events(hub.join("0:9:9"))] == ["snapshot"]


def test_a_snapshot_is_written_once_for_all_who_ask_until_something_changes() -> None:
    hub, log = ready_hub(transition("1"))
    one, other = hub.join(""), hub.join("")
    assert hub._snapshot() is hub._snapshot()
    assert alert_events(one) == alert_events(other)
    log.append(transition("2", alert_id="b"))
    (later,) = alert_events(hub.join(""))
    assert isinstance(later.data, dict)
    assert {card["alert_id"] for card in later.data["cards"]} == {"a", "b"}
    assert later.cursor == hub.cursor


def test_a_duplicate_moves_the_cursor_and_sends_nothing() -> None:
    hub, log = ready_hub(transition("1"))
    client, before = hub.join(hub.cursor), hub.cursor
    log.append(transition("1"))
    assert alert_events(client) == []
    assert hub.cursor != before
    assert alert_events(hub.join(before)) == []
    assert alert_events(hub.join(hub.cursor)) == []


def test_a_new_name_of_a_patient_is_a_snapshot_for_everybody() -> None:
    hub, log = ready_hub(transition("1", patient_id="p"))
    client, before = hub.join(hub.cursor), hub.cursor
    log.register(patient("p", "Wren-01"), offset=0)
    assert [event.name for event in alert_events(client)] == ["snapshot"]
    assert [event.name for event in alert_events(hub.join(before))] == ["snapshot"]
    assert alert_events(hub.join(hub.cursor)) == []
    log.register(patient("p", "Wren-01"), offset=1)  # the same again: nobody need know
    assert alert_events(client) == []


def test_until_the_log_is_read_nothing_is_shown_as_complete() -> None:
    hub = Hub(HandClock(), "build")
    client = hub.join("")
    log = Log(hub)
    hub.take(Start(("t", "u", "v"), STARTS))
    log.append(transition("1"))
    while_reading = hub.trouble
    assert while_reading is not None
    assert alert_events(client) == []
    log.catch_up()
    assert hub.trouble is None
    assert [event.name for event in alert_events(client)] == ["snapshot"]


def test_what_was_over_long_ago_is_forgotten_once_the_log_is_read() -> None:
    hub = Hub(HandClock(), "build")
    log = Log(hub)
    hub.take(Start(("t", "u", "v"), STARTS))
    hub._incoming.desk = Desk(kept_max=10)  # sweeps by itself from the twelfth on
    log.append(*(transition(one, alert_id=one) for one in "abcdefghijk"))
    log.append(*(transition(f"{one}2", "retired", alert_id=one) for one in "abcdefghijk"))
    log.catch_up()
    assert [case.alert_id for case in hub.board.desk.cases()] == [*"bcdefghijk"]


def test_topics_made_anew_replace_what_is_shown_only_once_read() -> None:
    hub, log = ready_hub(transition("1"))
    client, before = hub.join(hub.cursor), hub.cursor
    hub.take(Start(("another", "u", "v"), STARTS))
    log.offset = 0
    log.append(transition("9", alert_id="z"))
    assert [one.alert_id for one in hub.board.overview().cards] == ["a"]
    assert hub.trouble is not None
    log.catch_up()
    assert [one.alert_id for one in hub.board.overview().cards] == ["z"]
    assert hub.cursor != before
    assert [event.name for event in alert_events(client)] == ["snapshot"]


def test_a_lost_log_is_said_in_the_heartbeat_and_its_age_grows() -> None:
    clock = HandClock()
    hub = Hub(clock, "build")
    Log(hub).start(transition("1"))
    client = hub.join(hub.cursor)
    events(client)
    hub.take(Lost("Kafka does not answer."))
    clock.pass_ms(7_000)
    hub.beat()
    (beat,) = events(client)
    assert isinstance(beat.data, dict)
    assert beat.data["contact_age_ms"] == 7_000
    assert beat.data["trouble"] == (
        "This list may be out of date. Kafka does not answer. It is tried again by itself."
    )


def test_a_reader_that_does_not_keep_up_is_cut_and_others_are_not() -> None:
    hub, log = ready_hub(transition("1"))
    slow, quick = hub.join(""), hub.join("")
    half = "x" * (QUEUE_BYTES_MAX // 2)
    for number in range(2):
        events(quick)
        log.append(transition(str(number), alert_id="b", advice=half))
    assert slow.cut.is_set()
    assert not quick.cut.is_set()


@given(st.data())
def test_cut_streams_resume_without_a_gap_or_a_double(data: st.DataObject) -> None:
    hub, log = ready_hub()
    client, cursor = hub.join(hub.cursor), hub.cursor
    seen: list[str] = []
    sent: list[str] = []
    for number in range(data.draw(st.integers(1, 15))):
        alert = str(number)
        log.append(transition(alert, alert_id=alert))
        sent.append(alert)
        if data.draw(st.booleans()):
            log.append(acknowledgement(alert, action_id=f"x{number}", alert_ids=(alert,)))
            sent.append(alert)
        if data.draw(st.booleans()):  # the browser reads some, then the connection breaks
            for event in alert_events(client)[: data.draw(st.integers(0, 3))]:
                assert isinstance(event.data, dict)
                seen += [card["alert_id"] for card in event.data["cards"]]
                cursor = event.cursor or cursor
            hub.leave(client)
            client = hub.join(cursor)
    for event in alert_events(client):
        assert isinstance(event.data, dict)
        seen += [card["alert_id"] for card in event.data["cards"]]
    assert seen == sent


@pytest.mark.parametrize(("late_ms", "banner"), [(15_000, False), (15_001, True)])
def test_a_banner_says_that_alerts_come_late_beyond_fifteen_seconds(
    late_ms: int, banner: bool
) -> None:
    clock = HandClock()
    hub = Hub(clock, "build")
    hub.take(Start(("t", "u", "v", "r", "e"), {**STARTS, (READINGS, 0): 0}))
    report = EngineReport(0, "e", 1, 0, clock.wall_ms(), clock.wall_ms(), late_ms)
    hub.take(Batch([report], {}))
    hub.take(Contact(0, True, clock.monotonic_ms()))
    (beat,) = [one for one in events(hub.join("")) if one.name == "heartbeat"]
    assert isinstance(beat.data, dict)
    assert (beat.data["trouble"] is not None) == banner


@pytest.mark.parametrize("ahead_ms", [600_000, 0, -600_000])
@pytest.mark.parametrize("silent_s", [15, 16])
def test_an_engine_that_died_is_late_though_a_clock_is_wrong(ahead_ms: int, silent_s: int) -> None:
    """The engine's was ahead, or the page's is set back: it would have reported till then."""
    clock = HandClock()
    hub = Hub(clock, "build")
    hub.take(Start(("t", "u", "v", "r", "e"), {**STARTS, (READINGS, 0): 0}))
    hub.take(Contact(0, True, clock.monotonic_ms()))
    hub.take(Batch([EngineReport(0, "e", 1, 0, clock.now_ms, clock.now_ms + ahead_ms)], {}))
    client = hub.join("")
    clock.pass_ms(silent_s * 1000)
    clock.now_ms += min(ahead_ms, 0)
    hub.beat()
    troubles = [
        one.data["trouble"]
        for one in events(client)
        if one.name == "heartbeat" and isinstance(one.data, dict)
    ]
    assert (troubles[-1] is not None) == (silent_s > 15)


def test_what_is_known_follows_the_log_that_is_shown() -> None:
    clock = HandClock()
    hub = Hub(clock, "build")
    assert hub.no_reading() == "The log of readings is still being read."
    log = Log(hub).start()
    assert "is not known" in hub.no_reading()
    log.append(Tick(clock.now_ms - 300_000), Tick(clock.now_ms - 540_000))
    assert "since 07:51" in hub.no_reading()
    log.start(topic_id="made anew")
    assert "is not known" in hub.no_reading()
