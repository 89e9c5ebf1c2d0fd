"""More alerts than anybody answers soon: who waits longest is not hidden by who came later."""

import time

import pytest
from playwright.sync_api import Page, expect

from alerts.feed.order import BEYOND_SHOWN_MAX, CRITICAL_SHOWN_MAX
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


def test_what_found_no_room_is_answered_on_pages_of_its_own_by_keyboard(
    page: Page, log: AlertLog
) -> None:
    now_ms = time.time_ns() // 1_000_000
    for number in range(CRITICAL_SHOWN_MAX + BEYOND_SHOWN_MAX + 1):
        name = f"p{number:03}"
        log.put(transition(name, at_ms=now_ms + number, alert_id=name, patient_id=name))
    count = page.locator("h2 .count")
    page.goto("/more/1")
    expect(count).to_have_text("1 to 100 of 101")
    page.get_by_role("link", name="Next 100").first.press("Enter")
    expect(count).to_have_text("101 to 101 of 101")
    expect(page.locator(".card")).to_have_attribute("data-id", "p600")
    with page.expect_navigation():  # or the answer comes before the scripts
        page.get_by_role("link", name="Previous 100").first.press("Enter")
    cards = page.locator(".card")
    expect(cards.first).to_have_attribute("data-id", "p500")
    cards.first.locator("[data-deed=acknowledge] [name=who]").fill("Anna")
    page.keyboard.press("Enter")
    expect(count).to_have_text("1 to 100 of 100")
    expect(cards.first).to_have_attribute("data-id", "p501")
    expect(cards.first).to_be_focused()
    expect(cards.last).to_have_attribute("data-id", "p600")
    assert page.get_by_role("link", name="Next 100").count() == 0
    log.put(transition("later", at_ms=now_ms + 1_000, alert_id="later", patient_id="later"))
    expect(count).to_have_text("1 to 100 of 101")
    expect(page.get_by_role("link", name="Next 100").first).to_be_visible()
