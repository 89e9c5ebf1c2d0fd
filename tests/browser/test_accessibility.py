"""What a reader of the screen, a keyboard, a magnifying glass or tired eyes need of the page."""

import re
import signal
import time
from itertools import pairwise

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from schemas.alert import Evidence, LimitInForce, Severity, Transition
from tests.alert_log import AlertLog
from tests.alert_records import patient, pressure, readings, transition
from tests.browser.conftest import FeedProcess

pytestmark = pytest.mark.timeout(120)

SIZES = [
    ViewportSize(width=1280, height=900),
    ViewportSize(width=640, height=450),  # the same screen at 200 %
    ViewportSize(width=390, height=664),
    ViewportSize(width=320, height=256),  # the same screen at 400 %: WCAG 2.2, 1.4.10
]
LETTERS_PX_MIN = 11
HEADINGS = "main :is(h2, h3), h1"
TAGS = "all => all.map((one) => one.tagName)"
CONTRAST_MIN = 4.5  # WCAG 2.2, 1.4.3
CONTRAST_MAX = 22  # black on white has 21
FAINT = """(least) => {
  const rgba = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[0-9.]+/g).map(Number);
    return {parts: [red, green, blue], alpha};
  };
  const light = (parts) => parts
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor);
      if (colour.alpha === 1) return colour.parts;
    }
    return [255, 255, 255];
  };
  const written = [...document.querySelectorAll("body *")].filter((element) =>
    element.checkVisibility({checkVisibilityCSS: true}) && !element.closest(".heard, svg")
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return written.map((element) => {
    const [low, high] = [rgba(getComputedStyle(element).color).parts, ground(element)]
      .map(light).sort((one, other) => one - other);
    return [Math.round((high + 0.05) / (low + 0.05) * 100) / 100, element.textContent.trim()];
  }).filter(([ratio]) => ratio < least);
}"""


def alert(number: int, severity: Severity) -> Transition:
    now_ms = time.time_ns() // 1_000_000
    values = {"systolic": "192 mm[Hg]", "diastolic": "124 mm[Hg]"}
    return transition(
        f"{number}",
        severity=severity,
        at_ms=now_ms,
        alert_id=f"a{number}",
        patient_id="p1",
        marks=["delayed"],
        evidence=Evidence(f"{number:032}", "blood_pressure", now_ms, "device-clock", values),
        limits=[LimitInForce("systolic", ">", ["180 mm[Hg]"])],
    )


@pytest.fixture
def shown(page: Page, log: AlertLog) -> Page:
    severities: tuple[Severity, ...] = ("critical", "high", "medium", "info")
    log.put(patient("p1", "Wren-01"), *(alert(n, one) for n, one in enumerate(severities)))
    page.emulate_media(reduced_motion="reduce")  # what is new is not washed in yellow for a while
    page.goto("/")
    expect(page.locator("[data-part=waiting] .card")).to_have_count(2)
    return page


def test_a_reader_of_the_screen_is_told_where_it_is_and_what_each_button_does(shown: Page) -> None:
    expect(shown.get_by_role("heading", level=1)).to_have_text("Alerts")
    for landmark in ("banner", "main", "contentinfo"):
        expect(shown.get_by_role(landmark)).to_have_count(1)
    card = shown.get_by_role("article", name="critical: Severe blood pressure, Wren-01, ")
    button = card.get_by_role("button", name="Acknowledge for Wren-01, Severe blood pressure")
    expect(button).to_have_count(1)
    expect(card.get_by_label("Your name").first).to_be_visible()
    said = "Chart, oldest first: systolic 192 mmHg; limit 180 mmHg"
    expect(card.get_by_role("img", name=said)).to_have_count(1)


CONTROL = re.compile(
    r'^( *)- (?:\'?)(textbox|button|combobox|group|article) "([^"]*)"', re.MULTILINE
)


def controls(page: Page) -> list[tuple[str, ...]]:
    """Name all that can be worked, each within the groups that are read out before it."""
    around: list[tuple[int, str]] = []
    found = []
    for indent, role, name in CONTROL.findall(page.locator("main").aria_snapshot()):
        around = [one for one in around if one[0] < len(indent)]
        if role in ("group", "article"):
            around.append((len(indent), name))
        else:
            found.append((*(each for _, each in around), role, name))
    return found


@pytest.mark.parametrize("known", [False, True], ids=["a stranger", "known by name"])
def test_each_control_is_told_apart_by_its_name(shown: Page, known: bool) -> None:
    """There were two fields called Note on a card: who heard the page had to guess."""
    if known:
        shown.evaluate("localStorage.setItem('vitalwire.name', 'Anna Keller')")
    for address in ("/", "/patients/p1", "/alerts/a1"):
        shown.goto(address)
        cards = shown.locator("#main .card")
        expect(cards.first).to_be_visible()
        shown.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        named = controls(shown)
        assert len(named) > 5 * cards.count()
        assert [one for one in named if one[-2:] == ("textbox", "Note")], "they were found"
        not_me = [one for one in named if one[-1].startswith("Not me")]
        assert (len(not_me) == 2 * cards.count()) == known
        told = [one for one in named if one not in not_me]
        assert sorted(set(told)) == sorted(told)
        assert all(one[-1] for one in named)


def test_headings_leave_out_no_level(shown: Page) -> None:
    for address in ("/", "/patients/p1", "/more/1", "/alerts/a1"):
        shown.goto(address)
        expect(shown.get_by_role("heading", level=2).first).to_be_attached()
        levels = [int(one[1]) for one in shown.locator(HEADINGS).evaluate_all(TAGS)]
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels)), address


