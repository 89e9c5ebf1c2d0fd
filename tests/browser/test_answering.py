"""A nurse answers by keyboard alone, or on a telephone: what is needed is at hand and stays."""

import time

import msgspec
import pytest
from playwright.sync_api import APIResponse, Locator, Page, Route, ViewportSize, expect

from schemas.alert import Transition
from schemas.kafka import Tick
from tests.alert_log import AlertLog
from tests.alert_records import patient, pressure, readings, transition

pytestmark = pytest.mark.timeout(120)

PHONE = ViewportSize(width=390, height=664)  # what a telephone's browser leaves of 844
NAMED = "localStorage.setItem('vitalwire.name', 'Anna')"


def onset(event_id: str, alert_id: str, **fields: object) -> Transition:
    now_ms = time.time_ns() // 1_000_000
    record = transition(event_id, at_ms=now_ms, alert_id=alert_id)
    return msgspec.structs.replace(record, **fields)


def cards(page: Page, part: str) -> Locator:
    return page.locator(f"[data-part={part}] .card")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


@pytest.mark.parametrize("named", [False, True])
def test_on_a_telephone_the_worst_alert_is_answered_without_scrolling(
    page: Page, log: AlertLog, *, named: bool
) -> None:
    page.set_viewport_size(PHONE)
    log.put(patient("p1", "Wren-01"), onset("1", "a", patient_id="p1"))
    page.goto("/")
    if named:
        page.evaluate(NAMED)
        page.reload()
    expect(page.locator("#simulated")).to_be_visible()
    card = cards(page, "waiting")
    button = card.get_by_role("button", name="Acknowledge")
    expect(button).to_be_in_viewport(ratio=1)
    expect(card.locator(".card-value .what")).to_be_in_viewport(ratio=1)
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44  # CSS pixels: a thumb's


def test_whoever_answers_by_keyboard_goes_on_at_the_next_card_and_answers_nothing_by_it(
    page: Page, log: AlertLog
) -> None:
    log.put(onset("1", "a"), onset("2", "b", severity="high"))
    page.goto("/")
    expect(cards(page, "waiting")).to_have_count(2)
    press(page, "Tab", "Tab", "Tab")  # Vitalwire, the patient, the name
    page.keyboard.type("Anna")
    press(page, "Enter")
    expect(cards(page, "acknowledged")).to_have_count(1)
    expect(cards(page, "waiting")).to_be_focused()
    press(page, "Enter")
    expect(cards(page, "waiting")).to_have_attribute("data-attention", "unacknowledged")
    button = page.get_by_role("button", name="Acknowledge as Anna")
    expect(button).to_be_visible()  # the answer and the stream come in any order
    press(page, "Tab", "Tab")
    expect(button).to_be_focused()
    press(page, "Enter")
    expect(cards(page, "acknowledged")).to_have_count(2)
    expect(page.get_by_role("heading", name="Needs you")).to_be_focused()
    expect(page.locator("#announce-politely")).to_contain_text("Acknowledged.")


@pytest.mark.parametrize(("typed", "left"), [("Be", "Be"), ("", "Anna")])
def test_a_name_that_is_being_typed_is_neither_changed_nor_hidden_by_an_answer(
    page: Page, log: AlertLog, typed: str, left: str
) -> None:
    log.put(onset("1", "a"), onset("2", "b", severity="high"))
    held: list[tuple[Route, APIResponse]] = []
    page.route("**/acknowledge", lambda route: held.append((route, route.fetch())))
    page.goto("/")
    expect(cards(page, "waiting")).to_have_count(2)
    press(page, "Tab", "Tab", "Tab")
    page.keyboard.type("Anna")
    press(page, "Enter")
    expect(cards(page, "waiting")).to_have_count(1)  # by the stream; the answer is held
    expect(cards(page, "waiting")).to_be_focused()
    press(page, "Tab", "Tab")
    page.keyboard.type(typed)
    ((route, response),) = held
    route.fulfill(response=response)
    expect(page.locator("#announce-politely")).to_contain_text("Acknowledged.")
    name = cards(page, "waiting").locator("[data-deed=acknowledge]").get_by_label("Your name")
    expect(name).to_be_focused()
    expect(name).to_have_value(left)


def test_taking_back_shelving_and_closing_need_no_pointer_and_lose_no_place(
    page: Page, log: AlertLog
) -> None:
    log.put(onset("1", "a"))
    page.goto("/")
    page.evaluate(NAMED)
    page.reload()
    press(page, *["Tab"] * 3, "Enter")
    card = cards(page, "acknowledged")
    expect(card).to_have_count(1)
    open_more(page, card)
    tab_to(page, card.get_by_role("button", name="Take back"))
    press(page, "Enter")
    waiting = cards(page, "waiting")
    expect(waiting).to_have_count(1)
    expect_a_place(page)
    open_more(page, waiting)
    tab_to(page, waiting.locator("[data-deed=shelve]").get_by_label("Why"))
    page.keyboard.type("in hospital")
    press(page, "Enter")
    expect(card).to_have_attribute("data-attention", "shelved")
    expect_a_place(page)
    open_more(page, card)
    tab_to(page, card.get_by_role("combobox", name="Outcome"))
    page.keyboard.type("Spoke")  # chooses the first outcome that begins so
    press(page, "Tab", "Enter")
    expect(cards(page, "settled")).to_have_count(1)
    expect_a_place(page)


def tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(15):
        press(page, "Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"{wanted} is not reached by Tab")


def open_more(page: Page, card: Locator) -> None:
    card.locator("summary").focus()
    press(page, "Enter")
    expect(card.get_by_role("button", name="Add note")).to_be_visible()


def expect_a_place(page: Page) -> None:
    """The focus is on something that can be seen, not at the page's beginning."""
    expect(page.locator("body")).not_to_be_focused()  # the page forbids a function that waits in it
    assert page.evaluate("document.activeElement.checkVisibility()")


def test_an_answer_that_fails_leaves_the_focus_where_it_can_be_tried_again(
    page: Page, log: AlertLog
) -> None:
    log.put(onset("1", "a"))
    page.goto("/")
    page.evaluate(NAMED)
    page.reload()
    page.route("**/acknowledge", lambda route: route.abort())
    press(page, *["Tab"] * 3, "Enter")
    expect(cards(page, "waiting").get_by_role("alert")).to_contain_text("cannot be reached")
    expect(page.get_by_role("button", name="Acknowledge as Anna")).to_be_focused()
    page.unroute("**/acknowledge")
    press(page, "Enter")
    expect(cards(page, "acknowledged")).to_have_count(1)


def test_a_card_asks_for_the_name_in_one_place_and_says_as_whom_it_answers(
    page: Page, log: AlertLog
) -> None:
    log.put(onset("1", "a"))
    page.goto("/")
    card = cards(page, "waiting")
    open_more(page, card)
    names = card.get_by_label("Your name").filter(visible=True)
    expect(names).to_have_count(1)
    note = card.locator("[data-deed=note]").get_by_label("Note", exact=True)
    note.fill("daughter answers")
    note.press("Enter")
    expect(names).to_be_focused()  # where it is missing
    page.keyboard.type("Anna")
    note.press("Enter")
    expect(card.locator(".notes")).to_have_text("Anna: daughter answers")
    card.get_by_role("button", name="Acknowledge as Anna").press("Enter")
    card = cards(page, "acknowledged")
    open_more(page, card)
    expect(card.get_by_text("You answer as Anna")).to_be_visible()
    card.get_by_role("button", name="Not me").press("Enter")  # a colleague, at the same screen
    expect(card.get_by_label("Your name").filter(visible=True)).to_be_focused()
    page.keyboard.type("Jonas")
    card.get_by_role("button", name="Take back").press("Enter")
    expect(cards(page, "waiting")).to_have_count(1)


def test_who_waits_longest_is_named_above_a_list_that_begins_with_the_newest(
    page: Page, log: AlertLog
) -> None:
    now_ms = time.time_ns() // 1_000_000
    log.put(onset("1", "a"), transition("2", at_ms=now_ms - 56 * 60_000, alert_id="b/c"))
    page.goto("/")
    expect(cards(page, "waiting")).to_have_count(2)
    link = page.get_by_role("link", name="2 critical; the one that waits longest came 56 min ago")
    for _ in ("as it came", "loaded"):
        link.press("Enter")
        expect(page.locator("[data-id='b/c']")).to_be_focused()
        page.reload()
    log.put(transition("3", "retired", at_ms=now_ms, alert_id="b/c"))
    expect(cards(page, "waiting")).to_have_count(1)
    expect(link).to_be_hidden()


def test_who_is_meant_by_more_is_said(page: Page, log: AlertLog) -> None:
    log.put(patient("p1", "Wren-01"), onset("1", "before", patient_id="p1"))
    page.goto("/")
    log.put(onset("2", "after", patient_id="p1", severity="high", title="Too high"))
    expect(cards(page, "waiting")).to_have_count(2)
    said = [one.text_content() for one in page.locator("[data-part=waiting] summary").all()]
    assert said == ["More for Wren-01, Severe blood pressure", "More for Wren-01, Too high"]


def test_what_a_device_does_not_look_for_is_said(page: Page, log: AlertLog) -> None:
    now_ms = time.time_ns() // 1_000_000
    log.put(Tick(now_ms), onset("1", "a"))
    page.goto("/")
    expect(cards(page, "waiting")).to_contain_text("quality not assessed by the device")
    log.put(
        readings("p1", "01" * 16, pressure(128, 79), now_ms, status=[]),
        readings("p1", "02" * 16, pressure(128, 79), now_ms + 1),
    )
    rows = page.locator("#rows tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("quality not assessed by the device")
    expect(rows.nth(1)).not_to_contain_text("assessed")


@pytest.mark.parametrize("address", ["/", "/patients/p1"])
def test_what_is_typed_goes_on_in_the_card_of_a_problem_that_comes_back_and_answers_nothing_unseen(
    page: Page, log: AlertLog, address: str
) -> None:
    log.put(patient("p1", "Wren-01"), onset("1", "a", patient_id="p1"))
    log.put(onset("2", "a", patient_id="p1", event="returned"))
    page.goto("/")
    expect(cards(page, "waiting")).to_have_count(1)
    page.evaluate(NAMED)
    page.goto(address)
    open_more(page, page.locator("[data-id=a]"))
    note = page.locator("#main [data-deed=note]").get_by_label("Note", exact=True)
    note.focus()
    page.keyboard.type("daughter ")
    log.put(onset("3", "b", patient_id="p1"))
    card = page.locator("[data-id=b]")
    expect(card).to_have_count(1)
    expect(page.locator("[data-id=a]")).to_have_count(0)
    page.keyboard.type("answers")
    expect(note).to_be_focused()
    expect(note).to_have_value("daughter answers")
    press(page, "Enter")
    expect(card.get_by_role("alert").filter(visible=True)).to_contain_text("came back")
    expect(card.locator(".notes li")).to_have_count(0)
    press(page, "Enter")
    expect(card.locator(".notes")).to_have_text("Anna: daughter answers")
