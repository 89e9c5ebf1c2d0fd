"""What can be read and cannot be meant: asked of a book that somebody writes, not of one in force.

A rule that never holds is a patient whom nobody watches, and a limit that says 54 mg/dL and 30
mmol/L pages for every meter of the other unit. An engine still judges by a book that was put in
force before these questions were asked: none at all would be worse.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from alerts.rules import syntax
from alerts.rules.book import RUNGS_MAX, Book, Matching, Rule
from alerts.rules.bounds import Statement
from alerts.rules.circumstances import known_circumstances
from alerts.rules.condition import Limit, Test
from alerts.rules.errors import BookError
from alerts.rules.extent import never_ends, too_long
from alerts.rules.grid import never_or_always
from alerts.rules.mistakes import Mistakes
from alerts.rules.positions import Path
from alerts.rules.slips import is_slip, meant
from schemas.units import rounded, shown, ucum
from schemas.vitals import Quantity

LADDERS = (
    "bp-high",
    "bp-low",
    "glucose-high",
    "glucose-low",
    "pulse-high",
    "pulse-irregular",
    "pulse-low",
)
"""Of the books that come along: a clinic's own book joins them by name."""
_AGE_MAX = 120


def refuse_nonsense(file: str, book: Book) -> None:
    """Raise ``BookError`` with everything that cannot be meant."""
    _refuse(file, book, _nonsense(book))


def refuse_full_ladders(file: str, book: Book, others: Iterable[Book]) -> None:
    """Raise ``BookError`` for each ladder that would have too many rules, with those of others."""
    _refuse(file, book, _full_ladders(book, others))


def _refuse(file: str, book: Book, found: "_Found") -> None:
    mistakes = Mistakes(file, book.text)
    for path, inside, sentence in found:
        with mistakes.noted():
            if isinstance(inside, int):
                place = mistakes.positions.inside(path, inside)
            elif inside is None:
                place = mistakes.positions.place(path)
            else:
                place = mistakes.positions.word(path, inside)
            raise BookError(place, sentence)
    mistakes.refuse()


_Found = Iterator[tuple[Path, int | str | None, str]]
"""Of what, at which character or word of it, and what is wrong."""


def _nonsense(book: Book) -> _Found:
    raw = tomllib.loads(book.text)["rule"]
    numbers = _numbers(raw)
    path: Path = ("from_age",)
    if not 0 <= book.from_age_years <= _AGE_MAX:
        sentence = f"Nobody is {book.from_age_years} years old: write the age from which the book "
        yield path, None, sentence + "may watch somebody, such as 13."
    for name, vital in book.vitals.items():
        if not vital.fresh_ms:
            path = ("vitals", name, "fresh")
            yield path, None, "Nothing is fresh for no time at all: write it as '4h'."
    for absence in book.absences:
        if not absence.absent_for_ms:
            path = ("rule", numbers[absence.id], "absent_for")
            yield path, None, "Everybody is silent for no time at all: write it as '3d'."
    for path, sentence in too_long(book, numbers):
        yield path, None, sentence
    yield from _ladders(book, numbers)
    yield from _full_ladders(book)
    for rule in book.rules:
        number = numbers[rule.id]
        yield from _of_rule(("rule", number), rule, raw[number])
        yield from _of_circumstances(("rule", number, "requires"), rule)
    yield from _limits(book)


def _numbers(raw: Iterable[Mapping[str, str]]) -> dict[str, int]:
    return {rule["id"]: number for number, rule in enumerate(raw)}


def _full_ladders(book: Book, others: Iterable[Book] = ()) -> _Found:
    """Find, on each ladder, the first rule for which the engine has no room."""
    numbers = _numbers(tomllib.loads(book.text)["rule"])
    elsewhere = Counter(rule.ladder for other in others for rule in other.rules)
    here = Counter(rule.ladder for rule in book.rules)
    known = Counter(elsewhere)
    for rule in book.rules:
        known[rule.ladder] += 1
        if known[rule.ladder] == max(RUNGS_MAX, elsewhere[rule.ladder]) + 1:
            more = elsewhere[rule.ladder]
            beside = f" and {more} in other books" if more else ""
            sentence = (
                f"Ladder {rule.ladder!r} has {here[rule.ladder]} rules{beside}, and an engine "
                f"takes at most {RUNGS_MAX}: leave some out, from this one on."
            )
            yield ("rule", numbers[rule.id], "ladder"), None, sentence


def _ladders(book: Book, numbers: Mapping[str, int]) -> _Found:
    """Find names that are one letter apart: they would be two alerts of one problem."""
    known = list(LADDERS)
    for rule in book.rules:
        path: Path = ("rule", numbers[rule.id], "ladder")
        if rule.ladder.startswith("absence-"):
            yield path, None, f"{rule.ladder!r} is for rules about what does not come."
        if rule.ladder in known:
            continue
        near = next((name for name in known if is_slip(rule.ladder, name)), None)
        if near:
            sentence = (
                f"There is no ladder {rule.ladder!r} yet: did you mean {near!r}? Rules on two "
                "ladders alert twice for one problem."
            )
            yield path, None, sentence
        known.append(rule.ladder)


