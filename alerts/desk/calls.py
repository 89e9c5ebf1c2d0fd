"""The records by which the desk tells somebody, or withholds: made here, written by its shell.

The ``action_id`` of each follows from what it is about, so that whoever decides it again, after a
crash or beside another desk, gives it the same name: it is the idempotency key of the delivery.
"""

from dataclasses import dataclass

from alerts.desk.case import Case
from alerts.desk.staffing import CHAIN_STEPS, Staffing
from alerts.desk.technical import DESK, identity, report
from alerts.desk.timers import LISTED_AFTER_STAFFED_MS, waits_for_a_shift
from schemas.alert import Action, Event, Expired, Sent, Transition, Withheld

_CHAIN_NAMES = ("on duty", "second", "programme lead")


@dataclass(frozen=True, slots=True)
class Desktop:
    """What every record needs: the alert, who is there, the time, and whether it is technical."""

    case: Case
    staffing: Staffing
    now_ms: int
    technical: bool

    @property
    def is_staffed(self) -> bool:
        """Whether a shift runs now."""
        return self.staffing.is_staffed(self.now_ms)

    @property
    def waits_for_a_shift(self) -> bool:
        """Whether nobody is to be told now: at night only what is critical, or technical, pages."""
        return self.waits_at(self.now_ms)

    def waits_at(self, at_ms: int) -> bool:
        """Whether nobody is to be told then."""
        return waits_for_a_shift(self.case, self.staffing, at_ms, technical=self.technical)

    def people(self, step: int) -> list[str]:
        """Name who is told at a step."""
        return self.staffing.people(step, self.now_ms, technical=self.technical)


def tell(at: Desktop, reason: Sent, event: Transition | None = None) -> list[Action]:
    """Begin to tell: by page now, in staffed hours, or on the list of the shift lead.

    ``event``: the one that is decided upon; without it the chain begins anew.
    """
    case, now_ms = at.case, at.now_ms
    about = event or case.latest
    match case.severity:
        case "info":
            return [withhold(case, about, "not-notifying", now_ms)]
        case "medium":
            due_ms = at.staffing.after_staffed(now_ms, LISTED_AFTER_STAFFED_MS)
            return [withhold(case, about, "listing", now_ms, due_ms)]
        case "high" if at.waits_for_a_shift:
            due_ms = at.staffing.next_staffed_ms(now_ms)
            return [withhold(case, about, "off-hours", now_ms, due_ms)]
        case _:
            return step(at, reason, 0, about)


def step(at: Desktop, reason: Sent, first: int, about: Transition | None = None) -> list[Action]:
    """Tell the people of a step, or of the next one that has any; an empty one is trouble.

    A rota may name nobody as second: who set it was told so, and is told no more.
    Where the whole chain is empty the record names nobody, and the desk tries again in time.
    """
    number = next((one for one in range(first, first + CHAIN_STEPS) if at.people(one)), first)
    people = at.people(number)
    said = [notice(at, reason, number, people, about)]
    missing = [one for one in range(first, number) if not at.staffing.leaves_open(one, at.now_ms)]
    if not at.technical and (missing or not people):
        said.append(_empty_rota(at, missing[0] if people else first, nobody=not people))
    return said


def go_on(at: Desktop, last: Action) -> list[Action]:
    """Tell the next step; after one that reached nobody, whoever was not tried, or all once more.

    A new round begins with who is on duty. So does the morning of what attached in the night to
    what was told then: whoever is there by now has not heard of it.
    """
    if last.kind == "withhold" and at.waits_at(last.at_ms):
        return step(at, "escalation", 0)
    vain = at.case.notices.in_vain
    ahead = range(last.step + 1, last.step + 1 + CHAIN_STEPS)
    if vain.rounds and not (vain.tried and any(vain.has_new(at.people(one)) for one in ahead)):
        return step(at, "escalation", next(one for one in ahead if one % CHAIN_STEPS == 0))
    worth = (one for one in ahead if not at.people(one) or vain.has_new(at.people(one)))
    return step(at, "escalation", next(worth))


