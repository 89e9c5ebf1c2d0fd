"""What comes next for an alert if nobody does anything, and when: one timer for each, as data."""

from dataclasses import dataclass
from typing import Literal

from alerts.desk.case import Case
from alerts.desk.retries import pause_ms
from alerts.desk.staffing import CHAIN_STEPS, Staffing
from alerts.desk.verdicts import CONFIRMATION_GRACE_MS
from schemas.alert import Action, Severity

MINUTE_MS = 60_000
CRITICAL_STEP_MS = 5 * MINUTE_MS
HIGH_STEP_STAFFED_MS = 15 * MINUTE_MS
LISTED_AFTER_STAFFED_MS = 30 * MINUTE_MS
CRITICAL_ANSWER_MS = 60 * MINUTE_MS
HIGH_ANSWER_STAFFED_MS = 8 * 60 * MINUTE_MS

Due = Literal["tell", "step", "restart", "resume", "expire", "shelf-end", "lapse"]
"""``tell``: who was told of what was retracted. ``step``: the next step of the chain. ``restart``:
the chain from its begin. ``resume``: what was withheld until now. ``expire``: an acknowledgement
that led to nothing. ``shelf-end``: the end of a shelf. ``lapse``: a task that nobody can do now."""


@dataclass(frozen=True, slots=True)
class Timer:
    """What is due, and from when on."""

    due: Due
    at_ms: int


def timer(case: Case, staffing: Staffing, *, technical: bool) -> Timer | None:
    """Give the timer of an alert whose events are decided; None: it waits for people or records.

    ``technical``: an alert of the technical chain, which is there day and night.
    """
    notices = case.notices
    if case.condition == "retracted" and notices.told and not notices.retraction_told:
        return Timer("tell", case.latest.at_ms)
    if case.settled:
        return None
    if case.attention == "shelved":  # a task, or what is over, comes back too: on the list
        assert case.shelf is not None
        assert case.shelf.until_ms is not None
        return Timer("shelf-end", case.shelf.until_ms)
    if case.condition == "retracted":
        return None
    if case.kind == "work":
        return _lapse(case)
    match case.attention:
        case "acknowledged":
            return _expiry(case, staffing)
        case "unacknowledged":
            return _call(case, staffing, technical=technical)
        case _:
            return None


def _lapse(case: Case) -> Timer | None:
    """A repeat was asked for in a certain time: it came, or its lack has opened an alert.

    And a window that began empty is full after its time.
    """
    asked, by_ms = case.demand, case.demand.confirm_by_ms
    if (
        asked.event not in ("repeat-asked", "warming")
        or by_ms is None
        or case.attention != "unacknowledged"
    ):
        return None
    return Timer("lapse", max(by_ms, asked.at_ms) + CONFIRMATION_GRACE_MS)


def _expiry(case: Case, staffing: Staffing) -> Timer | None:
    assert case.answer is not None
    at_ms = case.answer.at_ms
    match expiring_severity(case):
        case "critical":
            return Timer("expire", at_ms + CRITICAL_ANSWER_MS)
        case "high":
            return Timer("expire", staffing.after_staffed(at_ms, HIGH_ANSWER_STAFFED_MS))
        case _:
            return None


def expiring_severity(case: Case) -> Severity:
    """Give the severity that says how long an acknowledgement lasts: a person closes a critical."""
    return "critical" if case.was_critical else case.severity


def _call(case: Case, staffing: Staffing, *, technical: bool) -> Timer | None:
    """Give the next step of an alert that nobody has answered."""
    notices = case.notices
    if notices.withheld is not None and not notices.chain:
        return _resumption(case, notices.withheld, staffing)
    if case.ended is not None and not _goes_on_after_end(case):
        return None
    if notices.chain:
        return _step(case, notices.chain[-1], staffing, technical=technical)
    if notices.attached is not None:
        return _step(case, notices.attached, staffing, technical=technical)
    if notices.reset is not None and case.severity != "info" and _may_be_told(case):
        return Timer("restart", notices.reset.at_ms)
    if notices.answered is not None and case.severity != "info":
        return Timer("resume", notices.answered.at_ms)  # the answer was taken back: nobody knows
    return None


def _may_be_told(case: Case) -> bool:
    """Whether a rule asks that notifies: of no other is anybody told, whatever runs out."""
    return case.demand.notify or case.raised.notify


def _resumption(case: Case, withheld: Action, staffing: Staffing) -> Timer | None:
    """Cool-down and the night only delay; what awaited its confirmation is over if it ended.

    What waits for a shift waits no longer than the rota that is in force by now says.
    """
    until_ms = withheld.until_ms
    assert until_ms is not None
    if case.ended is not None and withheld.reason == "awaiting-confirmation":
        return None
    if withheld.reason == "off-hours":
        until_ms = min(until_ms, staffing.next_staffed_ms(withheld.at_ms))
    elif withheld.reason == "listing":
        listed_ms = staffing.after_staffed(withheld.at_ms, LISTED_AFTER_STAFFED_MS)
        until_ms = min(until_ms, listed_ms)
    return Timer("resume", until_ms)


def _goes_on_after_end(case: Case) -> bool:
    """One more step that reaches somebody follows the end of a condition, or one round of tries.

    What came off a shelf ended is silent.
    """
    notices = case.notices
    if any(map(notices.reached, notices.after_end)) or len(notices.after_end) >= CHAIN_STEPS:
        return False
    if notices.chain or notices.attached is not None:
        return True
    return notices.reset is not None and notices.reset.reason in ("no-outcome", "no-reading")


def waits_for_a_shift(case: Case, staffing: Staffing, at_ms: int, *, technical: bool) -> bool:
    """Whether nobody is told at that time: at night only what is critical, or technical, pages."""
    return case.severity == "high" and not (technical or staffing.is_staffed(at_ms))


def _step(case: Case, last: Action, staffing: Staffing, *, technical: bool) -> Timer | None:
    """Give the next step: at once, or soon, if the last one reached nobody."""
    if case.severity not in ("critical", "high"):
        return None
    critical = case.severity == "critical"
    wait_ms = CRITICAL_STEP_MS if critical else HIGH_STEP_STAFFED_MS
    vain = case.notices.in_vain
    if vain.rounds:
        ahead = range(last.step + 1, last.step + 1 + CHAIN_STEPS)
        people = [staffing.people(one, last.at_ms, technical=technical) for one in ahead]
        if any(map(vain.has_new, people)):
            return Timer("step", last.at_ms)
        wait_ms = pause_ms(vain.rounds, last, wait_ms)
    if critical or technical:
        return Timer("step", last.at_ms + wait_ms)
    if last.kind == "withhold" and waits_for_a_shift(
        case, staffing, last.at_ms, technical=technical
    ):
        return Timer("step", staffing.next_staffed_ms(last.at_ms))
    return Timer("step", staffing.after_staffed(last.at_ms, wait_ms))
