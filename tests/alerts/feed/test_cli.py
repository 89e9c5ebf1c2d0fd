"""What the feed takes from the machine that it runs on."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from alerts.feed.cli import feed, machines_zone
from alerts.feed.serve import listen
from schemas.errors import MisconfiguredError


def test_the_machines_zone_is_named_by_tz_or_by_what_localtime_links_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked = tmp_path / "localtime"
    linked.symlink_to("/usr/share/zoneinfo/America/New_York")
    monkeypatch.setenv("TZ", ":Europe/Berlin")
    assert machines_zone(linked).key == "Europe/Berlin"
    monkeypatch.setenv("TZ", "CET-1CEST")  # an offset and no name
    assert machines_zone(linked).key == "America/New_York"
    monkeypatch.delenv("TZ")
    assert machines_zone(tmp_path / "none").key == "UTC"


@pytest.mark.parametrize(
    "pace", [("5", "5"), ("20", "15"), ("0", "15"), ("5", "inf"), ("nan", "9")]
)
def test_a_pace_at_which_a_page_is_red_for_ever_or_never_is_refused(pace: tuple[str, str]) -> None:
    words = ["--heartbeat-s", pace[0], "--silence-s", pace[1]]
    error = CliRunner().invoke(feed, words).exception
    assert isinstance(error, MisconfiguredError)
    assert "red for ever, or never" in error.cause


@pytest.mark.parametrize("port", [-1, 65_536])
def test_what_is_no_port_is_said(port: int) -> None:
    with pytest.raises(MisconfiguredError, match=r"it is not from 0 to 65535.*--port"):
        listen("127.0.0.1", port)
