"""A desk that begins at its bookmark decides as one that reads all."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk.bookmark import Days, bookmark
from alerts.desk.calls import outcome
from alerts.desk.case import Case
from alerts.desk.fold import Desk
from alerts.desk.past import ANSWERED_WITHIN_MS, PAST_AFTER_MS
from alerts.desk.technical import report
from alerts.desk.verdicts import COOLDOWN_MS_MAX
from alerts.engine.transitions.ended import KEPT_MS
from alerts.records import Place
from schemas.alert import Action, Transition
from schemas.topics import ALERTS
from tests.alert_records import acknowledgement, transition
from tests.alerts.desk.cases import fold
from tests.alerts.desk.happenings import PAUSES_MS, happen
from tests.alerts.desk.marked_desk import MarkedDesk
from tests.alerts.desk.virtual_desk import HOUR_MS, MONDAY_MS, VirtualDesk

DAY_MS = 24 * HOUR_MS
LONG_MS = [DAY_MS, 20 * DAY_MS, 31 * DAY_MS, 32 * DAY_MS, 45 * DAY_MS]
PEOPLE = ["nurse", "second", "chief", "night"]


@dataclass
class Story:
    """What came to a clinic from outside, and when; and whom nobody reaches there."""

    begin_ms: int
    lost: set[str]
    came: list[tuple[int, Transition | Action]] = field(default_factory=list)
    end_ms: int = 0

    def reaches(self, notice: Action) -> bool:
        return not self.lost.issuperset(notice.to)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Some days of months: whoever rings without an end is answered before a long pause."""
    lost = draw(st.sampled_from([set(), set(), {"nurse"}, {"nurse", "second", "chief"}]))
    story = Story(MONDAY_MS + draw(st.integers(0, 23)) * HOUR_MS, lost)
    desk = VirtualDesk(story.begin_ms, reaches=story.reaches)
    for number in range(draw(st.integers(1, 10))):
        happen(desk, draw, number)
        desk.after(draw(st.sampled_from(PAUSES_MS)))
        if draw(st.booleans()):
            _answer_what_rings(desk)
            desk.after(draw(st.sampled_from(LONG_MS)))
    story.came = [
        (one.at_ms, one) for one in desk.log if isinstance(one, Transition) or one.who != "desk"
    ]
    story.end_ms = desk.now_ms
    return story


def _answer_what_rings(desk: VirtualDesk) -> None:
    for case in desk.core.desk.cases():
        if not case.settled and (case.was_critical or case.severity in ("critical", "high")):
            desk.do("resolve", case.alert_id, outcome="advised")
    desk.after(0)


def relive(
    story: Story, restarts: Sequence[str], *, marked: bool, actions_first: bool
) -> MarkedDesk:
    """Tell a story to a desk that starts again before some of its records."""
    desk = MarkedDesk(story.begin_ms, reaches=story.reaches, actions_first=actions_first)
    for (at_ms, record), restart in zip(story.came, restarts, strict=True):
        if at_ms > desk.now_ms:
            desk.until(at_ms)
        if restart and marked:
            mark = desk.bookmark()
            if restart == "a new bookmark" and mark is not None:
                desk.mark = mark
        if restart:
            desk.restart()
        desk.put(record)
    desk.until(story.end_ms)
    return desk


@settings(max_examples=100)
@given(stories(), st.data())
def test_what_is_decided_after_a_bookmark_is_what_one_that_read_all_decides(
    story: Story, data: st.DataObject
) -> None:
    kinds = st.sampled_from(["", "", "a new bookmark", "the last bookmark"])
    count = len(story.came)
    restarts = data.draw(st.lists(kinds, min_size=count, max_size=count))
    actions_first = data.draw(st.booleans())
    whole = relive(story, restarts, marked=False, actions_first=actions_first)
    marked = relive(story, restarts, marked=True, actions_first=actions_first)
    assert _said(marked) == _said(whole)
    assert _told(marked) == _told(whole)
    assert marked.core.due_ms() == whole.core.due_ms()
    assert _open(marked) == _open(whole)


def _said(desk: MarkedDesk) -> dict[str, Action]:
    """Give what is in the log: what is decided at one moment stands there in any order."""
    return {one.action_id: one for one in desk.log if isinstance(one, Action)}


def _told(desk: MarkedDesk) -> list[tuple[int, str]]:
    return sorted((at_ms, one.action_id) for at_ms, one in desk.delivered)


def _open(desk: MarkedDesk) -> dict[str, Case]:
    return {case.alert_id: case for case in desk.core.desk.cases() if not case.settled}


def old(*records: Transition | Action) -> Desk:
    """Fold what was said 40 days before ``NOW_MS``."""
    return fold(*(msgspec.structs.replace(one, at_ms=one.at_ms + BEGAN_MS) for one in records))


def closed(*event_ids: str, **fields: object) -> Action:
    return msgspec.structs.replace(
        acknowledgement(*event_ids), kind="resolve", outcome="advised", **fields
    )


NOW_MS = 100 * DAY_MS
BEGAN_MS = NOW_MS - 40 * DAY_MS
HIGH = transition("1", severity="high")
ENDED = transition("2", "returned", "high", 1)
TAKEN_BACK = transition("2", "retracted", "high", 1)
TOLD = Action("n", ["a"], "notify", "desk", 0, "p", event_ids=["1"], reason="onset", to=["nurse"])
TOLD_BACK = msgspec.structs.replace(TOLD, action_id="r", reason="retracted", event_ids=["2"])
LATE = msgspec.structs.replace(acknowledgement("1", "2"), at_ms=9 * DAY_MS + 1)

