"""The first act on a notification, on a disk that works and on one that does not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from gateway import metrics
from gateway.clocks.wall import Observation, not_before_ms, observe, read
from gateway.journal import anteroom
from gateway.journal.intake import WAITING_MAX, Intake
from gateway.journal.journal import Journal
from gateway.record import BLOOD_PRESSURE, GLUCOSE, Record, SessionFacts
from schemas.errors import UnavailableError
from schemas.reading import Device
from tests.gateway.hand_clock import HandClock
from tests.gateway.records import ADDRESS, BOOT, STREAM


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path, STREAM)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


EARLY = SessionFacts("early", Device(ADDRESS))


class Desk:
    """An intake and what it kept."""

    def __init__(self, journal: Journal, clock: HandClock) -> None:
        self.kept: list[Record] = []
        self.journal = journal
        self.intake = Intake(journal, clock, self.kept.append)

    def capture(self, payload: bytes) -> Record | None:
        return self.intake.capture("session", ADDRESS, BLOOD_PRESSURE, payload)

    def hold_back(self, payload: bytes) -> bool:
        return self.intake.hold_back(EARLY, BLOOD_PRESSURE, payload)

    def fill_disk(self) -> None:
        (pages,) = self.journal._database.execute("PRAGMA page_count").fetchone()
        self.journal._database.execute(f"PRAGMA max_page_count = {pages}")

    @property
    def refused(self) -> int:
        return metrics.refused()["notifications"]

    def free_disk(self) -> None:
        self.journal._database.execute("PRAGMA max_page_count = 1000000")


def test_what_a_device_called_its_last_is_told_when_the_disk_has_room(desk: Desk) -> None:
    facts = SessionFacts("session", Device(ADDRESS))
    desk.journal.keep_facts(facts)
    desk.fill_disk()
    payload = bytes(100_000)
    assert desk.intake.capture("session", ADDRESS, GLUCOSE, payload, newest=True) is None
    assert desk.intake.capture("session", ADDRESS, GLUCOSE, payload + b"1") is None
    desk.free_disk()
    desk.intake.retry()
    last, _ = desk.kept
    assert desk.journal.facts(last) == replace(facts, newest=last.seq)


def lost() -> float:
    labels = {"reason": "notification-lost"}
    return REGISTRY.get_sample_value("vitalwire_gateway_failures_total", labels) or 0.0


@pytest.fixture
def desk(journal: Journal, clock: HandClock) -> Desk:
    return Desk(journal, clock)


def test_a_notification_is_durable_before_anybody_hears_of_it(desk: Desk) -> None:
    record = desk.capture(b"1")
    assert record is not None
    assert desk.kept == [record]
    assert [entry.record for entry in desk.journal.entries(range(1, 2))] == [record]


def test_a_full_disk_is_said_and_what_it_refused_is_kept_when_it_has_room(desk: Desk) -> None:
    desk.fill_disk()
    payloads = [bytes(3000) + bytes([number]) for number in range(100)]
    refused = [payload for payload in payloads if desk.capture(payload) is None]
    assert refused
    assert "; Free space" in str(desk.intake.problem)  # a person reads cause and way out apart
    assert "devices are not asked" in str(desk.intake.problem)
    desk.intake.retry()
    assert "Free space" in str(desk.intake.problem)
    durable = len(desk.kept)
    desk.free_disk()
    desk.intake.retry()
    assert desk.intake.problem is None
    assert [record.payload for record in desk.kept[durable:]] == refused


def test_a_disk_that_refused_what_is_not_waited_with_works_once_it_takes_something(
    desk: Desk,
) -> None:
    """A session's facts, say: devices are not asked for readings until then."""
    desk.fill_disk()
    desk.intake.complain(UnavailableError("full"))
    desk.intake.retry()
    states = [desk.intake.works]
    desk.free_disk()
    desk.intake.retry()
    states.append(desk.intake.works)
    assert states == [False, True]


def test_a_wall_clock_that_is_not_kept_true_any_more_bounds_what_comes_later(
    desk: Desk, clock: HandClock
) -> None:
    clock.true = True
    desk.intake.observe_wall()
    clock.true = False
    clock.now_ms += 5_000
    record = desk.capture(b"1")
    assert record is not None
    assert (record.capture.wall_ms, record.capture.not_before_ms) == (None, clock.wall + 5_000)


