"""What one reading by itself may end."""

from tests.alerts.book_text import rule
from tests.alerts.engine.cuts import judged
from tests.alerts.engine.window_rules import told
from tests.alerts.readings import MINUTE, NOON, at_once, glucose, pressure, record


def test_what_is_beyond_the_range_ends_nothing_on_the_other_side() -> None:
    """A meter that says HI may be wrong by anything: a late low value is a page all the same."""
    late = record(NOON + MINUTE, [glucose(NOON - MINUTE, 50)])
    for newest, events in (("HI", ["onset", "onset"]), (200, ["resolved-before-seen"])):
        log = [*at_once(glucose(NOON, newest)), late]
        assert [one.event for one in judged(log)] == events


def test_what_is_medium_and_was_over_before_anybody_saw_it_stays_medium() -> None:
    low = rule("low", "systolic <= 90 mmHg", severity="medium")
    log = [*at_once(pressure(NOON, 120)), record(NOON + MINUTE, [pressure(NOON - MINUTE, 85)])]
    assert told(log, low) == [("resolved-before-seen", "medium", "low")]
