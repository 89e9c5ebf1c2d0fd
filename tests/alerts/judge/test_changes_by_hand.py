"""Sentences of the specification about what changes meanwhile: a log by hand, outcome first.

Limits that end, books that come and go, zones, corrections of corrections, readings that move.
"""

import pytest

from tests.alerts.judge.nights import (
    ADULT,
    DAYS,
    HI,
    LO,
    Line,
    amount,
    at,
    bp,
    changed,
    judged,
    minute,
    one,
    plan,
    sugar,
    tick,
    together,
)

PRESSURE, SUGAR = ("adult-standard",), ("adult-diabetes",)
BIRTH, CANCER = ("pregnancy-postpartum",), ("oncology-antivegf",)
WAITS = "critical onset bp-high [awaiting-confirmation]"
ASKED = "critical repeat-asked bp-high [flagged]"
UNVERIFIED = "high onset bp-high [unverified] [flagged]"
OPENED, RETRACTED = "critical onset glucose-low", "critical retracted glucose-low"
LOWISH, TWICE = "medium onset glucose-low", "high worsened glucose-low"
HIGH, BACK = "medium onset glucose-high", "medium returned glucose-high"
MOVED, IRREGULAR = ["body-moved"], ["irregular-pulse"]
LOW = sugar(0, 50)
FRAIL = ["70 mg/dL", "3.9 mmol/L"]
NEW_YORK = "America/New_York"
IN_BED = [{"from": at(40 * 60), "until": at(88 * 60)}]
TWICE_A_DAY = [
    {
        "vital": "blood_pressure",
        "windows": [["06:00", "11:00"], ["17:00", "22:00"]],
        "grace_min": 120,
    }
]


def own(name: str, values: list[str], until: float | None = None, entered: float = -DAYS) -> Line:
    limit: Line = {
        "name": name,
        "values": values,
        "author": "Dr Ito",
        "role": "physician",
        "reason": "frail",
        "valid_from": at(-DAYS),
        "entered_at": at(entered),
    }
    return limit if until is None else limit | {"valid_until": at(until)}


def corrected(minutes: float, was: float, now: float, revision: int = 2) -> Line:
    line = changed("corrections", minutes, LOW, quantities=sugar(0, now)["quantities"])
    (reading,) = line["readings"]  # type: ignore[misc]
    reading |= {"revision": revision, "before": sugar(0, was)["quantities"]}  # type: ignore[has-type]
    return line


def moved(reading: Line, minutes: float) -> list[Line]:
    """It was the other patient's all the time."""
    there = reading | {"patient_id": "p2", "received_at": at(minutes)}
    return [changed("withdrawals", minutes, reading), there]


def of_other(reading: Line) -> Line:
    return reading | {"patient_id": "p2"}


def high(*times: str) -> list[Line]:
    return [bp(minute(time), 150) for time in times]


def cuff(kilopascal: str) -> Line:
    values: Line = {"systolic": amount(kilopascal, "kPa"), "diastolic": amount("10.0", "kPa")}
    return one("blood_pressure", 0, 0, values, status=[])


