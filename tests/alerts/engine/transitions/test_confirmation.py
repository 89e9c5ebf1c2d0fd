"""One extreme reading is shown at once; its page waits for a repeat, or for the wait's end."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.step import step
from schemas.alert import ENDING, Transition
from schemas.kafka import ReadingsRecord, Tick
from tests.alerts.engine.confirming import WITHIN, events, judged, rules
from tests.alerts.engine.histories import PATIENTS, histories, reborn
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    fresh_state,
    glucose,
    pressure,
    record,
)


def story(*measured: Measured) -> list[str]:
    return events(*at_once(*measured), Tick(NOON + DAY))


FIRST = pressure(NOON, 192)


def test_an_extreme_reading_is_shown_at_once_and_says_that_its_page_waits() -> None:
    (onset,) = judged(*at_once(FIRST))
    assert (onset.event, onset.severity) == ("onset", "critical")
    assert onset.marks == ["awaiting-confirmation"]
    assert onset.confirm_by_ms == NOON + WITHIN
    said = "; one reading, to be confirmed by a repeat within 10 min"
    assert onset.reason.endswith(said)  # it stays true when that time is over


def test_without_a_repeat_the_page_comes_at_the_end_of_the_wait_by_log_time() -> None:
    deadline = NOON + WITHIN
    onset, confirmed = judged(*at_once(FIRST), Tick(deadline), Tick(deadline + 1))
    assert (confirmed.event, confirmed.severity, confirmed.at_ms) == (
        "confirmed",
        "critical",
        deadline,
    )
    assert (confirmed.alert_id, confirmed.evidence) == (onset.alert_id, onset.evidence)
    assert confirmed.marks == []
    assert confirmed.reason.endswith("; no repeat within 10 min says otherwise")
    assert events(*at_once(FIRST), Tick(deadline)) == ["onset"]
    assert events(*at_once(FIRST), Tick(deadline + 1), Tick(NOON + DAY)) == ["onset", "confirmed"]


@pytest.mark.parametrize("flags", [(), ("body-moved",)])
def test_a_repeat_that_matches_confirms_flagged_or_not(flags: tuple[str, ...]) -> None:
    repeat = pressure(NOON + WITHIN, 185, 80, *flags)
    onset, confirmed = judged(*at_once(FIRST, repeat), Tick(NOON + DAY))
    assert (confirmed.event, confirmed.at_ms) == ("confirmed", NOON + WITHIN)
    assert confirmed.alert_id == onset.alert_id
    assert confirmed.reason.endswith("; confirmed by a repeat")
    assert confirmed.held_before == ["adult-standard/bp-severe"]


@pytest.mark.parametrize("flags", [(), ("body-moved",)])
def test_a_pair_that_comes_newest_first_is_confirmed_when_it_is_whole(
    flags: tuple[str, ...],
) -> None:
    """Blood pressure records may come in that order: the repeat is there, and the page waited."""
    repeat, came = pressure(NOON + MINUTE, 185), NOON + 2 * MINUTE
    first = pressure(NOON, 192, 80, *flags)
    log: list[ReadingsRecord] = [
        record(came, [repeat]),
        record(came + 1, [first]),
        Tick(NOON + DAY),
    ]
    onset, confirmed = judged(*log)
    assert (onset.event, onset.marks) == ("onset", ["awaiting-confirmation"])
    assert (confirmed.event, confirmed.at_ms) == ("confirmed", came + 1)
    assert (confirmed.alert_id, confirmed.severity) == (onset.alert_id, "critical")
    assert confirmed.reason.endswith("; confirmed by a repeat")


@pytest.mark.parametrize("flags", [(), ("body-moved",)])
def test_a_flagged_repeat_that_comes_first_confirms_what_was_measured_before_it(
    flags: tuple[str, ...],
) -> None:
    repeat, came = pressure(NOON + MINUTE, 185, 80, "body-moved"), NOON + 2 * MINUTE
    first = pressure(NOON, 192, 80, *flags)
    log: list[ReadingsRecord] = [
        record(came, [repeat]),
        record(came + 1, [first]),
        Tick(NOON + DAY),
    ]
    asked, onset = judged(*log)
    assert (asked.event, onset.event, onset.at_ms) == ("repeat-asked", "onset", came + 1)
    assert (onset.severity, "awaiting-confirmation" in onset.marks) == ("critical", False)


def test_of_a_pair_that_comes_newest_first_one_too_far_apart_is_no_repeat() -> None:
    far, came = pressure(NOON - WITHIN - 1, 192), NOON + MINUTE
    assert events(record(NOON, [FIRST]), record(came, [far]), Tick(came + 1)) == ["onset", "again"]


def test_a_repeat_back_within_limits_ends_it_before_anybody_was_paged() -> None:
    onset, over = judged(*at_once(FIRST, pressure(NOON + MINUTE, 175)), Tick(NOON + DAY))
    assert (over.event, over.severity, over.alert_id) == (
        "not-confirmed",
        "critical",
        onset.alert_id,
    )
    assert over.reason == (
        "Not confirmed by a repeat. Systolic 175 mmHg and diastolic 80 mmHg: back within limits"
        " (adult-standard, bp-severe)"
    )


@pytest.mark.parametrize(
    "repeat",
    [
        pressure(NOON + MINUTE, 178),  # neither matches nor has returned
        pressure(NOON + MINUTE, 120, 80, "body-moved"),
        pressure(NOON + MINUTE, "NaN", 80),
        replace(pressure(NOON + MINUTE, 120), time="receipt"),  # ends nothing critical
        replace(pressure(NOON + MINUTE, 120), time="untrusted"),
        pressure(NOON, 120),  # of the same instant
    ],
)
def test_what_neither_confirms_nor_denies_leaves_the_page_to_come(repeat: Measured) -> None:
    found = judged(*at_once(FIRST, repeat), Tick(NOON + DAY))
    assert [one.event for one in found] == ["onset", "confirmed"]
    assert found[-1].at_ms == NOON + WITHIN


def test_a_match_measured_later_than_the_wait_is_no_repeat() -> None:
    late = record(NOON + MINUTE, [pressure(NOON + WITHIN + 1, 192)])  # of a clock that is ahead
    assert events(*at_once(FIRST), late, Tick(NOON + DAY)) == ["onset", "again", "confirmed"]


def test_a_return_measured_later_than_the_wait_is_no_repeat_that_denies() -> None:
    late = record(NOON + MINUTE, [pressure(NOON + WITHIN + 1, 120)])
    assert events(*at_once(FIRST), late, Tick(NOON + DAY)) == ["onset", "returned"]


def test_after_the_page_the_alert_goes_on_as_any_other() -> None:
    readings = [pressure(NOON + n * MINUTE, value) for n, value in [(1, 190), (2, 191), (3, 120)]]
    assert story(FIRST, *readings) == ["onset", "confirmed", "again", "returned"]
    assert story(FIRST, pressure(NOON + HOUR, 120)) == ["onset", "confirmed", "returned"]


def test_what_needs_no_confirmation_never_waits() -> None:
    for value in (53, "LO"):
        (onset,) = judged(*at_once(glucose(NOON, value)))
        assert (onset.marks, onset.confirm_by_ms) == ([], None)


def test_a_delayed_match_and_one_that_a_repeat_had_been_asked_for_do_not_wait() -> None:
    (delayed,) = judged(record(NOON + 5 * HOUR, [FIRST]))
    assert (delayed.event, delayed.marks) == ("onset", ["delayed"])
    flagged = pressure(NOON - MINUTE, 200, 80, "body-moved")
    assert [one.marks for one in judged(*at_once(flagged, FIRST))] == [["flagged"], []]


def test_what_was_only_delayed_waits_when_it_is_found_fresh() -> None:
    log = [record(NOON, [pressure(NOON - 5 * HOUR, 192)]), *at_once(pressure(NOON + 1, 192))]
    found = judged(*log, Tick(NOON + DAY))
    assert [(one.event, one.severity) for one in found] == [
        ("onset", "high"),
        ("worsened", "critical"),
        ("confirmed", "critical"),
    ]
    assert found[1].marks == ["awaiting-confirmation"]


@pytest.mark.parametrize(("late_ms", "waits"), [(WITHIN, True), (WITHIN + 1, False), (HOUR, False)])
def test_a_reading_that_comes_when_its_wait_is_over_pages_at_once(
    late_ms: int, waits: bool
) -> None:
    """Not with the next record: a tick may be a quarter of a minute away."""
    log = [record(NOON + late_ms, [FIRST])]
    (onset,) = judged(*log)
    assert ("awaiting-confirmation" in onset.marks) == waits
    assert onset.confirm_by_ms == (NOON + WITHIN if waits else None)
    assert events(*log, Tick(NOON + DAY)) == ["onset", *(["confirmed"] if waits else [])]


def test_begun_and_denied_in_one_record_is_resolved_before_seen() -> None:
    one = record(NOON, [pressure(NOON - 2, 190), pressure(NOON, 120)])
    (over,) = judged(one, Tick(NOON + DAY))
    assert (over.event, over.marks, over.confirm_by_ms) == ("resolved-before-seen", [], None)


def trial_story(*measured: Measured, until_ms: int = NOON + DAY) -> list[tuple[str, str, bool]]:
    state = fresh_state(*PATIENTS, rules=rules(trial=True))
    log = [*at_once(*measured, patient_id="p4"), Tick(until_ms)]
    return [
        (one.event, one.severity, "awaiting-confirmation" in one.marks)
        for one in step(state, log).transitions
    ]


def test_a_repeat_that_confirms_one_rung_and_opens_a_worse_one_says_both() -> None:
    """176 waits as high, for 5 min; the next is above 180, which one reading alone says."""
    assert trial_story(pressure(NOON, 176), pressure(NOON + MINUTE, 181)) == [
        ("onset", "high", True),
        ("confirmed", "high", False),
        ("worsened", "critical", True),
        ("confirmed", "critical", False),
    ]


def test_a_worse_reading_that_confirms_nothing_makes_nobody_wait_longer() -> None:
    found = trial_story(
        pressure(NOON, 176), pressure(NOON + 4 * MINUTE, 120, 121), until_ms=NOON + 5 * MINUTE + 1
    )
    assert found == [
        ("onset", "high", True),
        ("worsened", "critical", True),
        ("confirmed", "critical", False),
    ]


def test_a_denied_rung_beside_one_that_still_holds_eases_the_alert() -> None:
    assert trial_story(pressure(NOON, 190, 80), pressure(NOON + MINUTE, 150)) == [
        ("onset", "critical", True),
        ("eased", "medium", False),
    ]


@settings(max_examples=60)
@given(histories(), st.lists(st.integers(1, 7), min_size=25, max_size=25), st.integers(0, 25))
def test_neither_cuts_nor_restarts_change_who_is_paged_and_when(
    log: list[ReadingsRecord], lengths: list[int], restart: int
) -> None:
    whole = step(fresh_state(*PATIENTS, rules=rules(trial=True)), log).transitions
    state = fresh_state(*PATIENTS, rules=rules(trial=True))
    found: list[Transition] = []
    rest = log
    for number, length in enumerate([*lengths, len(log)]):
        found += step(state, rest[:length]).transitions if rest else []
        rest = rest[length:]
        if number == restart:
            state = reborn(state, rules(trial=True))
    assert found == whole


@settings(max_examples=60)
@given(histories())
def test_every_wait_ends_once_and_no_alert_ends_twice(log: list[ReadingsRecord]) -> None:
    state = fresh_state(*PATIENTS, rules=rules(trial=True))
    found = step(state, [*log, Tick(log[-1].received_at_ms + DAY)]).transitions
    assert len({one.event_id for one in found}) == len(found)
    waiting: set[str] = set()
    over: set[str] = set()
    for one in found:
        awaiting = "awaiting-confirmation" in one.marks
        if one.event == "confirmed":
            assert one.alert_id in waiting
        if one.event in {"onset", "worsened", "eased", "confirmed", *ENDING}:
            waiting.discard(one.alert_id)
        if awaiting:
            assert one.confirm_by_ms is not None
            waiting.add(one.alert_id)
        if one.event in ENDING:
            assert one.alert_id not in over
            over.add(one.alert_id)
    assert not waiting
    assert all(held.awaiting is None for held in state.ladders.values())
