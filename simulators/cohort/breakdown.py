"""What stands beside sensitivity: episodes by how they were measured, and pages about silence."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from simulators.cohort.circumstances import CIRCUMSTANCES, REASONS
from simulators.cohort.evaluation import Evaluation, Told
from simulators.cohort.silences import Silence

_NAMES = {
    "any": "all with a reading",
    "plain": "plain (what sensitivity is of)",
    "near": "not plain: within what a device may err, or flagged, or late",
    "wrong-clock": "the device's clock was wrong",
    "technique": "mistake of the hand (moved, loose, position, no rest)",
    "flagged": "the device flagged a reading",
    "hi-or-lo": "the meter showed HI or LO",
    "failed": "a measurement failed",
    "late": "a reading came over ten minutes late",
    "twice": "a reading came twice",
    "shared-cuff": "somebody else uses the cuff, too",
    "dropped-out": "nothing tried for two days",
    "unmeasured": "nothing measured beyond the limit",
}
_WITHOUT = ("unmeasured", "dropped-out")


class Class(msgspec.Struct, frozen=True):
    """Critical episodes of one kind; an episode may be of several. ``missed``: by their reason."""

    name: str
    episodes: int
    critical: int
    only_high: int
    missed: dict[str, int]


class Silences(msgspec.Struct, frozen=True):
    """Pages about silence. ``within_h``: how many silences were over in all after so many hours."""

    pages: int
    on_their_way: int
    within_h: dict[str, int]


_HOURS = (36, 48, 72)


def classes(evaluation: Evaluation) -> list[Class]:
    """Count the critical episodes of each kind."""
    measured = evaluation.measured
    without = [one for one in evaluation.told if one.first_ms is None]
    found = [
        _class("any", measured),
        _class("plain", evaluation.plain),
        _class("near", [one for one in measured if one.plain_ms is None]),
    ]
    found += [
        _class(name, [one for one in measured if name in one.circumstances])
        for name in CIRCUMSTANCES
    ]
    found.append(_class("unmeasured", without))
    found.append(_class("dropped-out", [one for one in without if one.silent]))
    return found


def _class(name: str, episodes: Sequence[Told]) -> Class:
    return Class(
        name,
        len(episodes),
        sum(one.paged_ms is not None for one in episodes),
        sum(one.paged_ms is None and one.high_ms is not None for one in episodes),
        dict(Counter(one.missed for one in episodes if one.missed is not None)),
    )


def of_silence(several: Sequence[Silence]) -> Silences:
    """Count the pages about silence by how long it was."""
    return Silences(
        len(several),
        sum(one.on_its_way for one in several),
        {str(hours): sum(one.hours <= hours for one in several) for hours in _HOURS},
    )


HEADINGS = (
    "critical episodes", "number", "critical page", "only a high page", "display harmless", "late",
    "flagged", "repeat lower", "overtaken", "unexplained",
)  # fmt: skip
SILENCE_HEADINGS = (
    "silence in", "pages", "reading on its way", "over within 36 h", "36-48 h", "48-72 h", "longer",
)  # fmt: skip


def rows(several: Iterable[Sequence[Class]]) -> list[tuple[str, ...]]:
    """Add the classes of several books up, and lay them out under ``HEADINGS``."""
    found = []
    for alike in zip(*several, strict=True):
        name = alike[0].name
        episodes = sum(one.episodes for one in alike)
        if not episodes:
            continue
        missed = Counter[str]()
        for one in alike:
            missed.update(one.missed)
        reasons = [str(missed[name] or "") for name in REASONS]
        found.append(
            (
                _NAMES[name],
                str(episodes),
                str(sum(one.critical for one in alike)),
                str(sum(one.only_high for one in alike) or ""),
                *(("",) * len(reasons) if name in _WITHOUT else reasons),
            )
        )
    return found


def silence_row(book: str, silences: Silences) -> tuple[str, ...]:
    """Lay the pages about silence out under ``SILENCE_HEADINGS``, each in one column."""
    spans = [silences.within_h[str(hours)] for hours in _HOURS]
    between = [
        late - early for early, late in zip((0, *spans), (*spans, silences.pages), strict=True)
    ]
    return book, str(silences.pages), str(silences.on_their_way), *map(str, between)
