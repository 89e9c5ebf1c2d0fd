"""A back-test as tables: the same ones for a terminal, for CSV, for JSON and for the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

import jinja2
from markupsafe import Markup

from alerts.backtest.charts import Bar, bars, columns
from alerts.backtest.figures import (
    CHANGES,
    Alert,
    Change,
    alerts_of,
    by_rule,
    by_shift,
    changes_by_rule,
    compare,
)
from alerts.backtest.replay import Played
from alerts.rules.book import Book

_LISTED_MAX = 200
_DAYS_DRAWN_MAX = 400


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``numeric``: places of columns with numbers; ``chart``: SVG, or none."""

    name: str
    title: str
    headings: tuple[str, ...]
    rows: list[tuple[object, ...]]
    numeric: tuple[int, ...] = ()
    chart: Markup | None = None


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
    theirs = None if other is None else alerts_of(other[1].transitions, other[1].last_ms)
    shifts = by_shift(played.transitions, played.first_ms, played.last_ms, zone)
    tables = [_rules(played, ours, None if other is None else other[1], theirs), _load(shifts)]
    tables.append(_days(shifts))
    if unjudged := _unjudged(books):
        tables.append(unjudged)
    if theirs is not None:
        changes = compare(ours, theirs)
        tables += [_changes(changes), _changed(changes, zone)]
    first, last = (
        datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()
        for at_ms in (played.first_ms, played.last_ms)
    )
    about = (
        f"{played.judged:,} readings, {played.patient_days:,.0f} patient-days, {first} to {last}; "
        f"{len(ours):,} alerts."
    )
    name = " + ".join(book.name for book in books)
    return Report(name, None if other is None else other[0], about, tables)


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


def _rules(
    played: Played, ours: Sequence[Alert], other: Played | None, theirs: Sequence[Alert] | None
) -> Table:
    found = by_rule(played.transitions, ours, played.patient_days)
    before: dict[str, float] = {}
    if other is not None and theirs is not None:
        earlier = by_rule(other.transitions, theirs, other.patient_days)
        if len(earlier):
            before = dict(zip(earlier["rule"], earlier["alerts_per_patient_day"], strict=True))
    rows: list[tuple[object, ...]] = [
        (
            one.rule, one.severity, one.title, one.alerts, one.patients,
            round(one.alerts_per_patient_day, 5), one.pages, round(one.pages_per_patient_day, 5),
        )
        for one in found.itertuples()
    ]  # fmt: skip
    drawn = [
        Bar(
            str(one.rule),
            round(100 * one.alerts_per_patient_day, 3),
            str(one.severity),
            None if other is None else round(100 * before.get(str(one.rule), 0.0), 3),
        )
        for one in found.itertuples()
    ]
    return Table(
        "rules",
        "Alerts by rule",
        (
            "rule", "severity", "title", "alerts", "patients", "alerts per patient-day", "pages",
            "pages per patient-day",
        ),
        rows,
        (3, 4, 5, 6, 7),
        Markup(bars("Alerts by rule", "per 100 patient-days", drawn)),  # noqa: S704 - escaped there
    )  # fmt: skip


def _load(shifts: Any) -> Table:  # noqa: ANN401 - pandas has no types here
    """Tell how much a shift has to do: on average, in a bad one of twenty, in the worst."""
    hour = shifts["shift"].dt.hour
    rows: list[tuple[object, ...]] = []
    for begins, name in ((7, "early, 07-15"), (15, "late, 15-23"), (23, "night, 23-07")):
        those = shifts[hour == begins]
        if those.empty:
            continue
        for what, title in (("pages", "pages"), ("work_list", "work-list items")):
            counts = those[what]
            rows.append(
                (
                    name, title, len(those), round(float(counts.mean()), 2),
                    round(float(counts.quantile(0.95)), 1), int(counts.max()),
                )
            )  # fmt: skip
    return Table(
        "shifts",
        "Load of a shift",
        ("shift", "what", "shifts", "mean", "95 %", "most"),
        rows,
        (2, 3, 4, 5),
    )


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
        Markup(columns("Pages by day", "pages, critical (red) and high", labels, series)),  # noqa: S704
    )


def _changes(changes: Sequence[tuple[Change, Alert]]) -> Table:
    found = changes_by_rule(changes)
    rows: list[tuple[object, ...]] = [
        (one.rule, *(int(getattr(one, change)) for change in CHANGES)) for one in found.itertuples()
    ]
    return Table("changes", "What changes, by rule", ("rule", *CHANGES), rows, (1, 2, 3, 4, 5))


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
