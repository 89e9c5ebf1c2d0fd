"""The desk by its specification alone: who is told of what, when, of alerts that a story opens.

Severity, chain, rota, shelves and answers as alerting.md says; written without a look at the desk.
It knows no channel that fails, no cool-down, no confirmation and no rota that changes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from schemas.alert import Severity
from schemas.rota import DAYS, OffHours, RotaEntry, Shift

MINUTE = 60_000
HOUR = 60 * MINUTE
GATHER = 250
"""So long the desk waits for the rest of a record."""

Next = Literal["onset", "worsened", "escalation", "reminder", "shelf-ended", "listed", "expire"]
Told = tuple[int, str, str, tuple[str, ...]]
"""When, of which alert, why, and whom."""


def distinct(lists: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in lists for name in names))


class Shifts:
    """A rota as stretches of staffed time."""

    def __init__(self, rota: RotaEntry, begin_ms: int) -> None:
        assert rota.off_hours is not None
        self.off_hours, self.programme_lead = rota.off_hours, rota.programme_lead
        zone = ZoneInfo(rota.zone)
        first = datetime.fromtimestamp(begin_ms / 1000, UTC).date() - timedelta(days=3)
        self.spans: list[tuple[int, int, Shift]] = []
        for date in (first + timedelta(days=day) for day in range(30)):
            for shift in rota.shifts:
                if DAYS[date.weekday()] in shift.days:
                    begins, ends = map(time.fromisoformat, (shift.begins, shift.ends))
                    last = date + timedelta(days=ends <= begins)
                    from_ms, until_ms = (
                        round(datetime.combine(day, at, zone).timestamp() * 1000)
                        for day, at in ((date, begins), (last, ends))
                    )
                    self.spans.append((from_ms, until_ms, shift))

    def at(self, at_ms: int) -> list[Shift]:
        """Who is there: of two shifts at a handover both, the one that began first in front."""
        running = [span for span in self.spans if span[0] <= at_ms < span[1]]
        return [shift for _, _, shift in sorted(running, key=lambda span: span[0])]

    def staffed_from(self, at_ms: int) -> int:
        if self.at(at_ms):
            return at_ms
        return min(begin for begin, _, _ in self.spans if begin >= at_ms)

    def after(self, at_ms: int, length_ms: int) -> int:
        """When so much staffed time has passed, and somebody is there."""
        while True:
            at_ms = self.staffed_from(at_ms)
            end_ms = min(end for begin, end, _ in self.spans if begin <= at_ms < end)
            if at_ms + length_ms < end_ms:
                return at_ms + length_ms
            length_ms -= end_ms - at_ms
            at_ms = end_ms

    def people(self, step: int, at_ms: int) -> list[str]:
        present: Sequence[Shift | OffHours] = self.at(at_ms) or [self.off_hours]
        lists = [one.on_duty if step % 3 == 0 else one.second for one in present]
        return distinct([self.programme_lead] if step % 3 == 2 else lists)


@dataclass
class Alert:
    """What was done about it; ``due`` at ``due_ms`` comes next if nobody does anything."""

    name: str
    severity: Severity
    due: Next = "onset"
    due_ms: int | None = None
    step: int = -1
    told_ms: int | None = None
    list_ms: int | None = None
    answered: bool = False
    shelved: bool = False
    over: bool = False
    told_of_the_end: bool = False
    closed: bool = False
    record: int = 0
    """When the record came in which it began, or got worse, last: of each, one alert is told."""
    people: set[str] = field(default_factory=set)


class Model:
    """All alerts, and who was told."""

    def __init__(self, shifts: Shifts) -> None:
        self.shifts = shifts
        self.alerts: dict[str, Alert] = {}
        self.told: list[Told] = []

    def until(self, at_ms: int) -> None:
        """Let what is due happen, in order."""
        while due := [
            (one.due_ms, one.over, one.name)
            for one in self.alerts.values()
            if one.due_ms is not None and one.due_ms <= at_ms
        ]:
            due_ms, _, name = min(due)
            self._happens(self.alerts[name], due_ms)

    def record(self, at_ms: int, said: list[tuple[str, Severity]]) -> None:
        """Each alert of a record begins, or is worse: the worst is told, the others attach.

        At night nobody is told of what is high, so nothing attaches to it before the morning.
        """
        loud = []
        for name, severity in said:
            known = name in self.alerts
            alert = self.alerts.setdefault(name, Alert(name, severity))
            alert.severity = severity
            alert.answered = alert.shelved = False
            alert.record = at_ms
            self._begin(alert, at_ms + GATHER, "worsened" if known else "onset")
            loud += [alert] if severity in ("critical", "high") else []
        loud.sort(key=lambda one: (one.severity, one.name))  # c before h
        if loud and loud[0].due_ms == at_ms + GATHER:
            for alert in loud[1:]:
                self._attach(alert, at_ms + GATHER)

    def ends(self, name: str) -> None:
        """What somebody looks after and is over is settled, unless it was critical."""
        alert = self.alerts[name]
        alert.over = True
        if alert.answered and alert.severity != "critical":
            alert.due_ms = None

    def retracted(self, at_ms: int, name: str) -> None:
        alert = self.alerts[name]
        alert.closed, alert.due_ms = True, None
        if alert.people:
            self.told.append((at_ms, name, "retracted", tuple(sorted(alert.people))))

    def acknowledge(self, at_ms: int, name: str) -> None:
        """Critical for an hour; high for eight staffed ones, if it holds; a task for good."""
        alert = self.alerts[name]
        alert.answered, alert.due, alert.due_ms = True, "expire", None
        if alert.severity == "critical":
            alert.due_ms = at_ms + HOUR
        elif alert.severity == "high" and not alert.over:
            alert.due_ms = self.shifts.after(at_ms, 8 * HOUR)

    def undo(self, at_ms: int, name: str) -> None:
        """The chain goes on where it was."""
        alert = self.alerts[name]
        alert.answered = False
        if alert.over and alert.told_of_the_end:
            alert.due_ms = None
            return
        if alert.severity == "medium":
            alert.due = "listed"
            alert.due_ms = None if alert.list_ms is None else max(at_ms, alert.list_ms)
        elif alert.told_ms is None:
            alert.due, alert.due_ms = "onset", self.shifts.staffed_from(at_ms)
        else:
            self._go_on(alert, alert.told_ms)
            assert alert.due_ms is not None
            alert.due_ms = max(at_ms, alert.due_ms)
            if alert.severity == "high":
                alert.due_ms = self.shifts.staffed_from(alert.due_ms)

    def shelve(self, at_ms: int, name: str, until_ms: int) -> None:
        alert = self.alerts[name]
        longest_ms = 8 * HOUR if alert.severity == "critical" else 7 * 24 * HOUR
        alert.shelved = True
        alert.due, alert.due_ms = "shelf-ended", min(until_ms, at_ms + longest_ms)

    def resolve(self, name: str) -> None:
        self.alerts[name].closed, self.alerts[name].due_ms = True, None

    def _begin(self, alert: Alert, at_ms: int, why: Next) -> None:
        """Critical now, high when somebody is on duty, medium by the shift lead's list."""
        alert.step, alert.due, alert.due_ms = -1, why, at_ms
        alert.told_of_the_end = False
        if alert.severity == "high":
            alert.due_ms = self.shifts.staffed_from(at_ms)
        elif alert.severity == "medium":
            alert.due = "listed"
            alert.due_ms = alert.list_ms = self.shifts.after(at_ms, 30 * MINUTE)

    def _attach(self, alert: Alert, at_ms: int) -> None:
        alert.step, alert.told_ms = 0, at_ms
        self._go_on(alert, at_ms)

    def _go_on(self, alert: Alert, at_ms: int) -> None:
        """Who is on duty in the morning comes first, if the night was told of something worse."""
        if alert.severity == "high" and not self.shifts.at(at_ms):
            alert.step, alert.due, alert.due_ms = -1, "escalation", self.shifts.staffed_from(at_ms)
            return
        staffed_ms = self.shifts.after(at_ms, 15 * MINUTE)
        alert.due = "escalation"
        alert.due_ms = at_ms + 5 * MINUTE if alert.severity == "critical" else staffed_ms

    def _happens(self, alert: Alert, at_ms: int) -> None:
        due, alert.due_ms = alert.due, None
        if due == "expire":
            alert.answered = False
            self._begin(alert, at_ms, "reminder")
        elif due == "shelf-ended" and alert.shelved:
            alert.shelved = False
            if not alert.over:
                self._begin(alert, at_ms, "shelf-ended")
        elif due == "listed":
            self._list(alert, at_ms)
        elif due in ("onset", "worsened") and self._is_spoken_of(alert, at_ms):
            self._attach(alert, at_ms)
        else:
            self._call(alert, at_ms, due)

    def _is_spoken_of(self, alert: Alert, at_ms: int) -> bool:
        """Whether another of its record is told at this moment; names begin with the patient's."""
        return any(
            told_ms == at_ms and self.alerts[name].record == alert.record
            for told_ms, name, why, _ in self.told
            if name[0] == alert.name[0] and why in ("onset", "worsened")
        )

    def _call(self, alert: Alert, at_ms: int, why: Next) -> None:
        """Tell the next step that has anybody; once more after it is over, then no more."""
        alert.step = next(
            step
            for step in range(alert.step + 1, alert.step + 4)
            if self.shifts.people(step, at_ms)
        )
        alert.told_ms = at_ms
        self._say(alert, at_ms, why, self.shifts.people(alert.step, at_ms))
        alert.told_of_the_end = alert.over
        if not alert.over:
            self._go_on(alert, at_ms)

    def _list(self, alert: Alert, at_ms: int) -> None:
        """For the lead of a shift: an answer that is taken back at night is for the next one."""
        there = self.shifts.at(at_ms)
        if not there:
            self._begin(alert, at_ms, "listed")
        else:
            alert.list_ms = None
            leads = distinct(shift.lead for shift in there)
            self._say(alert, at_ms, "listed", leads or self.shifts.people(0, at_ms))

    def _say(self, alert: Alert, at_ms: int, why: Next, people: list[str]) -> None:
        alert.people |= set(people)
        self.told.append((at_ms, alert.name, why, tuple(people)))
