"""The rule books in force, turned into ladders: the rungs of one clinical problem, worst first.

A set of rungs is a bit mask: bit ``n`` is the ladder's rung ``n``.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby

from alerts.rules.book import RUNGS_MAX, Book, Mean, Rule, VitalSettings
from alerts.rules.condition import Test
from alerts.rules.flags import known_flags
from schemas.alert import SEVERITIES, Severity
from schemas.errors import MisconfiguredError
from schemas.vitals import VITALS, Vital

INFO = len(SEVERITIES) - 1


@dataclass(frozen=True, slots=True, eq=False)  # each is itself: a key that costs nothing
class Rung:
    """A rule with the book that it comes from; ``rank`` is its place in ``SEVERITIES``.

    ``key`` names the rung for ever: state is kept by it. ``tests``: the rule's comparisons.
    ``asks``: beside it, what decides whether the rule is true or returns; what was found by another
    counts no more.
    """

    rule: Rule
    book: Book
    rank: int
    fresh_ms: int
    key: str = field(init=False)
    tests: tuple[Test, ...] = field(init=False)
    asks: str = field(init=False)

    def __post_init__(self) -> None:
        """Note what is asked often."""
        object.__setattr__(self, "key", f"{self.book.name}/{self.rule.id}")
        object.__setattr__(self, "tests", self.rule.condition.tests())
        rule, values = self.rule, {limit.name: limit for limit in self.book.limits}
        named = [values[name].value for name in rule.settings]
        what = self.key, rule.ladder, rule.vital, " ".join(rule.text.split()), named
        asks = (*what, rule.window, rule.baseline, rule.requires, rule.band)
        object.__setattr__(self, "asks", repr(asks))


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """All rungs of one problem; ``index`` is its place among all ladders.

    ``confirming``: the rungs whose page waits for a repeat; ``means``: those that a mean decides.
    """

    index: int
    name: str
    vital: str
    rungs: tuple[Rung, ...]
    critical: int
    keeps_severity_when_delayed: int
    confirming: int = 0
    means: int = 0

    def rank(self, rung: int, lowered: int) -> int:
        """Give a rung's severity: one lower if it was found delayed or unverified."""
        return min(self.rungs[rung].rank + (lowered >> rung & 1), INFO)

    def speaking(self, rungs: int, lowered: int = 0) -> int | None:
        """Choose the most severe of a set of rungs; of equals the first."""
        voice = _voice(self, rungs, lowered)
        return None if voice is None else voice[1]

    def voice(self, rungs: int, lowered: int) -> tuple[int, int] | None:
        """Give the rank and the rung that speaks; None while nothing holds."""
        return _voice(self, rungs, lowered)

    def speakers(self, rungs: int, lowered: int) -> int:
        """Choose all of a set of rungs that are as severe as the one that speaks."""
        voice = _voice(self, rungs, lowered)
        return mask(rung for rung in bits(rungs) if voice and self.rank(rung, lowered) == voice[0])

    def keys(self, rungs: int) -> list[str]:
        """Name a set of rungs."""
        return [self.rungs[rung].key for rung in bits(rungs)]


@lru_cache(maxsize=1 << 14)  # a clinic knows a few dozen of the sets that are possible
def _voice(ladder: Ladder, rungs: int, lowered: int) -> tuple[int, int] | None:
    return min(((ladder.rank(rung, lowered), rung) for rung in bits(rungs)), default=None)


