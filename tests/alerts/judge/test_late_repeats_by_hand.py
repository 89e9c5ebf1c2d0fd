"""Repeats measured in time that come when nobody waits any more, and flagged matches that do.

Each log is also judged record by record. Minutes after eight; a repeat counts for 15, one extreme
reading waits for ten.
"""

import pytest

from tests.alerts.judge.nights import ADULT, DAYS, HOURS, Line, bp, changed, judged, tick, together

MOVED = ["body-moved"]
ASKED = "critical repeat-asked bp-high [flagged]"
UNVERIFIED = "high onset bp-high [unverified] [flagged]"
WAITS = "critical onset bp-high [awaiting-confirmation]"
PAGES = "critical worsened bp-high"
PAGES_LATER = "critical worsened bp-high [awaiting-confirmation]"
FLAGGED = bp(0, 190, status=MOVED)
OPENED = [FLAGGED, tick(15.1)]
TOLD = [ASKED, UNVERIFIED]

NIGHTS: dict[str, tuple[list[Line], list[str]]] = {
    "it confirms at once": ([*OPENED, bp(16, 185, ago=6)], [*TOLD, PAGES]),
    "it is the first that comes after the wait": ([FLAGGED, bp(16, 185, ago=6)], [*TOLD, PAGES]),
    "it was measured in the last moment of its time": (
        [*OPENED, bp(16, 185, ago=1)],
        [*TOLD, PAGES],
    ),
    "it is flagged itself: it confirms, and nobody is asked again": (
        [*OPENED, bp(16, 185, ago=6, status=MOVED)],
        [*TOLD, f"{PAGES} [flagged]"],
    ),
    "one measured later is no repeat, but one extreme reading": (
        [*OPENED, bp(16, 185, ago=0.9), tick(25.2)],
        [*TOLD, PAGES_LATER, "critical confirmed bp-high"],
    ),
    "nor is a flagged one": (
        [*OPENED, bp(16, 185, ago=0.9, status=MOVED)],
        [*TOLD, "high again bp-high [flagged]", ASKED],
    ),
    "it confirms once: what comes next is a further match": (
        [*OPENED, bp(16, 185, ago=6), bp(17, 186, ago=3)],
        [*TOLD, PAGES, "critical again bp-high"],
    ),
    "it is normal: the alert is over, as any that a fresh reading ends": (
        [*OPENED, bp(16, 130, ago=6)],
        [*TOLD, "high returned bp-high"],
    ),
    "it was normal: one severe after it is one extreme reading": (
        [*OPENED, bp(16, 130, ago=10), bp(17, 190, ago=4)],
        [*TOLD, "high returned bp-high", WAITS],
    ),
    "it was between the limits, and has not confirmed": (
        [*OPENED, bp(16, 178, ago=10), bp(17, 190, ago=4)],
        [*TOLD, PAGES_LATER],
    ),
    "it was normal and flagged: it ends nothing, and has not confirmed": (
        [*OPENED, bp(16, 130, ago=10, status=MOVED), bp(17, 190, ago=4)],
        [*TOLD, PAGES_LATER],
    ),
    "another reading has paged: no second page": (
        [*OPENED, bp(16, 190), tick(26.1), bp(27, 185, ago=15)],
        [*TOLD, PAGES_LATER, "critical confirmed bp-high", "critical again bp-high"],
    ),
    "the page of another one waits: it goes out now": (
        [*OPENED, bp(16, 190), bp(17, 185, ago=14), tick(27)],
        [*TOLD, PAGES_LATER, "critical confirmed bp-high"],
    ),
    "so it does for a flagged one": (
        [*OPENED, bp(16, 190), bp(17, 185, ago=14, status=MOVED), tick(27)],
        [*TOLD, PAGES_LATER, "critical confirmed bp-high [flagged]"],
    ),
    "the alert is over: work": (
        [*OPENED, bp(20, 130), bp(21, 185, ago=9)],
        [*TOLD, "high returned bp-high", "medium resolved-before-seen bp-high"],
    ),
    "over, and it is flagged: what it confirms is work too": (
        [*OPENED, bp(20, 130), bp(21, 185, ago=9, status=MOVED)],
        [*TOLD, "high returned bp-high", "medium resolved-before-seen bp-high [flagged]"],
    ),
    "over, and severe again: it opens at once": (
        [*OPENED, bp(20, 130), bp(21, 178), bp(22, 185, ago=9)],
        [*TOLD, "high returned bp-high", "critical onset bp-high"],
    ),
    "it comes five hours late: told once, one lower": (
        [*OPENED, bp(5 * HOURS, 185, ago=5 * HOURS - 10)],
        [*TOLD, "high again bp-high [delayed]"],
    ),
    "five hours late and flagged: nobody is asked to repeat what was repeated": (
        [*OPENED, bp(5 * HOURS, 185, ago=5 * HOURS - 10, status=MOVED)],
        [*TOLD, "high again bp-high [flagged] [delayed]"],
    ),
    "it comes two days late": (
        [*OPENED, bp(2 * DAYS, 185, ago=2 * DAYS - 10)],
        [*TOLD, "medium stale bp-high [stale]"],
    ),
    "the page went out at the end of its own wait: no second one": (
        [bp(0, 190), tick(10.1), bp(11, 185, ago=3), bp(12, 186, ago=5, status=MOVED)],
        [
            WAITS,
            "critical confirmed bp-high",
            "critical again bp-high",
            "critical again bp-high [flagged]",
        ],
    ),
    "the later of two flagged ones came first, and nobody waits for the other": (
        [bp(5, 185, status=MOVED), bp(21, 190, ago=21, status=MOVED)],
        [*TOLD, f"{PAGES} [flagged]"],
    ),
    "what it would have confirmed is another patient's": (
        [*OPENED, changed("withdrawals", 15.5, FLAGGED), bp(16, 185, ago=6, status=MOVED)],
        [*TOLD, "high retracted bp-high", ASKED],
    ),
    "what it would have confirmed was read wrongly": (
        [
            *OPENED,
            changed("corrections", 15.5, FLAGGED, quantities=bp(0, 130)["quantities"]),
            bp(16, 185, ago=6, status=MOVED),
        ],
        [*TOLD, "high retracted bp-high", ASKED],
    ),
}


