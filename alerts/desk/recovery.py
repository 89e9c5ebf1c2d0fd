"""When trouble of the desk itself begins and when it is over: once a day and for each episode.

A record that is in the log already is not written again, whatever it is about.
"""

from collections.abc import Iterable

from alerts.desk import calls
from alerts.desk.case import Case
from alerts.desk.fold import Desk
from alerts.desk.rotas import Rotas
from alerts.desk.staffing import CHAIN_STEPS, DAY_MS, Staffing
from alerts.desk.technical import DESK, Way, again, is_technical, place_of, programme_of, ways
from alerts.lateness import BANNER_MS
from schemas.alert import Action
from schemas.rota import RotaEntry

_EPISODES_A_DAY_MAX = 100


def recovered(desk: Desk, rotas: Rotas, now_ms: int, late_ms: int) -> list[Action]:
    """Close the trouble whose cause is gone."""
    return [
        calls.over(case, now_ms)
        for case in desk.technical_cases()
        if not case.settled and _is_over(case, desk, rotas, now_ms, late_ms)
    ]


def works_again(desk: Desk, way: Way, now_ms: int) -> list[Action]:
    """Close the trouble of a channel that took a notice."""
    return [
        calls.over(case, now_ms)
        for case in desk.technical_cases()
        if not case.settled and case.demand.rule == "channel" and place_of(case) == way.place
    ]


def without_repetition(desk: Desk, drafts: Iterable[Action]) -> list[Action]:
    """Leave out what is in the log already: trouble of the same day, for one."""
    known: set[str] = set()
    fresh = []
    for draft in drafts:
        one = _next_episode(desk, draft) if draft.kind == "technical" else draft
        if one.action_id not in known and not desk.knows(one):
            fresh.append(one)
        known.add(one.action_id)
    return fresh


def _next_episode(desk: Desk, trouble: Action) -> Action:
    """Raise anew what the desk has closed that day; what a person closed stays closed."""
    raised = trouble
    for episode in range(1, _EPISODES_A_DAY_MAX):
        case = desk.case(raised.alert_ids[0])
        if case is None or case.answer is None or case.answer.who != DESK:
            break
        raised = again(trouble, episode)
    return raised


def _is_over(case: Case, desk: Desk, rotas: Rotas, now_ms: int, late_ms: int) -> bool:
    programme = programme_of(case)
    match case.demand.rule:
        case "late":
            return late_ms <= BANNER_MS
        case "empty-rota":
            rota = rotas.get(programme)
            staffing = None if rota is None else Staffing(rota)
            return staffing is not None and all(
                staffing.people(step, now_ms) or staffing.leaves_open(step, now_ms)
                for step in range(CHAIN_STEPS)
            )
        case "undelivered":
            return _are_reached_again(desk, rotas, programme, case.demand.at_ms)
        case "channel":
            return not _is_a_channel(rotas.get(programme), place_of(case))
        case _:
            return False


def _are_reached_again(desk: Desk, rotas: Rotas, programme: str, since_ms: int) -> bool:
    """Whether everybody whom no channel reached was reached since: nobody else proves it.

    Of that day: who was missed before then has had trouble of their own, and may have left.
    """
    missed: set[str] = set()
    reached: set[str] = set()
    for case in desk.cases():
        mine = rotas.staffing_of(case).rota.programme == programme
        if mine and not is_technical(case.demand):
            missed |= case.notices.missed(since_ms - DAY_MS, since_ms)
            reached |= case.notices.reached_since(since_ms)
    return bool(missed) and missed <= reached


def _is_a_channel(rota: RotaEntry | None, place: str) -> bool:
    """Whether the rota still names the channel: one that it names no more is nobody's trouble."""
    if rota is None:
        return False
    return any(way.place == place for one in rota.contacts for way in ways(rota, one.name))
