"""What a book asks of people, as tables: alerts and pages by rule, the load of a shift.

With another book to compare with, what the same history would have asked of them by that one stands
beside it: whoever has to say yes to a book asks for its worst night, and for the one of today.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from markupsafe import Markup

from alerts.backtest.charts import Bar, bars
from alerts.backtest.figures import Alert, alerts_of, by_rule, by_shift
from alerts.backtest.replay import Played
from alerts.backtest.tables import Table


@dataclass(frozen=True, slots=True)
class Before:
    """The books to compare with, and what they said."""

    name: str
    played: Played

    @property
    def alerts(self) -> list[Alert]:
        """Give their alerts."""
        return alerts_of(self.played.transitions, self.played.last_ms)

    def shifts(self, zone: tzinfo) -> Any:  # noqa: ANN401 - pandas has no types here
        """Count their shifts."""
        return by_shift(self.played.transitions, self.played.first_ms, self.played.last_ms, zone)


def rules(played: Played, ours: list[Alert], before: Before | None) -> Table:
    """Count by rule, the gravest first; then rules that would say nothing any more."""
    found = by_rule(played.transitions, ours, played.patient_days)
    earlier: dict[str, Any] = {}
    if before is not None:
        other = by_rule(before.played.transitions, before.alerts, before.played.patient_days)
        earlier = {one.rule: one for one in other.itertuples()}
    pairs, compared = list(_pairs(found, earlier)), before is not None
    drawn = [_bar(one, was, compared=compared) for one, was in pairs]
    unit = "alerts in 100 patient-days; !! critical, ! high"
    if before is not None:
        unit += f"; dashed: {before.name}"
    headings = (
        "rule", "severity", "title", "alerts", "patients", "alerts per patient-day", "pages",
        "pages per patient-day",
    )  # fmt: skip
    return Table(
        "rules",
        "Alerts by rule",
        headings if before is None else (*headings, "alerts before", "pages before"),
        [_row(one, was, compared=compared) for one, was in pairs],
        tuple(range(3, len(headings) + 2)),
        Markup(bars("Alerts by rule", unit, drawn)),  # noqa: S704 - escaped there
        "An alert is counted under the gravest rule that it came to; patients are those with any.",
    )


def _row(one: Any, was: Any, *, compared: bool) -> tuple[object, ...]:  # noqa: ANN401
    """Give a rule's figures; either may be None: it said nothing."""
    known = was if one is None else one
    said = (0, 0, 0.0, 0, 0.0)
    if one is not None:
        rates = round(one.alerts_per_patient_day, 5), round(one.pages_per_patient_day, 5)
        said = (one.alerts, one.patients, rates[0], one.pages, rates[1])
    then = () if not compared else (0, 0) if was is None else (was.alerts, was.pages)
    return (known.rule, known.severity, known.title, *said, *then)


def _bar(one: Any, was: Any, *, compared: bool) -> Bar:  # noqa: ANN401
    """Draw how often a rule speaks in 100 patient-days."""
    known = was if one is None else one
    now, then = (
        0.0 if some is None else round(100 * some.alerts_per_patient_day, 3) for some in (one, was)
    )
    return Bar(str(known.rule), now, str(known.severity), then if compared else None)


def _pairs(found: Any, earlier: dict[str, Any]) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    """Give each rule now and before; None where it said nothing."""
    left = dict(earlier)
    for one in found.itertuples():
        yield one, left.pop(one.rule, None)
    for was in left.values():
        yield None, was


_SHIFTS = ((7, "early, 07-15"), (15, "late, 15-23"), (23, "night, 23-07"))
_KINDS = (("pages", "pages"), ("work_list", "work-list items"))


def load(shifts: Any, before: Before | None, zone: tzinfo) -> Table:  # noqa: ANN401
    """Tell how much a shift has to do: on average, in a bad one of twenty, in the worst."""
    earlier = None if before is None else before.shifts(zone)
    rows: list[tuple[object, ...]] = []
    for begins, name in _SHIFTS:
        for what, title in _KINDS:
            counts = _counts(shifts, begins, what)
            if not len(counts):
                continue
            then = () if earlier is None else _spread(_counts(earlier, begins, what))
            rows.append((name, title, len(counts), *_spread(counts), *then))
    headings = ("shift", "what", "shifts", "mean", "at most, in 19 of 20", "most")
    compared = ("mean before", "at most, in 19 of 20, before", "most before")
    note = (
        "Of all patients together, by the clinic's clocks: divide by the nurses of a shift. Pages "
        "are critical and high; work-list items are medium alerts and tasks, due by its end."
    )
    if before is not None:
        note += f" Before: the same readings judged by {before.name}."
    return Table(
        "shifts",
        "Load of a shift",
        headings if before is None else (*headings, *compared),
        rows,
        tuple(range(2, len(headings) + len(compared))),
        note=note,
    )


def _counts(shifts: Any, begins: int, what: str) -> Any:  # noqa: ANN401
    return shifts[shifts["shift"].dt.hour == begins][what]


def _spread(counts: Any) -> tuple[object, ...]:  # noqa: ANN401
    """Give mean, what nineteen of twenty do not exceed (a count that there was), and the most."""
    if not len(counts):
        return ("", "", "")
    often = int(counts.quantile(0.95, interpolation="higher"))
    return round(float(counts.mean()), 2), often, int(counts.max())
