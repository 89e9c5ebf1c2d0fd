"""What a nurse sees, in Debian's chromium, against a real log and the feed as it is shipped."""

import signal
import time

import msgspec
import pytest
from playwright.sync_api import Locator, Page, expect

from schemas.alert import Transition
from schemas.kafka import EngineReport, Tick
from schemas.topics import ENGINES
from simulators.stack.kafka import EmbeddedKafka
from tests.alert_log import AlertLog
from tests.alert_records import patient, pressure, readings, transition
from tests.browser.conftest import FeedProcess
from tests.servers import PARTITIONS

pytestmark = pytest.mark.timeout(120)

SHIPPED_SILENCE_MS = 15_000
MARK = "window.neverReloaded = true"
IS_MARKED = "window.neverReloaded === true"


def onset(event_id: str, alert_id: str = "a", **fields: object) -> Transition:
    """An alert raised now on a reading measured now."""
    now_ms = time.time_ns() // 1_000_000
    record = transition(event_id, at_ms=now_ms, alert_id=alert_id)
    evidence = msgspec.structs.replace(record.evidence, measured_at_ms=now_ms - 3_000)
    return msgspec.structs.replace(record, evidence=evidence, patient_id="p1", **fields)


def waiting(page: Page) -> Locator:
    return page.locator("[data-part=waiting] .card")


def acknowledged(page: Page) -> Locator:
    return page.locator("[data-part=acknowledged] .card")


def silence(page: Page) -> Locator:
    return page.get_by_text("This page is not live.", exact=True)


def acknowledge(card: Locator, name: str) -> None:
    field = card.locator("[data-deed=acknowledge]").get_by_label("Your name")
    field.fill(name)
    field.press("Enter")


def act(card: Locator, deed: str, **fields: str) -> None:
    """Open what else can be done and do it; the browser knows who works here."""
    card.get_by_text("More", exact=True).click()
    form = card.locator(f"[data-deed={deed}]")
    for name, value in fields.items():
        field = form.locator(f"[name={name}]")
        field.select_option(value) if name == "outcome" else field.fill(value)
    button = form.get_by_role("button")
    button.focus()
    button.press("Enter")  # a pointer would have to wait until nothing moves


def test_an_alert_appears_without_reload_and_says_what_when_and_why(
    page: Page, log: AlertLog
) -> None:
    log.put(patient("p1", "Wren-01"))
    page.goto("/")
    expect(page.get_by_text("nothing here is real")).to_be_visible()
    expect(page.get_by_text("Nothing waits.")).to_be_visible()
    page.evaluate(MARK)
    log.put(onset("1", marks=["delayed"]))
    card = waiting(page)
    expect(card).to_have_count(1)
    for text in ("Critical", "Wren-01", "192/124 mmHg", "just now", "Delayed: call the patient"):
        expect(card).to_contain_text(text, ignore_case=True)
    expect(card).to_contain_text("192/124 mmHg is above the limit of 180/120 mmHg.")
    expect(page.get_by_text("Nothing waits.")).to_be_hidden()
    expect(page).to_have_title("(1) Alerts – Vitalwire")
    expect(page.locator("#announce-now")).to_contain_text("critical alert: Wren-01")
    assert page.evaluate(IS_MARKED)


def test_a_worse_value_between_the_first_and_the_last_is_on_the_card(
    page: Page, log: AlertLog
) -> None:
    values = {"systolic": "231 mm[Hg]", "diastolic": "140 mm[Hg]"}
    first = onset("1")
    evidence = msgspec.structs.replace(first.evidence, reading_id="02" * 16, quantities=values)
    log.put(first)
    page.goto("/")
    expect(waiting(page)).to_contain_text("192/124 mmHg")
    log.put(msgspec.structs.replace(first, event_id="2", event="again", evidence=evidence))
    log.put(msgspec.structs.replace(first, event_id="3", event="returned"))
    for _ in ("as it came", "loaded"):
        expect(waiting(page)).to_contain_text("Returned")
        expect(waiting(page).get_by_text("Also critical, unanswered: 231/140")).to_be_visible()
        page.reload()


