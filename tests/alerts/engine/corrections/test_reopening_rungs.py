"""What had ended, when the reading that ended it goes: at the limits of age, time and severity."""

from dataclasses import replace

import pytest

from alerts.engine.corrections.reopening import Reopening, reopen
from alerts.engine.ladders.findings import WORK_LIST_RANK, Finding
from alerts.engine.readings.sight import Sight
from alerts.engine.transitions.ended import KEPT_MS
from alerts.engine.transitions.ladder_state import Awaiting, Ended, LadderState, Match, Pending
from alerts.engine.windows.endings import Ending
from tests.alerts.engine.facts import sight
from tests.alerts.engine.one_ladder import HIGH, LADDER, MEAN, SEVERE, TWICE, basis
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON


def over(
    rungs: int = SEVERE, *, at_ms: int = NOON + MINUTE, by: str = "foreign", lowered: int = 0
) -> Ended:
    alert = LadderState(
        latched=rungs,
        lowered=lowered,
        last_match_ms=NOON,
        onset_reading_id="own",
        basis=[Match("own", NOON, rungs)],
    )
    return Ended(
        alert, {rung: (by, NOON + MINUTE) for rung in range(4) if rungs >> rung & 1}, at_ms
    )


def withdrawn(log_ms: int = NOON + 2 * MINUTE, **fields: object) -> Reopening:
    one = Reopening(
        ladder=LADDER,
        place=0,
        reading_id="foreign",
        still=0,
        clear=0,
        in_force=15,
        windowed=TWICE | MEAN,
        newest_ms=NOON,
        log_ms=log_ms,
        occasion="foreign/0/0",
        before=[],
        kept=[],
    )
    return replace(one, **fields)  # type: ignore[arg-type]


def reopened(
    *ended: Ended, by: Reopening | None = None, state: LadderState | None = None
) -> tuple[LadderState, list[Finding]]:
    state = state or LadderState()
    state.ended = list(ended)
    was_held = state.latched, state.lowered
    return state, list(reopen(state, by or withdrawn(), was_held))


def ending(name: str, at_ms: int, rungs: int = 15, *, sure: bool = True) -> Ending:
    return Ending(sight(name, at_ms), [rungs], sure)


@pytest.mark.parametrize(
    ("age_ms", "newer", "event", "rank", "marks"),
    [
        (4 * HOUR, False, "reopened", 0, ()),
        (4 * HOUR + 1, False, "reopened", 1, ("delayed",)),
        (4 * HOUR + 1, True, "wrongly-ended", WORK_LIST_RANK, ()),
        (DAY, False, "reopened", 1, ("delayed",)),
        (DAY + 1, False, "wrongly-ended", WORK_LIST_RANK, ()),
    ],
)
def test_the_age_of_the_last_match_says_how_it_holds_again(
    age_ms: int, newer: bool, event: str, rank: int, marks: tuple[str, ...]
) -> None:
    by = withdrawn(NOON + age_ms, newest_ms=NOON + newer)
    state, (found,) = reopened(over(), by=by)
    assert (found.event, found.rank, found.marks) == (event, rank, marks)
    assert (found.origin, found.at_ms, found.occasion) == ("own", by.log_ms, "foreign/0/0")
    assert (found.speaking, found.cause) == (0, 0)
    assert state.latched == (0 if event == "wrongly-ended" else SEVERE)
    assert state.lowered == (SEVERE if marks else 0)
    assert state.ended == []
    scope = "wrongly-ended/bp" if event == "wrongly-ended" else ""
    assert found.scope == scope


@pytest.mark.parametrize(("after_ms", "known"), [(KEPT_MS, True), (KEPT_MS + 1, False)])
def test_what_ended_is_known_for_28_days(after_ms: int, known: bool) -> None:
    state, found = reopened(over(at_ms=NOON), by=withdrawn(NOON + after_ms))
    assert [one.event for one in found] == (["wrongly-ended"] if known else [])
    assert bool(state.ended) is not known


def test_only_what_this_reading_ended_is_asked() -> None:
    state, found = reopened(over(by="another"))
    assert (state.latched, found, len(state.ended)) == (0, [], 1)
    mixed = over(SEVERE | HIGH)
    mixed.enders[1] = "another", NOON + MINUTE
    state, (one,) = reopened(mixed)
    assert (one.event, state.latched) == ("reopened", SEVERE)
    assert [ended.held.latched for ended in state.ended] == [HIGH]


