"""What reaches a person, from the stream of transitions alone."""

import msgspec
import pytest

from alerts.backtest.heard import Heard, heard, pages
from schemas.alert import Event, Evidence, Mark, Severity, Transition

MINUTE = 60_000
DAY = 24 * 60


def said(  # noqa: PLR0913 - one for each thing that matters here
    minute: float,
    event: Event = "onset",
    severity: Severity = "critical",
    *marks: Mark,
    alert: str = "a",
    ladder: str = "bp-high",
    cooldown_min: int = 0,
    notify: bool = True,
) -> Transition:
    return Transition(
        event_id=f"{minute}{event}{alert}",
        alert_id=alert,
        patient_id="p",
        ladder=ladder,
        rule="r",
        event=event,
        severity=severity,
        at_ms=round(minute * MINUTE),
        title="",
        reason="",
        evidence=Evidence("reading", "blood_pressure", 0, "receipt", {}),
        book="b",
        book_sha256="",
        marks=list(marks),
        cooldown_ms=cooldown_min * MINUTE,
        notify=notify,
    )


def told(*several: Transition) -> list[tuple[float, str]]:
    return [(one.paged_ms / MINUTE, one.kind) for one in heard(several)]


def test_onsets_and_steps_up_page_and_medium_does_not() -> None:
    assert told(said(0, "onset", "medium"), said(5, "worsened", "high")) == [(5, "first")]


def test_what_waits_or_stands_or_never_notifies_pages_nobody() -> None:
    assert told(said(0, "onset", "critical", "awaiting-confirmation")) == []
    assert told(said(0, "onset", "critical", "standing")) == []
    assert told(said(0, notify=False)) == []


def test_a_confirmation_pages() -> None:
    waits = said(0, "onset", "critical", "awaiting-confirmation")
    assert told(waits, said(10, "confirmed")) == [(10, "first")]


def test_a_further_match_attaches_within_half_an_hour_and_is_told_again_later() -> None:
    assert told(said(0), said(30, "again"), said(31, "again"), said(40, "again")) == [
        (0, "first"),
        (0, "attached"),
        (31, "repeated"),
        (31, "attached"),
    ]
    assert told(said(0, "onset", "high"), said(60, "again", "high")) == [(0, "first")]
    assert told(said(0, "again")) == []  # nobody was told of its onset


@pytest.mark.parametrize(("late_ms", "kind"), [(0, "attached"), (1, "repeated")])
def test_thirty_minutes_end_where_they_end_for_the_desk(late_ms: int, kind: str) -> None:
    """The same limit as tests/alerts/desk/test_exact_times.py has it for the desk itself."""
    again = msgspec.structs.replace(said(30, "again"), at_ms=30 * MINUTE + late_ms)
    assert [one.kind for one in heard([said(0), again])] == ["first", kind]


def test_a_match_after_the_end_is_told_again_however_soon_and_a_late_confirmation_is_not() -> None:
    assert told(
        said(0, "onset", "high"), said(5, "returned", "high"), said(9, "again", "high")
    ) == [
        (0, "first"),
        (9, "repeated"),
    ]
    assert told(said(0), said(10, "confirmed")) == [(0, "first")]


def test_a_cool_down_delays_and_never_discards() -> None:
    first, ends = said(0, "onset", "high", cooldown_min=DAY), said(60, "returned", "high")
    second = said(120, "onset", "high", alert="b", cooldown_min=DAY)
    once_more = [(0, "first"), (DAY, "first")]
    assert told(first, ends, second, said(2 * DAY, "again", "high", alert="b")) == once_more
    over = said(180, "returned", "high", alert="b")
    later = said(3 * DAY, "onset", "medium", alert="z")
    assert told(first, ends, second, over, later) == once_more
    for event in ("retracted", "retired"):
        never_was = said(180, event, "high", alert="b")
        assert told(first, ends, second, never_was, later) == [(0, "first")]


@pytest.mark.parametrize(("severity", "names"), [("high", ["a", "c"]), ("info", ["a", "b"])])
def test_what_came_back_while_it_cooled_down_is_told_once(
    severity: Severity, names: list[str]
) -> None:
    first, ends = said(0, "onset", "high", cooldown_min=DAY), said(60, "returned", "high")
    second = said(120, "onset", "high", alert="b", cooldown_min=DAY)
    over = said(180, "returned", "high", alert="b")
    third = said(240, "onset", severity, alert="c", cooldown_min=DAY)
    later = said(3 * DAY, "onset", "medium", alert="z")
    pages_ = heard([first, ends, second, over, third, later])
    assert [one.transition.alert_id for one in pages_ if one.kind == "first"] == names


@pytest.mark.parametrize(("withdrawn", "names"), [(False, ["a", "c"]), (True, ["a", "c", "b"])])
def test_what_ended_in_a_cool_down_is_not_told_after_a_graver_one_that_was(
    names: list[str], *, withdrawn: bool
) -> None:
    first, ends = said(0, "onset", "high", cooldown_min=DAY), said(60, "returned", "high")
    second = said(120, "onset", "high", alert="b", cooldown_min=DAY)
    over = said(180, "returned", "high", alert="b")
    graver = said(240, alert="c")
    never_was = [said(300, "retracted", alert="c")] if withdrawn else []
    later = said(3 * DAY, "onset", "medium", alert="z")
    pages_ = heard([first, ends, second, over, graver, *never_was, later])
    assert [one.transition.alert_id for one in pages_ if one.kind == "first"] == names


def test_a_step_up_breaks_a_cool_down() -> None:
    first = said(0, "onset", "high", cooldown_min=DAY)
    graver = said(60, "onset", "critical", alert="b", cooldown_min=DAY)
    assert told(first, said(30, "returned", "high"), graver) == [(0, "first"), (60, "first")]


def test_of_one_moment_the_gravest_is_the_page() -> None:
    both = [said(0, "onset", "high", alert="a", ladder="bp-low"), said(0, alert="b")]
    assert [one.alert_id for one in pages(both)] == ["b"]
    assert isinstance(next(heard(both)), Heard)