def _empty_rota(at: Desktop, missing: int, *, nobody: bool) -> Action:
    programme = at.staffing.rota.programme
    place = _CHAIN_NAMES[missing % CHAIN_STEPS]
    sentence = f"Programme {programme or 'without a rota'}: nobody is {place} now"
    sentence += ", nor anywhere else in the chain: alerts reach nobody." if nobody else "."
    return report("empty-rota", programme, at.now_ms, sentence)


def notice(
    at: Desktop, reason: Sent, number: int, people: list[str], about: Transition | None = None
) -> Action:
    """Write that people are told."""
    case = at.case
    event = about or case.latest
    demand = event.event_id if about else case.demand.event_id
    place = f"{len(case.notices.chain)}/{number}"
    return Action(
        action_id=identity("notify", case.alert_id, demand, _begun(case), reason, place),
        alert_ids=[case.alert_id],
        kind="notify",
        who=DESK,
        at_ms=at.now_ms,
        patient_id=case.patient_id,
        event_ids=[event.event_id],
        reason=reason,
        step=number,
        to=people,
    )


def _begun(case: Case) -> str:
    """Name what let the chain begin anew, so that the same is not taken for said already."""
    return case.notices.reset.action_id if case.notices.reset else ""


def withhold(
    case: Case, event: Transition, reason: Withheld, now_ms: int, until_ms: int | None = None
) -> Action:
    """Write that nobody is told of an event, and why."""
    occasion = (event.event_id, _begun(case), reason, str(until_ms or ""))
    return Action(
        action_id=identity("withhold", case.alert_id, *occasion),
        alert_ids=[case.alert_id],
        kind="withhold",
        who=DESK,
        at_ms=now_ms,
        patient_id=case.patient_id,
        event_ids=[event.event_id],
        reason=reason,
        until_ms=until_ms,
    )


def expire(case: Case, answered: Action, reason: Expired, now_ms: int) -> Action:
    """Write that an acknowledgement or a shelf counts no longer."""
    return Action(
        action_id=identity("expire", case.alert_id, answered.action_id),
        alert_ids=[case.alert_id],
        kind="expire",
        who=DESK,
        at_ms=now_ms,
        patient_id=case.patient_id,
        event_ids=[case.latest.event_id],
        answers=answered.action_id,
        reason=reason,
    )


_LAPSED: dict[Event, str] = {
    "repeat-asked": "The time for a repeat is over: what came of it was judged.",
    "warming": "The windows have had their time to fill.",
}


def lapse(case: Case, now_ms: int) -> Action:
    """Write that a task is over: the time in which it could be done is."""
    return Action(
        action_id=identity("lapse", case.alert_id, case.demand.event_id),
        alert_ids=[case.alert_id],
        kind="resolve",
        who=DESK,
        at_ms=now_ms,
        patient_id=case.patient_id,
        note=_LAPSED[case.demand.event],
        event_ids=[case.demand.event_id],
    )


def over(case: Case, now_ms: int) -> Action:
    """Write that trouble of the desk itself has ended: its cause is gone."""
    return Action(
        action_id=identity("over", case.alert_id, case.demand.event_id),
        alert_ids=[case.alert_id],
        kind="resolve",
        who=DESK,
        at_ms=now_ms,
        patient_id="",
        note="It is over: the cause is gone.",
        event_ids=[case.demand.event_id],
    )


def outcome(sent: Action, now_ms: int, *, delivered: bool, note: str = "") -> Action:
    """Write what came of a delivery; ``note`` names the channels, never an address."""
    return Action(
        action_id=identity("outcome", sent.action_id, str(delivered)),
        alert_ids=sent.alert_ids,
        kind="delivered" if delivered else "undelivered",
        who=DESK,
        at_ms=now_ms,
        patient_id=sent.patient_id,
        note=note,
        event_ids=sent.event_ids,
        answers=sent.action_id,
    )