def test_an_acknowledgement_with_a_name_is_seen_on_every_page(page: Page, log: AlertLog) -> None:
    log.put(onset("1", "a"), onset("2", "b"))
    page.goto("/")
    second = page.context.new_page()
    second.goto("/")
    expect(waiting(second)).to_have_count(2)
    acknowledge(waiting(page).first, "Anna Keller")
    for tab in (page, second):
        expect(acknowledged(tab)).to_have_count(1)
        expect(acknowledged(tab)).to_contain_text("Acknowledged by Anna Keller")
        expect(acknowledged(tab).get_by_role("button")).to_have_count(0)
    # the browser remembers who works here, and lets somebody else say so
    expect(waiting(page).get_by_role("button", name="Acknowledge as Anna Keller")).to_be_visible()
    waiting(page).get_by_role("button", name="Not me").click()
    acknowledge(waiting(page), "Jonas Brandt")
    expect(acknowledged(second)).to_have_count(2)
    expect(acknowledged(second).filter(has_text="by Jonas Brandt")).to_have_count(1)


def test_a_click_on_a_list_that_has_just_moved_acknowledges_nothing(
    page: Page, log: AlertLog
) -> None:
    page.goto("/")
    page.evaluate(
        """() => new MutationObserver(([change], observer) => {
            observer.disconnect();
            const card = change.addedNodes[0];
            card.querySelector("[name=who]").value = "Anna";
            const click = new MouseEvent("click", { detail: 1, bubbles: true, cancelable: true });
            card.querySelector("button[type=submit]").dispatchEvent(click);
        }).observe(document.querySelector("[data-part=waiting] .cards"), { childList: true })"""
    )
    log.put(onset("1"))
    expect(waiting(page).get_by_role("alert")).to_contain_text("has just moved")
    acknowledge(waiting(page), "Anna")  # the keyboard cannot hit what it did not mean
    expect(acknowledged(page)).to_have_count(1)


def test_a_click_on_an_alert_that_has_just_got_worse_acknowledges_nothing(
    page: Page, log: AlertLog
) -> None:
    log.put(onset("1", severity="high"))
    page.goto("/")
    expect(waiting(page)).to_have_count(1)
    page.evaluate(
        """() => new MutationObserver((_, observer) => {
            observer.disconnect();
            const form = document.querySelector("[data-part=waiting] .card form");
            form.querySelector("[name=who]").value = "Anna";
            const click = new MouseEvent("click", { detail: 1, bubbles: true, cancelable: true });
            form.querySelector("button[type=submit]").dispatchEvent(click);
        }).observe(document.querySelector("[data-part=waiting] .card"), { attributes: true })"""
    )
    log.put(onset("2", event="worsened"))
    expect(waiting(page).get_by_role("alert")).to_contain_text("changed under your pointer")
    expect(waiting(page)).to_have_attribute("data-severity", "critical")


def test_the_page_turns_red_if_an_alert_cannot_be_shown_and_shows_it_as_soon_as_it_can(
    page: Page, log: AlertLog
) -> None:
    page.goto("/")
    expect(silence(page)).to_be_hidden()
    page.evaluate("window.blank = document.getElementById('blank-alert'); window.blank.remove()")
    log.put(onset("1"))
    expect(silence(page)).to_be_visible()
    expect(waiting(page)).to_have_count(0)
    page.evaluate("document.getElementById('main').append(window.blank)")
    expect(waiting(page)).to_have_count(1)
    expect(silence(page)).to_be_hidden()


def test_a_worsened_alert_asks_again(page: Page, log: AlertLog) -> None:
    log.put(onset("1", severity="high"))
    page.goto("/")
    acknowledge(waiting(page), "Anna")
    expect(acknowledged(page)).to_have_count(1)
    log.put(onset("2", event="worsened"))
    expect(waiting(page)).to_have_count(1)
    expect(waiting(page)).to_have_attribute("data-severity", "critical")
    expect(acknowledged(page)).to_have_count(0)


def test_the_page_turns_red_when_the_feed_dies_and_recovers_without_a_gap(
    page: Page, feed: FeedProcess, log: AlertLog
) -> None:
    log.put(onset("1", "before"))
    page.goto("/")
    expect(waiting(page)).to_have_count(1)
    expect(silence(page)).to_be_hidden()
    page.evaluate(MARK)
    feed.end(signal.SIGKILL)
    expect(silence(page)).to_be_visible()
    expect(page.locator("body")).to_have_css("background-color", "rgb(143, 10, 28)")
    expect(page).to_have_title("NOT LIVE – (1) Alerts – Vitalwire")
    log.put(onset("2", "meanwhile"))
    with feed:
        expect(silence(page)).to_be_hidden()
        expect(waiting(page)).to_have_count(2)
        expect(page).to_have_title("(2) Alerts – Vitalwire")
        assert page.evaluate(IS_MARKED)


