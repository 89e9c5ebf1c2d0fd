"""Sentences of the specification about pressure and silence: a log by hand, and what is said."""

import pytest

from tests.alerts.judge.nights import (
    ADULT,
    DAYS,
    HI,
    HOURS,
    LO,
    NAN,
    Line,
    amount,
    at,
    bp,
    changed,
    judged,
    minute,
    plan,
    tick,
    together,
)

BIRTH, CANCER = ("pregnancy-postpartum",), ("oncology-antivegf",)
WAITS = "critical onset bp-high [awaiting-confirmation]"
MOVED = ["body-moved"]
EXTREME = bp(0, 220)
NORMAL = bp(0, 130)
BEFORE_THERAPY = [bp(-days * DAYS, 120, 70) for days in range(7, 0, -1)]
NEW_YORK = "America/New_York"


def own(value: str, role: str, until_days: int) -> Line:
    return {
        "name": "severe-systolic",
        "values": [value],
        "author": "Ito",
        "role": role,
        "reason": "known",
        "valid_from": at(-DAYS),
        "valid_until": at(until_days * DAYS),
        "entered_at": at(-DAYS),
    }


def beating(minutes: float, pulse: object) -> Line:
    reading = bp(minutes, 120)
    quantities: Line = {**bp(minutes, 120)["quantities"], "pulse": amount(pulse, "/min")}  # type: ignore[dict-item]
    return reading | {"reading_id": f"pulse {minutes}", "quantities": quantities}


def high(*times: str) -> list[Line]:
    return [bp(minute(time), 150) for time in times]


