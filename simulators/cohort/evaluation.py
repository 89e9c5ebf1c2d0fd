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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from alerts.backtest.heard import Heard, heard, pages
from alerts.rules.book import Book
from schemas.alert import Transition
from schemas.kafka import PatientReadings, StampedReading
from simulators.cohort.clinical import GRADES, Definition, Problem, of_grade
from simulators.cohort.episodes import Episode
from simulators.cohort.generate import Cohort, Measured

SILENCE = "absence-"
"""How ladders about silence begin."""

_PROBLEMS: dict[str, Problem] = {
    "bp-high": "high-pressure",
    "bp-low": "low-pressure",
    "pulse-high": "fast-pulse",
    "pulse-low": "slow-pulse",
    "pulse-irregular": "irregular-pulse",
    "glucose-low": "low-glucose",
    "glucose-high": "high-glucose",
}


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
    truth.
    """

    episode: Episode
    first_ms: int | None
    plain_ms: int | None
    paged_ms: int | None


@dataclass(slots=True)
class Evaluation:
    """What came of one cohort; several can be added up with ``together``."""

    patient_weeks: float = 0.0
    readings: int = 0
    pages: list[Page] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    silences: int = 0

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
        [truth.page(page) for page in paged if not page.ladder.startswith(SILENCE)],
        truth.told(heard(transitions)),
        sum(page.ladder.startswith(SILENCE) for page in paged),
    )


def _told_share(episodes: Sequence[Told]) -> float:
    told = sum(one.paged_ms is not None for one in episodes)
    return told / len(episodes) if episodes else 1.0


class _Truth:
    """A cohort's truth, laid out for questions."""

    def __init__(self, cohort: Cohort, books: Sequence[Book]) -> None:
        self._cohort = cohort
        self._measured = {one.reading_id: one for one in cohort.measured}
        self._own: dict[str, list[Measured]] = defaultdict(list)
        for one in cohort.measured:
            if one.own and "failed" not in one.mishaps:
                self._own[one.patient_id].append(one)
        for measured in self._own.values():
            measured.sort(key=lambda one: one.at_ms)
        self._episodes: dict[str, list[Episode]] = defaultdict(list)
        for episode in cohort.episodes:
            self._episodes[episode.patient_id].append(episode)
        self._valid = _valid(cohort, books)

    def page(self, transition: Transition) -> Page:
        """Say whether the truth wanted a page."""
        known = self._measured.get(transition.evidence.reading_id)
        truly_ms = transition.at_ms if known is None else known.at_ms
        problem = _PROBLEMS.get(transition.ladder)
        enough = GRADES.index("critical" if transition.severity == "critical" else "high")
        needed = any(
            episode.onset_ms <= truly_ms <= episode.end_ms
            for episode in self._episodes[transition.patient_id]
            if GRADES.index(episode.grade) <= enough and problem in (None, episode.problem)
        )
        return Page(transition, truly_ms, needed)

    def told(self, several: Iterable[Heard]) -> list[Told]:
        """Say of each critical episode what was measured and when a page told of it."""
        pages: dict[str, list[tuple[int, int, Problem | None]]] = defaultdict(list)
        for heard_of in several:
            one = heard_of.transition
            known = self._measured.get(one.evidence.reading_id)
            if one.severity == "critical" and known is not None:
                problem = _PROBLEMS.get(one.ladder)
                pages[one.patient_id].append((known.at_ms, heard_of.paged_ms, problem))
        definitions = of_grade(self._cohort.population, "critical")
        return [
            self._one_told(episode, definitions, pages[episode.patient_id])
            for episode in self._cohort.episodes
            if episode.grade == "critical"
        ]

    def _one_told(
        self,
        episode: Episode,
        definitions: Sequence[Definition],
        pages: Sequence[tuple[int, int, Problem | None]],
    ) -> Told:
        definition = next(one for one in definitions if one.problem == episode.problem)
        own = self._own[episode.patient_id]
        begin = bisect_left(own, episode.onset_ms, key=lambda one: one.at_ms)
        end = bisect_right(own, episode.end_ms, key=lambda one: one.at_ms)
        inside = own[begin:end]
        plain = [
            one.at_ms
            for one in inside
            if definition.plain(one.true) and one.reading_id in self._valid
        ]
        paged = [
            paged_ms
            for truly_ms, paged_ms, problem in pages
            if episode.onset_ms <= truly_ms <= episode.end_ms and problem in (None, episode.problem)
        ]
        return Told(
            episode,
            min((one.at_ms for one in inside if definition.met(one.true)), default=None),
            min(plain, default=None),
            min(paged, default=None),
        )


def _valid(cohort: Cohort, books: Sequence[Book]) -> set[str]:
    """Name the readings that no device flagged and that came while they were fresh."""
    fresh_ms: dict[str, int] = {}
    gated: dict[str, set[str]] = defaultdict(set)
    for book in books:
        for name, kept in book.vitals.items():
            fresh_ms[name] = min(kept.fresh_ms, fresh_ms.get(name, kept.fresh_ms))
            gated[name].update(kept.gated)
    arrived: dict[str, StampedReading] = {}
    for record in cohort.records:
        if isinstance(record, PatientReadings):
            for stamped in record.readings:
                arrived.setdefault(stamped.reading.reading_id, stamped)
    return {
        one.reading_id
        for one in cohort.measured
        if (stamped := arrived[one.reading_id]).reading.vital in fresh_ms
        and stamped.stamp.received_at_ms - one.at_ms <= fresh_ms[stamped.reading.vital]
        and gated[stamped.reading.vital].isdisjoint(stamped.reading.status or ())
    }