def test_the_page_turns_red_when_the_feed_cannot_reach_its_log(
    page: Page, log: AlertLog, kafka: EmbeddedKafka
) -> None:
    page.goto("/")
    expect(silence(page)).to_be_hidden()
    log.close()
    kafka.child.kill()
    expect(silence(page)).to_be_visible()


def test_the_page_turns_red_by_itself_if_its_script_never_comes(page: Page) -> None:
    page.route("**/feed.js*", lambda route: route.abort())
    page.goto("/")
    move = "at => { for (const one of document.getAnimations()) one.currentTime = at }"
    page.evaluate(move, SHIPPED_SILENCE_MS - 1_000)  # moves the page's clock instead of waiting
    expect(silence(page)).to_be_hidden()
    page.evaluate(move, SHIPPED_SILENCE_MS + 100)
    expect(silence(page)).to_be_visible()


def test_a_critical_alert_is_closed_with_an_outcome(page: Page, log: AlertLog) -> None:
    log.put(onset("1", advice="Call the patient now."))
    page.goto("/")
    acknowledge(waiting(page), "Anna Keller")
    expect(acknowledged(page)).to_have_count(1)
    expect(acknowledged(page).get_by_text("Call the patient now.")).to_be_visible()
    act(acknowledged(page), "resolve", outcome="advised", note="feels well, rests")
    finished = page.locator("[data-part=settled] .card")
    expect(finished).to_have_count(1)
    expect(acknowledged(page)).to_have_count(0)
    expect(finished).to_contain_text("Spoke with the patient, gave advice: closed by Anna Keller")
    expect(finished).to_contain_text("feels well, rests")
    page.goto("/patients/p1")  # where it is beside what is open
    expect(page.locator(".card .answered")).to_be_visible()
    expect(page.get_by_text("Call the patient now.")).to_be_hidden()


def test_notes_a_name_and_a_shelf_are_on_every_page_and_an_answer_can_be_taken_back(
    page: Page, log: AlertLog
) -> None:
    log.put(onset("1"))
    page.goto("/")
    acknowledge(waiting(page), "Anna Keller")
    card = acknowledged(page)
    act(card, "note", note="daughter answers the telephone")
    expect(card).to_contain_text("Anna Keller: daughter answers the telephone")
    act(card, "assign", assignee="Dr Brandt")
    expect(card).to_contain_text("For Dr Brandt")
    act(card, "undo")
    expect(waiting(page)).to_have_count(1)
    act(waiting(page), "shelve", hours="2", note="in hospital")
    expect(card).to_contain_text("Anna Keller: in hospital")
    expect(card).to_have_attribute("data-attention", "shelved")
    second = page.context.new_page()
    second.goto("/")
    expect(acknowledged(second)).to_contain_text("Shelved until")
    act(card, "undo")
    expect(waiting(second)).to_have_count(1)


def test_a_critical_alert_is_not_shelved_for_long(page: Page, log: AlertLog) -> None:
    log.put(onset("1"))
    page.goto("/")
    page.evaluate("localStorage.setItem('vitalwire.name', 'Anna')")
    page.reload()
    act(waiting(page), "shelve", hours="9", note="in hospital")
    expect(waiting(page).get_by_role("alert")).to_contain_text("up to 8 hours")


def test_an_opened_card_keeps_its_facts_together(page: Page, log: AlertLog) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    log.put(onset("1"))
    page.goto("/")
    waiting(page).get_by_text("More", exact=True).click()
    expect(waiting(page).get_by_role("button", name="Shelve")).to_be_visible()
    facts, why = (waiting(page).locator(one).bounding_box() for one in (".card-facts", ".card-why"))
    assert facts is not None
    assert why is not None
    assert why["y"] - (facts["y"] + facts["height"]) < 1
    assert why["width"] > 300  # the chart goes below, or there is no room to read
    expect(waiting(page).get_by_text("Alert a by bp-severe of adult-standard")).to_be_visible()


