"""A canary from the watcher's hands to the desk's decision, stage by stage, and nobody's in any."""

from typing import NoReturn

import msgspec
import pytest

from alerts.desk.canaries import ANSWERED_WITHIN_MS
from alerts.desk.canaries import Canaries as DesksCanaries
from alerts.engine.canaries import CANARY_BOOK, judge_canaries
from alerts.engine.ladders.ladder import arrange
from alerts.engine.readings.admission import decoded
from alerts.feed.board import Board
from alerts.records import CanaryDecided, CanaryFound, Record, decode
from alerts.rules.load import find_book, load_book
from alerts.watcher.canary import Canaries, Instant, Letter
from ingest.bridge.opening import Message
from ingest.bridge.parse import Parsed, parse
from ingest.sink.entries import read
from schemas import topics
from schemas.alert import Action, Transition
from schemas.kafka import Canary, StampedReading
from schemas.wire import CANARY_KEPT_S
from tests.ingest.factories import RECEIVED_MS, message, reading

STREAM = "0011223344556677"
BOOT = "ab" * 16
RULES = arrange([load_book(find_book(CANARY_BOOK))])


def letter(canaries: Canaries) -> Letter:
    return canaries.start(Instant(BOOT, 500_000, RECEIVED_MS - 100))


def parsed(sent: Letter) -> Parsed:
    received = Message(
        sent.topic, sent.payload, RECEIVED_MS, sent.properties, expires_s=CANARY_KEPT_S - 1
    )
    return parse(received, _nobody_asks)


def _nobody_asks(_: StampedReading) -> NoReturn:
    pytest.fail("the registry is asked about readings of devices only")


def found() -> Transition:
    (record,) = parsed(letter(Canaries(STREAM))).records
    canary = decoded(record.value)
    assert isinstance(canary, Canary)
    (transition,) = judge_canaries([canary], RULES)
    return transition


def through_the_log(topic: str, record: Transition | Action) -> Record:
    return decode(topic, b"", msgspec.json.encode(record))


def test_the_bridge_passes_it_on_under_no_key_and_as_no_patient_s() -> None:
    (record,) = parsed(letter(Canaries(STREAM))).records
    assert (record.topic, record.key) == (topics.READINGS, None)
    assert b"patient_id" not in record.value
    assert isinstance(decoded(record.value), Canary)


def test_what_is_no_sound_canary_leaves_nothing() -> None:
    sent = letter(Canaries(STREAM))
    for broken in (
        Message(sent.topic, sent.payload, RECEIVED_MS, []),
        Message(sent.topic, sent.payload + b" ", RECEIVED_MS, sent.properties),
        Message(sent.topic, sent.payload, RECEIVED_MS, sent.properties, retained=True),
    ):
        outcome = parse(broken, _nobody_asks)
        assert outcome.records == []
        assert outcome.outcomes == {("canary", "refused"): 1}


def test_two_readings_are_no_canary_and_a_canary_is_no_gateway_s_message() -> None:
    two = message([reading(1), reading(2)])
    topic = topics.mqtt_topic("watcher-1", "canary")
    assert (
        parse(Message(topic, two.payload, RECEIVED_MS, two.properties), _nobody_asks).records == []
    )


def test_the_engine_finds_it_by_the_published_rules_and_says_it_of_nobody() -> None:
    transition = found()
    assert transition.rule == "glucose-below-54"
    assert (transition.patient_id, transition.subject) == ("", f"canary/{STREAM}-1")
    assert (transition.severity, transition.notify) == ("info", False)


def test_a_canary_that_no_rule_would_find_does_not_come_back() -> None:
    (record,) = parsed(letter(Canaries(STREAM))).records
    canary = decoded(record.value)
    assert isinstance(canary, Canary)
    text = record.value.replace(b'"40"', b'"110"')
    normal = decoded(text)
    assert isinstance(normal, Canary)
    assert judge_canaries([normal], RULES) == []


def test_the_desk_decides_on_it_once_and_on_no_old_one() -> None:
    desk, event = DesksCanaries(), found()
    desk.found(event)
    (decision,) = desk.decide(event.at_ms + 10)
    assert (decision.kind, decision.reason) == ("canary", "not-notifying")
    desk.decided(decision)
    desk.found(event)  # an engine that starts again says it again
    assert desk.decide(event.at_ms + 20) == []
    late = DesksCanaries()
    late.found(event)
    assert late.decide(event.at_ms + ANSWERED_WITHIN_MS + 1) == []


def test_the_watcher_knows_it_again() -> None:
    canaries, desk = Canaries(STREAM), DesksCanaries()
    (record,) = parsed(letter(canaries)).records
    canary = decoded(record.value)
    assert isinstance(canary, Canary)
    for transition in judge_canaries([canary], RULES):
        desk.found(transition)
    (decision,) = desk.decide(RECEIVED_MS)
    back = through_the_log(topics.ACTIONS, decision)
    assert isinstance(back, CanaryDecided)
    assert canaries.came_back(back.decided) == RECEIVED_MS - 100


def test_no_page_and_no_table_takes_it() -> None:
    (record,) = parsed(letter(Canaries(STREAM))).records
    assert read(topics.READINGS, record.value, RECEIVED_MS) == []  # the sink
    event = found()
    desk = DesksCanaries()
    desk.found(event)
    (decision,) = desk.decide(event.at_ms)
    records = [
        decode(topics.READINGS, None, record.value),
        through_the_log(topics.ALERTS, event),
        through_the_log(topics.ACTIONS, decision),
    ]
    assert [type(one) for one in records] == [Canary, CanaryFound, CanaryDecided]
    board = Board()
    changes = board.take(records)
    assert (changes.alert_ids, changes.news, changes.readings) == (set(), [], False)
    assert (board.overview().cards, board.overview().patients, board.rows()) == ([], 0, [])
