"""The sentences that a nurse reads: what was measured, which limit of which rule it crossed."""

from functools import lru_cache

from alerts.engine.ladders import limits
from alerts.engine.ladders.findings import Finding, Own, Window
from alerts.engine.ladders.ladder import Rung
from alerts.engine.readings.sight import Sight
from alerts.rules.book import Mean
from alerts.rules.condition import Beyond, HasStatus, Limit, Test
from alerts.rules.values import HI
from schemas.reading import value_text
from schemas.vitals import spoken

_RELATION = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}
_DAY_MS = 24 * 3_600_000
_MAP = {"map": "mean arterial pressure"}


def match_text(rung: Rung, finding: Finding) -> str:
    """Say which comparisons hold: ``Systolic 192 mmHg is above 180 mmHg (book, rule)``."""
    sight, window = finding.sight, finding.window
    sums = window.sums if window else None
    if window is not None and sums is None:
        counted = _counted_text(rung, finding, window)
        measured = any(not isinstance(test, HasStatus) for test in rung.tests)
        now = f", now {values_text(rung, finding, begins=False)}" if measured else ""
        return f"{counted}{now} ({_name(rung)})"
    if sums is not None:
        holding = [test for test, holds in zip(rung.tests, sums.holding, strict=True) if holds]
    else:
        holding = [test for test in rung.tests if limits.holds(test, sight, finding.own)]
    if not holding:  # true by a "not": show what it is about
        return f"{values_text(rung, finding)}: {rung.rule.title.lower()} ({_name(rung)})"
    phrases = [_phrase(test, finding) for test in holding]
    return f"{_averaged_text(rung, window)}{_sentence(phrases)} ({_name(rung)})"


def values_text(rung: Rung, finding: Finding, *, begins: bool = True) -> str:
    """Show the values that a rule looks at: ``Systolic 128 mmHg and diastolic 79 mmHg``.

    Of a rule that looks at none, what the device reported: ``No irregular pulse``.
    """
    sums = finding.window.sums if finding.window else None
    shown = {}
    for test in rung.tests:
        if isinstance(test, HasStatus):
            continue
        if isinstance(test, Limit):
            name = _field(test.name, rise=test.rise)
            shown[name] = limits.field_text(test, finding.sight, sums)[0]
        elif quantity := finding.sight.quantities.get(test.name):
            shown[_field(test.name)] = value_text(quantity)
    text = " and ".join(f"{name} {value}" for name, value in shown.items() if value)
    flags = [test.name for test in rung.tests if isinstance(test, HasStatus)]
    text = text or " and ".join(_reported(flag, finding.sight) for flag in flags)
    return _capital(text) if begins else text


def ended_text(rung: Rung, finding: Finding) -> str:
    """Say that a condition is over."""
    averaged = _averaged_text(rung, finding.window)
    return f"{averaged}{values_text(rung, finding)}: back within limits ({_name(rung)})"


def eased_text(over: Rung, remains: Rung, finding: Finding) -> str:
    """Say which rung is over and which one has not returned yet."""
    titles = f"{over.rule.title.lower()} is over, {remains.rule.title.lower()} remains"
    return f"{values_text(remains, finding)}: {titles} ({_name(remains)})"


def standing_text(rung: Rung, finding: Finding) -> str:
    """Say what was true already when its rule came into force."""
    title = rung.rule.title.lower()
    return f"{values_text(rung, finding)}: {title} already when {rule_text(rung)} came into force"


def reopened_text(rung: Rung, finding: Finding) -> str:
    """Say what holds again, up to why."""
    title = rung.rule.title.lower()
    shown = "" if rung.rule.window else values_text(rung, finding, begins=False)
    said = f"{title}, {shown} ({_name(rung)})" if shown else f"{title} ({_name(rung)})"
    if finding.event == "wrongly-ended":
        return f"Ended by mistake: {said}; a reading that had ended it"
    age = duration_text(finding.at_ms - finding.sight.measured_at_ms)
    late = f", delayed, measured {age} ago: call the patient"
    said += late if "delayed" in finding.marks else ""
    said += ", which no repeat has confirmed" if "unverified" in finding.marks else ""
    if finding.deadline_ms is not None:
        within = duration_text(rung.rule.confirm_within_ms)
        said += f", to be confirmed by a repeat within {within}"
    return f"Open again: {said}; the reading that had ended it"


