"""An answer that led to nothing counts for a time: then the card asks again, and says why."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from alerts.desk.timers import HIGH_ANSWER_STAFFED_MS
from alerts.desk.triage import GATHER_MS
from schemas.rota import Channel, Contact, RotaEntry, Shift
from simulators.stack.kafka import EmbeddedKafka
from tests.alert_log import AlertLog
from tests.alert_records import acknowledgement, transition
from tests.alerts.desk.real_desk import actions, put_rota, running
from tests.servers import HandClock, eventually

pytestmark = pytest.mark.timeout(120)

MINUTE_MS = 60_000
NIGHT_MS = 14 * 60 * MINUTE_MS
HOUR_MS = 60 * MINUTE_MS
BY_DAY = RotaEntry(
    "home",
    contacts=[Contact("nurse", [Channel("log")])],
    shifts=[Shift("08:00", "18:00", ["nurse"])],
    programme_lead=["nurse"],
    technical=["nurse"],
)


@pytest.mark.parametrize(
    ("measures_again", "why"),
    [(True, "ran out without an outcome"), (False, "ran out: no outcome, and no reading came")],
)
def test_a_high_alert_that_was_acknowledged_asks_again_after_eight_staffed_hours(
    page: Page, kafka: EmbeddedKafka, log: AlertLog, *, measures_again: bool, why: str
) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    noon_ms = int((midnight - timedelta(days=2, hours=-12)).timestamp() * 1000)
    put_rota(log, BY_DAY)
    log.put(
        transition("1", severity="high", at_ms=noon_ms),
        acknowledgement("1", at_ms=noon_ms + MINUTE_MS),
    )
    if measures_again:
        log.put(transition("2", "again", "high", at_ms=noon_ms + HOUR_MS))
    answered = page.locator("[data-part=acknowledged] .card")
    waiting = page.locator("[data-part=waiting] .card")
    page.goto("/")
    with desk_at(kafka, noon_ms + HOUR_MS + MINUTE_MS):
        next_one = answered.locator(".next")
        expect(next_one).to_contain_text("Asks again, unless it is closed, at")
        expect(next_one).to_contain_text("10:01")  # 6 h of that day, and 2 h of the next one
    log.put(transition("3", severity="medium", at_ms=noon_ms, alert_id="b"))
    due_ms = noon_ms + MINUTE_MS + HIGH_ANSWER_STAFFED_MS + NIGHT_MS
    with desk_at(kafka, due_ms - MINUTE_MS):
        eventually(lambda: "b" in {name for one in actions(kafka) for name in one.alert_ids})
    expect(answered).to_have_attribute("data-attention", "acknowledged")
    with desk_at(kafka, due_ms):
        expect(waiting).to_have_count(1)
    expect(answered).to_have_count(0)
    expect(waiting).to_have_attribute("data-attention", "unacknowledged")
    expect(waiting.locator(".withdrawn")).to_contain_text("Acknowledged by Anna")
    expect(waiting.locator(".withdrawn")).to_contain_text(why)
    expect(waiting.get_by_role("button", name="Acknowledge")).to_be_visible()
    page.reload()
    expect(waiting.locator(".withdrawn")).to_contain_text(why)


@contextmanager
def desk_at(kafka: EmbeddedKafka, now_ms: int) -> Iterator[None]:
    """Run a desk that begins at a time and decides what is due by then."""
    clock = HandClock(now_ms=now_ms - GATHER_MS)
    with running(kafka, clock):
        clock.pass_ms(GATHER_MS)
        yield