NEEDED: dict[str, list[Transition | Action]] = {
    "nobody has answered it": [HIGH, ENDED],
    "a person closed what still holds": [HIGH, closed("1")],
    "it is for the record, and holds": [transition("1", severity="info")],
    "it was true before its rule, and may get worse": [
        transition("1", "standing", "high"),
        acknowledgement("1"),
    ],
    "whoever was told is to hear that it was taken back": [HIGH, TOLD, TAKEN_BACK, closed("2")],
    "nothing says whether they heard": [HIGH, TOLD, TAKEN_BACK, closed("2"), TOLD_BACK],
    "it was answered less than 31 days ago": [HIGH, ENDED, LATE],
}
OVER: dict[str, list[Transition | Action]] = {
    "it ended and was answered": [HIGH, ENDED, acknowledgement("1", "2")],
    "it was taken back before anybody was told": [HIGH, TAKEN_BACK, closed("2")],
    "a task was done": [transition("1", "stale", "medium"), acknowledgement("1")],
    "whoever was told heard that it was taken back": [
        HIGH,
        TOLD,
        TAKEN_BACK,
        closed("2"),
        TOLD_BACK,
        outcome(TOLD_BACK, 1, delivered=True),
    ],
}


@pytest.mark.parametrize("why", NEEDED)
def test_what_may_still_matter_is_carried(why: str) -> None:
    desk = old(*NEEDED[why])
    mark = bookmark(desk, Days(), {}, NOW_MS)
    assert mark is not None
    said = {getattr(one, "event_id", getattr(one, "action_id", "")) for one in mark.carried}
    assert len(said) == len(NEEDED[why])


@pytest.mark.parametrize("why", OVER)
def test_what_is_over_for_good_is_not(why: str) -> None:
    mark = bookmark(old(*OVER[why]), Days(), {}, NOW_MS)
    assert mark is not None
    assert mark.carried == ()


def test_trouble_of_the_desk_is_past_once_it_is_closed() -> None:
    trouble = report("empty-rota", "home", BEGAN_MS, "Nobody is second.")
    closing = closed(trouble.action_id, alert_ids=trouble.alert_ids, at_ms=BEGAN_MS)
    open_one = bookmark(fold(trouble), Days(), {}, NOW_MS)
    shut = bookmark(fold(trouble, closing), Days(), {}, NOW_MS)
    assert open_one is not None
    assert open_one.carried == (trouble,)
    assert not open_one.leaves_out(trouble, PLACE, 0)
    assert shut is not None
    assert shut.carried == ()


def test_while_a_notice_has_reached_nobody_there_is_no_new_bookmark() -> None:
    """Whether its people were reached since is asked of all alerts."""
    trouble = report("undelivered", "home", NOW_MS, "Nobody took it.")
    assert bookmark(fold(trouble), Days(), {}, NOW_MS) is None
    closing = closed(trouble.action_id, alert_ids=trouble.alert_ids, at_ms=NOW_MS)
    assert bookmark(fold(trouble, closing), Days(), {}, NOW_MS) is not None


PLACE: Place = (ALERTS, 0)


def test_reading_begins_with_the_first_record_that_is_later_wherever_it_stands() -> None:
    days = Days()
    for offset, day in enumerate([60, 69, 60, 70, 61, 99]):
        days.note(PLACE, offset, day * DAY_MS)
    idle = (ALERTS, 1)
    days.note(idle, 0, 60 * DAY_MS)
    reached = {PLACE: 6, idle: 1}
    mark = bookmark(fold(), days, reached, NOW_MS)
    assert mark is not None
    assert mark.until_ms == 69 * DAY_MS
    assert mark.offsets == {PLACE: 1, idle: 1}


def test_what_came_after_the_bookmark_is_news_however_old() -> None:
    """An engine may have been away for longer than what is past."""
    mark = bookmark(fold(), Days(), {PLACE: 5}, NOW_MS)
    assert mark is not None
    late = transition("1", at_ms=BEGAN_MS)
    assert mark.leaves_out(late, PLACE, 4)
    assert not mark.leaves_out(late, PLACE, 5)
    assert not mark.leaves_out(closed("1", at_ms=BEGAN_MS), PLACE, 4), "an answer opens nothing"


def test_nothing_of_the_engine_the_rules_or_the_page_outlasts_what_is_past() -> None:
    assert KEPT_MS < ANSWERED_WITHIN_MS < PAST_AFTER_MS
    assert COOLDOWN_MS_MAX < PAST_AFTER_MS


def test_what_was_said_at_the_very_time_that_parts_the_log_is_of_the_time_before() -> None:
    """Else an alert of that moment would be neither carried nor read."""
    until_ms = NOW_MS - PAST_AFTER_MS
    known = fold(
        transition("1", severity="high", at_ms=until_ms),
        transition("2", "stale", "medium", at_ms=until_ms, alert_id="task"),
        acknowledgement("2", at_ms=until_ms, alert_ids=("task",)),
    )
    mark = bookmark(known, Days(), {PLACE: 5}, NOW_MS)
    assert mark is not None
    assert mark.carried == (transition("1", severity="high", at_ms=until_ms),)
    assert mark.leaves_out(transition("2", at_ms=until_ms, alert_id="task"), PLACE, 0)
    assert not mark.leaves_out(transition("2", at_ms=until_ms + 1, alert_id="task"), PLACE, 0)
