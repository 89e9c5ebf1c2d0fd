"""Which alerts must be raised for what devices handed over: the simplest statement of the rules.

Written from the rules' meaning (a limit, a band towards normal, the most severe step speaks), one
reading after the other; it shares nothing with the engine, which works on columns. It covers what
the scenario can produce: fresh readings of trusted time, of patients who are under the books
adult-standard and adult-diabetes.

``again`` is no alert, it attaches silently to an open one: neither expected nor counted. Nor is
``confirmed``: whether somebody is paged at once or after a repeat changes nothing of what is open.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite, isnan, nan

from schemas.alert import SEVERITIES, Event, Severity

FLAGGED_CONFIRM = 3
"""So many flagged matches count as confirmed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A reading as its device showed it, mmHg or mg/dL; HI and LO are infinities.

    ``record`` names the Kafka record that carried it: what begins and ends within one record was
    over before anybody could see it. ``flagged``: the body moved;
    ``irregular``: the pulse was.
    """

    patient_id: str
    reading_id: str
    record: str
    systolic: float = nan
    diastolic: float = nan
    glucose: float = nan
    flagged: bool = False
    irregular: bool = False

    @property
    def kind(self) -> str:
        """What was measured."""
        return "pressure" if isnan(self.glucose) else "glucose"


@dataclass(frozen=True, slots=True, order=True)
class ExpectedEvent:
    """An event that must be in alerts.v1 exactly once, resting on this reading."""

    patient_id: str
    ladder: str
    event: Event
    severity: Severity
    reading_id: str


@dataclass(frozen=True, slots=True)
class _Step:
    """A severity, and whether a reading is beyond the limit moved towards normal by a band.

    Band 0 tells whether it reaches the step; one that is not even beyond the whole band is clear of
    it. ``matching`` of the last ``of`` readings must be: no run lasts for the hours, and reaches
    none of the days, in which they must come.
    """

    severity: Severity
    beyond: Callable[[Shown, float], bool]
    matching: int = 1
    of: int = 1

    def holds(self, sound: Sequence[Shown], band: float) -> bool:
        """Ask the last of the readings that a window looks at."""
        return sum(self.beyond(one, band) for one in sound[-self.of :]) >= self.matching


@dataclass(frozen=True, slots=True)
class _Ladder:
    name: str
    kind: str
    band: float
    steps: tuple[_Step, ...]


_LADDERS = (
    _Ladder(  # ACC/AHA: severe hypertension
        "bp-high",
        "pressure",
        5,
        (_Step("critical", lambda s, band: s.systolic > 180 - band or s.diastolic > 120 - band),),
    ),
    _Ladder(  # NEWS2: 3 points
        "bp-low", "pressure", 5, (_Step("high", lambda s, band: s.systolic <= 90 + band),)
    ),
    _Ladder(  # screening for atrial fibrillation: two of three flags
        "pulse-irregular", "pressure", 0, (_Step("medium", lambda s, _: s.irregular, 2, 3),)
    ),
    _Ladder(  # ADA: level 2 and level 1 hypoglycaemia
        "glucose-low",
        "glucose",
        10,
        (
            _Step("critical", lambda s, _: s.glucose == -inf),
            _Step("critical", lambda s, band: s.glucose < 54 + band),
            _Step("high", lambda s, band: s.glucose < 70 + band, 2, 8),
            _Step("medium", lambda s, band: s.glucose < 70 + band),
        ),
    ),
    _Ladder(  # ADA: level 2 and level 1 hyperglycaemia
        "glucose-high",
        "glucose",
        10,
        (
            _Step("critical", lambda s, _: s.glucose == inf),
            _Step("high", lambda s, band: s.glucose > 250 - band, 2, 3),
            _Step("medium", lambda s, band: s.glucose > 250 - band),
            _Step("info", lambda s, band: s.glucose > 180 - band),
        ),
    ),
)


@dataclass
class _Course:
    """A patient on one ladder: the steps reached and not yet over, and what was said so far."""

    active: set[int] = field(default_factory=set)
    asked: bool = False
    sound: list[Shown] = field(default_factory=list)  # what windows look at
    flagged: int = 0  # matches; no run lasts for the 72 h after which one is forgotten
    said: list[tuple[str, ExpectedEvent]] = field(default_factory=list)  # with the record


def expected_events(readings: Iterable[Shown]) -> list[ExpectedEvent]:
    """Say what must be raised, sorted; a patient's readings come in the order of measuring."""
    courses: dict[tuple[str, str], _Course] = {}
    for shown in readings:
        for ladder in _LADDERS:
            if ladder.kind == shown.kind:
                course = courses.setdefault((shown.patient_id, ladder.name), _Course())
                _judge(course, ladder, shown)
    return sorted(event for course in courses.values() for _, event in course.said)


def _judge(course: _Course, ladder: _Ladder, shown: Shown) -> None:
    if not shown.flagged:
        course.sound.append(shown)
    reached = {
        number
        for number, step in enumerate(ladder.steps)
        if step.beyond(shown, 0)
        and (step.of == 1 or (not shown.flagged and step.holds(course.sound, 0)))
    }
    before = _severity(course.active, ladder)
    course.flagged += bool(shown.flagged and reached)
    confirmed = course.flagged >= FLAGGED_CONFIRM
    if shown.flagged and not (course.active or course.asked or confirmed):
        if reached:
            course.asked = True
            _say(course, ladder, shown, "repeat-asked", _severity(reached, ladder))
        return
    course.asked = False
    course.active |= reached
    sound = not shown.flagged and (isfinite(shown.glucose) or ladder.kind == "pressure")
    if sound:
        course.active = {
            n for n in course.active if ladder.steps[n].holds(course.sound, ladder.band)
        }
    after = _severity(course.active, ladder)
    if before is None and after is not None:
        _say(course, ladder, shown, "onset", after)
    elif before is not None and after is None:
        _end(course, ladder, shown, before)
    elif before != after:
        worse = SEVERITIES.index(after or "info") < SEVERITIES.index(before or "info")
        _say(course, ladder, shown, "worsened" if worse else "eased", after)


def _severity(steps: set[int], ladder: _Ladder) -> Severity | None:
    """Let the most severe step speak; steps are listed so."""
    return ladder.steps[min(steps)].severity if steps else None


def _say(
    course: _Course, ladder: _Ladder, shown: Shown, event: Event, severity: Severity | None
) -> None:
    assert severity is not None
    said = ExpectedEvent(shown.patient_id, ladder.name, event, severity, shown.reading_id)
    course.said.append((shown.record, said))


def _end(course: _Course, ladder: _Ladder, shown: Shown, before: Severity) -> None:
    """Return; what also began in this record is taken back, for nobody could have seen it."""
    onset = max(n for n, (_, said) in enumerate(course.said) if said.event == "onset")
    if course.said[onset][0] != shown.record:
        _say(course, ladder, shown, "returned", before)
        return
    # The worst of it, for the work list: due by the end of the shift however bad it was.
    worst = min((said for _, said in course.said[onset:]), key=_rank)
    severity = SEVERITIES[max(_rank(worst), SEVERITIES.index("medium"))]
    del course.said[onset:]
    over = replace(worst, event="resolved-before-seen", severity=severity)
    course.said.append((shown.record, over))


def _rank(said: ExpectedEvent) -> int:
    return SEVERITIES.index(said.severity)
