"""Times are the clinic's, wherever the browser is and whatever its clock says, and it is said."""

import re
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from schemas.rota import RotaEntry
from schemas.topics import REGISTRY
from tests.alert_log import AlertLog
from tests.alert_records import SEVERE, transition
from tests.browser.conftest import FeedProcess

pytestmark = pytest.mark.timeout(120)
AUCKLAND = ZoneInfo("Pacific/Auckland")
HOUR_MS = 3_600_000


def put_alert(log: AlertLog, zone: str) -> datetime:
    """Raise an alert on a reading of two hours ago in a clinic; give when it was, in Auckland."""
    now_ms = time.time_ns() // 1_000_000
    measured_ms = now_ms - 2 * HOUR_MS
    rota = RotaEntry("clinic", zone=zone)
    log.put_raw(REGISTRY, "rota/clinic", msgspec.json.encode(rota))
    evidence = msgspec.structs.replace(SEVERE, measured_at_ms=measured_ms)
    log.put(transition("1", at_ms=now_ms, evidence=evidence))
    return datetime.fromtimestamp(measured_ms / 1000, AUCKLAND)


def expect_times_of(page: Page, at: datetime) -> None:
    expect(page.locator("#zone")).to_have_text("Pacific/Auckland")
    measured = page.locator("[data-part=waiting] .measured")
    expect(measured).to_contain_text("2 h ago")
    expect(measured).to_contain_text(f"{at:%H:%M}")


def test_a_browser_in_another_zone_shows_the_clinics_times_as_the_chart_does(
    browser: Browser, feed: FeedProcess, log: AlertLog
) -> None:
    at = put_alert(log, "Pacific/Auckland")
    with browser.new_context(base_url=feed.url, timezone_id="America/New_York") as context:
        page = context.new_page()
        page.goto("/")
        expect_times_of(page, at)
        source = page.locator("[data-part=waiting] .chart").get_attribute("src")
        assert f"{at.day} {at:%b} {at:%H:%M}" in page.request.get(source or "").text()


def test_a_browser_whose_clock_is_wrong_shows_the_clinics_times(page: Page, log: AlertLog) -> None:
    at = put_alert(log, "Pacific/Auckland")
    page.clock.install(time=time.time() + 3600)
    page.goto("/")
    expect_times_of(page, at)


def test_a_page_takes_the_zone_that_a_rota_brings(page: Page, log: AlertLog) -> None:
    page.goto("/")
    expect(page.locator("#zone")).to_have_text(re.compile(r"\w"))
    at = put_alert(log, "Pacific/Auckland")
    expect_times_of(page, at)