def test_rules_that_are_in_force_no_more_stay_over() -> None:
    state, found = reopened(over(SEVERE | HIGH), by=withdrawn(in_force=HIGH))
    assert [one.speaking for one in found] == [1]
    assert state.latched == HIGH
    assert reopened(over(), by=withdrawn(in_force=HIGH))[1] == []


@pytest.mark.parametrize("field", ["still", "clear"])
def test_what_the_reading_ends_as_it_is_now_or_the_newest_ends_stays_over(field: str) -> None:
    ended = over(SEVERE | HIGH)
    state, (found,) = reopened(ended, by=withdrawn(**{field: SEVERE}))
    assert (found.speaking, state.latched) == (1, HIGH)
    assert [one.held.latched for one in state.ended] == [SEVERE]


@pytest.mark.parametrize(
    ("one", "ends"),
    [
        (ending("b", NOON + 1), True),
        (ending("b", NOON), False),  # not newer than the last match
        (ending("b", NOON + 1, HIGH), False),  # it ends another rung
        (ending("b", NOON + 1, sure=False), False),  # a receipt time ends nothing critical
    ],
)
def test_another_reading_that_is_kept_takes_its_place(one: Ending, ends: bool) -> None:
    state, found = reopened(over(), by=withdrawn(kept=[one]))
    assert bool(found) is not ends
    if ends:
        assert state.ended[0].enders == {0: ("b", NOON + 1)}
        assert reopened(*state.ended)[1] == [], "the first one ends nothing any more"


def test_a_receipt_time_ends_what_is_not_critical_or_counts_one_lower() -> None:
    unsure = withdrawn(kept=[ending("b", NOON + 1, sure=False)])
    assert reopened(over(HIGH), by=unsure)[1] == []
    assert reopened(over(SEVERE, lowered=SEVERE), by=unsure)[1] == []
    assert len(reopened(over(SEVERE | HIGH), by=unsure)[1]) == 1


@pytest.mark.parametrize(
    ("after_ms", "events"), [(10 * MINUTE, []), (10 * MINUTE + 1, ["wrongly-ended"])]
)
def test_another_reading_may_have_been_too_late_to_stand_for_the_repeat(
    after_ms: int, events: list[str]
) -> None:
    ended = over()
    ended.held.awaiting = Awaiting(sight("own"), SEVERE, NOON + 10 * MINUTE, 10 * MINUTE)
    by = withdrawn(NOON + HOUR, kept=[ending("b", NOON + after_ms)])
    state, found = reopened(ended, by=by)
    assert [one.event for one in found] == events
    assert (state.ended[0].held.awaiting is None) is bool(events)
    other = over(SEVERE | HIGH)
    other.held.awaiting = Awaiting(sight("own"), HIGH, NOON + 10 * MINUTE, 10 * MINUTE)
    _, found = reopened(other, by=by)
    assert [one.speaking for one in found] == [1] * len(events), "for the rung that waited"


@pytest.mark.parametrize(("left_ms", "waits"), [(1, True), (0, True), (-1, False)])
def test_a_page_that_waited_waits_on_until_its_time(left_ms: int, waits: bool) -> None:
    ended = over()
    by = withdrawn()
    ended.held.awaiting = Awaiting(sight("own"), SEVERE, by.log_ms + left_ms, 10 * MINUTE)
    state, (found,) = reopened(ended, by=by)
    assert (state.awaiting is not None) is waits
    assert ("awaiting-confirmation" in found.marks) is waits
    assert found.deadline_ms == (by.log_ms + left_ms if waits else None)
    assert found.sight.reading_id == "own"


def test_a_page_waits_only_if_nothing_else_is_as_severe() -> None:
    ended = over(SEVERE | HIGH, lowered=SEVERE)
    ended.held.awaiting = Awaiting(sight("own"), SEVERE, NOON + HOUR, 10 * MINUTE)
    state, (found,) = reopened(ended)
    assert found.marks == ()
    assert state.awaiting is None


