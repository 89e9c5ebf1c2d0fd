"""The alert list: a fold over alerts.v1 and alerts.actions.v1.

Invariants: the list follows from the set of records, however they were cut into batches, whichever
topic was read first, and however often a record came; an alert with something left to do is never
forgotten, nor one that was settled while it holds: the engine goes on with it, and there is one for
each problem of a patient. Of those that are over the newest ``kept_max`` stay, and once both topics
were read of what was answered and is not known the last ``UNKNOWN_MAX``. An alert is judged when
somebody asks about it, not with each of its records: a log that is read back costs one judgement an
alert. Whoever says how many settled alerts stay at hand (``at_hand_max``) finds the others packed:
it is told the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from typing import Self

from alerts.desk.case import Case, begins
from alerts.desk.filed import Filed, Records, filed, whose
from alerts.desk.past import History, is_past
from alerts.desk.technical import DESK, finding_of
from schemas.alert import SEVERITIES, Action, Transition

KEPT_MAX = 20_000
UNKNOWN_MAX = 1_000
"""So many alerts may be answered that are not known: forgotten, or still to be read."""
_SLACK = 0.1
"""Sweeping is a pass over all alerts, so it waits until there are a tenth more than it left.

It may leave them all: where alerts.v1 is read ahead of the answers nothing has settled yet. Who has
read both says so with ``forget``.
"""


class Desk:
    """Takes records one by one and gives the alert list at any time."""

    def __init__(self, kept_max: int = KEPT_MAX, at_hand_max: int | None = None) -> None:
        """Start with an empty list that remembers ``kept_max`` alerts that are over.

        ``at_hand_max``: of these so many unpacked; None: all.
        """
        self._kept_max = kept_max
        self._at_hand_max = at_hand_max
        self._swept = kept_max
        self._put_away = at_hand_max or 0
        self._both_read = False
        self._records: dict[str, Records] = {}
        self._filed: dict[str, Filed] = {}
        self._filed_latest_ms = 0  # nothing filed is newer
        self._by_patient: dict[str, set[str]] = {}

    def restore(self, kept: Mapping[str, Filed]) -> Self:
        """Begin with what ``kept`` gave."""
        for alert_id, one in kept.items():
            if one.settled:
                self._put_in_file(alert_id, one)
            else:
                self._records[alert_id] = one.records
            if one.who:
                self._by_patient.setdefault(one.who, set()).add(alert_id)
        return self

    def kept(self) -> dict[str, Filed]:
        """Give all that is remembered, packed."""
        return self._filed | {alert_id: filed(one) for alert_id, one in self._records.items()}

    def found(self, transition: Transition) -> bool:
        """Take a record of alerts.v1; tell whether it was new."""
        records = self._at_hand(transition.alert_id)
        if transition.event_id in records.events:
            return False
        records.add_event(transition)
        if begins(transition):
            self._by_patient.setdefault(whose(transition), set()).add(transition.alert_id)
        self._sweep()
        return True

    def done(self, action: Action) -> set[str]:
        """Take a record of alerts.actions.v1; give the ids of the alerts that it changed.

        An action may come before the alert that it answers: it waits. Trouble of the desk itself is
        an alert too.
        """
        changed = set()
        if action.kind == "technical":
            changed = {one.alert_id for one in map(finding_of, [action]) if self.found(one)}
        for alert_id in action.alert_ids:
            records = self._at_hand(alert_id)
            if action.action_id in records.actions:
                continue
            records.add_action(action)
            if records.events:
                changed.add(alert_id)
        self._sweep()
        return changed

    def knows(self, action: Action) -> bool:
        """Tell whether the action has been taken."""
        found = map(self._look_up, action.alert_ids)
        return all(one is not None and action.action_id in one.actions for one in found)

    def answered_by(self, alert_id: str, action: Action) -> bool:
        """Tell whether the action, by itself, answers what the alert asks for now."""
        records = self._look_up(alert_id)
        case = records.judged([action]) if records else None
        return case is not None and case.answer is not None

    def case(self, alert_id: str) -> Case | None:
        """Give one alert; None if no event of it is known."""
        records = self._look_up(alert_id)
        return records.case if records else None

    def cases(self) -> list[Case]:
        """Give all alerts, in no particular order."""
        found = (records.case for records in self._all())
        return [case for case in found if case is not None]

    def open_cases(self) -> list[Case]:
        """Give the alerts with something left to do."""
        return [case for case in self._cases_at_hand() if not case.settled]

    def settled_cases(self, count: int) -> list[Case]:
        """Give the settled alerts of which something was said last: the newest first."""
        cases = [case for case in self._cases_at_hand() if case.settled]
        cases.sort(key=_last_first)
        if len(cases) < count or cases[count - 1].latest.at_ms <= self._filed_latest_ms:
            newest = nsmallest(count, self._filed.items(), key=_filed_last_first)
            cases += [case for _, one in newest if (case := one.records.case) is not None]
            cases.sort(key=_last_first)
        return cases[:count]

    def histories(self) -> Iterator[History]:
        """Give all that was said of each alert."""
        found = (records.history for records in self._all())
        return (history for history in found if history is not None)

    def is_past(self, alert_id: str, until_ms: int) -> bool:
        """Whether an alert is over for good, if nothing was said of it after ``until_ms``."""
        records = self._look_up(alert_id)
        history = records.history if records else None
        return history is not None and is_past(history, until_ms)

    def cases_of(self, who: str) -> list[Case]:
        """Give a patient's alerts, or a subject's, in the order of their ids."""
        found = (self.case(alert_id) for alert_id in sorted(self._by_patient.get(who, ())))
        return [case for case in found if case is not None]

    def family(self, case: Case) -> list[Case]:
        """Give what is open of a ladder, this alert among it: alerts, no tasks."""
        ladder = case.demand.ladder
        at_hand = sorted(self._by_patient.get(whose(case.demand), set()) & self._records.keys())
        return [
            one
            for one in map(self.case, at_hand)
            if one is not None
            and one.demand.ladder == ladder
            and one.kind == "alert"
            and not one.settled
        ]

    def before(self, case: Case) -> list[Case]:
        """Give the alerts that stand on the card of this one, for it is the same problem again.

        They returned, as this one may have, and nobody has closed them. One that is graver, or
        waits while this one is answered, stands for itself.
        """
        if case.settled or case.kind != "alert" or case.attention == "shelved":
            return []
        family = self.family(case)
        if case.condition not in ("active", "returned") or case != max(family, key=_place):
            return []
        return [
            one
            for one in family
            if one != case and one.condition == "returned" and _stands_behind(one, case)
        ]

    def technical_cases(self) -> list[Case]:
        """Give the alerts about the desk itself."""
        subjects = [who for who in self._by_patient if who.startswith(f"{DESK}/")]
        return [case for who in subjects for case in self.cases_of(who)]

    def forget(self) -> None:
        """Forget what is more than is kept; both topics have been read to their ends."""
        self._both_read = True
        self._forget()

    def _sweep(self) -> None:
        if len(self._records) + len(self._filed) > self._swept * (1 + _SLACK):
            self._forget()
        if self._at_hand_max is not None and len(self._records) > self._put_away * (1 + _SLACK):
            self._put_in_order(self._at_hand_max)

    def _forget(self) -> None:
        """Forget the oldest that are over, and answers that their alert will not follow."""
        over = [
            (case.latest.at_ms, case.alert_id, whose(case.demand))
            for records in self._records.values()
            if records.over and (case := records.case) is not None
        ]
        over += [
            (one.latest_ms, alert_id, one.who) for alert_id, one in self._filed.items() if one.over
        ]
        over.sort()
        for _, alert_id, who in over[: max(0, len(over) - self._kept_max)]:
            self._records.pop(alert_id, None)
            self._filed.pop(alert_id, None)
            self._by_patient[who].discard(alert_id)
        unknown = [alert_id for alert_id, one in self._records.items() if one.case is None]
        for alert_id in unknown[: max(0, len(unknown) - UNKNOWN_MAX)] if self._both_read else ():
            del self._records[alert_id]
        self._swept = max(self._kept_max, len(self._records) + len(self._filed))

    def _put_in_order(self, at_hand_max: int) -> None:
        """Pack the oldest of the settled alerts that are at hand."""
        settled = [case for case in self._cases_at_hand() if case.settled]
        settled.sort(key=_last_first)
        for case in settled[at_hand_max:]:
            self._put_in_file(case.alert_id, filed(self._records.pop(case.alert_id)))
        self._put_away = max(at_hand_max, len(self._records))

    def _put_in_file(self, alert_id: str, one: Filed) -> None:
        self._filed[alert_id] = one
        self._filed_latest_ms = max(self._filed_latest_ms, one.latest_ms)

    def _at_hand(self, alert_id: str) -> Records:
        """Give the records of an alert, to add to them; new ones if it is not known."""
        packed = self._filed.pop(alert_id, None)
        if packed is not None:
            self._records[alert_id] = packed.records
        return self._records.setdefault(alert_id, Records())

    def _look_up(self, alert_id: str) -> Records | None:
        packed = self._filed.get(alert_id)
        return self._records.get(alert_id) if packed is None else packed.records

    def _all(self) -> Iterator[Records]:
        yield from self._records.values()
        yield from (one.records for one in self._filed.values())

    def _cases_at_hand(self) -> list[Case]:
        found = (records.case for records in self._records.values())
        return [case for case in found if case is not None]


def _place(case: Case) -> tuple[int, str]:
    return case.demand.at_ms, case.alert_id


def _stands_behind(ended: Case, case: Case) -> bool:
    graver = SEVERITIES.index(ended.severity) < SEVERITIES.index(case.severity)
    waits = ended.attention == "unacknowledged" and case.attention != "unacknowledged"
    return not graver and not waits and ended.attention != "shelved"


@dataclass(frozen=True, slots=True)
class Sections:
    """The alert list as a person works through it, each part in its order."""

    waiting: list[Case]
    acknowledged: list[Case]
    work: list[Case]
    settled: list[Case]


def sections(cases: Iterable[Case], due_ms: Callable[[Case], int] | None = None) -> Sections:
    """Sort: what waits by severity, then newest first; what is settled by its last event.

    ``due_ms`` says when work is due: that comes first in the list of it.
    """
    parts = Sections([], [], [], [])
    for case in cases:
        if case.settled:
            parts.settled.append(case)
        elif is_listed(case) and case.attention == "unacknowledged":
            parts.work.append(case)
        elif case.attention == "unacknowledged":
            parts.waiting.append(case)
        else:
            parts.acknowledged.append(case)
    for part in (parts.waiting, parts.acknowledged, parts.work):
        part.sort(key=_urgency)
    if due_ms is not None:
        parts.work.sort(key=due_ms)
    parts.settled.sort(key=_last_first)
    return parts


def is_listed(case: Case) -> bool:
    """Whether it is the work list's: a task, or an alert that pages nobody."""
    return case.kind == "work" or case.severity in ("medium", "info")


def _last_first(case: Case) -> tuple[int, str]:
    return -case.latest.at_ms, case.alert_id


def _filed_last_first(entry: tuple[str, Filed]) -> tuple[int, str]:
    alert_id, one = entry
    return -one.latest_ms, alert_id


def _urgency(case: Case) -> tuple[int, int, str]:
    return SEVERITIES.index(case.severity), -case.demand.at_ms, case.alert_id