def test_after_a_refusal_nothing_overtakes_what_waits(desk: Desk) -> None:
    desk.fill_disk()
    while desk.capture(bytes(3000)) is not None:
        pass
    assert desk.capture(b"small enough to fit") is None
    desk.free_disk()
    desk.intake.retry()
    assert desk.kept[-1].payload == b"small enough to fit"


def test_what_waits_in_memory_is_bounded(desk: Desk) -> None:
    desk.fill_disk()
    for _ in range(WAITING_MAX + 50):
        desk.capture(bytes(3000))
    assert len(desk.intake._waiting) == WAITING_MAX


def test_what_is_held_back_is_no_record_before_it_is_attributed(desk: Desk) -> None:
    assert desk.hold_back(b"1")
    assert desk.hold_back(b"2")
    assert desk.kept == []
    assert desk.intake.attribute("early", lambda _: EARLY) == desk.kept
    assert [record.payload for record in desk.kept] == [b"1", b"2"]


def test_what_is_held_back_waits_for_a_disk_that_refuses_and_then_for_its_judgement(
    desk: Desk,
) -> None:
    desk.fill_disk()
    while desk.capture(bytes(3000)) is not None:
        pass
    assert not desk.hold_back(b"small enough to fit")
    with pytest.raises(UnavailableError):
        desk.intake.attribute("early", lambda _: EARLY)
    assert desk.intake.problem is not None
    desk.free_disk()
    desk.intake.retry()
    assert desk.intake.works
    assert desk.journal.anteroom.count(ADDRESS) == 1
    desk.intake.attribute("early", lambda _: EARLY)
    assert desk.kept[-1].payload == b"small enough to fit"


def test_a_refusal_that_the_disk_does_not_take_comes_before_all_that_it_takes(desk: Desk) -> None:
    assert desk.hold_back(b"on the disk")
    desk.journal._database.execute("PRAGMA query_only = 1")
    assert not desk.hold_back(b"in memory")
    assert desk.capture(b"of another session") is None
    before = desk.refused
    desk.intake.refuse("early", ADDRESS)
    assert desk.refused == before + 1
    desk.journal._database.execute("PRAGMA query_only = 0")
    desk.intake.retry()
    assert desk.intake.works
    assert desk.refused == before + 2
    assert desk.journal.devices.is_doubted(ADDRESS)
    assert desk.intake.attribute("early", lambda _: EARLY) == []
    assert desk.kept[-1].payload == b"of another session"


def test_what_finds_no_room_is_counted_as_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anteroom, "DEVICE_MOST", 1)
    before = lost()
    assert desk.hold_back(b"1")
    assert desk.hold_back(b"2")  # nothing of it waits
    assert lost() == before + 1
    assert [one.payload for one in desk.intake.attribute("early", lambda _: EARLY)] == [b"1"]


def test_a_wall_clock_that_nobody_keeps_true_is_not_told(desk: Desk, clock: HandClock) -> None:
    doubtful = desk.capture(b"1")
    clock.true = True
    certain = desk.capture(b"2")
    assert doubtful is not None
    assert certain is not None
    assert (doubtful.capture.wall_ms, doubtful.capture.not_before_ms) == (None, None)
    assert certain.capture.wall_ms == clock.wall


def test_a_capture_after_a_reboot_is_bounded_by_the_last_true_clock(
    desk: Desk, clock: HandClock, journal: Journal
) -> None:
    clock.true = True
    desk.intake.observe_wall()
    rebooted = HandClock(now_ms=10, wall=0, boot_id="1" * 32)
    record = Desk(journal, rebooted).capture(b"1")
    assert record is not None
    assert record.capture.not_before_ms == clock.wall
    assert record.capture.wall_ms is None


def test_within_the_same_boot_the_bound_moves_with_the_monotonic_clock(clock: HandClock) -> None:
    clock.true = True
    observation = observe(read(clock))
    assert observation == Observation(BOOT, clock.now_ms, clock.wall)
    clock.true = False
    clock.now_ms += 5_000
    assert not_before_ms(observation, read(clock)) == clock.wall + 5_000
    other_boot = replace(clock, boot_id="1" * 32)
    assert not_before_ms(observation, read(other_boot)) == clock.wall
    assert not_before_ms(None, read(clock)) is None
    assert observe(read(clock)) is None