def test_the_keyboard_goes_through_a_card_as_the_eye_does(shown: Page) -> None:
    card = shown.locator("[data-part=waiting] .card").first
    card.locator("a.patient").focus()
    card.locator(".more").evaluate("one => { one.open = true }")
    names = []
    for _ in range(6):
        shown.keyboard.press("Tab")
        names.append(
            shown.evaluate("document.activeElement.name || document.activeElement.type || ''")
        )
    assert names == ["who", "submit", "", "outcome", "note", "submit"]  # "": what opens the rest


def test_severities_differ_by_shape_and_word_and_not_by_colour_alone(shown: Page) -> None:
    shapes = shown.locator("#main .card .shape use").evaluate_all(
        "all => all.map(one => one.getAttribute('href'))"
    )
    words = shown.locator("#main .card .severity").all_text_contents()
    assert len(set(shapes)) == len(set(words)) == len(shapes) == 4


def test_a_low_value_does_not_stand_beside_the_word_high_alone(shown: Page) -> None:
    added = "one => getComputedStyle(one, '::after').content"
    badge = shown.locator("#main .card[data-severity=high] .card-severity .severity")
    assert badge.evaluate(added) == '" severity"'
    other = shown.locator("#main .card[data-severity=critical] .card-severity .severity")
    assert other.evaluate(added) == "none"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size['width']}px")
def test_every_size_can_be_read_without_moving_sideways(shown: Page, size: ViewportSize) -> None:
    shown.set_viewport_size(size)
    assert shown.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    chart = shown.locator("[data-part=waiting] .chart").first
    chart.scroll_into_view_if_needed()
    expect(chart).to_have_js_property("complete", value=True)
    drawn = shown.request.get(chart.get_attribute("src") or "").text()
    scale = chart.evaluate("one => one.getBoundingClientRect().width / one.naturalWidth")
    letters = {float(one.split('"')[0]) for one in drawn.split('font-size="')[1:]}
    assert min(letters) * scale >= LETTERS_PX_MIN


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size['width']}px")
def test_a_name_that_is_one_long_word_moves_nothing_sideways(
    shown: Page, log: AlertLog, size: ViewportSize
) -> None:
    name = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamter"
    now_ms = time.time_ns() // 1_000_000
    log.put(patient("p1", name), readings("p1", "01" * 16, pressure(128, 79), now_ms))
    expect(shown.locator("#rows a")).to_have_text(name)
    shown.set_viewport_size(size)
    assert shown.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for container in (".card-facts", ".readings"):
        left = shown.locator(container).first.evaluate("one => one.scrollWidth - one.clientWidth")
        assert left <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_its_ground(shown: Page, scheme: str) -> None:
    shown.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    assert shown.evaluate(FAINT, CONTRAST_MIN) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_its_ground_when_the_page_is_not_live(
    shown: Page, feed: FeedProcess, scheme: str
) -> None:
    shown.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    feed.end(signal.SIGKILL)
    warning = shown.get_by_text("This page is not live.", exact=True)
    expect(warning).to_be_visible()
    measured = shown.evaluate(FAINT, CONTRAST_MAX)
    assert "This page is not live." in [text for _, text in measured]
    assert [one for one in measured if one[0] < CONTRAST_MIN] == []


def test_whoever_goes_from_heading_to_heading_hears_whose_alert_and_how_severe(shown: Page) -> None:
    heading = shown.get_by_role("heading", name="critical, Wren-01: Severe blood pressure")
    expect(heading).to_have_count(1)
    named = "critical: Severe blood pressure, Wren-01, 192/124 mmHg"
    expect(shown.get_by_role("article", name=named)).to_have_count(1)


def test_all_that_is_written_is_in_a_landmark_and_what_scrolls_is_reached_by_keyboard(
    shown: Page, log: AlertLog
) -> None:
    for address in ("/", "/patients/p1"):
        shown.goto(address)
        outside = shown.evaluate(
            """() => [...document.querySelectorAll("body *")].filter((element) =>
              element.checkVisibility({checkVisibilityCSS: true})
              && !element.closest("header, main, footer, section[aria-label], [aria-live], svg")
              && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
              .map((element) => element.textContent)"""
        )
        assert outside == []
        expect(shown.get_by_role("region", name="Latest readings")).to_have_attribute(
            "tabindex", "0"
        )


def test_where_the_system_chooses_the_colours_a_button_still_has_an_edge(shown: Page) -> None:
    shown.emulate_media(forced_colors="active", reduced_motion="reduce")
    button = shown.get_by_role("button", name="Acknowledge").first
    assert button.evaluate("one => getComputedStyle(one).borderTopWidth") == "1px"


@pytest.mark.parametrize(("height", "position"), [(256, "relative"), (900, "sticky")])
def test_a_page_that_is_not_live_can_be_read_below_its_warning(
    shown: Page, height: int, position: str
) -> None:
    """At 400 % a warning that stays would cover the whole screen: nobody saw who had an alert."""
    shown.set_viewport_size({"width": 320, "height": height})
    found = shown.locator("#silence").evaluate("one => getComputedStyle(one).position")
    assert found == position


def test_a_name_from_right_to_left_turns_nothing_around_it(shown: Page, log: AlertLog) -> None:
    log.put(patient("p1", "محمد (بن) 12"))
    name = shown.locator("[data-part=waiting] a.patient").first
    expect(name).to_have_text("محمد (بن) 12")
    expect(name).to_have_css("unicode-bidi", "plaintext")
    shown.goto("/patients/p1")
    expect(shown.locator("h1 bdi")).to_have_text("محمد (بن) 12")