Night = tuple[tuple[str, ...], list[Line], list[str]]
NIGHTS: dict[str, Night] = {
    "180/120 is not severe": (ADULT, [bp(0, 180, 120)], []),
    "181 waits for a repeat that says the same": (
        ADULT,
        [bp(0, 181), bp(5, 190)],
        [WAITS, "critical confirmed bp-high"],
    ),
    "flagged or not": (
        ADULT,
        [bp(0, 181), bp(5, 190, status=MOVED)],
        [WAITS, "critical confirmed bp-high [flagged]"],
    ),
    "one that is back ends it, and nobody was paged": (
        ADULT,
        [bp(0, 181), bp(5, 175, 115)],
        [WAITS, "critical not-confirmed bp-high"],
    ),
    "a flagged one ends nothing": (
        ADULT,
        [bp(0, 181), bp(5, 130, status=MOVED), tick(11)],
        [WAITS, "critical confirmed bp-high"],
    ),
    "one between the limits neither: it pages after ten minutes": (
        ADULT,
        [bp(0, 181), bp(5, 176), tick(10.1)],
        [WAITS, "critical confirmed bp-high"],
    ),
    "one that was back in time and came when it had paged returns it": (
        ADULT,
        [bp(0, 181), bp(20, 130, ago=15)],
        [WAITS, "critical confirmed bp-high", "critical returned bp-high"],
    ),
    "a cuff that tells its newest first has told both with the second": (
        ADULT,
        [bp(6, 190, ago=1), bp(7, 185, ago=7)],
        [WAITS, "critical confirmed bp-high"],
    ),
    "220 waits for nothing": (ADULT, [EXTREME], ["critical onset bp-high"]),
    "what a cuff can only call LO waits for nothing": (
        ADULT,
        [bp(0, LO, NAN)],
        ["high onset bp-low"],
    ),
    "nor a diastolic pressure that is HI": (ADULT, [bp(0, NAN, HI)], ["critical onset bp-high"]),
    "nor in pregnancy": (BIRTH, [bp(0, NAN, HI)], ["critical onset bp-high"]),
    "nor under anti-VEGF therapy": (CANCER, [bp(0, NAN, HI)], ["critical onset bp-high"]),
    "nor a pulse of either": (
        ADULT,
        [beating(0, LO), beating(1, 70), beating(2, HI)],
        ["high onset pulse-low", "high returned pulse-low", "high onset pulse-high"],
    ),
    "a moved cuff that calls it LO is asked for a repeat all the same": (
        ADULT,
        [bp(0, LO, NAN, status=MOVED)],
        ["high repeat-asked bp-low [flagged]"],
    ),
    "NaN/130 is severe by its diastolic pressure": (ADULT, [bp(0, NAN, 130)], [WAITS]),
    "it returns with both known, not with one": (
        ADULT,
        [EXTREME, bp(5, NAN, 80), bp(9, 170, NAN), bp(15, 170, 80)],
        ["critical onset bp-high", "critical returned bp-high"],
    ),
    "delayed, 230 is high": (ADULT, [bp(241, 230, ago=241)], ["high onset bp-high [delayed]"]),
    "a moved cuff opens nothing; if nobody repeats, one lower": (
        ADULT,
        [bp(0, 190, status=MOVED), tick(15), tick(15.1)],
        [
            "critical repeat-asked bp-high [flagged]",
            "high onset bp-high [unverified] [flagged]",
        ],
    ),
    "twice moved is confirmed": (
        ADULT,
        [bp(0, 190, status=MOVED), bp(5, 185, status=MOVED)],
        ["critical repeat-asked bp-high [flagged]", "critical onset bp-high [flagged]"],
    ),
    "an irregular pulse spoils nothing": (
        ADULT,
        [bp(0, 220, status=["irregular-pulse"])],
        ["critical onset bp-high"],
    ),
    "150 on one day is nobody's page": (ADULT, [bp(n * 60, 150) for n in range(5)], []),
    "three of five on two days of the patient, though one of UTC": (
        ADULT,
        [
            plan(*ADULT, zone=NEW_YORK),
            *high("2026-03-03T04:50", "2026-03-03T04:55", "2026-03-03T05:05"),
        ],
        ["medium onset bp-high"],
    ),
    "not on one of the patient, though two of UTC": (
        ADULT,
        [
            plan(*ADULT, zone=NEW_YORK),
            *high("2026-03-03T05:05", "2026-03-03T23:00", "2026-03-04T04:55"),
        ],
        [],
    ),
    "nor on the one with 25 hours": (
        ADULT,
        [
            plan(*ADULT, zone=NEW_YORK),
            *high("2026-11-01T04:30", "2026-11-01T05:30", "2026-11-02T04:30"),
        ],
        [],
    ),
    "who flies to Tokyo has days there": (
        ADULT,
        [
            plan(*ADULT, zones=[{"from": "2026-03-03T12:00Z", "zone": "Asia/Tokyo"}]),
            *high("2026-03-03T13:00", "2026-03-03T14:50", "2026-03-03T15:10"),
        ],
        ["medium onset bp-high"],
    ),
    "two severe ones in one record are confirmed": (
        ADULT,
        [together(bp(6, 190, ago=6), bp(6, 188, ago=1))],
        [WAITS, "critical confirmed bp-high"],
    ),
    "a nurse relaxes no critical limit": (
        ADULT,
        [plan(*ADULT, limits=[own("190 mmHg", "nurse", 30)]), bp(0, 185)],
        [WAITS],
    ),
    "a physician does for eighty days": (
        ADULT,
        [plan(*ADULT, limits=[own("190 mmHg", "physician", 80)]), bp(0, 185)],
        [],
    ),
    "not for a hundred": (
        ADULT,
        [plan(*ADULT, limits=[own("190 mmHg", "physician", 100)]), bp(0, 185)],
        [WAITS],
    ),
    "a child is not judged by an adult's book": (
        ADULT,
        [plan(*ADULT, under_13=True), EXTREME],
        [],
    ),
    "what was another patient's is taken back": (
        ADULT,
        [EXTREME, changed("withdrawals", 60, EXTREME)],
        ["critical onset bp-high", "critical retracted bp-high"],
    ),
    "a correction that makes it severe pages nobody": (
        ADULT,
        [NORMAL, changed("corrections", 5, NORMAL, quantities=EXTREME["quantities"])],
        ["medium corrected-match bp-high"],
    ),
    "pregnant, 160 is critical and waits for a quarter of an hour": (
        BIRTH,
        [bp(0, 160), tick(14.9), bp(14.95, 158), tick(15.1)],
        [WAITS, "critical confirmed bp-high"],
    ),
    "159/109 is not": (BIRTH, [bp(0, 159, 109)], []),
    "140/90 twice is high, if a quarter of an hour lies between": (
        BIRTH,
        [bp(0, 141), bp(10, 142), bp(20, 120, 90)],
        ["high onset bp-high"],
    ),
    "that the two are eight days old makes a third that is as high no normal one": (
        BIRTH,
        [bp(0, 150, 95), bp(20, 150, 95), bp(8 * DAYS, 150, 95)],
        ["high onset bp-high"],
    ),
    "nor one that is in the band, nor one whose systolic pressure nobody knows": (
        BIRTH,
        [bp(0, 150), bp(20, 150), bp(8 * DAYS, 136), bp(16 * DAYS, NAN)],
        ["high onset bp-high"],
    ),
    "who gave birth is missed after a day, at night": (
        BIRTH,
        [
            plan(*BIRTH, zone="Europe/Berlin", care_plan_from=at(-5 * HOURS)),
            tick(19 * HOURS),
            tick(19 * HOURS + 1),
        ],
        ["high onset absence-blood-pressure"],
    ),
    "not while in hospital": (
        BIRTH,
        [
            plan(*BIRTH, care_plan_from=at(0), pauses=[{"from": at(600), "until": None}]),
            tick(9 * DAYS),
        ],
        [],
    ),
    "others not before eight in the morning": (
        ADULT[:1],
        [
            plan(*ADULT[:1], zone="Europe/Berlin", care_plan_from="2026-03-26T02:30Z"),
            tick(minute("2026-03-29T06:00")),  # in the night the clocks went forward
        ],
        [],
    ),
    "but then": (
        ADULT[:1],
        [
            plan(*ADULT[:1], zone="Europe/Berlin", care_plan_from="2026-03-26T02:30Z"),
            tick(minute("2026-03-29T06:01")),
        ],
        ["medium onset absence-blood-pressure"],
    ),
    "a failed attempt is contact": (
        ADULT[:1],
        [
            plan(*ADULT[:1], care_plan_from=at(0)),
            bp(2 * DAYS, NAN, NAN, outcome="failed"),
            tick(4 * DAYS),
        ],
        [],
    ),
    "180 under anti-VEGF therapy is critical": (CANCER, [bp(0, 180)], [WAITS]),
    "160/100 twice is high": (
        CANCER,
        [bp(0, 161), bp(600, 120), bp(900, 120, 100)],
        ["high onset bp-high"],
    ),
    "a rise of 20 over what was before therapy is medium": (
        CANCER,
        [plan(*CANCER, therapy_start=at(0)), *BEFORE_THERAPY, bp(60, 140, 70)],
        ["medium onset bp-high"],
    ),
    "one of 19 is nothing": (
        CANCER,
        [plan(*CANCER, therapy_start=at(0)), *BEFORE_THERAPY, bp(60, 139, 70)],
        [],
    ),
}


@pytest.mark.parametrize("sentence", NIGHTS)
def test_what_is_said_of(sentence: str) -> None:
    books, log, told = NIGHTS[sentence]
    assert judged(log, books) == told
    assert judged(log, books, cut=1) == told
