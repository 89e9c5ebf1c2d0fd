"""A rule book: TOML text in, checked and compiled rules out. Any mistake is a ``BookError``."""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from alerts.rules import syntax
from alerts.rules.compiler import Context, compile_expression
from alerts.rules.condition import Condition
from alerts.rules.errors import BookError, ExpressionError
from alerts.rules.positions import Path, Positions
from alerts.rules.units import accepted, ucum
from schemas.alert import Severity
from schemas.vitals import VITALS

_T = TypeVar("_T")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DURATION = re.compile(r"(\d+)\s*(min|h)")
_DURATION_MS = {"min": 60_000, "h": 3_600_000}


class _VitalText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fresh: str
    units: list[str]
    repeat_within: str = "15min"
    gated: dict[str, str] = {}


class _RuleText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    ladder: str
    title: str
    vital: str
    when: str
    severity: Severity
    source: str
    advice: str
    band: list[str] = []
    keeps_severity_when_delayed: bool = False


class _BookText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    book: str
    title: str
    population: str
    rule: list[_RuleText]
    vitals: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VitalSettings:
    """How a book treats the readings of one vital.

    ``fresh_ms``: age on arrival up to which a reading is fresh. ``gated``: status flags that make
    a match wait for a repeat, with the words for them; the repeat has ``repeat_within_ms``.
    """

    fresh_ms: int
    repeat_within_ms: int
    gated: dict[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rung of a ladder."""

    id: str
    ladder: str
    title: str
    vital: str
    text: str
    condition: Condition
    severity: Severity
    source: str
    advice: str
    keeps_severity_when_delayed: bool
    confirm_within_ms: int = 0
    cooldown_ms: int = 0
    notify: bool = True


@dataclass(frozen=True, slots=True)
class Book:
    """A checked rule book; ``sha256`` names exactly this text."""

    name: str
    title: str
    population: str
    sha256: str
    rules: tuple[Rule, ...]
    vitals: dict[str, VitalSettings]


def read_book(file: str, text: str) -> Book:
    """Check and compile a book; ``file`` is only named in errors."""
    reader = _Reader(file, text)
    return reader.book()


class _Reader:
    def __init__(self, file: str, text: str) -> None:
        self._positions = Positions(file, text)
        self._text = text

    def _fail(self, path: Path, sentence: str) -> BookError:
        return BookError(self._positions.place(path), sentence)

    def book(self) -> Book:
        text = self._structure(self._toml(), _BookText)
        self._name(("book",), text.book)
        if not text.rule:
            raise self._fail((), "The book has no rule.")
        vitals = {
            name: self._structure(vital, _VitalText, ("vitals", name))
            for name, vital in text.vitals.items()
        }
        settings = {name: self._vital(name, vital) for name, vital in vitals.items()}
        rules: dict[str, Rule] = {}
        for number, rule in enumerate(text.rule):
            if rule.id in rules:
                raise self._fail(("rule", number, "id"), f"Two rules are called {rule.id!r}.")
            rules[rule.id] = self._rule(number, rule, vitals)
        return Book(
            name=text.book,
            title=text.title,
            population=text.population,
            sha256=hashlib.sha256(self._text.encode()).hexdigest(),
            rules=tuple(rules.values()),
            vitals=settings,
        )

    def _toml(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
            place = self._positions.place()
            if at:
                place = type(place)(place.file, int(at[1]), int(at[2]))
            raise BookError(place, f"Not TOML: {str(error).split(' (at ')[0]}.") from error

    def _structure(self, raw: object, kind: type[_T], path: Path = ()) -> _T:
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            sentence, _, where = str(error).partition(" - at `")
            unknown = re.search(r"unknown field `(.+)`", sentence)
            place = self._positions.named(path + _path(where), unknown[1] if unknown else "")
            raise BookError(place, f"{sentence}.") from error

    def _name(self, path: Path, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise self._fail(path, f"{name!r} is no name: use a-z, 0-9 and '-'.")

    def _duration_ms(self, path: Path, text: str) -> int:
        match = _DURATION.fullmatch(text)
        if not match:
            raise self._fail(path, f"{text!r} is no duration: write it as '15min' or '4h'.")
        return int(match[1]) * _DURATION_MS[match[2]]

    def _vital(self, name: str, text: _VitalText) -> VitalSettings:
        path: Path = ("vitals", name)
        vital = VITALS.get(name)
        if vital is None or vital.amends:
            raise self._fail(path, f"There is no vital {name!r} that rules could judge.")
        known = {unit for quantity in vital.quantities for unit in accepted(quantity)}
        for unit in text.units:
            if ucum(unit) not in known:
                raise self._fail((*path, "units"), f"{name} is not measured in {unit}.")
        if not text.units:
            raise self._fail((*path, "units"), "Name the units in which limits are stated.")
        return VitalSettings(
            fresh_ms=self._duration_ms((*path, "fresh"), text.fresh),
            repeat_within_ms=self._duration_ms((*path, "repeat_within"), text.repeat_within),
            gated=text.gated,
        )

    def _rule(self, number: int, rule: _RuleText, vitals: dict[str, _VitalText]) -> Rule:
        path: Path = ("rule", number)
        self._name((*path, "id"), rule.id)
        self._name((*path, "ladder"), rule.ladder)
        for key in ("title", "source", "advice"):
            if not getattr(rule, key).strip():
                raise self._fail((*path, key), f"Rule {rule.id!r} states no {key}.")
        if rule.vital not in vitals:
            raise self._fail((*path, "vital"), f"The book has no section [vitals.{rule.vital}].")
        return Rule(
            id=rule.id,
            ladder=rule.ladder,
            title=rule.title,
            vital=rule.vital,
            text=rule.when,
            condition=self._condition(path, rule, vitals[rule.vital]),
            severity=rule.severity,
            source=rule.source,
            advice=rule.advice,
            keeps_severity_when_delayed=rule.keeps_severity_when_delayed,
        )

    def _condition(self, path: Path, rule: _RuleText, vital: _VitalText) -> Condition:
        try:
            band = [syntax.parse_amount(amount) for amount in rule.band]
        except ExpressionError as error:
            raise self._fail((*path, "band"), error.sentence) from error
        units = tuple(ucum(unit) for unit in vital.units)
        context = Context(VITALS[rule.vital], units, band)
        try:
            return compile_expression(syntax.parse(rule.when), context)
        except ExpressionError as error:
            place = self._positions.inside((*path, "when"), error.offset)
            raise BookError(place, error.sentence) from error


def _path(text: str) -> Path:
    """Read msgspec's path, such as ``$.rule[2].severity``."""
    found = re.findall(r"\.([A-Za-z0-9_]+)|\[(\d+)\]", text)
    return tuple(int(number) if number else name for name, number in found)


def describe(book: Book) -> str:
    """Show a book to the person who answers for it."""
    lines = [f"{book.name}: {book.title}", f"  for: {book.population}", f"  sha256: {book.sha256}"]
    for rule in book.rules:
        lines += [
            "",
            f"  {rule.id}  [{rule.severity}, ladder {rule.ladder}]  {rule.title}",
            f"    when:   {rule.text}",
            f"    source: {rule.source}",
            f"    advice: {rule.advice}",
        ]
    return "\n".join(lines)
