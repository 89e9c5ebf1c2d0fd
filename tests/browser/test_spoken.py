"""What a reader of the screen says aloud: each new alert once, and no more than that."""

import signal
import time

import msgspec
import pytest
from playwright.sync_api import Page, expect

from schemas.alert import Transition
from schemas.kafka import EngineReport, Tick
from schemas.topics import ENGINES
from tests.alert_log import AlertLog
from tests.alert_records import patient, transition
from tests.browser.conftest import FeedProcess
from tests.servers import PARTITIONS

pytestmark = pytest.mark.timeout(120)

NOT_LIVE = "This page is not live. New alerts do not show here."


def onset(name: str, **fields: object) -> Transition:
    """An alert of a patient of the same name."""
    now_ms = time.time_ns() // 1_000_000
    record = transition(f"{name}-1", at_ms=now_ms, alert_id=name, patient_id=name)
    return msgspec.structs.replace(record, **fields)


def said(page: Page, channel: str = "now") -> list[str]:
    return page.locator(f"#announce-{channel} p").all_text_contents()


def heard(page: Page, count: int, channel: str = "now") -> list[str]:
    expect(page.locator(f"#announce-{channel} p")).to_have_count(count)
    return said(page, channel)


def open_knowing(page: Page, count: int, address: str = "/") -> None:
    """Open a page that is served with so many alerts already: they are no news."""
    page.goto("/")
    expect(page.locator("[data-part=waiting] .card")).to_have_count(count)
    page.goto(address)


def line(name: str) -> str:
    return f"critical alert: {name}, Severe blood pressure, 192/124 mmHg"


def test_each_critical_alert_is_said_once_and_none_that_goes_on(page: Page, log: AlertLog) -> None:
    log.put(onset("before"))
    open_knowing(page, 1)
    log.put(onset("a"))
    assert heard(page, 1) == [line("a")]
    log.put(onset("a", event_id="a-2", event="again"), onset("b"))
    assert heard(page, 2) == [line("a"), line("b")]


def test_of_many_at_once_three_are_named_and_the_others_counted(
    page: Page, feed: FeedProcess, log: AlertLog
) -> None:
    page.goto("/")
    expect(page.get_by_text("Nothing waits.")).to_be_visible()
    feed.end(signal.SIGKILL)
    log.put(*map(onset, "abcd"), *(onset(name, severity="high") for name in "fg"))
    with feed:
        expect(page.locator("[data-part=waiting] .card")).to_have_count(6)
        expect(page.locator("#announce-now")).to_contain_text("And 1 more critical alert.")
        assert len({*said(page)} & {*map(line, "abcd")}) == 3
        assert "high alert: f, Severe blood pressure, 192/124 mmHg" in said(page, "politely")


def test_what_came_while_the_page_was_cut_off_is_said_when_it_is_back(
    page: Page, feed: FeedProcess, log: AlertLog
) -> None:
    log.put(onset("before"))
    open_knowing(page, 1)
    feed.end(signal.SIGKILL)
    assert heard(page, 1) == [NOT_LIVE]
    log.put(onset("meanwhile"))
    with feed:
        expect(page.locator("[data-part=waiting] .card")).to_have_count(2)
        assert heard(page, 2) == [NOT_LIVE, line("meanwhile")]
        # Before it perhaps that the log is being read: a feed that starts again may need a while.
        expect(page.locator("#announce-politely p").last).to_have_text("The page is live again.")


def test_a_trouble_is_said_once_while_it_is_counted_up(page: Page, log: AlertLog) -> None:
    def report(late_ms: int) -> None:
        for partition in range(PARTITIONS):
            now_ms = time.time_ns() // 1_000_000
            one = EngineReport(partition, "e", 1, 0, 0, now_ms, late_ms=late_ms)
            log.put_raw(ENGINES, str(partition), msgspec.json.encode(one))

    log.put(Tick(time.time_ns() // 1_000_000))
    report(0)
    page.goto("/")
    expect(page.locator("#trouble")).to_be_hidden()
    report(16_000)
    expect(page.locator("#trouble")).to_contain_text("have waited 16 s")
    report(19_000)
    expect(page.locator("#trouble")).to_contain_text("have waited 19 s")
    (only,) = said(page, "politely")
    assert only.startswith("Alerts come late")


def test_on_a_patients_page_others_are_said_and_counted_too(page: Page, log: AlertLog) -> None:
    log.put(patient("p1", "Wren-01"), onset("p1"), onset("known"))
    open_knowing(page, 2, "/patients/p1")
    expect(page).to_have_title("(2) Wren-01 – Vitalwire")
    log.put(onset("known", event_id="known-2", event="again"))  # asks already: no news
    log.put(onset("stranger"))
    assert heard(page, 1) == [line("stranger")]
    expect(page).to_have_title("(3) Wren-01 – Vitalwire")
    expect(page.locator("#elsewhere")).to_have_text("(3 need somebody)")
    log.put(onset("own", patient_id="p1", title="Extreme blood pressure"))
    said_of_own = "critical alert: Wren-01, Extreme blood pressure, 192/124 mmHg"
    assert heard(page, 2) == [line("stranger"), said_of_own]
    expect(page.locator(".card")).to_have_count(2)
