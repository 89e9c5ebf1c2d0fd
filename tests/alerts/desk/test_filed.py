"""A desk that packs what is finished tells the same as one that has all at hand."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk.case import Case
from alerts.desk.filed import Filed, Records, filed
from alerts.desk.fold import Desk
from schemas.alert import Action, Transition
from tests.alert_records import acknowledgement, transition
from tests.alerts.desk.cases import fold, take
from tests.alerts.desk.happenings import Log, logs


def told(desk: Desk, log: Log) -> dict[str, object]:
    """Ask a desk all that a page asks it."""
    cases = {case.alert_id: case for case in desk.cases()}
    names = {
        name
        for one in log
        for name in ([one.alert_id] if isinstance(one, Transition) else one.alert_ids)
    }
    return {
        "cases": cases,
        "open": {case.alert_id for case in desk.open_cases()},
        "settled": [desk.settled_cases(count) for count in (1, 3, 20)],
        "one": {name: desk.case(name) for name in names},
        "past": {name: desk.is_past(name, 10**13) for name in names},
        "patients": [desk.cases_of(who) for who in ("p", "q")],
        "before": {name: desk.before(case) for name, case in cases.items()},
        "family": {name: ids(desk.family(case)) for name, case in cases.items()},
        "known": [desk.knows(one) for one in log if isinstance(one, Action)],
    }


def ids(cases: Sequence[Case]) -> list[str]:
    return sorted(case.alert_id for case in cases)


@settings(max_examples=40)
@given(logs(), st.integers(0, 3), st.sampled_from([1, 3, 100]), st.data())
def test_whatever_is_packed_and_forgotten_all_answers_are_the_same(
    log: Log, at_hand_max: int, kept_max: int, data: st.DataObject
) -> None:
    whole, packing = Desk(kept_max), Desk(kept_max, at_hand_max)
    for record in log:
        take(whole, record)
        take(packing, record)
        if data.draw(st.integers(0, 3)) == 0:
            assert told(packing, log) == told(whole, log)
    for desk in (whole, packing):
        desk.forget()
    assert told(packing, log) == told(whole, log)


@settings(max_examples=40)
@given(logs(), st.integers(0, 3), st.data())
def test_a_desk_that_is_restored_goes_on_as_if_nothing_had_happened(
    log: Log, at_hand_max: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(log)))
    before = fold(*log[:cut])
    once = Desk(at_hand_max=at_hand_max).restore(before.kept())
    restored = Desk(at_hand_max=at_hand_max).restore(once.kept())
    assert told(restored, log) == told(before, log)
    for record in log[cut:]:
        take(restored, record)
    assert told(restored, log) == told(fold(*log), log)


def test_what_was_finished_is_packed_and_what_is_open_is_not() -> None:
    desk = Desk(at_hand_max=2)
    for number in range(10):
        name = f"{number}"
        desk.found(transition(name, alert_id=name, at_ms=number))
        if number % 2:
            closing = Action(
                f"x{name}",
                [name],
                "resolve",
                "Anna",
                number,
                "p",
                event_ids=[name],
                outcome="advised",
            )
            desk.done(closing)
    assert sorted(desk._filed) == ["1", "3"], "it waits until there are some more"
    desk.found(transition("3 again", "worsened", alert_id="3", at_ms=20))
    assert "3" not in desk._filed, "what goes on is at hand"
    assert {case.alert_id for case in desk.open_cases()} == {"0", "2", "4", "6", "8", "3"}


def test_packed_records_keep_their_order_and_what_is_asked_of_them() -> None:
    records = Records()
    for one in (transition("b", at_ms=5), transition("a", "returned", at_ms=7)):
        records.add_event(one)
    for answer in (acknowledgement("a", action_id="y"), acknowledgement("a", action_id="x")):
        records.add_action(answer)
    packed = filed(records)
    assert list(packed.records.events.values()) == list(records.events.values())
    assert list(packed.records.actions.values()) == list(records.actions.values())
    assert (packed.who, packed.latest_ms, packed.settled) == ("patient-of-a", 7, False)
    unknown = Records()
    unknown.add_action(acknowledgement("1"))
    assert filed(unknown) == Filed("", 0, settled=False, over=False, packed=filed(unknown).packed)
