"""More alerts than anybody answers soon: who waits longest is not hidden by who came later."""

import time

import pytest
from playwright.sync_api import Page, expect

from tests.alert_log import AlertLog
from tests.alert_records import transition

pytestmark = pytest.mark.timeout(120)

MANY = 250
MINUTE_MS = 60_000


def test_of_250_critical_alerts_the_one_that_waits_longest_is_shown_and_answered(
    page: Page, log: AlertLog
) -> None:
    page.goto("/")
    expect(page.get_by_text("Nothing waits.")).to_be_visible()
    now_ms = time.time_ns() // 1_000_000
    for number in range(MANY):
        name = f"p{number}"
        at_ms = now_ms - number * MINUTE_MS
        log.put(transition(name, at_ms=at_ms, alert_id=name, patient_id=name))
    cards = page.locator("[data-part=waiting] .card")
    # Not expect: while it waits it describes the whole page for its report: seconds, here.
    for _ in ("as they came", "loaded"):
        cards.nth(MANY - 1).wait_for()
        assert cards.count() == MANY
        assert not page.locator("#hidden-count").is_visible()
        assert not page.locator("#silence").is_visible()
        assert f"p{MANY - 1}" in (cards.last.text_content() or "")
        page.reload()
    cards.last.locator("[data-deed=acknowledge] [name=who]").fill("Anna")
    page.keyboard.press("Enter")
    answered = page.locator("[data-part=acknowledged] .card")
    answered.wait_for()
    assert f"p{MANY - 1}" in (answered.text_content() or "")
