"""How good a book is: its alerts on a cohort, held against the truth behind that cohort.

*Page*: what reaches a person at once or on duty for the first time (``alerts.backtest.heard``): an
alert's onset, each step up, its confirmation.

Pages about silence are counted apart: whether nobody measured is no question of physiology.

*Needless*: at the true time of the reading behind the page, no true episode of that problem was in
course that is at least as grave. A true 179 mmHg shown as 181 is needless, however near.

*Critical sensitivity*: of the true critical episodes in which at least one valid reading met what
hardly any approved device misses (``clinical``: plain truth), those that a critical page told of.
Valid: of the patient's own body, not flagged by the device, at the clinic while fresh. Beside it
stands the share of *all* critical episodes in which anything was measured at all: the difference is
what the standards of cuffs and meters leave open, and what homes deliver late.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from alerts.backtest.heard import Heard, heard, pages
from alerts.rules.book import Book
from schemas.alert import ENDING, Transition
from simulators.cohort.circumstances import Circumstance, Reason, circumstances, reason
from simulators.cohort.clinical import GRADES, Definition, Problem, of_grade
from simulators.cohort.episodes import Episode
from simulators.cohort.facts import Fact, facts
from simulators.cohort.generate import Cohort
from simulators.cohort.silences import LADDER, Silence, silences

_PROBLEMS: dict[str, Problem] = {
    "bp-high": "high-pressure",
    "bp-low": "low-pressure",
    "pulse-high": "fast-pulse",
    "pulse-low": "slow-pulse",
    "pulse-irregular": "irregular-pulse",
    "glucose-low": "low-glucose",
    "glucose-high": "high-glucose",
}

_SILENT_MS = 48 * 3_600_000


@dataclass(frozen=True, slots=True)
class Page:
    """A page and whether the truth wanted it; ``truly_ms``: when its reading truly was."""

    transition: Transition
    truly_ms: int
    needed: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A critical episode: what was measured in it, and when a critical page told of it.

    ``first_ms``: the first own reading beyond the limit; ``plain_ms``: the first valid one of plain
    truth. ``high_ms``: the first page of any severity. ``missed``: why no critical page told of
    what was measured. ``silent``: nothing was tried in the two days before it, nor in it.
    """

    episode: Episode
    first_ms: int | None
    plain_ms: int | None
    paged_ms: int | None
    high_ms: int | None
    circumstances: frozenset[Circumstance]
    missed: Reason | None
    silent: bool


@dataclass(slots=True)
class Evaluation:
    """What came of one cohort; several can be added up with ``together``."""

    patient_weeks: float = 0.0
    readings: int = 0
    pages: list[Page] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)

    @property
    def needless_a_week(self) -> float:
        """Needless pages in a patient-week."""
        return sum(not page.needed for page in self.pages) / self.patient_weeks

    @property
    def pages_a_week(self) -> float:
        """All pages in a patient-week."""
        return len(self.pages) / self.patient_weeks

    @property
    def plain(self) -> list[Told]:
        """The episodes that critical sensitivity is about."""
        return [one for one in self.told if one.plain_ms is not None]

    @property
    def measured(self) -> list[Told]:
        """Critical episodes in which anything was measured."""
        return [one for one in self.told if one.first_ms is not None]

    @property
    def missed(self) -> list[Told]:
        """Episodes of ``plain`` that no critical page told of."""
        return [one for one in self.plain if one.paged_ms is None]

    @property
    def sensitivity(self) -> float:
        """Critical sensitivity; 1 where there was nothing to tell."""
        return _told_share(self.plain)

    @property
    def sensitivity_of_all(self) -> float:
        """The same of every critical episode with a reading in it, plain or not, valid or not."""
        return _told_share(self.measured)

    def minutes_to_page(self) -> list[float]:
        """From the first valid plain reading to the page, in order; a page may come before it."""
        return sorted(
            max(one.paged_ms - one.plain_ms, 0) / 60_000
            for one in self.plain
            if one.paged_ms is not None and one.plain_ms is not None
        )


def together(several: Iterable[Evaluation]) -> Evaluation:
    """Add up."""
    total = Evaluation()
    for one in several:
        total.patient_weeks += one.patient_weeks
        total.readings += one.readings
        total.pages += one.pages
        total.told += one.told
        total.silences += one.silences
    return total


def evaluate(
    cohort: Cohort, books: Sequence[Book], transitions: Sequence[Transition]
) -> Evaluation:
    """Hold what books said of a cohort against its truth."""
    truth = _Truth(cohort, books)
    paged = pages(transitions)
    return Evaluation(
        cohort.patient_weeks,
        len(cohort.measured),
        [truth.page(page) for page in paged if not page.ladder.startswith(LADDER)],
        truth.told(heard(transitions), _waited(transitions)),
        silences(cohort, books, paged),
    )


