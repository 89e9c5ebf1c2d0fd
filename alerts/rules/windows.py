"""What a rule's ``window`` and ``baseline`` may say."""

from collections.abc import Callable

from alerts.rules.book import MEAN_DAYS_MAX, OF_MAX, Baseline, Matching, Mean
from alerts.rules.errors import ExpressionError
from alerts.rules.text import BaselineText, WindowText

Duration = Callable[[str, str], int]
"""From the name of a key and its text to ms; raises for what is none."""

_OF_MATCHING = ("matching", "of", "within", "days", "apart")
_OF_MEAN = ("mean_days", "readings", "days")


def window(text: WindowText, duration_ms: Duration) -> Matching | Mean:
    """Check a window. Raises ``ExpressionError``; its sentence is about the whole window."""
    if text.mean_days is not None:
        _refuse_others(text, _OF_MEAN, "mean of days")
        return _mean(text, text.mean_days)
    if text.matching is None or text.of is None:
        raise _wrong(
            "A window is N of M readings (matching = 3, of = 5) or a mean "
            "(mean_days = 7, readings = 12, days = 3)."
        )
    _refuse_others(text, _OF_MATCHING, "window of readings")
    return _matching(text, text.matching, text.of, duration_ms)


def _refuse_others(text: WindowText, known: tuple[str, ...], what: str) -> None:
    others = [name for name in text.__struct_fields__ if name not in known]
    given = [name for name in others if getattr(text, name) is not None]
    if given:
        raise _wrong(f"A {what} has no {' and no '.join(map(repr, given))}.")


def _mean(text: WindowText, days: int) -> Mean:
    if text.readings is None or text.days is None:
        raise _wrong(
            "A mean needs the least number of readings, and of days on which they were taken: "
            "readings = 12, days = 3."
        )
    if not 1 <= days <= MEAN_DAYS_MAX:
        raise _wrong(f"A mean is over 1 to {MEAN_DAYS_MAX} days, not {days}.")
    if not 1 <= text.days <= days:
        raise _wrong(f"Readings on {text.days} of {days} days cannot be asked for.")
    if text.readings < text.days:
        raise _wrong(f"{text.readings} readings cannot be on {text.days} days.")
    return Mean(days, text.readings, text.days)


def _matching(text: WindowText, matching: int, of: int, duration_ms: Duration) -> Matching:
    if of > OF_MAX:
        raise _wrong(f"A window looks back at most {OF_MAX} readings, not {of}.")
    if not 1 <= matching <= of:
        raise _wrong(f"{matching} of {of} readings cannot match.")
    days = 1 if text.days is None else text.days
    if not 1 <= days <= matching:
        raise _wrong(f"{matching} matching readings cannot be on {days} days.")
    return Matching(
        matching,
        of,
        0 if text.within is None else duration_ms("within", text.within),
        days,
        0 if text.apart is None else duration_ms("apart", text.apart),
    )


def baseline(text: BaselineText) -> Baseline:
    """Check a baseline. Raises ``ExpressionError``."""
    if text.readings < 1 or text.days < 1:
        raise _wrong("A baseline is of at least 1 reading in at least 1 day.")
    return Baseline(text.readings, text.days, text.before)


def _wrong(sentence: str) -> ExpressionError:
    return ExpressionError(0, sentence)
