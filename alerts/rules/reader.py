"""From the text of a rule book to checked and compiled rules. Any mistake is a ``BookError``.

What is wrong with one thing is noted, and the others are read on: the error names every mistake.
What hangs on something that is wrong (a rule on a vital or limit) is not asked.
"""

import hashlib

from alerts.rules import syntax, windows
from alerts.rules.book import Absence, Baseline, Book, Matching, Mean, Rule
from alerts.rules.compiler import Context, compile_expression
from alerts.rules.condition import Condition, Given
from alerts.rules.errors import BookError, ExpressionError
from alerts.rules.mistakes import Mistakes
from alerts.rules.positions import Path
from alerts.rules.sections import Sections
from alerts.rules.text import BookText, RuleText
from alerts.rules.values import Requirement
from schemas.units import ucum
from schemas.vitals import VITALS

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
        self._mistakes = Mistakes(file, text)
        self._fail = self._mistakes.of
        self._text = text
        self._sections = Sections(self._mistakes)

    def book(self) -> Book:
        raw = self._mistakes.toml()
        whole = self._mistakes.or_none(lambda: self._mistakes.structure(raw, BookText))
        text = whole or _legible(raw)
        with self._mistakes.noted():
            self._sections.name(("book",), text.book)
        if whole and not whole.rule:
            raise self._fail((), "The book has no rule: add one, beginning with [[rule]].")
        self._sections.read(text)
        found: dict[str, Rule | Absence] = {}
        ids = set[str]()
        for number, raw in enumerate(text.rule):
            if self._mistakes.enough:
                break
            with self._mistakes.noted():
                rule = self._mistakes.structure(raw, RuleText, ("rule", number))
                if rule.id in ids:
                    raise self._fail(
                        ("rule", number, "id"), f"Two rules are called {rule.id!r}: rename one."
                    )
                ids.add(rule.id)
                if read := self._rule(number, rule):
                    found[rule.id] = read
        rules = tuple(rule for rule in found.values() if isinstance(rule, Rule))
        if not self._mistakes:
            self._agreement(rules)
        self._mistakes.refuse()
        return Book(
            name=text.book,
            title=text.title,
            population=text.population,
            sha256=hashlib.sha256(self._text.encode()).hexdigest(),
            rules=rules,
            vitals=self._sections.settings,
            absences=tuple(rule for rule in found.values() if isinstance(rule, Absence)),
            limits=tuple(self._sections.limits.values()),
            from_age_years=text.from_age,
            text=self._text,
        )

    def _rule(self, number: int, rule: RuleText) -> Rule | Absence | None:
        """Read a rule; None if something of it is wrong, which is noted."""
        path: Path = ("rule", number)
        before = len(self._mistakes)
        for key in ("id", "ladder"):
            with self._mistakes.noted():
                self._sections.name((*path, key), getattr(rule, key))
        for key in ("title", "source", "advice"):
            with self._mistakes.noted():
                if not getattr(rule, key).strip():
                    raise self._fail((*path, key), f"Rule {rule.id!r} states no {key}.")
        if rule.vital not in self._sections.vitals:
            raise self._fail(
                (*path, "vital"), f"The book has no section [vitals.{rule.vital}]: add it."
            )
        read: Rule | Absence | None = None
        if rule.absent_for is not None:
            read = self._absence(path, rule, rule.absent_for)
        elif rule.when is None:
            raise self._fail(path, f"Rule {rule.id!r} has neither 'when' nor 'absent_for'.")
        elif rule.vital in self._sections.settings:
            read = self._judging(path, rule, rule.when)
        return read if len(self._mistakes) == before else None

    def _absence(self, path: Path, rule: RuleText, absent_for: str) -> Absence:
        for key in _NOT_OF_ABSENCES:
            with self._mistakes.noted():
                if getattr(rule, key) is not None:
                    sentence = f"A rule about readings that do not come has no {key!r}."
                    raise self._fail((*path, key), sentence)
        ladder = f"absence-{rule.vital.replace('_', '-')}"
        with self._mistakes.noted():
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
            absent_for_ms=self._sections.duration_ms((*path, "absent_for"), absent_for),
            notify=bool(rule.notify),
        )

    def _judging(self, path: Path, rule: RuleText, when: str) -> Rule | None:
        """Read a rule that judges; None if its condition is wrong. What is wrong is noted."""
        with self._mistakes.noted():
            self._no_two_kinds(path, rule)
        or_none = self._mistakes.or_none
        window = or_none(lambda: self._window(path, rule))
        baseline = or_none(lambda: self._baseline(path, rule))
        requires = or_none(lambda: self._requirements(path, rule)) or ()
        repeat_ms = self._sections.settings[rule.vital].repeat_within_ms
        confirm_within_ms = or_none(lambda: self._within(path, "confirm", rule, 0))
        repeat_within_ms = or_none(lambda: self._within(path, "repeat", rule, repeat_ms))
        cooldown_ms = or_none(lambda: self._cooldown_ms(path, rule))
        condition = or_none(lambda: self._condition(path, rule, when))
        if condition is None:
            return None
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
            confirm_within_ms=confirm_within_ms or 0,
            repeat_within_ms=repeat_within_ms or 0,
            cooldown_ms=cooldown_ms or 0,
            notify=rule.notify is not False,
        )

    def _window(self, path: Path, rule: RuleText) -> Matching | Mean | None:
        if rule.window is None:
            return None
        path = (*path, "window")
        try:
            return windows.window(
                rule.window, lambda key, text: self._sections.duration_ms((*path, key), text)
            )
        except ExpressionError as error:
            raise self._fail(path, error.sentence) from error

    def _baseline(self, path: Path, rule: RuleText) -> Baseline | None:
        if rule.baseline is None:
            return None
        try:
            return windows.baseline(rule.baseline)
        except ExpressionError as error:
            raise self._fail((*path, "baseline"), error.sentence) from error

    def _cooldown_ms(self, path: Path, rule: RuleText) -> int:
        if rule.cooldown is not None:
            return self._sections.duration_ms((*path, "cooldown"), rule.cooldown)
        return 0 if rule.window is None and rule.baseline is None else _TREND_COOLDOWN_MS

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
        duration_ms = self._sections.duration_ms((*path, key), text.within)
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

    def _condition(self, path: Path, rule: RuleText, when: str) -> Condition | None:
        """Compile what a rule asks; None if it compares with a limit that is wrong itself."""
        try:
            band = [syntax.parse_amount(amount) for amount in rule.band or ()]
        except ExpressionError as error:
            raise self._fail((*path, "band"), error.sentence) from error
        if any(f"limit.{name}" in when for name in self._sections.wrong_limits):
            return None
        context = Context(
            vital=VITALS[rule.vital],
            units=tuple(ucum(unit) for unit in self._sections.vitals[rule.vital].units),
            band=band,
            limits=self._sections.limits,
            means=rule.window is not None and rule.window.mean_days is not None,
            rises=rule.baseline is not None,
        )
        try:
            return compile_expression(syntax.parse(when), context)
        except ExpressionError as error:
            place = self._mistakes.positions.inside((*path, "when"), error.offset)
            raise BookError(place, error.sentence) from error

    def _agreement(self, rules: tuple[Rule, ...]) -> None:
        """See that every limit of the book is compared with, and by one field only."""
        used = {name for rule in rules for name in rule.settings}
        for name in self._sections.limits.keys() - used:
            with self._mistakes.noted():
                raise self._fail(
                    ("limits", name),
                    f"No rule compares with limit.{name}: take it away, or let one.",
                )


def _legible(raw: dict[str, object]) -> BookText:
    """Give what can be read on of a book whose first lines are wrong."""
    book, rule = raw.get("book"), raw.get("rule")
    vitals, limits = raw.get("vitals"), raw.get("limits")
    return BookText(
        book=book if isinstance(book, str) else "illegible",
        title="",
        population="",
        rule=rule if isinstance(rule, list) else [],
        vitals=vitals if isinstance(vitals, dict) else {},
        limits=limits if isinstance(limits, dict) else {},
    )