def _waited(transitions: Sequence[Transition]) -> dict[str, str]:
    """Give the reading that waited for each confirmation, by the event that confirms it.

    Such a page tells of both: when the repeat came, the spell may have been over.
    """
    waiting: dict[str, str] = {}
    found: dict[str, str] = {}
    for one in transitions:
        if "awaiting-confirmation" in one.marks:
            waiting.setdefault(one.alert_id, one.evidence.reading_id)
        elif one.event == "confirmed":
            found[one.event_id] = waiting.pop(one.alert_id, "")
        elif one.event == "eased" or one.event in ENDING:
            waiting.pop(one.alert_id, None)
    return found


def _told_share(episodes: Sequence[Told]) -> float:
    told = sum(one.paged_ms is not None for one in episodes)
    return told / len(episodes) if episodes else 1.0


@dataclass(frozen=True, slots=True)
class _Heard:
    """A page of a patient: of which problem (None: any), and when its reading truly was."""

    truly_ms: int
    paged_ms: int
    problem: Problem | None
    critical: bool

    def tells_of(self, episode: Episode) -> bool:
        if self.problem not in (None, episode.problem):
            return False
        return episode.onset_ms <= self.truly_ms <= episode.end_ms


class _Truth:
    """A cohort's truth, laid out for questions."""

    def __init__(self, cohort: Cohort, books: Sequence[Book]) -> None:
        self._cohort = cohort
        self._facts = facts(cohort, books)
        self._confirm_ms = max(
            (rule.confirm_within_ms for book in books for rule in book.rules), default=0
        )
        self._of: dict[str, list[Fact]] = defaultdict(list)
        for fact in sorted(self._facts.values(), key=lambda fact: fact.at_ms):
            self._of[fact.measured.patient_id].append(fact)
        self._episodes: dict[str, list[Episode]] = defaultdict(list)
        for episode in cohort.episodes:
            self._episodes[episode.patient_id].append(episode)

    def page(self, transition: Transition) -> Page:
        """Say whether the truth wanted a page."""
        known = self._facts.get(transition.evidence.reading_id)
        truly_ms = transition.at_ms if known is None else known.at_ms
        problem = _PROBLEMS.get(transition.ladder)
        enough = GRADES.index("critical" if transition.severity == "critical" else "high")
        needed = any(
            episode.onset_ms <= truly_ms <= episode.end_ms
            for episode in self._episodes[transition.patient_id]
            if GRADES.index(episode.grade) <= enough and problem in (None, episode.problem)
        )
        return Page(transition, truly_ms, needed)

    def told(self, several: Iterable[Heard], waited: Mapping[str, str]) -> list[Told]:
        """Say of each critical episode what was measured and when a page told of it."""
        heard_of: dict[str, list[_Heard]] = defaultdict(list)
        for told in several:
            one = told.transition
            problem, critical = _PROBLEMS.get(one.ladder), one.severity == "critical"
            for reading_id in (one.evidence.reading_id, waited.get(one.event_id, "")):
                if (known := self._facts.get(reading_id)) is not None:
                    heard_of[one.patient_id].append(
                        _Heard(known.at_ms, told.paged_ms, problem, critical)
                    )
        definitions = of_grade(self._cohort.population, "critical")
        return [
            self._one_told(episode, definitions, heard_of[episode.patient_id])
            for episode in self._cohort.episodes
            if episode.grade == "critical"
        ]

    def _one_told(
        self, episode: Episode, definitions: Sequence[Definition], heard_of: Sequence[_Heard]
    ) -> Told:
        definition = next(one for one in definitions if one.problem == episode.problem)
        every = self._of[episode.patient_id]
        begin = bisect_left(every, episode.onset_ms, key=lambda one: one.at_ms)
        end = bisect_right(every, episode.end_ms, key=lambda one: one.at_ms)
        own = [one for one in every[begin:end] if one.measured.own]
        inside = [one for one in own if not one.went_wrong("failed")]
        beyond = [one for one in inside if definition.met(one.measured.true)]
        plain = [
            one.at_ms
            for one in inside
            if definition.plain(one.measured.true) and one.fresh and not one.flagged
        ]
        of_it = [one for one in heard_of if one.tells_of(episode)]
        paged_ms = min((one.paged_ms for one in of_it if one.critical), default=None)
        return Told(
            episode=episode,
            first_ms=beyond[0].at_ms if beyond else None,
            plain_ms=min(plain, default=None),
            paged_ms=paged_ms,
            high_ms=min((one.paged_ms for one in of_it), default=None),
            circumstances=circumstances(
                beyond,
                failed=len(inside) < len(own),
                shared=any(not one.measured.own for one in every),
            ),
            missed=reason(inside, every, definition, self._confirm_ms)
            if beyond and paged_ms is None
            else None,
            silent=not any(
                one.measured.own and episode.onset_ms - _SILENT_MS <= one.at_ms <= episode.end_ms
                for one in every
            ),
        )