NIGHTS: dict[str, tuple[tuple[str, ...], list[Line], list[str]]] = {
    "after LO 60 is within the band of 54": (
        ADULT,
        [sugar(0, LO), sugar(60, 60)],
        [OPENED, "critical again glucose-low"],
    ),
    "a cuff's HI is 220 and more": (ADULT, [bp(0, HI, HI)], ["critical onset bp-high"]),
    "251 mg/dL and 14.0 mmol/L are two above 250": (
        ADULT,
        [sugar(0, 251), sugar(60, "14.0", "mmol/L")],
        [HIGH, "high worsened glucose-high"],
    ),
    "79 mg/dL is not back from 3.5 mmol/L": (
        ADULT,
        [sugar(0, "3.5", "mmol/L"), sugar(9, 79)],
        [LOWISH],
    ),
    "80 mg/dL is": (
        ADULT,
        [sugar(0, "3.5", "mmol/L"), sugar(9, 80)],
        [LOWISH, "medium returned glucose-low"],
    ),
    "two low ones hold until fewer than two are left in 24 h": (
        ADULT,
        [sugar(0, 60), sugar(60, 60), sugar(120, 100), sugar(1501, 100)],
        [LOWISH, TWICE, "high returned glucose-low"],
    ),
    "the last three are three: 260 and two normal ones before are one": (
        ADULT,
        [sugar(0, 260), sugar(10, 120), sugar(20, 120), sugar(30, 260)],
        [HIGH, BACK, HIGH],
    ),
    "what comes late enters the window where it was measured": (
        ADULT,
        [sugar(0, 260), sugar(60, 120), sugar(61, 260, ago=31)],
        [HIGH, BACK, "high onset glucose-high"],
    ),
    "an old one that is not the newest is stale, though two make the newest worse": (
        ADULT,
        [sugar(0, 60), sugar(5, 45, ago=120)],
        [LOWISH, TWICE, "medium stale glucose-low [stale]"],
    ),
    "many stale ones are one item": (
        ADULT,
        [together(*[sugar(3000, 40 + n, ago=2000 - n) for n in range(3)])],
        ["medium stale glucose-low [stale]"],
    ),
    "a second one that is delayed, too, is two of them, one severity lower": (
        ADULT,
        [sugar(200, 60, ago=190), sugar(205, 61, ago=100)],
        ["info onset glucose-low [delayed]", "medium worsened glucose-low [delayed]"],
    ),
    "of the same instant neither ends the other": (ADULT, [sugar(0, 60), sugar(0, 100)], [LOWISH]),
    "what is corrected and comes again as it was is dropped": (
        ADULT,
        [LOW, corrected(10, 50, 60), LOW | {"received_at": at(30)}],
        [OPENED, "medium eased glucose-low"],
    ),
    "a correction of a correction takes the alert back": (
        ADULT,
        [LOW, corrected(10, 50, 60), corrected(20, 60, 100, 3)],
        [OPENED, "medium eased glucose-low", "medium retracted glucose-low"],
    ),
    "one that makes it severe again pages nobody": (
        ADULT,
        [LOW, corrected(10, 50, 60), corrected(20, 60, 50, 3)],
        [
            OPENED,
            "medium eased glucose-low",
            "medium corrected glucose-low",
            "medium corrected-match glucose-low",
        ],
    ),
    "an older version that comes late changes nothing": (
        ADULT,
        [LOW, corrected(10, 50, 100, 3), corrected(20, 50, 45, 2)],
        [OPENED, RETRACTED],
    ),
    "what was withdrawn leaves the count": (
        ADULT,
        [sugar(0, 60), sugar(10, 61), changed("withdrawals", 20, sugar(0, 60))],
        [LOWISH, TWICE, "medium eased glucose-low"],
    ),
    "what was withdrawn and given back is judged by its age": (
        ADULT,
        [LOW, changed("withdrawals", 20, LOW), LOW | {"received_at": at(40)}],
        [OPENED, RETRACTED, OPENED],
    ),
    "the other one's open alert has one more": (
        ADULT,
        [of_other(LOW), sugar(5, 50), *moved(sugar(5, 50), 20)],
        [OPENED, OPENED, RETRACTED, "critical again glucose-low"],
    ),
    "the other one's is ended by a later normal one": (
        ADULT,
        [of_other(LOW), sugar(5, 100), *moved(sugar(5, 100), 20)],
        [OPENED, "critical returned glucose-low"],
    ),
    "but not by an earlier one": (
        ADULT,
        [of_other(sugar(10, 50)), sugar(5, 100), *moved(sugar(5, 100), 20)],
        [OPENED],
    ),
    "a limit that ends holds for what was measured before": (
        ADULT,
        [plan(*ADULT, limits=[own("very-low-glucose", FRAIL, 60)]), sugar(70, 65, ago=20)],
        [OPENED],
    ),
    "not for what was measured at its end": (
        ADULT,
        [plan(*ADULT, limits=[own("very-low-glucose", FRAIL, 60)]), sugar(60, 65)],
        [LOWISH],
    ),
    "in a window each is compared with its own": (
        ADULT,
        [
            plan(*ADULT, limits=[own("very-high-glucose", ["300 mg/dL", "16.7 mmol/L"], 60)]),
            sugar(50, 260),
            sugar(70, 260),
        ],
        [
            "medium limit-expiring glucose-high",
            "info onset glucose-high",
            "medium worsened glucose-high",
        ],
    ),
    "a limit that is entered later judges nothing again": (
        ADULT,
        [sugar(0, 65), plan(*ADULT, limits=[own("very-low-glucose", FRAIL)]), tick(5)],
        [LOWISH],
    ),
    "of two that hold the one entered last counts": (
        ADULT,
        [
            plan(
                *ADULT,
                limits=[
                    own("very-low-glucose", ["60 mg/dL", "3.3 mmol/L"], entered=-10),
                    own("very-low-glucose", FRAIL, entered=-20),
                ],
            ),
            sugar(0, 65),
        ],
        [LOWISH],
    ),
    "a day of 23 h is one": (
        ADULT,
        [
            plan(*ADULT, zone=NEW_YORK),
            *high("2026-03-08T05:05", "2026-03-08T12:00", "2026-03-09T03:50"),
        ],
        [],
    ),
    "and ends an hour earlier by UTC": (
        ADULT,
        [
            plan(*ADULT, zone=NEW_YORK),
            *high("2026-03-08T05:05", "2026-03-08T12:00", "2026-03-09T04:05"),
        ],
        ["medium onset bp-high"],
    ),
    "who flies west has the day before again": (
        ADULT,
        [
            plan(
                *ADULT,
                zone="Europe/Berlin",
                zones=[{"from": "2026-03-03T01:00Z", "zone": NEW_YORK}],
            ),
            *high("2026-03-03T00:30", "2026-03-03T02:00", "2026-03-03T03:00"),
        ],
        ["medium onset bp-high"],
    ),
    "flagged three times in 72 h is confirmed": (
        ADULT,
        [bp(n * 600, 190, status=MOVED) for n in range(3)],
        [
            ASKED,
            UNVERIFIED,
            "high again bp-high [flagged]",
            ASKED,
            "critical worsened bp-high [flagged]",
        ],
    ),
    "a repeat after 16 min is none": (
        ADULT,
        [bp(0, 190, status=MOVED), bp(16, 190)],
        [ASKED, UNVERIFIED, "critical worsened bp-high [awaiting-confirmation]"],
    ),
    "what has no time but its receipt confirms": (
        ADULT,
        [bp(0, 190), bp(5, 188, time_quality="receipt")],
        [WAITS, "critical confirmed bp-high"],
    ),
    "and counts, if it was the only one of its visit": (
        ADULT,
        [sugar(0, 60), sugar(60, 61, time_quality="receipt", session_id="s")],
        [LOWISH, TWICE],
    ),
    "else not": (
        ADULT,
        [
            sugar(0, 60),
            together(
                sugar(60, 100, ago=1, session_id="s", session_newest=False),
                sugar(60, 61, time_quality="receipt", session_id="s", session_newest=True),
            ),
        ],
        [LOWISH, "medium returned glucose-low", LOWISH],
    ),
    "what came from the future counts when it came": (
        ADULT,
        [sugar(0, 45, ago=-30), sugar(10, 120)],
        [OPENED, "critical returned glucose-low"],
    ),
    "a book that comes between two readings knows of the first": (
        ADULT,
        [plan(*PRESSURE), sugar(0, 60), plan(*ADULT), sugar(60, 60)],
        ["medium standing glucose-low [standing]", TWICE],
    ),
    "a rule that goes closes what it opened": (
        ADULT,
        [LOW, plan(*PRESSURE), tick(5)],
        [OPENED, "critical retired glucose-low"],
    ),
    "so does the list that is empty": (
        ADULT,
        [LOW, plan(), tick(1)],
        [OPENED, "critical retired glucose-low"],
    ),
    "two books with a rung for 181 are one alert": ((*PRESSURE, *CANCER), [bp(0, 181)], [WAITS]),
    "which the graver of them makes worse": (
        (*PRESSURE, *CANCER),
        [bp(0, 161), bp(600, 162), bp(900, 220)],
        ["high onset bp-high", "critical worsened bp-high"],
    ),
    "a quarter of an hour apart is 15 min": (
        BIRTH,
        [bp(0, 141), bp(15, 142)],
        ["high onset bp-high"],
    ),
    "five readings before therapy are no baseline": (
        CANCER,
        [
            plan(*CANCER, therapy_start=at(0)),
            *[bp(-days * DAYS, 120, 70) for days in range(5, 0, -1)],
            bp(60, 150, 70),
            tick(3 * DAYS),
        ],
        ["medium inactive bp-high"],
    ),
    "an irregular pulse in two of three, and one of three": (
        ADULT,
        [bp(n * 10, 120, status=IRREGULAR if n in {0, 2} else []) for n in range(5)],
        ["medium onset pulse-irregular", "medium returned pulse-irregular"],
    ),
    "silence waits for the window to close, and its grace": (
        PRESSURE,
        [plan(*PRESSURE, care_plan_from=at(0), schedules=TWICE_A_DAY), tick(3 * DAYS + 300)],
        [],
    ),
    "then it is told": (
        PRESSURE,
        [plan(*PRESSURE, care_plan_from=at(0), schedules=TWICE_A_DAY), tick(3 * DAYS + 301)],
        ["medium onset absence-blood-pressure"],
    ),
    "at midnight not before the morning": (
        PRESSURE,
        [plan(*PRESSURE, care_plan_from=at(360), schedules=TWICE_A_DAY), tick(4 * DAYS)],
        [],
    ),
    "after a pause it counts anew": (
        PRESSURE,
        [plan(*PRESSURE, care_plan_from=at(0), pauses=IN_BED), tick(7 * DAYS)],
        [],
    ),
    "to its end": (
        PRESSURE,
        [plan(*PRESSURE, care_plan_from=at(0), pauses=IN_BED), tick(7 * DAYS + 1)],
        ["medium onset absence-blood-pressure"],
    ),
    "a control solution is no contact": (
        SUGAR,
        [
            plan(*SUGAR, care_plan_from=at(0)),
            sugar(2 * DAYS, 100, outcome="control-solution"),
            tick(3 * DAYS + 1),
        ],
        ["medium onset absence-glucose"],
    ),
    "24.0 kPa are more than 180 mmHg, which no book states in kPa": (
        ADULT,
        [cuff("24.0")],
        [WAITS],
    ),
    "29.3 kPa are fewer than 220": (ADULT, [cuff("29.3")], [WAITS]),
}


@pytest.mark.parametrize("sentence", NIGHTS)
def test_what_is_said_of(sentence: str) -> None:
    books, log, told = NIGHTS[sentence]
    assert judged(log, books) == told
    assert judged(log, books, cut=1) == told