def rule_text(rung: Rung) -> str:
    """Name a rule in a sentence."""
    return f"the rule {rung.rule.id} of {rung.book.name}"


def flags_text(sight: Sight, gated: dict[str, str]) -> str:
    """Say what the device reported: ``the body moved``."""
    return " and ".join(gated[flag] for flag in sight.status or () if flag in gated)


def duration_text(duration_ms: int) -> str:
    """Show how long: ``5 h 10 min``, ``7 days``."""
    if duration_ms >= 2 * _DAY_MS and duration_ms % _DAY_MS == 0:
        return f"{duration_ms // _DAY_MS} days"
    hours, minutes = divmod(max(duration_ms, 0) // 60_000, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def excess(rung: Rung, sight: Sight, own: Own) -> float:
    """Tell how far a match lies beyond its limit, relative to it; HI and LO are the farthest."""
    return max(
        (limits.excess(test, sight, own) for test in rung.tests if limits.holds(test, sight, own)),
        default=0.0,
    )


def _counted_text(rung: Rung, finding: Finding, window: Window) -> str:
    """Say how many match: ``Systolic at or above 145 mmHg in 3 of the last 5 readings``."""
    phrases = dict.fromkeys(_rule_phrase(test, finding) for test in rung.tests)
    within_ms = getattr(rung.rule.window, "within_ms", 0)
    within = f" within {duration_text(within_ms)}" if within_ms else ""
    days = f" over {window.days} days" if window.days > 1 and not within else ""
    counted = f"in {window.matching} of the last {len(window.readings)} readings{days}{within}"
    beyond = f" ({window.censored} of them HI or LO)" if window.censored else ""
    flags = {test.name for test in rung.tests if isinstance(test, HasStatus)}
    blind = sum(
        one.status is None or not flags.isdisjoint(one.not_assessed) for one in window.readings
    )
    beyond += f" ({blind} of them by devices that do not look for it)" if flags and blind else ""
    return f"{_capital(' or '.join(phrases))} {counted}{beyond}"


def _averaged_text(rung: Rung, window: Window | None) -> str:
    """Say of what a mean is: ``Mean of 14 readings on 7 days: ``."""
    if window is None or not isinstance(rung.rule.window, Mean):
        return ""
    beyond = f", {window.beyond} HI or LO left out" if window.beyond else ""
    return f"Mean of {window.averaged} readings on {window.days} days{beyond}: "


def _reported(flag: str, sight: Sight) -> str:
    words = spoken(flag.replace("-", "_"))
    return words if flag in (sight.status or ()) else f"no {words}"


def _rule_phrase(test: Test, finding: Finding) -> str:
    if isinstance(test, HasStatus):
        return spoken(test.name.replace("-", "_"))
    if isinstance(test, Beyond):
        return f"{spoken(test.name)} {'HI' if test.side == HI else 'LO'}"
    unit = limits.field_text(test, finding.sight)[1]
    limit = limits.limit_text(test, finding.own, unit)
    return f"{_field(test.name, rise=test.rise)} {_RELATION[test.operator]} {limit}"


def _phrase(test: Test, finding: Finding) -> str:
    if isinstance(test, HasStatus):
        return f"the device reports {test.name.replace('-', ' ')}"
    sums = finding.window.sums if finding.window else None
    beyond = sums is None and limits.side_of(finding.sight.quantities.get(test.name))
    if isinstance(test, Beyond) or beyond:
        upward = test.side == HI if isinstance(test, Beyond) else test.operator.startswith(">")
        side = "HI: above" if upward else "LO: below"
        return f"{spoken(test.name)} is {side} what the device can measure"
    value, unit = limits.field_text(test, finding.sight, sums)
    limit = limits.limit_text(test, finding.own, unit)
    if sums is None and (compared := limits.compared_text(test, finding.sight, limit)):
        value += f" ({compared})"
    over = " over the baseline" if test.rise else ""
    field = _field(test.name, rise=test.rise)
    return f"{field} {value} is {_RELATION[test.operator]} {limit}{over}"


@lru_cache(maxsize=1024)
def _field(name: str, *, rise: bool = False) -> str:
    said = _MAP.get(name) or spoken(name)
    return f"{said} rise" if rise else said


def _sentence(phrases: list[str]) -> str:
    return _capital(" and ".join(phrases))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _name(rung: Rung) -> str:
    return f"{rung.book.name}, {rung.rule.id}"
