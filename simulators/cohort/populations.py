"""Who is in a cohort: the distributions that patients of a programme are drawn from.

Sources. Pressure at home under treatment, and its spread: home readings of treated patients average
near 135/80 (TASMINH4, Lancet 2018; J-HOP); night dip 10-20 % and morning surge (Kario). Severe
pressure as it comes to emergency departments: mean about 200/110 (Zampaglione, Hypertension 1996;
STAT registry). Postpartum peak on days 3-6 (ACOG PB 222). Anti-VEGF: most rise within two weeks of
the first dose, a quarter or more by over 20 mmHg (IC-OS; Maitland 2010). Low glucose with insulin:
about two mild events a week in type 1, some thirty severe ones in a hundred patient-years (UK
Hypoglycaemia Study Group 2007).

Acute events are ENRICHED: a clinic sees far fewer, and a cohort of a usual size would hold none.
What happens between them is not.
"""

from dataclasses import dataclass
from typing import Literal

PopulationName = Literal[
    "adult-standard", "adult-diabetes", "pregnancy-postpartum", "oncology-antivegf"
]

Spread = tuple[float, float]
"""Mean and standard deviation of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """Blood pressure and pulse; rates are events in a patient-week.

    ``watched``: whose own systolic lies outside gets another treatment before a cuff to take home.
    ``crisis_peak``: systolic at the height of a severe episode.
    """

    systolic: Spread
    watched: tuple[float, float] = (90.0, 175.0)
    pulse: Spread = (72.0, 8.0)
    crises_a_week: float = 0.12
    crisis_peak: Spread = (204.0, 16.0)
    falls_a_week: float = 0.03
    racing_a_week: float = 0.02
    slow_a_week: float = 0.01
    reacts_to_the_cuff: float = 0.15
    """Share of patients with a marked alerting reaction ("white coat")."""


@dataclass(frozen=True, slots=True)
class Therapy:
    """Who treats the glucose how; ``fasting`` in mg/dL, ``meal`` the rise after one."""

    share: float
    fasting: Spread
    meal: Spread
    tests_a_day: tuple[float, ...]
    """Hours of the day at which this patient tests."""
    mild_lows_a_week: float
    severe_lows_a_week: float
    decompensations_a_week: float


@dataclass(frozen=True, slots=True)
class Population:
    """A programme: its book, and the bodies of its patients."""

    name: PopulationName
    books: tuple[str, ...]
    pressure: Pressure | None = None
    therapies: tuple[Therapy, ...] = ()
    postpartum: bool = False
    antivegf: bool = False


_AFTER_MEALS = (7.2, 12.0, 18.0, 22.5)

POPULATIONS: dict[PopulationName, Population] = {
    one.name: one
    for one in (
        Population(
            "adult-standard",
            ("adult-standard",),
            Pressure(systolic=(133.0, 11.0), watched=(112.0, 158.0)),
        ),
        Population(
            "adult-diabetes",
            ("adult-diabetes",),
            therapies=(
                Therapy(0.55, (128.0, 16.0), (48.0, 14.0), (7.2,), 0.02, 0.02, 0.01),
                Therapy(0.30, (136.0, 20.0), (56.0, 16.0), (7.2, 18.0), 0.35, 0.25, 0.02),
                Therapy(0.15, (140.0, 22.0), (66.0, 20.0), _AFTER_MEALS, 1.6, 0.6, 0.02),
            ),
        ),
        Population(
            "pregnancy-postpartum",
            ("pregnancy-postpartum",),
            Pressure(
                systolic=(110.0, 7.0),
                pulse=(82.0, 8.0),
                crises_a_week=0.15,
                crisis_peak=(178.0, 13.0),
                falls_a_week=0.0,
                racing_a_week=0.0,
                slow_a_week=0.0,
                reacts_to_the_cuff=0.1,
            ),
            postpartum=True,
        ),
        Population(
            "oncology-antivegf",
            ("oncology-antivegf",),
            Pressure(
                systolic=(125.0, 9.0),
                pulse=(78.0, 9.0),
                crisis_peak=(202.0, 15.0),
                falls_a_week=0.0,
                racing_a_week=0.0,
                slow_a_week=0.0,
            ),
            antivegf=True,
        ),
    )
}
