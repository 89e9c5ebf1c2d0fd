"""A book as a person reads it."""

from collections.abc import Iterator, Sequence

from alerts.rules import syntax
from alerts.rules.book import Absence, Baseline, Book, Matching, Mean, Rule
from alerts.rules.compiler import NamedLimit

_UNITS_MS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000))


def describe(book: Book) -> str:
    """Show a book to the person who answers for it."""
    lines = [
        f"{book.name}: {book.title}",
        f"  for: {book.population}, from {book.from_age_years} years",
        f"  sha256: {book.sha256}",
    ]
    for name, vital in book.vitals.items():
        flags = ", ".join(vital.gated.values()) or "nothing"
        lines.append(
            f"  {name}: fresh for {duration(vital.fresh_ms)}; asked again within "
            f"{duration(vital.repeat_within_ms)} if {flags}"
        )
    if book.limits:
        lines += ["", "  limits that a care plan may replace:"]
        lines += [f"    {limit_line(limit)}" for limit in book.limits]
    for rule in book.every_rule:
        lines += ["", f"  {rule.id}  [{rule.severity}, ladder {rule.ladder}]  {rule.title}"]
        lines += [f"    {name + ':':<8}{text}" for name, text in facts_in(book, rule)]
    return "\n".join(lines)


def as_data(book: Book) -> dict[str, object]:
    """Give the same to a program: what is said of a rule has the names that people read."""
    return {
        "book": book.name,
        "title": book.title,
        "population": book.population,
        "from_age": book.from_age_years,
        "sha256": book.sha256,
        "vitals": {
            name: {
                "fresh": duration(vital.fresh_ms),
                "repeat_within": duration(vital.repeat_within_ms),
                "gated": vital.gated,
            }
            for name, vital in book.vitals.items()
        },
        "limits": {
            limit.name: {
                "value": amounts(limit.value),
                "allowed": [amounts(limit.lowest), amounts(limit.highest)],
                "relaxing": limit.relaxing,
            }
            for limit in book.limits
        },
        "rules": [
            {
                "id": rule.id,
                "ladder": rule.ladder,
                "title": rule.title,
                "vital": rule.vital,
                "severity": rule.severity,
                **dict(facts_in(book, rule)),
            }
            for rule in book.every_rule
        ],
    }


def facts_in(book: Book, rule: Rule | Absence) -> Iterator[tuple[str, str]]:
    """Say what a rule looks at, and what it wants otherwise than its vital does in the book."""
    for name, text in facts(rule):
        if name == "source" and isinstance(rule, Rule):
            yield from _repeat(rule, book.vitals[rule.vital].repeat_within_ms)
        yield name, text


def _repeat(rule: Rule, otherwise_ms: int) -> Iterator[tuple[str, str]]:
    if rule.repeat_within_ms != otherwise_ms:
        yield "repeat", f"asked for within {duration(rule.repeat_within_ms)}"


def facts(rule: Rule | Absence) -> Iterator[tuple[str, str]]:
    """Say what a rule looks at, one fact after the other."""
    if isinstance(rule, Absence):
        yield "when", f"no {rule.vital} for {duration(rule.absent_for_ms)}"
    else:
        yield from _judging(rule)
    if not rule.notify:
        yield "notify", "nobody: work list only"
    yield "source", rule.source
    yield "advice", rule.advice


def _judging(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "when", rule.text
    numbers = [test.described() for test in rule.condition.tests()]
    if rule.settings:
        yield "now", "; ".join(numbers)
    if rule.window or rule.baseline:
        yield "over", over(rule)
    for one in rule.requires:
        yield "only if", f"{one.attribute} is {' or '.join(one.words)}"
    if rule.band:
        yield "band", f"{', '.join(rule.band)} towards normal end it"
    if rule.confirm_within_ms:
        waits = duration(rule.confirm_within_ms)
        yield "page", f"after a confirming repeat, or {waits} without one"
    if rule.cooldown_ms:
        yield "rests", f"{duration(rule.cooldown_ms)} after it notified"
    if rule.keeps_severity_when_delayed:
        yield "late", f"stays {rule.severity} if it arrives late"


def over(rule: Rule) -> str:
    """Say in words over what a rule judges."""
    match rule.window or rule.baseline:
        case Matching() as window:
            return _matching(window)
        case Mean(days=days, readings=readings, on_days=on_days):
            return f"mean of {days} days, of at least {readings} readings on {on_days} days"
        case Baseline(readings=readings, days=days, before=before):
            began = "the first dose" if before == "therapy" else "the care plan"
            return f"rise over the mean of {days} days before {began}, at least {readings} readings"
        case _:
            return "one reading"


def _matching(window: Matching) -> str:
    parts = [f"{window.matching} of the last {window.of} readings"]
    if window.within_ms:
        parts.append(f"within {duration(window.within_ms)}")
    if window.days > 1:
        parts.append(f"on at least {window.days} days")
    if window.apart_ms:
        parts.append(f"at least {duration(window.apart_ms)} apart")
    return ", ".join(parts)


def limit_line(limit: NamedLimit) -> str:
    """Show a limit with its range: ``severe-systolic: 180 mmHg (160 mmHg to 200 mmHg)``."""
    allowed = f"{amounts(limit.lowest)} to {amounts(limit.highest)}"
    return f"{limit.name}: {amounts(limit.value)} ({allowed})"


def amounts(stated: Sequence[syntax.Amount]) -> str:
    """Show one limit in all its units."""
    return " = ".join(f"{amount.number} {amount.unit}" for amount in stated)


def duration(duration_ms: int) -> str:
    """Show how long, in the largest unit that divides it."""
    unit, size = next(one for one in _UNITS_MS if duration_ms % one[1] == 0)
    return f"{duration_ms // size} {unit}"