@pytest.mark.parametrize(("left_ms", "waits"), [(0, True), (-1, False)])
def test_a_flagged_match_is_asked_about_until_its_time(left_ms: int, waits: bool) -> None:
    by = withdrawn()
    ended = over(HIGH, lowered=HIGH)
    ended.held.pending = [
        Pending(sight("own"), HIGH, by.log_ms + left_ms, 15 * MINUTE, delayed=False)
    ]
    state, found = reopened(ended, by=by)
    if waits:
        assert (state.latched, found) == (0, [])
        assert [one.rungs for one in state.pending] == [HIGH]
        return
    (opened,) = found
    assert (opened.event, opened.at_ms, opened.marks) == (
        "reopened",
        by.log_ms,
        ("unverified", "flagged"),
    )
    assert (state.latched, state.lowered, state.pending) == (HIGH, HIGH, [])


def test_a_flagged_match_beside_an_alert_that_is_as_severe_says_nothing() -> None:
    ended = over(HIGH, lowered=HIGH)
    ended.held.pending = [Pending(sight("own"), HIGH, NOON, 15 * MINUTE, delayed=False)]
    open_ = LadderState(latched=SEVERE, onset_reading_id="other", last_match_ms=NOON)
    state, found = reopened(ended, state=open_)
    assert found == []
    assert state.latched == SEVERE | HIGH


@pytest.mark.parametrize(
    ("open_rung", "expected"), [(SEVERE, None), (HIGH, "worsened"), (MEAN, "worsened")]
)
def test_what_holds_again_beside_an_open_alert_is_told_if_it_is_worse(
    open_rung: int, expected: str | None
) -> None:
    waits = Awaiting(sight("other"), open_rung, NOON + HOUR, MINUTE)
    state = LadderState(
        latched=open_rung, onset_reading_id="other", last_match_ms=NOON, awaiting=waits
    )
    state, found = reopened(over(), state=state)
    assert [one.event for one in found] == ([expected] if expected else [])
    assert state.onset_reading_id == "other"
    assert state.latched == open_rung | SEVERE
    assert [match.reading_id for match in state.basis] == ["own"]
    if expected:
        assert (found[0].origin, found[0].held) == ("other", (open_rung, 0))
        assert state.awaiting is None, "it pages now, for worse"
    else:
        assert state.awaiting is waits


@pytest.mark.parametrize(
    ("open_rung", "told"), [(0, True), (SEVERE, False), (HIGH, True), (MEAN, True)]
)
def test_what_is_too_old_is_an_item_unless_something_as_severe_holds(
    open_rung: int, told: bool
) -> None:
    state = LadderState(latched=open_rung, onset_reading_id="other")
    state, found = reopened(over(), by=withdrawn(NOON + 2 * DAY), state=state)
    assert [one.event for one in found] == (["wrongly-ended"] if told else [])
    assert state.latched == open_rung


def test_what_two_alerts_rested_on_is_told_once_and_both_hold() -> None:
    first, second = over(HIGH), over(SEVERE)
    second.held.onset_reading_id = "later"
    state, found = reopened(first, second)
    assert [(one.event, one.speaking) for one in found] == [("reopened", 1), ("worsened", 0)]
    assert [one.held[0] for one in found] == [0, HIGH]
    assert (state.latched, state.onset_reading_id) == (SEVERE | HIGH, "own")


def test_a_match_that_is_known_is_described_and_any_other_is_named() -> None:
    known = described(sight("own"))
    _, (found,) = reopened(over(), by=withdrawn(kept=[Ending(known, [0], sure=True)]))
    assert found.sight is known
    _, (found,) = reopened(over())
    assert (found.sight.reading_id, found.sight.measured_at_ms) == ("own", NOON)
    assert found.sight.quantities == {}


def described(one: Sight) -> Sight:
    return Sight(one.reading_id, one.vital, one.measured_at_ms, one.time_quality, {}, ["x"])


