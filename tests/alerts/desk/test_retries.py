"""A channel that takes nothing: whoever else is there, at once; the same, after growing pauses."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.desk.retries import in_vain, pause_ms
from schemas.alert import Action
from schemas.rota import OffHours, RotaEntry, Shift
from tests.alerts.desk.virtual_desk import (
    DAY_SHIFT_MS,
    HOUR_MS,
    MINUTE_MS,
    MONDAY_MS,
    VirtualDesk,
)


def chain_of(on_duty: str, second: str, lead: str) -> RotaEntry:
    return RotaEntry(
        "home",
        shifts=[Shift("07:00", "19:00", [on_duty], [second] if second else [])],
        off_hours=OffHours([on_duty], [second] if second else []),
        programme_lead=[lead],
        technical=["technician"],
    )


def tries(desk: VirtualDesk) -> list[tuple[int, str]]:
    """Give (ms since the alert came in, who) of each notice of a patient's alert."""
    return [
        (at_ms - desk.began_ms - 250, name)
        for at_ms, one in desk.delivered
        for name in one.to
        if one.alert_ids == ["a"]
    ]


@pytest.mark.parametrize(
    ("people", "round_of"),
    [
        (("nurse", "nurse", "nurse"), ["nurse"]),
        (("nurse", "nurse", "chief"), ["nurse", "chief"]),
        (("nurse", "", "nurse"), ["nurse"]),
        (("nurse", "", "chief"), ["nurse", "chief"]),
        (("nurse", "second", "nurse"), ["nurse", "second"]),
        (("nurse", "second", "chief"), ["nurse", "second", "chief"]),
    ],
)
def test_a_round_tries_everybody_once(people: Sequence[str], round_of: Sequence[str]) -> None:
    desk = VirtualDesk(rota=chain_of(*people), reaches=lambda notice: notice.to == ["technician"])
    desk.find("1")
    desk.after(5_000)
    assert tries(desk) == [(0, name) for name in round_of]
    desk.restart()
    desk.after(11_000)
    assert sorted(name for _, name in tries(desk)) == sorted([*round_of] * 2)
    assert desk.said("technical") >= [("technical", "")], "technical staff hear of it"


@pytest.mark.parametrize(("severity", "longest_ms"), [("critical", 300_000), ("high", 900_000)])
@pytest.mark.parametrize("subject", ["", "gateway/7"])
def test_pauses_grow_and_end_at_a_step_of_the_chain(
    severity: str, longest_ms: int, subject: str
) -> None:
    alone = msgspec.structs.replace(chain_of("nurse", "nurse", "nurse"), technical=["nurse"])
    desk = VirtualDesk(rota=alone, reaches=lambda _: False)
    patient = {"patient_id": "", "subject": subject} if subject else {}
    desk.find("1", severity=severity, **patient)
    desk.after(3 * HOUR_MS)
    pauses = [after - before for (before, _), (after, _) in pairwise(tries(desk))]
    for number, pause in enumerate(pauses):
        whole_ms = min(longest_ms, 15_000 << number)
        assert whole_ms // 2 <= pause <= whole_ms
    assert len(set(pauses)) > 5, "they are not all of a length"


def test_whoever_is_reached_at_last_has_the_whole_of_a_step_to_answer() -> None:
    desk = VirtualDesk(rota=chain_of("nurse", "nurse", "nurse"))
    desk.reaches = lambda _: desk.now_ms > DAY_SHIFT_MS + 2 * MINUTE_MS
    desk.find("1")
    desk.after(12 * MINUTE_MS)
    *_, reached, later = (at_ms for at_ms, _ in tries(desk) if at_ms < 10 * MINUTE_MS)
    assert 2 * MINUTE_MS <= reached < 5 * MINUTE_MS
    assert later - reached == 5 * MINUTE_MS


def test_whom_a_new_rota_names_is_tried_at_once() -> None:
    desk = VirtualDesk(
        rota=chain_of("nurse", "nurse", "nurse"), reaches=lambda notice: notice.to != ["nurse"]
    )
    desk.find("1")
    desk.after(4 * MINUTE_MS)
    desk.core.put_rota(chain_of("nurse", "second", "chief"))
    desk.after(0)
    assert tries(desk)[-1] == (4 * MINUTE_MS - 250, "second")


def test_a_high_alert_whose_nurse_is_not_reached_leaves_the_night_in_peace() -> None:
    desk = VirtualDesk(MONDAY_MS + 19 * HOUR_MS - 5_000, reaches=lambda _: False)
    desk.find("1", severity="high")
    desk.after(2 * HOUR_MS)
    assert [name for _, name in tries(desk)] == ["nurse", "second", "chief"]
    desk.until(MONDAY_MS + 31 * HOUR_MS + MINUTE_MS)
    assert len(tries(desk)) > 3


def test_alerts_that_fail_together_are_not_tried_again_together() -> None:
    pauses = {pause_ms(3, Action(f"{n}", [], "notify", "desk", 0, ""), 10**6) for n in range(50)}
    assert len(pauses) > 45


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=2)))
def test_nobody_is_tried_twice_in_a_round_and_no_round_is_empty(people: list[list[str]]) -> None:
    notices = [
        Action(str(number), [], "notify", "desk", 0, "", to=to) for number, to in enumerate(people)
    ]
    vain = in_vain(notices)
    assert vain.rounds <= len(notices)
    assert (vain.rounds == 0) == (not notices)
    again = in_vain([*notices, Action("x", [], "notify", "desk", 0, "", to=sorted(vain.tried))])
    assert again.rounds == vain.rounds + 1
