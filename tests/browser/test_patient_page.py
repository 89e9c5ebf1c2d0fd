"""A patient's page renews itself under somebody who works on it, and takes nothing away."""

import time

import pytest
from playwright.sync_api import Page, expect

from tests.alert_log import AlertLog
from tests.alert_records import patient, pressure, readings, transition

pytestmark = pytest.mark.timeout(120)


def open_page(page: Page) -> None:
    """Wait until the patient is known, then show the page."""
    page.goto("/")
    expect(page.locator("[data-part=waiting] .card")).to_have_count(1)
    page.goto("/patients/p1")


def test_a_reading_that_arrives_leaves_the_place_and_what_was_typed(
    page: Page, log: AlertLog
) -> None:
    now_ms = time.time_ns() // 1_000_000
    log.put(patient("p1", "Wren-01"), transition("1", at_ms=now_ms, patient_id="p1"))
    open_page(page)
    page.evaluate("localStorage.setItem('vitalwire.name', 'Anna')")
    page.reload()
    page.locator(".more > summary").press("Enter")
    note = page.locator("[data-deed=note]").get_by_label("Note", exact=True)
    note.fill("daughter answers")
    button = page.get_by_role("button", name="Add note")
    button.focus()
    log.put(readings("p1", "01" * 16, pressure(128, 79), now_ms))
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(button).to_be_focused()
    expect(note).to_have_value("daughter answers")
    log.put(transition("2", "again", at_ms=now_ms + 1, patient_id="p1"))  # the card is another now
    expect(page.locator(".card .latest")).to_contain_text("Again")
    expect(button).to_be_focused()
    expect(note).to_have_value("daughter answers")
    button.press("Enter")
    expect(page.locator(".card .notes")).to_have_text("Anna: daughter answers")


def test_an_alert_that_arrives_while_somebody_types_is_shown_at_once(
    page: Page, log: AlertLog
) -> None:
    now_ms = time.time_ns() // 1_000_000
    log.put(patient("p1", "Wren-01"), transition("1", at_ms=now_ms, patient_id="p1"))
    open_page(page)
    name = page.locator("[data-deed=acknowledge]").get_by_label("Your name")
    name.focus()
    page.keyboard.type("An")
    log.put(transition("2", at_ms=now_ms, alert_id="b", patient_id="p1"))
    expect(page.locator(".card")).to_have_count(2)
    page.keyboard.type("na")
    expect(page.locator("[data-id=a] [data-deed=acknowledge] [name=who]")).to_have_value("Anna")
