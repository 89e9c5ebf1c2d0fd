"""The desk without its wires: records and time in, records to write and notices to deliver out.

A decision is a record. It is written to the log first and taken back like everybody else's; only
then does it count, and only then is anybody told. So memory follows from the two topics alone: a
desk that starts again reads them and goes on, and what it decides again it gives the same name.
Invariants: of the events of one patient in one record at most one notifies at first; an
unacknowledged critical alert is never without a timer, unless it ended or lies on a shelf.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from alerts.desk import calls, recovery
from alerts.desk.agenda import Agenda
from alerts.desk.answers import closes_without_outcome
from alerts.desk.calls import Desktop
from alerts.desk.case import Case
from alerts.desk.fold import Desk
from alerts.desk.rotas import Rotas
from alerts.desk.technical import Way, failing, is_technical, report
from alerts.desk.timers import Timer, timer
from alerts.desk.triage import GATHER_MS, desktop, occasion, resuming, triage
from alerts.desk.verdicts import telling
from schemas.alert import Action, Expired, Sent, Transition
from schemas.rota import RotaEntry

HELD_BACK_MS = 60 * 60 * 1000
"""An answer that is taken back so late lets no notice go out (``answers.SENT_WITHIN_MS``)."""


@dataclass(slots=True)
class Core:
    """Folds what it is given; ``decide`` and ``to_deliver`` change nothing."""

    desk: Desk = field(default_factory=Desk)
    _rotas: Rotas = field(default_factory=Rotas)
    _agenda: Agenda = field(default_factory=Agenda)
    _undecided: dict[str, int] = field(default_factory=dict)
    """When the first undecided event of an alert came in, by alert."""
    _changed: dict[str, int] = field(default_factory=dict)
    """Alerts of which something was said since they were reckoned last, and when."""
    _in_flight: dict[str, Action] = field(default_factory=dict)

    def put_rota(self, rota: RotaEntry) -> None:
        """Take a rota, or replace it; what waits is reckoned anew."""
        self._rotas.put(rota)
        self._rearrange()

    def remove_rota(self, programme: str) -> None:
        """Forget a rota."""
        if self._rotas.remove(programme):
            self._rearrange()

    def found(self, event: Transition, now_ms: int) -> None:
        """Take a record of alerts.v1, read at ``now_ms``."""
        if self.desk.found(event):
            self._changed.setdefault(event.alert_id, now_ms)

    def done(self, action: Action, now_ms: int) -> None:
        """Take a record of alerts.actions.v1."""
        if action.kind == "notify" and action.to and not self.desk.knows(action):
            self._in_flight[action.action_id] = action
        if action.kind in ("delivered", "undelivered"):
            self._in_flight.pop(action.answers, None)
        for alert_id in self.desk.done(action):
            self._changed.setdefault(alert_id, now_ms)

    def refuses(self, action: Action) -> bool:
        """Whether it closes an alert that is known to be critical, and says no outcome."""
        if not closes_without_outcome(action):
            return False
        known = map(self.desk.case, action.alert_ids)
        return any(case is not None and action.action_id in case.refused for case in known)

    def due_ms(self) -> int | None:
        """Give when there is something to decide next; None: only a record can change anything."""
        self._reckon()
        waiting = [at_ms + GATHER_MS for at_ms in self._undecided.values()]
        due_ms = self._agenda.next_ms()
        return min([*waiting, *([] if due_ms is None else [due_ms])], default=None)

    def decide(self, now_ms: int) -> list[Action]:
        """Give the records that are due; write them, take them, and ask again until there is none.

        Events come first and one record at a time for each patient: what was said of the one before
        counts for the next.
        """
        self._reckon()
        drafts = triage(self.desk, self._rotas, self._undecided, now_ms)
        if not drafts:
            due = self._agenda.due(now_ms)
            drafts = resuming(self.desk, self._rotas, self._resumed(due), now_ms)
            attached = {name for one in drafts for name in one.alert_ids}
            for alert_id, timer_due in due:
                if alert_id not in attached:
                    drafts += self._act(alert_id, timer_due, now_ms)
        return recovery.without_repetition(self.desk, drafts)

    def let_go(self, now_ms: int) -> Container[str]:
        """Forget notices that an answer held back for good; give the keys of the others.

        Both topics have been read.
        """
        self._in_flight = {
            key: one
            for key, one in self._in_flight.items()
            if now_ms - one.at_ms < HELD_BACK_MS or self.is_news(one)
        }
        return self._in_flight.keys()

    def is_under_way(self, notice: Action) -> bool:
        """Whether a notice is in the log, and nothing that says what came of it."""
        return notice.action_id in self._in_flight

    def to_deliver(self) -> list[Action]:
        """Give the notices that are in the log and of whose delivery nothing is known yet.

        What somebody has answered meanwhile is no longer news.
        """
        known = ((one, self.case_of(one)) for one in self._in_flight.values())
        return [
            one
            for one, case in known
            if case is not None and one.action_id not in case.notices.done and self.is_news(one)
        ]

    def is_news(self, notice: Action) -> bool:
        """Whether people should still hear of it: nobody has answered what it is about."""
        case = self.case_of(notice)
        if case is None:
            return False
        if notice.reason == "retracted":
            return True
        anew = case.notices.reset
        if anew is not None and notice.at_ms < anew.at_ms:
            return False  # it was answered before it went out; the chain has begun anew since
        if notice.action_id in case.notices.overtaken:
            return False  # that was answered; what is worse by now has a notice of its own
        return case.attention == "unacknowledged" and not case.settled

    def raised(self, trouble: Action) -> list[Action]:
        """Give the record of trouble, unless it is known and lasts."""
        return recovery.without_repetition(self.desk, [trouble])

    def outcome(self, notice: Action, now_ms: int, *, delivered: bool, note: str) -> list[Action]:
        """Give the records that say what came of a delivery; a failure is trouble too."""
        said = [calls.outcome(notice, now_ms, delivered=delivered, note=note)]
        case = self.case_of(notice)
        if not delivered and case is not None and not is_technical(case.demand):
            programme = self.rota_of(case).programme
            sentence = f"Programme {programme}: no channel took a notification ({note})."
            said.append(report("undelivered", programme, now_ms, sentence))
        return recovery.without_repetition(self.desk, said)

    def heard(self, way: Way, cause: str | None, now_ms: int) -> list[Action]:
        """Give the records about a channel that took a notice, or failed beside one that did.

        ``cause``: why it failed; None: it took the notice.
        """
        if cause is None:
            return recovery.works_again(self.desk, way, now_ms)
        return self.raised(failing(way, cause, now_ms))

    def recovered(self, now_ms: int, late_ms: int) -> list[Action]:
        """Close the desk's own trouble whose cause is gone; it stays in the history.

        ``late_ms``: how late readings are judged now.
        """
        return recovery.recovered(self.desk, self._rotas, now_ms, late_ms)

    def case_of(self, notice: Action) -> Case | None:
        """Give the alert that a notice is about."""
        return self.desk.case(notice.alert_ids[0])

    def companions(self, notice: Action) -> list[Case]:
        """Give the patient's other alerts that wait: one notice speaks of all."""
        return [
            case
            for case in self.desk.cases_of(notice.patient_id)
            if case.alert_id not in notice.alert_ids
            and case.kind == "alert"
            and case.attention == "unacknowledged"
            and not case.settled
        ]

    def rota_of(self, case: Case) -> RotaEntry:
        """Give the rota that answers for an alert; an empty one if none does."""
        return self._rotas.staffing_of(case).rota

    def _resumed(self, due: Iterable[tuple[str, Timer]]) -> list[Case]:
        found = (self.desk.case(alert_id) for alert_id, one in due if one.due == "resume")
        return [case for case in found if case is not None]

    def _act(self, alert_id: str, due: Timer, now_ms: int) -> list[Action]:
        case = self.desk.case(alert_id)
        assert case is not None, alert_id
        at = desktop(self._rotas, case, now_ms)
        notices = case.notices
        begins_ms = _begins_ms(at, due)
        if begins_ms is not None:
            self._agenda.put(alert_id, Timer(due.due, begins_ms))
            return []
        match due.due:
            case "tell":
                return [calls.notice(at, "retracted", 0, list(notices.told))]
            case "step":
                last = notices.chain[-1] if notices.chain else notices.attached
                assert last is not None, "a step follows another"
                return calls.go_on(at, last)
            case "restart":
                return calls.tell(at, _why_anew(case))
            case "resume":
                withheld = notices.withheld or notices.answered
                assert withheld is not None
                return self._resume(at, withheld)
            case "expire":
                assert case.answer is not None
                return [calls.expire(case, case.answer, _expiry(case), now_ms)]
            case "lapse":
                return [calls.lapse(case, now_ms)]
            case "shelf-end":
                assert case.shelf is not None
                return [calls.expire(case, case.shelf, "shelf-ended", now_ms)]

    def _resume(self, at: Desktop, withheld: Action) -> list[Action]:
        match withheld.reason:
            case "listing" if not at.is_staffed:
                return calls.tell(at, "listed")
            case "listing":
                return [calls.notice(at, "listed", 0, at.staffing.shift_lead(at.now_ms))]
            case "awaiting-confirmation":
                return calls.tell(at, "confirmed")
            case _ if at.case.notices.anew:
                return calls.tell(at, _why_anew(at.case))
            case _:
                about = occasion(self.desk, at.case, at.case.demand, at.now_ms)
                return calls.tell(at, telling(about).reason)

    def _reckon(self) -> None:
        changed, self._changed = self._changed, {}
        for alert_id, at_ms in changed.items():
            self._look_at(alert_id, at_ms)

    def _look_at(self, alert_id: str, now_ms: int) -> None:
        """Reckon anew what an alert waits for, after something was said of it."""
        case = self.desk.case(alert_id)
        due: Timer | None = None
        if case is not None and case.undecided:
            self._undecided.setdefault(alert_id, now_ms)
        elif case is not None:
            self._undecided.pop(alert_id, None)
            due = timer(case, self._rotas.staffing_of(case), technical=is_technical(case.demand))
        self._agenda.put(alert_id, due)

    def _rearrange(self) -> None:
        self._reckon()
        for case in self.desk.cases():
            self._look_at(case.alert_id, self._undecided.get(case.alert_id, 0))


def _begins_ms(at: Desktop, due: Timer) -> int | None:
    """Give when somebody is there again, if what is due waits for a shift and none runs.

    It is late, somebody was not reached as the shift ended, or a new rota's shift is over already.
    """
    held = at.case.notices.withheld
    if due.due == "step" and at.waits_for_a_shift:
        return at.staffing.next_staffed_ms(at.now_ms)
    if due.due != "resume" or held is None or held.until_ms is None or at.is_staffed:
        return None
    if held.reason not in ("off-hours", "listing") or held.until_ms <= at.now_ms:
        return None
    return min(at.staffing.next_staffed_ms(at.now_ms), held.until_ms)


def _why_anew(case: Case) -> Sent:
    reset = case.notices.reset
    return "shelf-ended" if reset is not None and reset.reason == "shelf-ended" else "reminder"


def _expiry(case: Case) -> Expired:
    answered = case.answer
    assert answered is not None
    heard = case.latest.at_ms > answered.at_ms
    return "no-outcome" if heard or case.ended is not None else "no-reading"
