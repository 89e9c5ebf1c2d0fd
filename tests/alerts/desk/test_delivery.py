"""Notices side by side: what came of each channel, also of those that nobody waited for."""

import threading
from random import Random

from structlog.testing import capture_logs

from alerts.desk import metrics
from alerts.desk.channels import Channels, RefusedNotice
from alerts.desk.delivery import Delivery, Outcome
from alerts.desk.message import Notice
from schemas.rota import Channel, Contact, RotaEntry
from tests.servers import eventually

ROTA = RotaEntry("home", contacts=[Contact("nurse", [Channel("log"), Channel("webhook", "u")])])
NOTICE = Notice("key", "critical", "onset", "subject", "text", 5)


def finished(delivery: Delivery) -> list[Outcome]:
    found: list[Outcome] = []

    def looked() -> bool:
        found.extend(delivery.finished())
        return bool(found)

    eventually(looked)
    return found


def failures() -> float:
    return float(metrics.DELIVERIES.labels("webhook", "failed")._value.get())


def test_a_channel_that_fails_after_another_took_the_notice_is_counted_and_named() -> None:
    """A telephone that is dead beside a mailbox that is not: somebody must be able to see it."""
    taken = threading.Event()

    def refuses(_: Notice, __: str) -> None:
        taken.wait(10)
        raise RefusedNotice("The webhook answered 404.")

    ways = {"log": lambda *_: None, "webhook": refuses}
    delivery = Delivery(Channels(ways, Random(1), threading.Event()))
    before = failures()
    with capture_logs() as lines:
        delivery.start(NOTICE, ["nurse"], ROTA)
        outcomes = finished(delivery)
        assert [(one.delivered, one.note) for one in outcomes] == [(True, "log")]
        taken.set()
        eventually(lambda: failures() == before + 1)
        eventually(lambda: lines)
    delivery.close()
    (line,) = lines
    assert (line["event"], line["channel"]) == ("delivery.failed", "webhook")
    assert line["cause"] == "The webhook answered 404."


def test_a_mistake_of_ours_is_said_and_counts_as_a_channel_that_failed() -> None:
    def breaks(_: Notice, __: str) -> None:
        raise KeyError

    delivery = Delivery(Channels({"webhook": breaks}, Random(1), threading.Event()))
    with capture_logs() as lines:
        delivery.start(NOTICE, ["nurse"], ROTA)
        outcomes = finished(delivery)
        eventually(lambda: len(lines) == 2)
    delivery.close()
    assert not outcomes[0].delivered
    assert outcomes[0].note == "log: No log is set up here.; webhook: KeyError"
    levels = sorted((str(line["channel"]), line["log_level"]) for line in lines)
    assert levels == [("log", "warning"), ("webhook", "error")]
