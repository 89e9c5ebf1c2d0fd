"""A back-test as tables: the same ones for a terminal, for CSV, for JSON and for the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

import jinja2
from markupsafe import Markup

from alerts.backtest.burden import Before, load, rules
from alerts.backtest.charts import columns
from alerts.backtest.figures import (
    CHANGES,
    Alert,
    Change,
    alerts_of,
    by_shift,
    changes_by_rule,
    compare,
)
from alerts.backtest.remarks import counted
from alerts.backtest.replay import Played
from alerts.backtest.tables import Table
from alerts.rules.book import Book

_LISTED_MAX = 200
_DAYS_DRAWN_MAX = 400


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is said of a back-test."""

    books: str
    against: str | None
    about: str
    tables: list[Table]
    rejected: dict[str, int] = field(default_factory=dict)


def report(
    books: Sequence[Book], played: Played, zone: tzinfo, other: tuple[str, Played] | None = None
) -> Report:
    """Make the tables: by rule, by shift, by day, and what changes against ``other``.

    Rules of the books that history cannot judge are a table too: none of them must look quiet.
    """
    ours = alerts_of(played.transitions, played.last_ms)
    before = None if other is None else Before(*other)
    shifts = by_shift(played.transitions, played.first_ms, played.last_ms, zone)
    tables = [
        rules(played, ours, before),
        load(shifts, before, zone),
        _days(shifts),
    ]
    if unjudged := _unjudged(books):
        tables.append(unjudged)
    if before is not None:
        changes = compare(ours, before.alerts)
        tables += [_changes(changes, before.name), _changed(changes, zone)]
    first, last = (
        datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()
        for at_ms in (played.first_ms, played.last_ms)
    )
    about = (
        f"{counted(played.judged, 'reading')} of {counted(played.patients, 'patient')}, "
        f"{counted(round(played.patient_days), 'patient-day')}, {first} to {last}; "
        f"{counted(len(ours), 'alert')}."
    )
    name = " + ".join(book.name for book in books)
    return Report(name, None if before is None else before.name, about, tables)


def page(report: Report, template: str) -> str:
    """Write the page: one file that needs nothing else."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.from_string(template).render(
        books=report.books, against=report.against, about=report.about, tables=report.tables
    )


def as_json(report: Report) -> dict[str, object]:
    """Give the tables as objects."""
    return {
        "books": report.books,
        "against": report.against,
        "about": report.about,
        "rejected": report.rejected,
        **{
            table.name: [
                {name: _plain(cell) for name, cell in zip(table.headings, row, strict=True)}
                for row in table.rows
            ]
            for table in report.tables
        },
    }


def csv_rows(report: Report) -> list[list[object]]:
    """Give the tables as rows of one CSV file, each under a line with its name and headings."""
    rows: list[list[object]] = []
    for table in report.tables:
        rows.append(["table", *table.headings])
        rows += [[table.name, *row] for row in table.rows]
    return rows


def _unjudged(books: Sequence[Book]) -> Table | None:
    """List the rules that say nothing in a back-test, whatever was measured."""
    silent = "about silence: history does not tell who did not measure from what was down"
    meal = "asks for a circumstance (requires): a table of readings has none"
    rows: list[tuple[object, ...]] = [
        (f"{book.name}/{rule.id}", rule.severity, rule.title, why)
        for book in books
        for rules, why in (
            (book.absences, silent),
            ([one for one in book.rules if one.requires], meal),
        )
        for rule in rules
    ]
    if not rows:
        return None
    return Table("not_judged", "Rules left out", ("rule", "severity", "title", "why"), rows)


def _days(shifts: Any) -> Table:  # noqa: ANN401
    days = shifts.groupby(shifts["shift"].dt.date)[["critical", "high", "work_list"]].sum()
    labels = [str(day) for day in days.index][:_DAYS_DRAWN_MAX]
    series = {name: days[name].tolist()[:_DAYS_DRAWN_MAX] for name in ("critical", "high")}
    rows: list[tuple[object, ...]] = [
        (str(day), int(one.critical), int(one.high), int(one.work_list))
        for day, one in zip(days.index, days.itertuples(), strict=True)
    ]
    return Table(
        "days",
        "Pages by day",
        ("day", "critical pages", "high pages", "work-list items"),
        rows,
        (1, 2, 3),
        Markup(  # noqa: S704 - escaped there
            columns(
                "Pages by day", "pages a day: critical (red, below), high (orange)", labels, series
            )
        ),
        note="By the day on which the shift began: what a night brings is the day before's.",
    )


def _changes(changes: Sequence[tuple[Change, Alert]], before: str) -> Table:
    found = changes_by_rule(changes)
    rows: list[tuple[object, ...]] = [
        (one.rule, *(int(getattr(one, change)) for change in CHANGES)) for one in found.itertuples()
    ]
    return Table(
        "changes",
        "What changes, by rule",
        ("rule", *CHANGES),
        rows,
        (1, 2, 3, 4, 5),
        note=f"Alerts, compared with {before}. Alerts of one patient's problem that would have "
        "been open at one time are the same one: kept as grave as it was, graver, or milder. What "
        f"appears is new; what vanishes was an alert of {before} alone, under the rule named.",
    )


def _changed(changes: Sequence[tuple[Change, Alert]], zone: tzinfo) -> Table:
    """List alerts that appear or vanish or change their severity: somebody looks at these."""
    listed = [(change, alert) for change, alert in changes if change != "kept"][:_LISTED_MAX]
    rows: list[tuple[object, ...]] = [
        (
            change,
            alert.patient_id,
            alert.rule,
            alert.severity,
            f"{datetime.fromtimestamp(alert.onset_ms / 1000, UTC).astimezone(zone):%Y-%m-%d %H:%M}",
            alert.values,
        )
        for change, alert in listed
    ]
    return Table(
        "changed",
        f"Alerts that change (the first {_LISTED_MAX})",
        ("change", "patient", "rule", "severity", "since", "reading"),
        rows,
    )


def _plain(cell: object) -> object:
    return cell if isinstance(cell, int | float | str) or cell is None else str(cell)
