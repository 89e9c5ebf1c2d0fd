"""What a mean is of where readings lack a value, or a meter could not measure one."""

from tests.alerts.engine.window_rules import MEAN, judged
from tests.alerts.readings import DAY, HOUR, MINUTE, NOON, Measured, at_once, pressure, record


def test_a_mean_is_of_as_many_values_as_it_needs_readings() -> None:
    """Of four readings two say nothing of the systolic pressure: the others are no mean of four."""

    def systolics(*values: object) -> list[Measured]:
        days = DAY, DAY + MINUTE, 2 * DAY, 2 * DAY + MINUTE, 3 * DAY, 3 * DAY + MINUTE
        return [
            pressure(NOON + day, value, 80)
            for day, value in zip((0, *days), (140, *values), strict=False)
        ]

    assert judged(at_once(*systolics("NaN", 140, "NaN", 140)), MEAN) == []
    assert [one.event for one in judged(at_once(*systolics(140, 140, 140, 140)), MEAN)] == ["onset"]
    (onset,) = judged(at_once(*systolics("NaN", 140, "NaN", 140, 141, 141)), MEAN)
    assert onset.reason.startswith("Mean of 6 readings on 3 days: Systolic 140.5 mmHg is at or")


def test_a_mean_that_a_reading_of_hi_makes_true_is_shown_as_the_mean() -> None:
    """With the reading of HI the episode has a second day before it, so the first one counts."""
    days = [0, 28 * DAY, 28 * DAY + MINUTE, 29 * DAY, 29 * DAY + MINUTE]
    known = [pressure(NOON + day, 140, 80) for day in days[1:]]
    hi = pressure(NOON + 29 * DAY + HOUR, "HI", 80)
    late = pressure(NOON, 140, 80)  # whose arrival makes day 28 the second one
    log = [*at_once(*known, hi), record(NOON + 29 * DAY + 2 * HOUR, [late])]
    (onset,) = judged(log, MEAN)
    assert onset.reason.startswith(
        "Mean of 4 readings on 2 days, 1 HI or LO left out: Systolic 140 mmHg is at or above 135"
    )
