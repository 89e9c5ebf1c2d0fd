from zoneinfo import ZoneInfo

import pytest

from schemas.time_zone import zone_named


def test_a_zone_is_found_by_its_name() -> None:
    assert zone_named("Europe/Berlin") == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("name", ["Europe/Nowhere", "Europe", "", "/etc", "../x", "a\0b", "\udcff"])
def test_what_names_no_zone_finds_none(name: str) -> None:
    assert zone_named(name) is None
