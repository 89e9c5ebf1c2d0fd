"""Triage: who is told at first of the events that came, and which of them attach to another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerts.desk import calls
from alerts.desk.calls import Desktop
from alerts.desk.case import Case
from alerts.desk.filed import whose
from alerts.desk.fold import Desk
from alerts.desk.rotas import Rotas
from alerts.desk.technical import is_technical
from alerts.desk.verdicts import Occasion, Tell, standing, telling, tells_of, verdict
from schemas.alert import SEVERITIES, Action, Sent, Severity, Transition

GATHER_MS = 250
"""The events of one record may come in two reads: so long the desk waits for the others."""

Waiting = list[tuple[Case, Transition]]


@dataclass(frozen=True, slots=True)
class Group:
    """What decides together: the events of one patient (or subject) in one record."""

    who: str
    at_ms: int


def triage(desk: Desk, rotas: Rotas, undecided: Mapping[str, int], now_ms: int) -> list[Action]:
    """Give the records that decide upon events, the oldest record of each patient first.

    ``undecided``: when the first undecided event of an alert came in, by alert.
    """
    drafts: list[Action] = []
    for group, waiting in _groups(desk, undecided, now_ms).items():
        drafts += _decide(desk, rotas, waiting, _told_in(desk, group), now_ms)
    return drafts


def _groups(desk: Desk, undecided: Mapping[str, int], now_ms: int) -> dict[Group, Waiting]:
    """Give the oldest record of each patient of which all events should be here."""
    groups: dict[Group, Waiting] = {}
    ready: dict[str, Group] = {}
    arrived: dict[Group, int] = {}
    for alert_id, at_ms in undecided.items():
        case = desk.case(alert_id)
        assert case is not None, alert_id
        for event in case.undecided:
            group = Group(whose(event), event.at_ms)
            groups.setdefault(group, []).append((case, event))
            arrived[group] = min(at_ms, arrived.get(group, at_ms))
            first = ready.get(group.who)
            if first is None or group.at_ms < first.at_ms:
                ready[group.who] = group
    return {
        group: groups[group] for group in ready.values() if arrived[group] + GATHER_MS <= now_ms
    }


def _decide(
    desk: Desk, rotas: Rotas, waiting: Waiting, told: Severity | None, now_ms: int
) -> list[Action]:
    """Let the most severe of those that may notify do so; the others attach to it.

    ``told``: the worst that was told of this record already.
    """
    drafts: list[Action] = []
    may_tell: list[tuple[Case, Transition, Sent]] = []
    for case, event in waiting:
        found = verdict(occasion(desk, case, event, now_ms))
        if not isinstance(found, Tell):
            drafts.append(calls.withhold(case, event, found.reason, now_ms, found.until_ms))
        elif found.reason == "recurred" or case.severity == "medium":
            # What recurs does not count against the one, and to be listed is no notification.
            drafts += calls.tell(desktop(rotas, case, now_ms), found.reason, event)
        else:
            may_tell.append((case, event, found.reason))
    may_tell.sort(key=lambda one: (_rank(one[0].severity), one[0].alert_id))
    for case, event, reason in may_tell:
        at = desktop(rotas, case, now_ms)
        if told is not None and _rank(case.severity) >= _rank(told):
            drafts.append(calls.withhold(case, event, "attached", now_ms))
            continue
        if not at.waits_for_a_shift:  # nothing attaches to what may never be told: see ``resuming``
            told = case.severity
        drafts += calls.tell(at, reason, event)
    return drafts


def resuming(desk: Desk, rotas: Rotas, cases: Iterable[Case], now_ms: int) -> list[Action]:
    """Give the records by which an alert is not told beside another: both waited, and are due now.

    The night held them back, or a confirmation that did not come: who is told is decided as they
    are due, for what would have been told may have been answered by then. What came back while it
    waited, however often, is one problem: it is told once.
    """
    drafts: list[Action] = []
    told: set[tuple[Group, int]] = set()
    due = sorted(cases, key=_loudest_first)
    now = [one for one in due if not desktop(rotas, one, now_ms).waits_for_a_shift]
    for case in due:
        held = case.notices.withheld
        if _came_back(desk, case, now):
            drafts.append(calls.withhold(case, case.demand, "resolved-before-seen", now_ms))
            continue
        if held is None or held.until_ms is None or not _is_first(desk, case, held, now_ms):
            continue
        record = Group(whose(case.demand), case.demand.at_ms), held.until_ms
        if record in told:
            drafts.append(calls.withhold(case, case.demand, "attached", now_ms))
        elif not desktop(rotas, case, now_ms).waits_for_a_shift:
            told.add(record)
    return drafts


def _came_back(desk: Desk, case: Case, now: Iterable[Case]) -> bool:
    """Whether a later alert tells of what ended: one that is told ``now``, or was already."""
    if case.ended is None:
        return False
    told = (one for one in desk.cases_of(whose(case.demand)) if _is_told(one))
    return any(tells_of(other.raised, case.raised) for other in (*now, *told))


def _is_told(case: Case) -> bool:
    """Whether somebody was told of what it asks for, and it is not said since that it never was."""
    return not case.never_was and any(map(case.notices.reached, case.notices.chain))


def _is_first(desk: Desk, case: Case, held: Action, now_ms: int) -> bool:
    """Whether an alert that waited counts against the one notification of its record."""
    if case.severity not in ("critical", "high"):
        return False
    if held.reason == "awaiting-confirmation":
        return True
    about = occasion(desk, case, case.demand, now_ms)
    return (
        held.reason == "off-hours" and not case.notices.anew and telling(about).reason != "recurred"
    )


def _told_in(desk: Desk, group: Group) -> Severity | None:
    """Give the worst that was told of a record already: its events came in two reads."""
    told = [
        event.severity
        for case in desk.cases_of(group.who)
        for event in case.told
        if event.at_ms == group.at_ms
    ]
    return min(told, key=_rank, default=None)


def occasion(desk: Desk, case: Case, event: Transition, now_ms: int) -> Occasion:
    """Give all by which a person is told of an event, or not."""
    family = [one for one in desk.cases_of(whose(event)) if one.demand.ladder == event.ladder]
    last = max(
        (one for one in family if one.notices.last_ms is not None),
        key=lambda one: one.notices.last_ms or 0,
        default=None,
    )
    return Occasion(
        event,
        standing(case, event),
        now_ms,
        last_ms=last.notices.last_ms if last else None,
        last_severity=last.demand.severity if last else None,
        succeeds=any(
            one.condition == "returned" and not one.settled and one.opened_ms < case.opened_ms
            for one in family
        ),
    )


def desktop(rotas: Rotas, case: Case, now_ms: int) -> Desktop:
    """Give what every record of an alert needs."""
    return Desktop(case, rotas.staffing_of(case), now_ms, is_technical(case.demand))


def _loudest_first(case: Case) -> tuple[int, bool, str]:
    return _rank(case.severity), case.ended is not None, case.alert_id


def _rank(severity: Severity) -> int:
    return SEVERITIES.index(severity)
