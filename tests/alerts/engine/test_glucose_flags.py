"""Whatever a meter reports beside a value that it stands by, a low one opens at once."""

from dataclasses import replace

import pytest

from alerts.engine.ladders.ladder import arrange
from alerts.engine.step import step
from alerts.rules.flags import known_flags
from alerts.rules.load import load_books
from tests.alerts.readings import NOON, at_once, fresh_state, glucose


@pytest.mark.parametrize("flag", known_flags("glucose"))
@pytest.mark.parametrize("value", [40, "LO"])
def test_no_flag_of_a_meter_silences_an_onset(flag: str, value: object) -> None:
    measured = replace(glucose(NOON, value), flags=(flag,))
    found = step(fresh_state(rules=arrange(load_books())), at_once(measured)).transitions
    assert [(one.event, one.severity, one.marks) for one in found] == [("onset", "critical", [])]
