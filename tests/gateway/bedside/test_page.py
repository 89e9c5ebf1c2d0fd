"""The local page and its advice, from what is known to what is read."""

import base64
import hashlib
import re

from gateway.admission.advert import Advert
from gateway.admission.live import DeviceRow, JournalStatus, Live, LiveStranger, Overview
from gateway.bedside.advice import SILENT_AFTER_S, Level, advice
from gateway.bedside.page import POLICY, render

CUFF = DeviceRow("C0:00:00:00:00:01", "CUFF", "person", model="Cuff One", last_reading_s=60)
LIVE = Live("home-1", "vitalwire 0", connected=True)
JOURNAL = JournalStatus(held=0, receipted=3, streams=1, file_bytes=1024)
WELL = Overview([CUFF], LIVE, JOURNAL)


def levels(overview: Overview) -> list[Level]:
    return [one.level for one in advice(overview)]


def test_nothing_is_to_be_done_where_all_is_well() -> None:
    assert advice(WELL) == []
    page = render(WELL, "12:00:00 UTC")
    assert "All is well" in page
    assert "What to do" not in page


def test_a_daemon_that_does_not_answer_comes_first() -> None:
    (first, *_) = advice(Overview([CUFF], None, JOURNAL))
    assert first.level is Level.PROBLEM
    assert "systemctl restart" in first.do


def test_without_a_journal_nothing_is_said_of_what_waits_nor_of_what_is_paired() -> None:
    """The page said that none waits and none is paired where its directory was taken away."""
    live = Live("home-1", "v", connected=True, problems=["the directory is gone; wait"])
    lost = Overview([], live, None)
    assert [one.what for one in advice(lost)] == ["The directory is gone."]
    page = render(lost, "now")
    assert "cannot be told" in page
    assert "No reading waits" not in page


def test_a_problem_is_taken_apart_into_cause_and_next_step() -> None:
    live = Live("home-1", "v", connected=True, problems=["the cuff is gone; run `x y`"])
    (one,) = advice(Overview([CUFF], live, JOURNAL))
    assert (one.level, one.what, one.do) == (Level.PROBLEM, "The cuff is gone.", "Run `x y`.")
    assert "<code>x y</code>" in render(Overview([CUFF], live, JOURNAL), "now")


def test_a_problem_names_the_device_and_the_command_as_it_is_typed() -> None:
    problem = f"{CUFF.address} is lost; run `vitalwire gateway pair {CUFF.address}`"
    live = Live("home-1", "v", connected=True, problems=[problem])
    (one,) = advice(Overview([CUFF], live, JOURNAL))
    assert one.what == f"CUFF ({CUFF.address}) is lost."
    assert one.do == f"Run `sudo vitalwire gateway pair {CUFF.address}`."


def test_refused_pairings_are_shown() -> None:
    live = Live("home-1", "v", connected=True, refused={"pairing": 3})
    (one,) = advice(Overview([CUFF], live, JOURNAL))
    assert one.level is Level.NOTICE
    assert one.what.startswith("3 attempts")


def test_silent_devices_low_batteries_and_no_devices_are_noticed() -> None:
    silent = DeviceRow("A", "SILENT", "person", last_reading_s=SILENT_AFTER_S + 1)
    never = DeviceRow("B", "NEW", "person")
    weak = DeviceRow("C", "WEAK", "person", last_reading_s=1, battery_percent=20)
    said = DeviceRow("D", "SAID", "person", last_reading_s=1, battery_low=True)
    listed = Overview([silent, never, weak, said], LIVE, JOURNAL)
    told = " ".join(one.what for one in advice(listed))
    assert "SILENT: The last reading came 3 days ago" in told
    assert "NEW: No reading yet" in told
    assert "WEAK: battery at 20 %" in told
    assert "SAID: its record says battery low" in told
    assert levels(Overview([], LIVE, JOURNAL)) == [Level.NOTICE]


def test_what_a_device_calls_itself_is_text_and_nothing_else() -> None:
    name = "<script>alert(1)</script>"
    stranger = LiveStranger(Advert("C0:00:00:00:00:09", name=name, rssi_dbm=-40), 1)
    live = Live("home-1", "v", connected=True, problems=[f"{name}; {name}"], strangers=[stranger])
    named = DeviceRow("C0:00:00:00:00:01", name, "person", model=name)
    page = render(Overview([named], live, JOURNAL), name)
    assert name not in page
    assert page.count("&lt;script&gt;") == 7


def test_the_policy_allows_exactly_the_page_s_own_style_and_script() -> None:
    page = render(WELL, "now")
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in POLICY
    assert "http" not in page
    assert "style=" not in page


def test_strangers_come_with_the_command_that_pairs_them() -> None:
    stranger = LiveStranger(Advert("C0:00:00:00:00:09", name="NEW CUFF", rssi_dbm=-40), 1)
    live = Live("home-1", "v", connected=True, strangers=[stranger])
    page = render(Overview([CUFF], live, JOURNAL), "now")
    assert "NEW CUFF" in page
    assert "sudo vitalwire gateway pair C0:00:00:00:00:09" in page


def test_where_something_is_wrong_nobody_claims_that_everything_arrived() -> None:
    journal = JournalStatus(held=0, receipted=0, streams=1, file_bytes=1)
    everything = "Everything that was measured is at the clinic."
    assert everything in render(Overview([CUFF], LIVE, journal), "now")
    full = Live("home-1", "v", connected=True, problems=["no reading can be kept"])
    assert everything not in render(Overview([CUFF], full, journal), "now")


def test_waiting_readings_are_counted() -> None:
    journal = JournalStatus(held=2, receipted=0, streams=1, file_bytes=1)
    assert "2 readings wait here for the clinic." in render(Overview([CUFF], LIVE, journal), "now")
    one = JournalStatus(held=1, receipted=0, streams=1, file_bytes=1)
    assert "1 reading waits here for the clinic." in render(Overview([CUFF], LIVE, one), "now")
