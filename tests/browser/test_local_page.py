"""The gateway's local page in a browser: it says what to do, and keeps itself up to date."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from gateway.admission.admission import Admission, AdmittedBy
from gateway.admission.admissions import Admissions
from gateway.bedside.overview import ask_daemon
from simulators.stack.ports import free_port
from simulators.stack.process import Child, Program
from tests.servers import eventually

PHONE: ViewportSize = {"width": 390, "height": 844}
NO_BLUETOOTH = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus"}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    directory = tmp_path / "state"
    directory.mkdir()
    with Admissions(directory) as admissions:
        admissions.adopt([])
        admissions.admit(Admission("C0:00:00:00:00:01", AdmittedBy.PERSON, "BLOOD CUFF"))
    return directory


@pytest.fixture
def gateway(state: Path, tmp_path: Path) -> Iterator[tuple[Child, str]]:
    """A gateway without Bluetooth and without a broker, and where its page is."""
    port = free_port()
    command = (sys.executable, "-m", "vitalwire", "gateway", "run", "--gateway-id", "home-1")
    where = ("--state", str(state), "--monitor-port", str(port), "--mqtt", "mqtt://127.0.0.1:1")
    child = Child(Program("gateway", (*command, *where), tmp_path / "log", NO_BLUETOOTH))
    with child:
        eventually(lambda: ask_daemon(state) is not None)
        yield child, f"http://127.0.0.1:{port}/"


@pytest.fixture
def page(browser: Browser, gateway: tuple[Child, str]) -> Iterator[Page]:
    """The page on a phone; an error in its console fails the test."""
    with browser.new_context(viewport=PHONE) as context:
        opened = context.new_page()
        said: list[str] = []
        opened.on("console", lambda message: said.append(message.text))
        opened.goto(gateway[1])
        yield opened
        refused = "net::ERR_CONNECTION_REFUSED"
        assert [text for text in said if refused not in text] == []


def test_it_says_what_is_wrong_and_what_to_do(page: Page) -> None:
    expect(page).to_have_title("Needs you: home-1")
    expect(page.get_by_role("status")).to_contain_text("This gateway needs you")
    todo = page.locator(".todo.problem").filter(has_text="no D-Bus system bus")
    expect(todo).to_contain_text("Restart it with sudo reboot.")
    expect(page.locator("h3")).to_contain_text(["BLOOD CUFF"])
    expect(page.get_by_text("No reading yet")).to_be_visible()


def test_it_fits_a_phone(page: Page) -> None:
    widest = page.evaluate("document.documentElement.scrollWidth")
    assert widest <= PHONE["width"]


def test_it_shows_a_newly_paired_device_by_itself(page: Page, state: Path) -> None:
    page.evaluate("window.notReloaded = true")
    with Admissions(state) as admissions:
        admissions.admit(Admission("C0:00:00:00:00:02", AdmittedBy.PERSON, "SUGAR METER"))
    expect(page.get_by_role("heading", name="SUGAR METER")).to_be_visible(timeout=15_000)
    assert page.evaluate("window.notReloaded")


def test_it_says_when_nobody_answers_and_recovers(
    page: Page, gateway: tuple[Child, str], state: Path
) -> None:
    child, _ = gateway
    child.kill()
    status = page.get_by_role("status")
    expect(status).to_contain_text("The gateway does not answer", timeout=15_000)
    expect(page).to_have_title("No answer")
    child.start()
    eventually(lambda: ask_daemon(state) is not None)
    expect(status).to_contain_text("This gateway needs you", timeout=15_000)
