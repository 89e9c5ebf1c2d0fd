"""A difference between engine and oracle is shown when it is found, not when it is small."""

from dataclasses import replace

import pytest

from tests.alerts.engine.agreement import show_first
from tests.alerts.oracle_words import Said

ONSET = Said("onset", "p1", "bp-high", "severe", "critical", 0, "alert", "reading", ())


def test_where_they_part_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    later = replace(ONSET, at_ms=1)
    show_first([ONSET], [ONSET])
    assert capsys.readouterr().err == ""
    show_first([ONSET, ONSET], [ONSET, later])
    assert capsys.readouterr().err == (
        f"They part at transition 2.\nengine: {ONSET}\noracle: {later}\n"
    )
    show_first([ONSET], [])
    assert capsys.readouterr().err == "", "the rest is the same difference, made smaller"


def test_what_only_one_of_them_says_is_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    show_first([], [ONSET])
    assert f"engine: None\noracle: {ONSET}" in capsys.readouterr().err
