"""The page in a browser without JavaScript."""

import pytest
from playwright.sync_api import Browser, expect

from tests.alert_log import AlertLog
from tests.alert_records import transition
from tests.browser.conftest import FeedProcess

pytestmark = pytest.mark.timeout(120)


def test_without_javascript_an_alert_is_answered_on_a_page_of_its_own(
    browser: Browser, feed: FeedProcess, log: AlertLog
) -> None:
    """The list is fetched again each ten seconds: what was being typed in it was gone."""
    log.put(transition("1", patient_id="p1"))
    with browser.new_context(base_url=feed.url, java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto("/")
        expect(tab.locator("meta[http-equiv=refresh]")).to_have_count(1)
        waiting = tab.locator("[data-part=waiting] .card")
        expect(waiting).to_have_count(1)
        expect(waiting.get_by_role("textbox")).to_have_count(0)
        waiting.get_by_role("link", name="Open to answer").click()
        expect(tab.locator("meta[http-equiv=refresh]")).to_have_count(0)
        name = tab.locator("[data-deed=acknowledge]").get_by_label("Your name")
        name.fill("Anna Keller")
        name.press("Enter")
        expect(tab).to_have_url(f"{feed.url}/")
        expect(tab.locator("[data-part=acknowledged] .card")).to_contain_text(
            "Acknowledged by Anna Keller"
        )
        log.put(transition("2", severity="high", alert_id="worse", patient_id="p1"))
        tab.goto("/patients/p1")
        tab.locator(".card[data-id=worse]").get_by_role("link", name="Open to answer").click()
        shelf = tab.locator("[data-deed=shelve]")
        shelf.get_by_label("Your name").fill("Anna Keller")
        shelf.get_by_label("Why").fill("asleep until noon")
        shelf.get_by_label("Hours").fill("soon")
        shelf.get_by_role("button").click()
        expect(tab.get_by_text("Say for how many hours, such as 1.5.")).to_be_visible()
        expect(shelf.get_by_label("Why")).to_have_value("asleep until noon")
        shelf.get_by_label("Hours").fill("2")
        shelf.get_by_role("button").click()
        expect(tab).to_have_url(f"{feed.url}/patients/p1")
        expect(tab.locator(".card[data-id=worse]")).to_contain_text("asleep until noon")
