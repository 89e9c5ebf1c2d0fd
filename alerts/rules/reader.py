"""From the text of a rule book to checked and compiled rules. Any mistake is a ``BookError``."""

import hashlib
import re
import tomllib
from typing import Any, TypeVar

import msgspec

from alerts.rules import syntax, windows
from alerts.rules.book import Absence, Book, Mean, Rule, VitalSettings
from alerts.rules.compiler import Context, NamedLimit, compile_expression
from alerts.rules.condition import Condition, Given
from alerts.rules.errors import BookError, ExpressionError
from alerts.rules.flags import known_flags
from alerts.rules.plain import hint, plain
from alerts.rules.positions import Path, Positions
from alerts.rules.text import BookText, LimitText, RuleText, VitalText
from alerts.rules.values import Requirement
from schemas.units import accepted, ucum
from schemas.vitals import VITALS

_T = TypeVar("_T")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DURATION = re.compile(r"(\d+)\s*(min|h|d)")
_DURATION_MS = {"min": 60_000, "h": 3_600_000, "d": 86_400_000}
_TREND_COOLDOWN_MS = 86_400_000
"""Of rules with a window or a baseline, unless they say another one."""
_NOT_OF_ABSENCES = (
    "when",
    "band",
    "window",
    "baseline",
    "requires",
    "confirm",
    "repeat",
    "cooldown",
    "keeps_severity_when_delayed",
)


def read_book(file: str, text: str) -> Book:
    """Check and compile a book; ``file`` is only named in errors."""
    reader = _Reader(file, text)
    return reader.book()