def _of_circumstances(path: Path, rule: Rule) -> _Found:
    known = known_circumstances(rule.vital)
    for asked in rule.requires:
        if asked.attribute not in known:
            sentence = f"No device tells {asked.attribute!r} of {rule.vital}; "
            yield path, asked.attribute, sentence + meant(asked.attribute, known)
            continue
        for word in asked.words:
            if word not in known[asked.attribute]:
                sentence = f"{word!r} is no word for {asked.attribute!r}; "
                yield path, word, sentence + meant(word, known[asked.attribute])


def _of_window(path: Path, rule: Rule, raw: Mapping[str, object]) -> _Found:
    window = raw.get("window")
    if isinstance(window, dict) and "within" in window and isinstance(rule.window, Matching):
        within_ms = rule.window.within_ms
        if not within_ms:
            yield (*path, "window"), None, "No reading is within no time at all: write '24h'."
        elif rule.window.matching > 1 and rule.window.apart_ms >= within_ms:
            sentence = "Readings that are so far apart are never within that time."
            yield (*path, "window"), None, sentence


def _of_rule(path: Path, rule: Rule, raw: Mapping[str, object]) -> _Found:
    yield from _of_window(path, rule, raw)
    if rule.severity == "critical" and not rule.notify:
        yield (
            (*path, "notify"),
            None,
            "A critical rule pages: take notify = false away, or make it medium.",
        )
    for test, leaf in _tests(rule):
        if isinstance(test, Limit):
            assert isinstance(leaf, syntax.Comparison), leaf
            stated = leaf.limit if isinstance(leaf.limit, syntax.Named) else leaf.limit[0]
            if sentence := _disagreement(test.scale.quantity, test.scale.book, rise=test.rise):
                yield (*path, "when"), stated.offset, sentence
            elif sentence := _disagreement(test.scale.quantity, test.scale.band, rise=True):
                yield (*path, "band"), None, sentence
    if sentence := never_ends(rule):
        yield (*path, "band"), None, sentence
    if rule.baseline is None and (sentence := never_or_always(rule)):
        yield (*path, "when"), None, sentence


def _tests(rule: Rule) -> Iterator[tuple[Test, syntax.Expression]]:
    leaves = [leaf for leaf, _ in _leaves(syntax.parse(rule.text), positive=True)]
    return zip(rule.condition.tests(), leaves, strict=True)


def _leaves(
    expression: syntax.Expression, *, positive: bool
) -> Iterator[tuple[syntax.Expression, bool]]:
    """Give the comparisons as they are written, and whether no "not" turns them round."""
    match expression:
        case syntax.Not(inner=inner):
            yield from _leaves(inner, positive=not positive)
        case syntax.And(parts=parts) | syntax.Or(parts=parts):
            for part in parts:
                yield from _leaves(part, positive=positive)
        case _:
            yield expression, positive


def _disagreement(quantity: Quantity, stated: Statement, *, rise: bool) -> str | None:
    """Say that amounts of two units are not the same one, rounded; None if they are."""
    known = [(unit, number) for unit, number in stated if quantity.conversion(unit)]
    for unit, number in known[1:]:
        first_unit, first = known[0]
        here, step = _canonical(quantity, unit, number, rise=rise)
        there, first_step = _canonical(quantity, first_unit, first, rise=rise)
        if abs(here - there) > step + first_step:
            into = quantity.conversion(unit)
            assert into is not None, unit
            zero = into.received(Decimal(0)) if rise else Decimal(0)
            meant = rounded(into.received(there) - zero, unit)
            return (
                f"{first} {shown(first_unit)} and {number} {shown(unit)} are not the same: "
                f"{first} {shown(first_unit)} are {meant} {shown(unit)}."
            )
    return None


def _canonical(
    quantity: Quantity, unit: str, number: Decimal, *, rise: bool
) -> tuple[Decimal, Decimal]:
    """Give an amount in the canonical unit, and the step to which its unit is rounded."""
    conversion = quantity.conversion(unit)
    assert conversion is not None, unit
    zero = conversion.canonical(Decimal(0))
    step = Decimal(1) if rounded(Decimal("0.5"), unit) == 1 else Decimal("0.1")
    return conversion.canonical(number) - (zero if rise else 0), conversion.canonical(step) - zero


def _limits(book: Book) -> _Found:
    quantities: dict[str, tuple[Quantity, set[str]]] = {}
    for rule in book.rules:
        signs = [positive for _, positive in _leaves(syntax.parse(rule.text), positive=True)]
        for test, positive in zip(rule.condition.tests(), signs, strict=True):
            if isinstance(test, Limit) and test.setting:
                relaxing = "up" if test.operator.startswith(">") == positive else "down"
                _, ways = quantities.setdefault(test.setting, (test.scale.quantity, set()))
                ways.add(relaxing)
    for limit in book.limits:
        quantity, ways = quantities[limit.name]
        path: Path = ("limits", limit.name)
        if limit.relaxing not in ways:
            (right,) = ways
            lax = f'{right.capitalize()}wards lets more pass here: write relaxing = "{right}".'
            yield (*path, "relaxing"), None, lax
        for end in (limit.lowest, limit.highest):
            stated = tuple((ucum(amount.unit), amount.number) for amount in end)
            if sentence := _disagreement(quantity, stated, rise=False):
                yield (*path, "allowed"), None, sentence