def test_work_is_listed_by_when_it_is_due(page: Page, log: AlertLog) -> None:
    log.put(onset("1", "later", severity="medium"), onset("2", "sooner", event="stale"))
    page.goto("/")
    work = page.locator("[data-part=work] .card")
    expect(work).to_have_count(2)
    expect(work.first).to_contain_text("Due")
    expect(waiting(page)).to_have_count(0)


def test_a_page_says_that_alerts_come_late_when_no_engine_reports(
    page: Page, log: AlertLog
) -> None:
    now_ms = time.time_ns() // 1_000_000
    for partition in range(PARTITIONS):
        report = EngineReport(partition, "e", 1, 0, 0, now_ms, late_ms=16_000)
        log.put_raw(ENGINES, str(partition), msgspec.json.encode(report))
    log.put(Tick(now_ms))
    page.goto("/")
    expect(page.locator("#trouble")).to_contain_text("Alerts come late")


def test_what_a_device_or_a_person_wrote_is_never_markup(page: Page, log: AlertLog) -> None:
    evil = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
    log.put(patient("p1", evil), onset("1", "before", reason=evil))
    page.goto("/")
    log.put(onset("2", "after", title=evil, advice=evil))
    expect(waiting(page)).to_have_count(2)
    acknowledge(waiting(page).first, evil[:80])
    expect(acknowledged(page)).to_contain_text("<img src=x")
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img:not(.chart), main script").count() == 0


def test_an_alert_shows_its_chart(page: Page, log: AlertLog) -> None:
    log.put(patient("p1", "Wren-01"), onset("1", "before"))
    page.goto("/")
    log.put(onset("2", "after"))
    expect(waiting(page)).to_have_count(2)
    for card in waiting(page).all():
        picture = card.locator("img.chart")
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("naturalWidth", 304)  # else it is a broken one


def test_readings_move(page: Page, log: AlertLog) -> None:
    now_ms = time.time_ns() // 1_000_000
    log.put(patient("p1", "Wren-01"), Tick(now_ms))
    page.goto("/")
    rows = page.locator("#rows tr")
    expect(rows).to_have_count(0)
    log.put(readings("p1", "01" * 16, pressure(128, 79), now_ms))
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("128/79 mmHg")
    log.put(readings("p1", "02" * 16, pressure(131, 82), now_ms + 1))
    expect(rows.first).to_contain_text("131/82 mmHg")
    page.get_by_role("link", name="Wren-01").first.click()
    expect(page.get_by_role("heading", name="Latest readings")).to_be_visible()
    page.evaluate(MARK)
    log.put(readings("p1", "03" * 16, pressure(135, 84), now_ms + 2))
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.locator("tbody tr").first).to_contain_text("135/84 mmHg")
    assert page.evaluate(IS_MARKED)


def test_the_feed_stops_in_order_while_pages_are_open(page: Page, feed: FeedProcess) -> None:
    page.goto("/")
    expect(page.locator("#live")).to_be_visible()
    assert feed.end(signal.SIGTERM) == 0


def test_what_is_about_no_patient_leads_to_no_patients_page(page: Page, log: AlertLog) -> None:
    gateway = transition("1", at_ms=time.time_ns() // 1_000_000, patient_id="", subject="gateway/7")
    log.put(gateway)
    page.goto("/")
    name = waiting(page).locator(".card-head .patient")
    expect(name).to_have_text("gateway 7")
    assert name.get_attribute("href") is None
    log.put(onset("2", "b"))  # by the stream, into markup that links to a patient
    log.put(msgspec.structs.replace(gateway, event_id="3", event="again", alert_id="c"))
    expect(waiting(page)).to_have_count(3)
    links = [
        card.get_attribute("href") for card in waiting(page).locator(".card-head .patient").all()
    ]
    assert sorted(links, key=str) == ["/patients/p1", None, None]


def test_where_no_reading_is_it_says_since_when_it_would_know_of_one(
    page: Page, log: AlertLog
) -> None:
    page.goto("/")
    nothing = page.locator(".readings .empty")
    expect(nothing).to_contain_text("Whether anybody has measured is not known")
    log.put(Tick(time.time_ns() // 1_000_000 - 30_000))
    expect(nothing).to_contain_text("Of the time before that nothing is known here.")
