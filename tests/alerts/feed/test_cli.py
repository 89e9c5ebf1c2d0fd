"""What the feed takes from the machine that it runs on."""

from pathlib import Path

import pytest

from alerts.feed.cli import machines_zone


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
