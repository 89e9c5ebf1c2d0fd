"""Notices side by side: what came of each channel, also of those that nobody waited for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from structlog.testing import capture_logs

from alerts.desk import metrics
from alerts.desk.channels import TRIES, Channels, RefusedNotice, Sender
from alerts.desk.delivery import TRIES_WITHIN_MS, WITHIN_MS, Delivery, Heard, Outcome
from alerts.desk.message import Notice
from alerts.desk.technical import ways
from schemas.errors import UnavailableError
from schemas.rota import Channel, Contact, RotaEntry
from tests.servers import eventually

ROTA = RotaEntry("home", contacts=[Contact("nurse", [Channel("log"), Channel("webhook", "u")])])
WAYS = [*ways(ROTA, "nurse")]
NOTICE = Notice("key", "critical", "onset", "subject", "text", 5)


def finished(delivery: Delivery, now_ms: int = 0) -> tuple[list[Outcome], list[Heard]]:
    """Look until nothing is under way, always at the same time."""
    outcomes: list[Outcome] = []
    heard: list[Heard] = []

    def looked() -> bool:
        ended, also = delivery.finished(now_ms)
        outcomes.extend(ended)
        heard.extend(also)
        return "key" not in delivery

    eventually(looked)
    return outcomes, heard


def first_outcome(delivery: Delivery) -> Outcome:
    """Look until there is one, however many channels are still tried."""
    found: list[Outcome] = []

    def looked() -> bool:
        found.extend(delivery.finished(0)[0])
        return bool(found)

    eventually(looked)
    return found[0]


@contextmanager
def delivering(
    log: Sender = lambda *_: None, webhook: Sender = lambda *_: None
) -> Iterator[Delivery]:
    """Send to a log and to a webhook; at the end nobody waits any longer."""
    stop = threading.Event()
    delivery = Delivery(Channels({"log": log, "webhook": webhook}, Random(1), stop))
    try:
        yield delivery
    finally:
        stop.set()
        delivery.close()


def failures() -> float:
    return float(metrics.DELIVERIES.labels("webhook", "failed")._value.get())


def test_a_channel_that_fails_after_another_took_the_notice_is_counted_and_named() -> None:
    """A telephone that is dead beside a mailbox that is not: somebody must be able to see it."""
    taken = threading.Event()

    def refuses(_: Notice, __: str) -> None:
        taken.wait(10)
        raise RefusedNotice("The webhook answered 404.")

    before = failures()
    with capture_logs() as lines, delivering(webhook=refuses) as delivery:
        delivery.start(NOTICE, ["nurse"], ROTA, 0)
        assert first_outcome(delivery) == Outcome("key", delivered=True, note="log")
        taken.set()
        assert finished(delivery) == ([], [Heard(WAYS[1], "The webhook answered 404.")])
        eventually(lambda: failures() == before + 1)
        eventually(lambda: lines)
    (line,) = lines
    assert (line["event"], line["channel"]) == ("delivery.failed", "webhook")
    assert line["cause"] == "The webhook answered 404."


def test_a_mistake_of_ours_is_said_and_counts_as_a_channel_that_failed() -> None:
    def breaks(_: Notice, __: str) -> None:
        raise KeyError

    delivery = Delivery(Channels({"webhook": breaks}, Random(1), threading.Event()))
    with capture_logs() as lines:
        delivery.start(NOTICE, ["nurse"], ROTA, 0)
        outcomes, heard = finished(delivery)
        eventually(lambda: len(lines) == 2)
    delivery.close()
    assert (outcomes[0].delivered, heard) == (False, []), "where all fail the notice is the trouble"
    assert outcomes[0].note == "log of nurse: No log is set up here.; webhook of nurse: KeyError"
    levels = sorted((str(line["channel"]), line["log_level"]) for line in lines)
    assert levels == [("log", "warning"), ("webhook", "error")]


def test_every_channel_that_takes_a_notice_is_named() -> None:
    with delivering() as delivery:
        delivery.start(NOTICE, ["nurse"], ROTA, 0)
        outcomes, heard = finished(delivery)
    assert [one.delivered for one in outcomes] == [True]
    assert sorted(heard, key=lambda one: one.way.label) == [
        Heard(way, None) for way in ways(ROTA, "nurse")
    ]


def test_a_receiver_that_says_nothing_has_failed_after_ten_seconds_and_may_take_it_later() -> None:
    """A name that nobody looks up ends no wait of ours: the next one is told all the same."""
    answers = threading.Event()

    def silent(_: Notice, __: str) -> None:
        answers.wait(20)

    with delivering(webhook=silent) as delivery:
        rota = RotaEntry("home", contacts=[Contact("nurse", [Channel("webhook", "u")])])
        delivery.start(NOTICE, ["nurse"], rota, 1_000)
        assert delivery.finished(1_000 + WITHIN_MS - 1) == ([], [])
        late = Outcome("key", delivered=False, note="webhook of nurse: It does not answer in time.")
        assert delivery.finished(1_000 + WITHIN_MS) == ([late], [])
        assert delivery.finished(1_000 + WITHIN_MS) == ([], []), "it is said once"
        answers.set()
        assert finished(delivery) == ([], [Heard(way, None) for way in ways(rota, "nurse")])


def tries_until(look: Callable[[Delivery], object]) -> int:
    """Let a receiver be busy; give how often it is tried, if so is done during the first try."""
    tries, begun, go_on = [], threading.Event(), threading.Event()

    def busy(_: Notice, __: str) -> None:
        tries.append(1)
        begun.set()
        go_on.wait(10)
        raise UnavailableError("The webhook answered 503.")

    with delivering(webhook=busy) as delivery:
        rota = RotaEntry("home", contacts=[Contact("nurse", [Channel("webhook", "u")])])
        delivery.start(NOTICE, ["nurse"], rota, 0)
        begun.wait(10)
        look(delivery)
        go_on.set()
        finished(delivery)
    return len(tries)


def test_no_try_begins_later_than_four_seconds_after_the_first() -> None:
    assert tries_until(lambda delivery: delivery.finished(TRIES_WITHIN_MS - 1)) == TRIES
    assert tries_until(lambda delivery: delivery.finished(TRIES_WITHIN_MS)) == 1


def test_what_is_answered_meanwhile_is_tried_no_more_and_is_no_trouble() -> None:
    assert tries_until(lambda delivery: delivery.withdraw("key")) == 1
    begun, go_on = threading.Event(), threading.Event()

    def busy(_: Notice, __: str) -> None:
        begun.set()
        go_on.wait(10)
        raise UnavailableError("The webhook answered 503.")

    with delivering(webhook=busy) as delivery:
        delivery.withdraw("nothing of that name")
        delivery.start(NOTICE, ["nurse"], ROTA, 0)
        begun.wait(10)
        first_outcome(delivery)
        delivery.withdraw("key")
        go_on.set()
        assert finished(delivery) == ([], []), "it might have taken the next try"


def test_two_channels_of_one_kind_have_names_of_their_own() -> None:
    kinds = [Channel("webhook", "u"), Channel("log"), Channel("webhook", "v")]
    rota = RotaEntry("home", contacts=[Contact("nurse", kinds), Contact("night", kinds)])
    assert [way.label for way in ways(rota, "nurse")] == ["webhook", "log", "webhook 2"]
    places = [way.place.rpartition("/") for way in ways(rota, "night")]
    assert [place for place, _, _ in places] == [
        "home/night/webhook",
        "home/night/log",
        "home/night/webhook 2",
    ]
    assert len({mark for _, _, mark in places}) == len(kinds), "each address has its own"
