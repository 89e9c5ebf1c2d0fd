"""An answer races with a notice: one of them is first in the log; after an answer nobody is told.

From outside: a real log, the desk as a process, a receiver on this machine.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from threading import Event

import pytest

from alerts.desk.calls import outcome
from alerts.engine.partitions.output import Message, Output, Patience
from schemas.alert import Action
from schemas.rota import Channel, Contact, OffHours, RotaEntry, Shift
from simulators.stack.kafka import EmbeddedKafka
from tests.alert_log import AlertLog
from tests.alert_records import acknowledgement, transition
from tests.alerts.desk.real_desk import (
    actions,
    kinds,
    now_ms,
    onset,
    process,
    put_rota,
    running,
    staff,
)
from tests.alerts.desk.receivers import Inbox, web_server
from tests.servers import eventually

pytestmark = pytest.mark.timeout(120)

STEP_MS = 300_000
ALERTS = 30
PEOPLE = ("early", "late", "early-second", "late-second", "chief", "technician")


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with web_server(Inbox()) as received:
        yield received


def deliver(log: AlertLog, inbox: Inbox, *names: str) -> None:
    """Let the desk tell of further alerts, one after the other: it has read all before them."""
    for name in names:
        with_it = len(inbox.keys) + 1
        log.put(onset(name, alert_id=name))
        eventually(partial(_has_come, inbox, with_it))


def _has_come(inbox: Inbox, count: int) -> bool:
    return len(inbox.keys) >= count


def test_an_answer_that_is_first_in_the_log_stops_a_notice_that_is_decided_already(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff(log, inbox.url)
    write = Output.write

    def after_the_answer(self: Output, messages: Sequence[Message], patience: Patience) -> bool:
        if any(b'"notify"' in (one.value or b"") for one in messages):
            log.put(acknowledgement("1", at_ms=now_ms()))
        return write(self, messages, patience)

    monkeypatch.setattr(Output, "write", after_the_answer)
    with running(kafka):
        log.put(onset())
        eventually(lambda: any(one.kind == "notify" for one in actions(kafka)))
        deliver(log, inbox, "later")
    answered, other = (one for one in actions(kafka) if one.kind == "notify")
    assert (answered.alert_ids, other.alert_ids) == (["a"], ["later"])
    assert inbox.keys == [other.action_id]


def test_an_answer_ends_the_tries_of_a_receiver_that_is_busy(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox, tmp_path: Path
) -> None:
    staff(log, inbox.url)
    asked = Event()

    def busy(_: str) -> int | None:
        if asked.is_set():
            return None
        asked.set()
        log.put(acknowledgement("1", at_ms=now_ms()))
        deliver(log, inbox, "b")
        return 503

    inbox.hook = busy
    with process(kafka, tmp_path):
        log.put(onset())
        eventually(lambda: len(inbox.keys) == 2)
        deliver(log, inbox, "c", "d", "e")
    assert len(set(inbox.keys)) == len(inbox.keys), "the first was tried again"


def test_of_two_desks_one_sends_a_notice(kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox) -> None:
    staff(log, inbox.url)
    with running(kafka), running(kafka, name="desk-2"):
        for number in range(ALERTS):
            log.put(onset(f"{number}", alert_id=f"{number}"))
        eventually(lambda: kinds(kafka).count("delivered") >= ALERTS)
        deliver(log, inbox, "later")
    written = [one for one in actions(kafka) if one.kind == "notify"]
    assert {one.writer for one in written} == {"desk-1", "desk-2"}, "one of them decides nothing"
    assert sorted(inbox.keys) == sorted({one.action_id for one in written})


def told_before(number: int, due_ms: int) -> Sequence[Action]:
    """Give the records by which both on duty were told of an alert, a step before ``due_ms``."""
    told = Action(
        action_id=f"told-{number}",
        alert_ids=[f"{number}"],
        kind="notify",
        who="desk",
        at_ms=due_ms - STEP_MS,
        patient_id=f"patient-of-{number}",
        event_ids=[f"{number}"],
        reason="onset",
        step=0,
        to=["early", "late"],
    )
    return told, outcome(told, due_ms - STEP_MS, delivered=True)


def handover(url: str) -> RotaEntry:
    """Two shifts run at any time."""
    return RotaEntry(
        "home",
        contacts=[Contact(name, [Channel("webhook", f"{url}{name}")]) for name in PEOPLE],
        shifts=[
            Shift("00:00", "00:00", ["early"], ["early-second"]),
            Shift("12:00", "12:00", ["late"], ["late-second"]),
        ],
        off_hours=OffHours(["early"]),
        programme_lead=["chief"],
        technical=["technician"],
    )


def test_escalations_and_answers_at_one_moment_in_a_handover(
    kafka: EmbeddedKafka, log: AlertLog, inbox: Inbox, tmp_path: Path
) -> None:
    """Of two desks the first is killed with notices under way; every third alert stays open."""
    put_rota(log, handover(inbox.url))
    answered = [number for number in range(ALERTS) if number % 3]
    Random(1).shuffle(answered)
    with ExitStack() as stack:
        first, _ = [stack.enter_context(process(kafka, tmp_path)) for _ in range(2)]
        due_ms = now_ms() + 2_000
        for number in range(ALERTS):
            log.put(*told_before(number, due_ms))
        for number in range(ALERTS):
            log.put(transition(f"{number}", at_ms=due_ms - STEP_MS, alert_id=f"{number}"))
        eventually(lambda: now_ms() >= due_ms - 10)
        for place, number in enumerate(answered):
            at_ms = now_ms()
            answer = acknowledgement(
                f"{number}", action_id=f"answer-{number}", at_ms=at_ms, alert_ids=(f"{number}",)
            )
            log.put(answer)
            if place == len(answered) // 2:
                first.kill()
        open_ones = {f"{number}" for number in range(0, ALERTS, 3)}
        eventually(lambda: open_ones <= _delivered(kafka))
        deliver(log, inbox, "later", "last")
    said = actions(kafka)
    _nobody_hears_after_an_answer(said, inbox)
    assert max(Counter(inbox.keys).values()) <= 2 * 2, "two people, by each desk"
    for number in range(ALERTS):
        keys = {
            one.action_id for one in said if one.kind == "notify" and f"{number}" in one.alert_ids
        }
        assert len(keys - {f"told-{number}"}) <= 1, "one step is one notice, whoever decides it"


def _delivered(kafka: EmbeddedKafka) -> set[str]:
    """Name the alerts whose escalation somebody took."""
    return {
        one.alert_ids[0]
        for one in actions(kafka)
        if one.kind == "delivered" and not one.answers.startswith("told-")
    }


def _nobody_hears_after_an_answer(said: Sequence[Action], inbox: Inbox) -> None:
    first: dict[str, int] = {}
    for place, one in enumerate(said):
        first.setdefault(one.action_id, place)
    for one in said:
        answer = first.get(f"answer-{one.alert_ids[0]}") if one.alert_ids else None
        if one.kind == "notify" and answer is not None and answer < first[one.action_id]:
            assert one.action_id not in inbox.keys, "it was answered before"
