"""The alert list: a fold over alerts.v1 and alerts.actions.v1.

Invariants: the list follows from the set of records, however they were cut into batches, whichever
topic was read first, and however often a record came; an alert with something left to do is never
forgotten; of the settled ones the newest ``kept_max`` stay, and once both topics were read of what
was answered and is not known the last ``UNKNOWN_MAX``. An alert is judged when somebody asks about
it, not with each of its records: a log that is read back costs one judgement an alert.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from alerts.desk.case import Case, judge
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


@dataclass(slots=True)
class _Records:
    """All that was said of one alert, by id, in the order in which it came."""

    events: dict[str, Transition] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)
    _case: Case | None = None

    def add_event(self, event: Transition) -> None:
        self.events[event.event_id] = event
        self._case = None

    def add_action(self, action: Action) -> None:
        self.actions[action.action_id] = action
        self._case = None

    @property
    def case(self) -> Case | None:
        """Give what the records say by now; None without an event."""
        if self._case is None and self.events:
            self._case = judge(list(self.events.values()), self.actions.values())
        return self._case

    @property
    def history(self) -> History | None:
        """Give them all; None without an event."""
        case = self.case
        if case is None:
            return None
        return History([*self.events.values()], [*self.actions.values()], case)


class Desk:
    """Takes records one by one and gives the alert list at any time."""

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        """Start with an empty list that remembers ``kept_max`` settled alerts."""
        self._kept_max = kept_max
        self._swept = kept_max
        self._both_read = False
        self._records: dict[str, _Records] = {}
        self._by_patient: dict[str, set[str]] = {}

    def found(self, transition: Transition) -> bool:
        """Take a record of alerts.v1; tell whether it was new."""
        records = self._records.setdefault(transition.alert_id, _Records())
        if transition.event_id in records.events:
            return False
        records.add_event(transition)
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
            records = self._records.setdefault(alert_id, _Records())
            if action.action_id in records.actions:
                continue
            records.add_action(action)
            if records.events:
                changed.add(alert_id)
        self._sweep()
        return changed

    def knows(self, action: Action) -> bool:
        """Tell whether the action has been taken."""
        return all(
            alert_id in self._records and action.action_id in self._records[alert_id].actions
            for alert_id in action.alert_ids
        )

    def answered_by(self, alert_id: str, action: Action) -> bool:
        """Tell whether the action, by itself, answers what the alert asks for now."""
        records = self._records.get(alert_id)
        if records is None or not records.events:
            return False
        return judge(list(records.events.values()), [action]).answer is not None

    def case(self, alert_id: str) -> Case | None:
        """Give one alert; None if no event of it is known."""
        records = self._records.get(alert_id)
        return records.case if records else None

    def cases(self) -> list[Case]:
        """Give all alerts, in no particular order."""
        found = (records.case for records in self._records.values())
        return [case for case in found if case is not None]

    def histories(self) -> Iterator[History]:
        """Give all that was said of each alert."""
        found = (records.history for records in self._records.values())
        return (history for history in found if history is not None)

    def is_past(self, alert_id: str, until_ms: int) -> bool:
        """Whether an alert is over for good, if nothing was said of it after ``until_ms``."""
        records = self._records.get(alert_id)
        history = records.history if records else None
        return history is not None and is_past(history, until_ms)

    def cases_of(self, who: str) -> list[Case]:
        """Give a patient's alerts, or a subject's, in the order of their ids."""
        found = (self.case(alert_id) for alert_id in sorted(self._by_patient.get(who, ())))
        return [case for case in found if case is not None]

    def family(self, case: Case) -> list[Case]:
        """Give what is open of a ladder, this alert among it: alerts, no tasks."""
        ladder = case.demand.ladder
        return [
            one
            for one in self.cases_of(whose(case.demand))
            if one.demand.ladder == ladder and one.kind == "alert" and not one.settled
        ]

    def before(self, case: Case) -> list[Case]:
        """Give the alerts that stand on the card of this one, for it is the same problem again.

        They returned, but nobody has closed them. One that is graver, or waits while this one is
        answered, stands for itself.
        """
        if case.settled or case.kind != "alert" or case.attention == "shelved":
            return []
        family = self.family(case)
        if case.ended is not None or case != max(family, key=_place):
            return []
        return [one for one in family if one.condition == "returned" and _stands_behind(one, case)]

    def technical_cases(self) -> list[Case]:
        """Give the alerts about the desk itself."""
        subjects = [who for who in self._by_patient if who.startswith(f"{DESK}/")]
        return [case for who in subjects for case in self.cases_of(who)]

    def _sweep(self) -> None:
        if len(self._records) > self._swept * (1 + _SLACK):
            self._forget()

    def forget(self) -> None:
        """Forget what is more than is kept; both topics have been read to their ends."""
        self._both_read = True
        self._forget()

    def _forget(self) -> None:
        """Forget the oldest of the settled alerts, and answers that their alert will not follow."""
        cases = self.cases()
        settled = [case for case in cases if case.settled]
        settled.sort(key=lambda case: case.latest.at_ms)
        for case in settled[: max(0, len(cases) - self._kept_max)]:
            del self._records[case.alert_id]
            self._by_patient[whose(case.demand)].discard(case.alert_id)
        unknown = [alert_id for alert_id, one in self._records.items() if not one.events]
        for alert_id in unknown[: max(0, len(unknown) - UNKNOWN_MAX)] if self._both_read else ():
            del self._records[alert_id]
        self._swept = max(self._kept_max, len(self._records))


def _place(case: Case) -> tuple[int, str]:
    return case.demand.at_ms, case.alert_id


def _stands_behind(ended: Case, case: Case) -> bool:
    graver = SEVERITIES.index(ended.severity) < SEVERITIES.index(case.severity)
    waits = ended.attention == "unacknowledged" and case.attention != "unacknowledged"
    return not graver and not waits and ended.attention != "shelved"


def whose(event: Transition) -> str:
    """Name the patient of an event, or the subject that belongs to no patient."""
    return event.patient_id or event.subject


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
    parts.settled.sort(key=lambda case: (-case.latest.at_ms, case.alert_id))
    return parts


def is_listed(case: Case) -> bool:
    """Whether it is the work list's: a task, or an alert that pages nobody."""
    return case.kind == "work" or case.severity in ("medium", "info")


def _urgency(case: Case) -> tuple[int, int, str]:
    return SEVERITIES.index(case.severity), -case.demand.at_ms, case.alert_id