@dataclass(frozen=True, slots=True)
class VitalLadders:
    """What is judged by one vital's readings; without ladders they are only remembered.

    ``gated``: flags that keep a reading out of windows, with the words for them.
    """

    index: int
    vital: Vital
    ladders: tuple[Ladder, ...]
    gated: dict[str, str]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Every loaded book, arranged for the engine; ``vitals``: all, so that books may come later."""

    books: dict[str, Book]
    ladders: tuple[Ladder, ...]
    vitals: tuple[VitalLadders, ...]

    def in_force(self, books: Iterable[str]) -> list[int]:
        """Give, for each ladder, the rungs that come from the named books."""
        names = frozenset(books)
        return [
            mask(place for place, rung in enumerate(ladder.rungs) if rung.book.name in names)
            for ladder in self.ladders
        ]


def mask(places: Iterable[int]) -> int:
    """Make a set of rungs."""
    result = 0
    for place in places:
        result |= 1 << place
    return result


def bits(rungs: int) -> Iterator[int]:
    """List the rungs of a set."""
    while rungs:
        lowest = rungs & -rungs
        yield lowest.bit_length() - 1
        rungs ^= lowest


def severity(rank: int) -> Severity:
    """Name a rank."""
    return SEVERITIES[rank]


def arrange(books: Sequence[Book]) -> RuleSet:
    """Build the ladders of all books. Raises ``MisconfiguredError`` where books contradict."""
    by_name = {book.name: book for book in books}
    if len(by_name) < len(books):
        raise MisconfiguredError("Two rule books have one name.", "Rename one of them.")
    rungs = [
        Rung(rule, book, SEVERITIES.index(rule.severity), book.vitals[rule.vital].fresh_ms)
        for book in books
        for rule in book.rules
    ]
    rungs.sort(key=lambda rung: (rung.rule.ladder, rung.rank))  # stable: of equals the first
    groups = [tuple(group) for _, group in groupby(rungs, key=lambda rung: rung.rule.ladder)]
    settings = {name: _agreed(name, books) for name in VITALS}
    ladders = tuple(_ladder(index, group) for index, group in enumerate(groups))
    kept = [name for name, vital in VITALS.items() if vital.amends is None]
    vitals = tuple(
        VitalLadders(
            index=index,
            vital=VITALS[name],
            ladders=tuple(ladder for ladder in ladders if ladder.vital == name),
            gated=_gated(name, settings[name]),
        )
        for index, name in enumerate(kept)
    )
    return RuleSet(by_name, ladders, vitals)


def _ladder(index: int, rungs: tuple[Rung, ...]) -> Ladder:
    name = rungs[0].rule.ladder
    vitals = {rung.rule.vital for rung in rungs}
    if len(vitals) > 1:
        raise MisconfiguredError(
            f"Ladder {name} judges {' and '.join(sorted(vitals))}.",
            "Give each vital ladders of its own.",
        )
    if len(rungs) > RUNGS_MAX:
        raise MisconfiguredError(
            f"Ladder {name} has {len(rungs)} rules.", f"At most {RUNGS_MAX} are possible."
        )
    vital = vitals.pop()
    return Ladder(
        index=index,
        name=name,
        vital=vital,
        rungs=rungs,
        critical=mask(place for place, rung in enumerate(rungs) if rung.rank == 0),
        keeps_severity_when_delayed=mask(
            place for place, rung in enumerate(rungs) if rung.rule.keeps_severity_when_delayed
        ),
        confirming=mask(place for place, rung in enumerate(rungs) if rung.rule.confirm_within_ms),
        means=mask(place for place, rung in enumerate(rungs) if isinstance(rung.rule.window, Mean)),
    )


def _agreed(vital: str, books: Sequence[Book]) -> VitalSettings | None:
    """Give what the books say of a vital; only how long it is fresh may differ between them."""
    found = [(book.name, book.vitals[vital]) for book in books if vital in book.vitals]
    for name, settings in found[1:]:
        first_name, first = found[0]
        if (settings.gated, settings.repeat_within_ms) != (first.gated, first.repeat_within_ms):
            raise MisconfiguredError(
                f"The books {first_name} and {name} disagree on 'gated' or 'repeat_within' "
                f"of {vital}.",
                "A patient may be under both: make them equal.",
            )
    return found[0][1] if found else None


def _gated(vital: str, settings: VitalSettings | None) -> dict[str, str]:
    """Of a vital that no book judges, any flag keeps a reading out of windows to come."""
    return {flag: flag for flag in known_flags(vital)} if settings is None else settings.gated
