"""Receipts as they may come, and a decoder that fails."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import cast

import msgspec
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from gateway.journal.journal import Journal
from gateway.record import BLOOD_PRESSURE_RECORD, Entry, SessionFacts
from gateway.sending import sender as sender_module
from gateway.sending.outbox import REFUSED_PAUSE_MS
from gateway.sending.publisher import Publisher
from gateway.sending.sender import Sender
from schemas.reading import Device, Item, Undecodable
from schemas.wire import Envelope, Receipts
from tests.gateway.hand_clock import HandClock
from tests.gateway.records import ADDRESS, STREAM, cuff_payload, entry, notification, record


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, STREAM)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def sender(journal: Journal, clock: HandClock) -> Sender:
    return Sender("home-1", journal, clock, Random(1))


def held(journal: Journal) -> list[int]:
    return [seq for seq, _ in journal.custody.held_after(0, 100)]


def refused() -> float:
    found = REGISTRY.get_sample_value("vitalwire_gateway_failures_total", {"reason": "receipts"})
    return found or 0.0


def test_a_receipt_frees_what_it_names_and_nothing_else(journal: Journal, sender: Sender) -> None:
    for payload in (b"1", b"2", b"3"):
        sender.take(journal.append(notification(payload)), None)
    sender.received(msgspec.json.encode(Receipts({STREAM: [(1, 1), (3, 9)], "b" * 16: [(2, 2)]})))
    assert held(journal) == [2]


def test_what_an_earlier_run_left_waits_for_its_session_and_no_longer(
    journal: Journal, sender: Sender, clock: HandClock
) -> None:
    for payload in (b"1", b"2", b"3"):
        journal.append(notification(payload))
    sender.wait("told before it is loaded", [1])
    sender.wait("session", [2])
    sender.session_told("told before it is loaded")
    sender._load()
    chosen = sender._outbox.choose(clock.monotonic_ms())
    assert chosen is not None
    assert chosen.numbers == range(1, 2)
    sender.session_told("session")
    chosen = sender._outbox.choose(clock.monotonic_ms())  # what is live comes first
    assert chosen is not None
    assert chosen.numbers == range(2, 3)


class Broker:
    """Takes every message, in the place of a publisher; numbers them as a new client does."""

    problem = None

    def __init__(self) -> None:
        self.sent: list[range] = []

    def publish_readings(self, envelope: Envelope, _payload: bytes) -> int:
        self.sent.append(envelope.numbers)
        return len(self.sent)


def sends(sender: Sender, broker: Broker) -> bool:
    sender._load()
    return sender._send_one(cast("Publisher", broker))


def test_an_acknowledgement_of_the_next_connection_is_of_none_of_the_last_one_s_messages(
    journal: Journal, sender: Sender, clock: HandClock
) -> None:
    """Each client counts from 1: the first of the next may be a health report."""
    sender.take(journal.append(notification(b"1")), None)
    first, second = Broker(), Broker()
    assert sends(sender, first)
    sender.disconnected()
    second.sent.append(range(0))
    assert sends(sender, second)
    sender.acknowledged(1, True)
    sender.disconnected()
    assert sends(sender, Broker()), "the second connection took nothing either"


def test_what_nobody_listened_to_is_tried_soon_and_what_was_heard_later(
    journal: Journal, sender: Sender, clock: HandClock
) -> None:
    sender.take(journal.append(notification(b"1")), None)
    broker = Broker()
    assert sends(sender, broker)
    sender.acknowledged(1, False)
    clock.now_ms += REFUSED_PAUSE_MS
    assert sends(sender, broker)
    sender.acknowledged(2, True)
    clock.now_ms += REFUSED_PAUSE_MS
    assert not sends(sender, broker)


def test_what_is_loaded_is_bounded_and_what_is_left_out_follows_the_receipts(
    journal: Journal, sender: Sender, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A week without a broker must not fill the memory; what waits there keeps its order."""
    monkeypatch.setattr(sender_module, "LOADED_ROWS_MAX", 4)
    monkeypatch.setattr(sender_module, "LOAD_ROWS", 2)
    for number in range(9):
        journal.append(notification(bytes([number])))
    broker, loaded = Broker(), []
    for _ in range(6):
        if not sends(sender, broker):
            break
        loaded.append(len(sender._outbox))
        first, last = broker.sent[-1][0], broker.sent[-1][-1]
        sender.acknowledged(len(broker.sent), True)
        sender.received(msgspec.json.encode(Receipts({STREAM: [(first, last)]})))
        clock.now_ms += 60_000
    assert max(loaded) == 4
    assert [seq for numbers in broker.sent for seq in numbers] == list(range(1, 10))


def test_segments_that_never_made_a_record_leave_when_a_visit_settles_them(
    journal: Journal, sender: Sender
) -> None:
    broker = Broker()
    sent = broker.sent

    def send() -> bool:
        return sends(sender, broker)

    row = journal.append(notification(b"\x01\x07\x00\x35\x2a", BLOOD_PRESSURE_RECORD))
    assert journal.sendable(row) == []
    assert not send()
    whole = bytes.fromhex("030800352A") + cuff_payload()
    for ready in journal.sendable(journal.append(notification(whole, BLOOD_PRESSURE_RECORD))):
        sender.take(ready, None)
    assert send()
    assert sent == [range(2, 3)]
    facts = SessionFacts("session", Device(ADDRESS), ended=True, newest=2)
    journal.keep_facts(facts, whole=True)
    sender.session_told("session")
    assert send()
    assert sent == [range(2, 3), range(1, 2)]
    assert not send()


def test_receipts_are_united(journal: Journal, sender: Sender) -> None:
    for payload in (b"1", b"2", b"3"):
        sender.take(journal.append(notification(payload)), None)
    sender.received(msgspec.json.encode(Receipts({STREAM: [(1, 2)]})))
    sender.received(msgspec.json.encode(Receipts({STREAM: [(3, 3)]})))  # a server that forgot
    assert held(journal) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b'{"streams": "all"}',
        b'{"streams": {"%s": [[1, 9]]}, "version": 2}' % STREAM.encode(),
        b'{"streams": {"%s": [[1]]}}' % STREAM.encode(),
    ],
)
def test_receipts_that_make_no_sense_are_counted_and_free_nothing(
    journal: Journal, sender: Sender, payload: bytes
) -> None:
    sender.take(journal.append(notification(b"1")), None)
    before = refused()
    sender.received(payload)
    assert (held(journal), refused()) == ([1], before + 1)


def test_should_the_decoder_fail_the_bytes_are_sent_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_entry: Entry, _gateway_id: str) -> Item:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(sender_module, "decode", broken)
    row = record(1, cuff_payload())
    item = sender_module._item(entry(row), "home-1")
    assert isinstance(item, Undecodable)
    assert bytes.fromhex(item.raw) == row.payload
    assert "a mistake of ours" in item.reason


def test_what_no_codec_understands_is_logged_without_saying_whose_it_is() -> None:
    with capture_logs() as logs:
        sender_module._item(entry(record(1, cuff_payload() + b"\xaa\xbb")), "home-1")
        sender_module._item(entry(record(2, b"\x00\x01")), "home-1")
        sender_module._item(entry(record(3, cuff_payload())), "home-1")
    assert [(line["event"], line["seq"]) for line in logs] == [
        ("payload.trailing", 1),
        ("payload.undecodable", 2),
    ]
    assert logs[0]["octets"] == 2
    assert "are too few" in logs[1]["reason"]
    assert ADDRESS not in str(logs)
