"""An evaluation in figures: for a table, for JSON, for the manual."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from simulators.cohort import breakdown
from simulators.cohort.breakdown import Class, Silences
from simulators.cohort.evaluation import Evaluation, Told

SENSITIVITY_LEAST = 0.99
NEEDLESS_MOST_A_WEEK = 0.1
"""What a standard book must reach on every cohort."""

_LISTED_MAX = 20


class Figures(msgspec.Struct, frozen=True):
    """What an evaluation comes to. Shares from 0 to 1, rates a patient-week, times in minutes."""

    book: str
    population: str
    seeds: list[int]
    patient_weeks: float
    readings: int
    critical_episodes: int
    measured: int
    measured_told: float
    plain: int
    sensitivity: float
    pages: float
    needless: float
    silences: float
    minutes_median: float | None
    minutes_95: float | None
    needless_by_rule: dict[str, int]
    classes: list[Class]
    silence: Silences
    missed: list[dict[str, object]]

    @property
    def holds(self) -> bool:
        """Whether the book reaches what a standard book must."""
        return self.sensitivity >= SENSITIVITY_LEAST and self.needless <= NEEDLESS_MOST_A_WEEK


def figures(book: str, population: str, seeds: Sequence[int], evaluation: Evaluation) -> Figures:
    """Count."""
    minutes = evaluation.minutes_to_page()
    needless = Counter(page.transition.rule for page in evaluation.pages if not page.needed)
    return Figures(
        book=book,
        population=population,
        seeds=list(seeds),
        patient_weeks=round(evaluation.patient_weeks, 2),
        readings=evaluation.readings,
        critical_episodes=len(evaluation.told),
        measured=len(evaluation.measured),
        measured_told=round(evaluation.sensitivity_of_all, 4),
        plain=len(evaluation.plain),
        sensitivity=round(evaluation.sensitivity, 4),
        pages=round(evaluation.pages_a_week, 4),
        needless=round(evaluation.needless_a_week, 4),
        silences=round(len(evaluation.silences) / evaluation.patient_weeks, 4),
        minutes_median=_quantile(minutes, 0.5),
        minutes_95=_quantile(minutes, 0.95),
        needless_by_rule=dict(sorted(needless.items())),
        classes=breakdown.classes(evaluation),
        silence=breakdown.of_silence(evaluation.silences),
        missed=[_missed(one) for one in evaluation.missed[:_LISTED_MAX]],
    )


HEADINGS = (
    "book", "patient-weeks", "critical episodes", "with a reading", "of these told", "plain",
    "sensitivity", "pages/week", "needless/week", "silence/week", "min to page: median", "95 %",
)  # fmt: skip


def row(one: Figures) -> tuple[str, ...]:
    """Lay one evaluation out under ``HEADINGS``."""
    return (
        one.book,
        f"{one.patient_weeks:.0f}",
        str(one.critical_episodes),
        str(one.measured),
        f"{one.measured_told:.1%}",
        str(one.plain),
        f"{one.sensitivity:.1%}",
        f"{one.pages:.3f}",
        f"{one.needless:.3f}",
        f"{one.silences:.3f}",
        "" if one.minutes_median is None else f"{one.minutes_median:.1f}",
        "" if one.minutes_95 is None else f"{one.minutes_95:.1f}",
    )


def markdown(several: Sequence[Figures]) -> str:
    """Write the tables of the manual."""
    silent = [one for one in several if one.silence.pages]
    return "\n".join(
        (
            _table(HEADINGS, [row(one) for one in several]),
            _table(breakdown.HEADINGS, breakdown.rows([one.classes for one in several])),
            _table(
                breakdown.SILENCE_HEADINGS,
                [breakdown.silence_row(one.book, one.silence) for one in silent],
            ),
        )
    )


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ("---",) * len(headings), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _quantile(values: Sequence[float], share: float) -> float | None:
    return round(values[min(int(len(values) * share), len(values) - 1)], 1) if values else None


def _missed(told: Told) -> dict[str, object]:
    episode = told.episode
    return {
        "patient_id": episode.patient_id,
        "problem": episode.problem,
        "onset_ms": episode.onset_ms,
        "end_ms": episode.end_ms,
        "peak": episode.peak,
        "plain_ms": told.plain_ms,
    }
