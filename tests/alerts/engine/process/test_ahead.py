"""A part is judged while the one before is written: in order, and never taken for written."""

from collections.abc import Sequence
from random import Random
from threading import Event, Thread

import pytest

from alerts.engine.ladders.library import Library
from alerts.engine.partitions.output import Message, Output, Patience
from alerts.engine.partitions.replicas import StoppedError
from alerts.engine.process import judging
from alerts.engine.process.ahead import Ahead
from alerts.engine.process.daemon import Engine
from alerts.rules.load import load_books
from schemas.clock import SystemClock
from schemas.topics import ALERTS, STATE
from simulators.stack.kafka import EmbeddedKafka
from tests.alerts.engine.clinic import EVENTS, PATIENTS, Clinic, story
from tests.alerts.readings import BASIC, MINUTE, NOON

pytestmark = pytest.mark.timeout(120)

FAILS_AT = (9, 4, 6)
"""The writes of alerts.v1 and alerts.state.v1, from the start of each session on, that fail."""


def test_what_was_judged_ahead_and_not_written_is_judged_again(
    kafka: EmbeddedKafka, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, fails_at = Output.write, list(FAILS_AT)
    left = fails_at.pop(0)

    def interrupted(output: Output, messages: Sequence[Message], patience: Patience) -> bool:
        """Lose the share between two writes: of transitions, of states, of checkpoints."""
        nonlocal left
        left -= messages[0].topic in (ALERTS, STATE)
        if left == 0:
            left = fails_at.pop(0) if fails_at else -1
            return False
        return write(output, messages, patience)

    monkeypatch.setattr(judging, "_PART_RECORDS", 8)
    monkeypatch.setattr(Output, "write", interrupted)
    for lines in zip(*map(story, PATIENTS), strict=True):
        clinic.receive(*zip(PATIENTS, lines, strict=True))
    clinic.tick(NOON + 30 * MINUTE)
    stop = Event()
    engine = Engine(kafka.bootstrap, Library(load_books(BASIC)), SystemClock(), Random(1), stop)
    thread = Thread(target=engine.run)
    thread.start()
    try:
        events = clinic.wait_for(len(EVENTS) * len(PATIENTS))
    finally:
        stop.set()
        thread.join()
    assert left < 0, "all failures came"
    for patient in PATIENTS:
        mine = [one.event for one in events.values() if one.patient_id == patient]
        assert sorted(mine) == sorted(EVENTS)
    repeated = {one.event_id: one for one in reversed(clinic.transitions)}
    assert repeated == events, "an event that was written twice says the same twice"


def test_who_begins_a_write_does_not_wait_for_it() -> None:
    gate, log = Event(), []

    def write() -> None:
        gate.wait()
        log.append("written")

    with Ahead() as ahead:
        ahead.begin(write)
        assert not log
        gate.set()  # too late, had it waited
        ahead.finish()
    assert log


def test_one_write_begins_when_the_one_before_is_over() -> None:
    gate, began, log = Event(), Event(), []

    def first() -> None:
        began.set()
        gate.wait()
        log.append("first")

    with Ahead() as ahead:
        ahead.begin(first)
        began.wait()
        second = Thread(target=ahead.begin, args=[lambda: log.append("second")])
        second.start()
        gate.set()
        second.join()
        ahead.finish()
    assert log == ["first", "second"]


def test_a_write_that_fails_is_told_once() -> None:
    def fail() -> None:
        raise StoppedError

    with Ahead() as ahead:
        ahead.begin(fail)
        with pytest.raises(StoppedError):
            ahead.begin(lambda: pytest.fail("nothing goes behind what failed"))
        ahead.finish()


def test_what_is_over_in_time_counts_as_written() -> None:
    log = []
    with Ahead() as ahead:
        ahead.begin(lambda: log.append("written"))
        ahead.settle(60)
        assert log
        ahead.finish()


def test_what_is_over_too_late_does_not_count_as_written() -> None:
    gate = Event()
    with Ahead() as ahead:
        ahead.begin(lambda: (gate.wait(), None)[1])
        ahead.settle(0)
        gate.set()
        with pytest.raises(StoppedError):
            ahead.finish()


def test_who_leaves_by_an_error_ends_what_is_under_way() -> None:
    pause = Event()
    ahead = Ahead()

    def persist() -> None:
        while not ahead.given_up:
            pause.wait(0.001)

    def leave() -> None:
        with ahead:
            ahead.begin(persist)
            raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        leave()
