"""What a back-test says: alerts by rule, the load of each shift, what another book would change."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal

import pandas as pd

from alerts.backtest.heard import pages
from schemas.alert import SEVERITIES, WORK_LIST, Severity, Transition

SHIFT_BEGINS_H = (7, 15, 23)
"""Early, late and night: eight hours each, by the clocks of the clinic."""
_OPENS = frozenset({"onset", "standing"})

Change = Literal["kept", "graver", "milder", "appears", "vanishes"]
CHANGES: tuple[Change, ...] = ("kept", "graver", "milder", "appears", "vanishes")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a run, from its onset to its end (UTC ms): the gravest that it became."""

    alert_id: str
    patient_id: str
    ladder: str
    rule: str
    title: str
    severity: Severity
    onset_ms: int
    end_ms: int
    reading_id: str
    values: str


def alerts_of(transitions: Sequence[Transition], until_ms: int) -> list[Alert]:
    """Fold transitions into alerts; what is still open ends at ``until_ms``."""
    opened: dict[str, Alert] = {}
    for one in transitions:
        known = opened.get(one.alert_id)
        if known is None and one.event in _OPENS:
            values = ", ".join(f"{name} {shown}" for name, shown in one.evidence.quantities.items())
            opened[one.alert_id] = Alert(
                one.alert_id, one.patient_id, one.ladder, one.rule, one.title, one.severity,
                one.at_ms, until_ms, one.evidence.reading_id, values,
            )  # fmt: skip
        elif known is not None:
            graver = SEVERITIES.index(one.severity) < SEVERITIES.index(known.severity)
            ended = one.event in ("returned", "retracted", "not-confirmed", "retired")
            if graver or ended:
                opened[one.alert_id] = Alert(
                    known.alert_id,
                    known.patient_id,
                    known.ladder,
                    one.rule if graver and not ended else known.rule,
                    one.title if graver and not ended else known.title,
                    one.severity if graver and not ended else known.severity,
                    known.onset_ms,
                    one.at_ms if ended else known.end_ms,
                    known.reading_id,
                    known.values,
                )
    return list(opened.values())


def by_rule(transitions: Sequence[Transition], alerts: Sequence[Alert], patient_days: float) -> Any:  # noqa: ANN401 - pandas has no types here
    """Count per rule: alerts, patients, pages, and rates in a patient-day; gravest rules first."""
    paged: dict[str, int] = defaultdict(int)
    severity: dict[str, Severity] = {}
    for one in pages(transitions):
        paged[one.rule] += 1
        severity.setdefault(one.rule, one.severity)
    rows: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        rows[alert.rule].append(alert)
    days = max(patient_days, 1.0)
    table = pd.DataFrame(
        {
            "rule": rule,
            "severity": rows[rule][0].severity if rule in rows else severity[rule],
            "title": rows[rule][0].title if rule in rows else "",
            "alerts": len(rows[rule]),
            "patients": len({alert.patient_id for alert in rows[rule]}),
            "alerts_per_patient_day": len(rows[rule]) / days,
            "pages": paged[rule],
            "pages_per_patient_day": paged[rule] / days,
        }
        for rule in sorted({*rows, *paged})
    )
    if table.empty:
        return table
    rank = table["severity"].map(SEVERITIES.index)
    return table.assign(rank=rank).sort_values(["rank", "rule"]).drop(columns="rank")


def by_shift(transitions: Sequence[Transition], first_ms: int, last_ms: int, zone: tzinfo) -> Any:  # noqa: ANN401
    """Count pages and work-list items in every shift from first to last, also in quiet ones."""
    begins = pd.DataFrame({"shift": _shifts(first_ms, last_ms, zone)})
    counts: dict[str, dict[datetime, int]] = {
        name: defaultdict(int) for name in ("critical", "high", "work_list")
    }
    for one in pages(transitions):
        counts[one.severity][shift_of(one.at_ms, zone)] += 1
    for one in transitions:
        if (one.event in _OPENS and one.severity == "medium") or one.event in WORK_LIST:
            counts["work_list"][shift_of(one.at_ms, zone)] += 1
    for name, by_begin in counts.items():
        begins[name] = [by_begin.get(begin, 0) for begin in begins["shift"]]
    begins["pages"] = begins["critical"] + begins["high"]
    return begins


def shift_of(at_ms: int, zone: tzinfo) -> datetime:
    """Give when the shift of an instant began, by the clinic's clocks."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    begun = [hour for hour in SHIFT_BEGINS_H if hour <= local.hour]
    day = local.date() if begun else local.date() - timedelta(days=1)
    hour = begun[-1] if begun else SHIFT_BEGINS_H[-1]
    return datetime(day.year, day.month, day.day, hour)  # noqa: DTZ001 - shown as the clinic's


def _shifts(first_ms: int, last_ms: int, zone: tzinfo) -> list[datetime]:
    shift, last = shift_of(first_ms, zone), shift_of(last_ms, zone)
    found = []
    while shift <= last:
        found.append(shift)
        shift += timedelta(hours=8)
    return found


def compare(ours: Sequence[Alert], theirs: Sequence[Alert]) -> list[tuple[Change, Alert]]:
    """Say what becomes of each alert if ``ours`` replaces ``theirs``.

    Two alerts are the same if they are of one patient's one ladder and were open at one time. Each
    alert of ours is ``kept``, ``graver`` or ``milder``, or it ``appears``; one of theirs that none
    of ours meets ``vanishes``.
    """
    open_in_theirs = _by_ladder(theirs)
    open_in_ours = _by_ladder(ours)
    found: list[tuple[Change, Alert]] = []
    for alert in ours:
        met = [
            other for other in open_in_theirs[alert.patient_id, alert.ladder] if _meet(alert, other)
        ]
        if not met:
            found.append(("appears", alert))
            continue
        before = min(SEVERITIES.index(other.severity) for other in met)
        now = SEVERITIES.index(alert.severity)
        found.append(("kept" if now == before else "graver" if now < before else "milder", alert))
    found += [
        ("vanishes", alert)
        for alert in theirs
        if not any(_meet(alert, other) for other in open_in_ours[alert.patient_id, alert.ladder])
    ]
    return found


def changes_by_rule(changes: Sequence[tuple[Change, Alert]]) -> Any:  # noqa: ANN401
    """Count changes per rule."""
    counted: dict[str, dict[Change, int]] = defaultdict(lambda: dict.fromkeys(CHANGES, 0))
    for change, alert in changes:
        counted[alert.rule][change] += 1
    return pd.DataFrame([{"rule": rule, **counted[rule]} for rule in sorted(counted)])


def _by_ladder(alerts: Sequence[Alert]) -> defaultdict[tuple[str, str], list[Alert]]:
    found: defaultdict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in alerts:
        found[alert.patient_id, alert.ladder].append(alert)
    return found


def _meet(one: Alert, other: Alert) -> bool:
    return one.onset_ms <= other.end_ms and other.onset_ms <= one.end_ms
