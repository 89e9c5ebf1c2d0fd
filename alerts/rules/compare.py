"""What changes for patients if one text of a book replaces another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from alerts.rules import show
from alerts.rules.book import Absence, Book, Rule
from alerts.rules.compiler import NamedLimit
from schemas.alert import SEVERITIES

_Named = tuple[Book, Rule | Absence]
_OTHERWISE = {
    "over": "one reading",
    "only if": "always",
    "page": "at once",
    "repeat": "asked for as of the vital",
    "late": "one severity lower if it arrives late",
    "notify": "as its severity asks",
}
"""What holds where a rule says nothing."""
Kind = Literal["rule-added", "rule-removed", "severity", "rule", "limit", "vital", "book"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change, in words; ``subject`` is the rule, limit or vital that it is about."""

    kind: Kind
    subject: str
    sentence: str
    before: str = ""
    after: str = ""


def compare(old: Book, new: Book) -> list[Change]:
    """List the changes: what appears, what goes, what becomes more or less severe, and the rest."""
    return [
        *_rules(old, new),
        *_limits(old, new),
        *_vitals(old, new),
        *_book(old, new),
    ]


def _rules(old: Book, new: Book) -> Iterator[Change]:
    before = {rule.id: rule for rule in old.every_rule}
    after = {rule.id: rule for rule in new.every_rule}
    for name in (one for one in after if one not in before):
        rule = after[name]
        sentence = f"New: {rule.title} ({rule.severity}), {_when(rule)}."
        yield Change("rule-added", name, sentence, after=_when(rule))
    for name in (one for one in before if one not in after):
        rule = before[name]
        sentence = f"Gone: {rule.title} ({rule.severity}); its open alerts are closed as retired."
        yield Change("rule-removed", name, sentence, before=_when(rule))
    for name in (one for one in before if one in after):
        yield from _rule((old, before[name]), (new, after[name]))


def _rule(before: _Named, after: _Named) -> Iterator[Change]:
    old, new = before[1], after[1]
    if old.severity != new.severity:
        worse = SEVERITIES.index(new.severity) < SEVERITIES.index(old.severity)
        weighs = "more" if worse else "less"
        sentence = f"{new.title} is {weighs} severe: {old.severity} -> {new.severity}."
        yield Change("severity", new.id, sentence, old.severity, new.severity)
    if old.ladder != new.ladder:
        sentence = f"{new.title} moves to another ladder: its open alerts begin anew."
        yield Change("rule", new.id, sentence, old.ladder, new.ladder)
    was_said, is_said = _facts(*before), _facts(*after)
    for name in dict.fromkeys([*was_said, *is_said]):
        was, now = was_said.get(name, ""), is_said.get(name, "")
        if was != now:
            otherwise = _OTHERWISE.get(name, "nothing")
            sentence = f"{new.title}, {name}: {was or otherwise} -> {now or otherwise}"
            yield Change("rule", new.id, sentence.removesuffix(".") + ".", was, now)


def _facts(book: Book, rule: Rule | Absence) -> dict[str, str]:
    """Take what is said of a rule; the numbers in force are told with the limits."""
    told = (("title", rule.title), *show.facts_in(book, rule))
    return {name: text for name, text in told if name != "now"}


def _when(rule: Rule | Absence) -> str:
    told = dict(show.facts(rule))
    return ", ".join([told.get("now", told["when"]), *([told["over"]] if "over" in told else [])])


def _limits(old: Book, new: Book) -> Iterator[Change]:
    before = {limit.name: limit for limit in old.limits}
    after = {limit.name: limit for limit in new.limits}
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            sentence = (
                f"Can be replaced in care plans: {_line(now)}."
                if was is None
                else "Can no longer be replaced: personal values of it have no effect."
            )
            yield Change("limit", name, sentence, _line(was), _line(now))
        elif show.limit_line(was) != show.limit_line(now):
            yield Change("limit", name, _moved(was, now), _line(was), _line(now))


def _moved(was: NamedLimit, now: NamedLimit) -> str:
    before, after = show.amounts(was.value), show.amounts(now.value)
    units = {amount.unit: amount.number for amount in was.value}
    if before == after:
        return f"May be replaced in another range: {_line(was)} -> {_line(now)}."
    if all(amount.number == units.get(amount.unit, amount.number) for amount in now.value):
        return f"Is stated in other units: {before} -> {after}."
    rises = any(amount.number > units.get(amount.unit, amount.number) for amount in now.value)
    fewer = rises == (now.relaxing == "up")
    return f"{before} -> {after}: {'fewer' if fewer else 'more'} readings count."


def _line(limit: NamedLimit | None) -> str:
    return "" if limit is None else show.limit_line(limit)


def _vitals(old: Book, new: Book) -> Iterator[Change]:
    for name in dict.fromkeys([*old.vitals, *new.vitals]):
        was, now = old.vitals.get(name), new.vitals.get(name)
        if was is None or now is None:
            judged = "is not judged any more" if now is None else "is judged"
            yield Change("vital", name, f"{name} {judged}.")
            continue
        pairs = (
            ("fresh for", show.duration(was.fresh_ms), show.duration(now.fresh_ms)),
            (
                "a repeat is waited for",
                show.duration(was.repeat_within_ms),
                show.duration(now.repeat_within_ms),
            ),
            ("flags that ask for a repeat", ", ".join(was.gated), ", ".join(now.gated)),
        )
        for what, before, after in pairs:
            if before != after:
                sentence = f"{name}, {what}: {before or 'none'} -> {after or 'none'}."
                yield Change("vital", name, sentence, before, after)


def _book(old: Book, new: Book) -> Iterator[Change]:
    pairs = (
        ("name", old.name, new.name),
        ("title", old.title, new.title),
        ("population", old.population, new.population),
        ("age", str(old.from_age_years), str(new.from_age_years)),
    )
    for what, before, after in pairs:
        if before != after:
            yield Change("book", what, f"The book's {what}: {before} -> {after}.", before, after)