def test_of_several_matches_the_last_of_each_rung_counts() -> None:
    """The high one is an hour old and fresh; of the severe one five hours have passed."""
    ended = over(SEVERE | HIGH)
    ended.held.onset_reading_id = "onset"
    ended.held.basis = [Match("old", NOON - 5 * HOUR, SEVERE), Match("own", NOON, HIGH)]
    state, found = reopened(ended)
    assert [one.sight.reading_id for one in found] == ["old", "own"]
    assert [(one.event, one.speaking) for one in found] == [
        ("wrongly-ended", 0),
        ("reopened", 1),
    ]
    assert state.latched == HIGH
    nothing = over(HIGH)
    nothing.held.basis = []
    _, (one,) = reopened(nothing)
    assert one.sight.reading_id == "own", "the onset, where no match is known"


@pytest.mark.parametrize(("was", "back"), [(True, True), (False, False)])
def test_what_the_newest_had_ended_unnamed_is_asked_if_this_was_it(was: bool, back: bool) -> None:
    ended = over(by="")
    before = [ending("foreign" if was else "b", NOON + 1)]
    _, found = reopened(ended, by=withdrawn(before=before))
    assert bool(found) is back
    kept = [ending("b", NOON + 1)]
    state, found = reopened(over(by=""), by=withdrawn(before=before, kept=kept))
    assert found == []
    assert state.ended[0].enders[0][0] == "", "whichever was the newest"


@pytest.mark.parametrize(
    ("ender", "rungs", "before", "back"),
    [
        ("b", TWICE, True, True),  # the reading that ended the window is kept, and ends it no more
        ("b", TWICE, False, False),  # it never had, as far as is known: a mean's past
        ("gone", TWICE, True, False),
        ("b", HIGH, True, False),  # one reading decides it: what ended it still does
    ],
)
def test_a_window_is_asked_again_when_any_reading_of_it_goes(
    ender: str, rungs: int, before: bool, back: bool
) -> None:
    kept = [ending("b", NOON + 2, 0)]
    one = withdrawn(before=[ending("b", NOON + 2)] if before else [], kept=kept)
    _, found = reopened(over(rungs, by=ender), by=one)
    assert bool(found) is back


def test_nothing_is_left_of_what_holds_again_or_is_told() -> None:
    state, _ = reopened(over(SEVERE | HIGH), by=withdrawn(still=HIGH))
    (left,) = state.ended
    assert (left.held.latched, basis(left.held)) == (HIGH, [("own", HIGH)])


def test_what_is_as_severe_as_an_open_alert_by_another_rung_says_nothing() -> None:
    """Severity counts, and not which rung it is."""

    def events(ended: Ended, open_rung: int, log_ms: int = NOON + 2 * MINUTE) -> list[str]:
        state = LadderState(latched=open_rung, onset_reading_id="other")
        return [one.event for one in reopened(ended, by=withdrawn(log_ms), state=state)[1]]

    assert events(over(HIGH), TWICE) == []
    assert events(over(SEVERE, lowered=SEVERE), HIGH) == []
    assert events(over(HIGH), TWICE, NOON + 2 * DAY) == []
    assert events(over(TWICE), MEAN, NOON + 2 * DAY) == ["wrongly-ended"]


@pytest.mark.parametrize(("rung", "rank"), [(SEVERE, 2), (HIGH, 2), (MEAN, 2)])
def test_an_item_of_the_work_list_is_medium_at_most(rung: int, rank: int) -> None:
    _, (found,) = reopened(over(rung), by=withdrawn(NOON + 2 * DAY))
    assert found.rank == rank == WORK_LIST_RANK


def test_a_wait_of_what_had_ended_delays_no_open_alert() -> None:
    ended = over()
    ended.held.awaiting = Awaiting(sight("own"), SEVERE, NOON + HOUR, 10 * MINUTE)
    open_ = LadderState(latched=SEVERE, onset_reading_id="other")
    state, found = reopened(ended, state=open_)
    assert (found, state.awaiting) == ([], None)


def test_a_reading_that_waits_is_described_as_it_waits() -> None:
    known = described(sight("own"))
    ended = over()
    ended.held.awaiting = Awaiting(known, SEVERE, NOON + HOUR, 10 * MINUTE)
    _, (found,) = reopened(ended)
    assert found.sight is known
    other = over()
    other.held.awaiting = Awaiting(described(sight("first")), SEVERE, NOON + HOUR, 10 * MINUTE)
    _, (found,) = reopened(other)
    assert (found.sight.reading_id, found.sight.status) == ("own", None)