FIVE = 5 * HOURS
BOTH = bp(FIVE, 190, ago=FIVE, status=MOVED)
BOTH_ASKED = f"{ASKED} [delayed]"
BOTH_TOLD = [BOTH_ASKED, f"{UNVERIFIED} [delayed]"]
AFTER = tick(FIVE + 0.2)

FLAGGED_AND_DELAYED: dict[str, tuple[list[Line], list[str]]] = {
    "its time is over when it comes: it opens with the next record, one lower and not two": (
        [BOTH, AFTER],
        BOTH_TOLD,
    ),
    "not before log time moves": ([BOTH, tick(FIVE)], [BOTH_ASKED]),
    "what comes with it is in time": (
        [together(BOTH, bp(FIVE, 188, ago=FIVE - 8)), AFTER],
        [BOTH_ASKED, "high onset bp-high [delayed]"],
    ),
    "also if it says otherwise": (
        [together(BOTH, bp(FIVE, 128, ago=FIVE - 8)), AFTER],
        [BOTH_ASKED],
    ),
    "a repeat as late as it is makes it no worse, and tells nobody twice": (
        [BOTH, bp(FIVE + 1, 188, ago=FIVE - 7)],
        [*BOTH_TOLD, "high again bp-high [delayed]"],
    ),
    "a delayed one ends nothing": ([BOTH, bp(FIVE + 1, 128, ago=FIVE - 7)], BOTH_TOLD),
    "a fresh one does": ([BOTH, bp(FIVE + 1, 128)], [*BOTH_TOLD, "high returned bp-high"]),
    "a fresh match is one extreme reading": (
        [BOTH, bp(FIVE + 1, 190)],
        [*BOTH_TOLD, PAGES_LATER],
    ),
    "a newer reading has come: it is old": (
        [bp(FIVE - 10, 130), BOTH],
        ["medium stale bp-high [stale]"],
    ),
    "the third in three days counts as confirmed, and is delayed still": (
        [*OPENED, bp(60, 190, status=MOVED), bp(60 + FIVE, 190, ago=FIVE - 30, status=MOVED)],
        [
            *TOLD,
            "high again bp-high [flagged]",
            ASKED,
            "high again bp-high [flagged] [delayed]",
        ],
    ),
    "a critical alert is open: no task": (
        [bp(0, 225), bp(FIVE, 190, ago=FIVE - 10, status=MOVED)],
        ["critical onset bp-high", "critical again bp-high [flagged] [delayed]"],
    ),
}


@pytest.mark.parametrize("sentence", FLAGGED_AND_DELAYED)
def test_what_is_said_of_a_match_that_is_flagged_and_delayed(sentence: str) -> None:
    log, told = FLAGGED_AND_DELAYED[sentence]
    assert judged(log, ADULT) == told
    assert judged(log, ADULT, cut=1) == told


@pytest.mark.parametrize("sentence", NIGHTS)
def test_what_is_said_of_a_late_repeat(sentence: str) -> None:
    log, told = NIGHTS[sentence]
    assert judged(log, ADULT) == told
    assert judged(log, ADULT, cut=1) == told