class _Reader:
    def __init__(self, file: str, text: str) -> None:
        self._positions = Positions(file, text)
        self._text = text
        self._vitals: dict[str, VitalText] = {}
        self._settings: dict[str, VitalSettings] = {}
        self._limits: dict[str, NamedLimit] = {}

    def _fail(self, path: Path, sentence: str) -> BookError:
        return BookError(self._positions.place(path), sentence)

    def book(self) -> Book:
        text = self._structure(self._toml(), BookText)
        self._name(("book",), text.book)
        if not text.rule:
            raise self._fail((), "The book has no rule.")
        for name, vital in text.vitals.items():
            self._vitals[name] = self._structure(vital, VitalText, ("vitals", name))
            self._settings[name] = self._vital(name, self._vitals[name])
        for name, limit in text.limits.items():
            path = ("limits", name)
            self._limits[name] = self._limit(name, self._structure(limit, LimitText, path))
        found: dict[str, Rule | Absence] = {}
        for number, rule in enumerate(text.rule):
            if rule.id in found:
                raise self._fail(("rule", number, "id"), f"Two rules are called {rule.id!r}.")
            found[rule.id] = self._rule(number, rule)
        rules = tuple(rule for rule in found.values() if isinstance(rule, Rule))
        self._agreement(rules)
        return Book(
            name=text.book,
            title=text.title,
            population=text.population,
            sha256=hashlib.sha256(self._text.encode()).hexdigest(),
            rules=rules,
            vitals=self._settings,
            absences=tuple(rule for rule in found.values() if isinstance(rule, Absence)),
            limits=tuple(self._limits.values()),
            from_age_years=text.from_age,
            text=self._text,
        )

    def _toml(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
            place = self._positions.place()
            if at:
                place = type(place)(place.file, int(at[1]), int(at[2]))
            reason = str(error).split(" (at ")[0]
            raise BookError(place, f"Not TOML: {reason}.{hint(reason)}") from error

    def _structure(self, raw: object, kind: type[_T], path: Path = ()) -> _T:
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            sentence, _, where = str(error).partition(" - at `")
            unknown = re.search(r"unknown field `(.+)`", sentence)
            place = self._positions.named(path + _path(where), unknown[1] if unknown else "")
            raise BookError(place, plain(sentence, _path(where))) from error

    def _name(self, path: Path, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise self._fail(path, f"{name!r} is no name: use a-z, 0-9 and '-'.")

    def _duration_ms(self, path: Path, text: str) -> int:
        match = _DURATION.fullmatch(text)
        if not match:
            raise self._fail(path, f"{text!r} is no duration: write it as '15min', '4h' or '3d'.")
        return int(match[1]) * _DURATION_MS[match[2]]

    def _vital(self, name: str, text: VitalText) -> VitalSettings:
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
        for flag in text.gated:
            if flag not in known_flags(name):
                raise self._fail((*path, "gated"), f"{name} has no flag {flag!r}.")
        return VitalSettings(
            fresh_ms=self._duration_ms((*path, "fresh"), text.fresh),
            repeat_within_ms=self._duration_ms((*path, "repeat_within"), text.repeat_within),
            gated=text.gated,
        )

    def _limit(self, name: str, text: LimitText) -> NamedLimit:
        path: Path = ("limits", name)
        self._name(path, name)
        value = self._amounts((*path, "value"), text.value)
        lowest, highest = (self._amounts((*path, "allowed"), end) for end in text.allowed)
        for end in (lowest, highest):
            if {amount.unit for amount in end} != {amount.unit for amount in value}:
                sentence = f"Limit {name!r} states its value and its range in different units."
                raise self._fail((*path, "allowed"), sentence)
        ends = {amount.unit: [amount.number] for amount in lowest}
        for amount in highest:
            ends[amount.unit].append(amount.number)
        for amount in value:
            low, high = ends[amount.unit]
            if low > high:
                sentence = f"The range is reversed: write {high} {amount.unit} first."
                raise self._fail((*path, "allowed"), sentence)
            if not low <= amount.number <= high:
                raise self._fail(
                    (*path, "value"),
                    f"{amount.number} {amount.unit} is outside the range that limit {name!r} "
                    f"allows: {low} to {high} {amount.unit}.",
                )
        return NamedLimit(name, value, lowest, highest, text.relaxing)

    def _amounts(self, path: Path, texts: list[str]) -> tuple[syntax.Amount, ...]:
        try:
            amounts = tuple(syntax.parse_amount(text) for text in texts)
        except ExpressionError as error:
            raise self._fail(path, error.sentence) from error
        if not amounts or len({amount.unit for amount in amounts}) < len(amounts):
            raise self._fail(path, "State the amount once in each unit of the vital.")
        return amounts

    def _rule(self, number: int, rule: RuleText) -> Rule | Absence:
        path: Path = ("rule", number)
        self._name((*path, "id"), rule.id)
        self._name((*path, "ladder"), rule.ladder)
        for key in ("title", "source", "advice"):
            if not getattr(rule, key).strip():
                raise self._fail((*path, key), f"Rule {rule.id!r} states no {key}.")
        if rule.vital not in self._vitals:
            raise self._fail((*path, "vital"), f"The book has no section [vitals.{rule.vital}].")
        if rule.absent_for is not None:
            return self._absence(path, rule, rule.absent_for)
        if rule.when is None:
            raise self._fail(path, f"Rule {rule.id!r} has neither 'when' nor 'absent_for'.")
        return self._judging(path, rule, rule.when)

    def _absence(self, path: Path, rule: RuleText, absent_for: str) -> Absence:
        for key in _NOT_OF_ABSENCES:
            if getattr(rule, key) is not None:
                sentence = f"A rule about readings that do not come has no {key!r}."
                raise self._fail((*path, key), sentence)
        ladder = f"absence-{rule.vital.replace('_', '-')}"
        if rule.ladder != ladder:
            sentence = f"The ladder of a rule about missing {rule.vital} is {ladder!r}."
            raise self._fail((*path, "ladder"), sentence)
        return Absence(
            id=rule.id,
            ladder=rule.ladder,
            title=rule.title,
            vital=rule.vital,
            severity=rule.severity,
            source=rule.source,
            advice=rule.advice,
            absent_for_ms=self._duration_ms((*path, "absent_for"), absent_for),
            notify=bool(rule.notify),
        )

    def _judging(self, path: Path, rule: RuleText, when: str) -> Rule:
        self._no_two_kinds(path, rule)
        window = baseline = None
        try:
            if rule.window is not None:
                window = windows.window(
                    rule.window, lambda key, text: self._duration_ms((*path, "window", key), text)
                )
        except ExpressionError as error:
            raise self._fail((*path, "window"), error.sentence) from error
        try:
            if rule.baseline is not None:
                baseline = windows.baseline(rule.baseline)
        except ExpressionError as error:
            raise self._fail((*path, "baseline"), error.sentence) from error
        requires = self._requirements(path, rule)
        condition = self._condition(path, rule, when, means=isinstance(window, Mean))
        trend = window is not None or baseline is not None
        return Rule(
            id=rule.id,
            ladder=rule.ladder,
            title=rule.title,
            vital=rule.vital,
            text=when,
            condition=Given(requires, condition) if requires else condition,
            severity=rule.severity,
            source=rule.source,
            advice=rule.advice,
            keeps_severity_when_delayed=bool(rule.keeps_severity_when_delayed),
            window=window,
            baseline=baseline,
            requires=requires,
            band=tuple(rule.band or ()),
            confirm_within_ms=self._within(path, "confirm", rule, 0),
            repeat_within_ms=self._within(
                path, "repeat", rule, self._settings[rule.vital].repeat_within_ms
            ),
            cooldown_ms=(_TREND_COOLDOWN_MS if trend else 0)
            if rule.cooldown is None
            else self._duration_ms((*path, "cooldown"), rule.cooldown),
            notify=rule.notify is not False,
        )

    def _no_two_kinds(self, path: Path, rule: RuleText) -> None:
        if rule.window is not None and rule.baseline is not None:
            raise self._fail((*path, "baseline"), "A rule has a window or a baseline, not both.")
        trend = "window" if rule.window is not None else "baseline"
        if rule.confirm is not None and (rule.window is not None or rule.baseline is not None):
            raise self._fail(
                (*path, "confirm"), f"A rule with a {trend} rests on more than one reading already."
            )

    def _within(self, path: Path, key: str, rule: RuleText, otherwise_ms: int) -> int:
        text = getattr(rule, key)
        if text is None:
            return otherwise_ms
        duration_ms = self._duration_ms((*path, key), text.within)
        if not duration_ms:
            raise self._fail((*path, key), f"No reading can come within {text.within}.")
        return duration_ms

    def _requirements(self, path: Path, rule: RuleText) -> tuple[Requirement, ...]:
        for attribute, words in (rule.requires or {}).items():
            if not words:
                raise self._fail((*path, "requires"), f"Name the words of {attribute!r} that do.")
        return tuple(
            Requirement(attribute, tuple(words))
            for attribute, words in (rule.requires or {}).items()
        )

    def _condition(self, path: Path, rule: RuleText, when: str, *, means: bool) -> Condition:
        try:
            band = [syntax.parse_amount(amount) for amount in rule.band or ()]
        except ExpressionError as error:
            raise self._fail((*path, "band"), error.sentence) from error
        context = Context(
            vital=VITALS[rule.vital],
            units=tuple(ucum(unit) for unit in self._vitals[rule.vital].units),
            band=band,
            limits=self._limits,
            means=means,
            rises=rule.baseline is not None,
        )
        try:
            return compile_expression(syntax.parse(when), context)
        except ExpressionError as error:
            place = self._positions.inside((*path, "when"), error.offset)
            raise BookError(place, error.sentence) from error

    def _agreement(self, rules: tuple[Rule, ...]) -> None:
        """See that every limit of the book is compared with, and by one field only."""
        used = {name for rule in rules for name in rule.settings}
        for name in self._limits:
            if name not in used:
                raise self._fail(("limits", name), f"No rule compares with limit.{name}.")


def _path(text: str) -> Path:
    """Read msgspec's path, such as ``$.rule[2].severity``."""
    found = re.findall(r"\.([A-Za-z0-9_]+)|\[(\d+)\]", text)
    return tuple(int(number) if number else name for name, number in found)
