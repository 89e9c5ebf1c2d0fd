"""Why nothing comes: what a gateway says beside the readings, by hand, and what is told of whom.

Who gave birth is missed a day after her last contact, at eight in the morning, at any hour.
"""

import pytest

from tests.alerts.judge.nights import (
    ADULT,
    DAYS,
    Line,
    at,
    bp,
    minutes_after_eight,
    plan,
    sugar,
    tick,
    transitions,
)

BIRTH = ("pregnancy-postpartum",)
PLAN = plan(*BIRTH, care_plan_from=at(-DAYS))
OTHER: Line = {**PLAN, "patient_id": "p2"}
BOTH_VITALS = plan(*ADULT, care_plan_from=at(-DAYS))
DUE = DAYS
CUFF = "00:00:00:00:00:00"


def report(
    minutes: int, state: str = "online", *, home: str = "home-1", heard: int | None = None
) -> Line:
    """``heard``: when the gateway heard the cuff last."""
    device = {"address": CUFF, "last_seen_s": (minutes - (heard or 0)) * 60}
    devices = [] if heard is None else [device]
    health = {"state": state, "devices": devices}
    return {"gateway_id": home, "received_at": at(minutes), "health": health}


def reports(begin: int, end: int, *, home: str = "home-1", heard: int | None = None) -> list[Line]:
    """Every half hour, and at the end."""
    minutes = [*range(begin, end, 30), end]
    return [report(minute, home=home, heard=heard) for minute in minutes]


def came(reading: Line, home: str = "home-1", patient: str = "p1") -> Line:
    return {**reading, "gateway_id": home, "patient_id": patient}


def both(*courses: list[Line]) -> list[Line]:
    lines = [line for course in courses for line in course]
    return sorted(lines, key=lambda line: str(line["received_at"]))


FIRST = came(bp(0, 120))
GONE = [*reports(1, DUE - 60), report(DUE - 30, "offline")]
AWAY = f"{DUE} gateway/home-1 medium onset gateway-offline"
MISSED = f"{DUE} p1 high onset absence-blood-pressure"
BACK = "1500 gateway/home-1 medium returned gateway-offline"

LOGS: dict[str, tuple[list[Line], list[str]]] = {
    "the gateway is there: nothing was measured": (
        [PLAN, FIRST, *reports(1, DUE + 60)],
        [f"{MISSED} not-measured"],
    ),
    "it has not heard the cuff since: the device is silent": (
        [PLAN, FIRST, *reports(1, DUE + 60, heard=0)],
        [f"{MISSED} device-silent"],
    ),
    "it has: nothing was measured": (
        [PLAN, FIRST, *reports(1, 601, heard=0), *reports(630, DUE + 60, heard=625)],
        [f"{MISSED} not-measured"],
    ),
    "nobody knows of a gateway": ([PLAN, bp(0, 120), tick(DUE + 1)], [f"{MISSED} not-measured"]),
    "its will says that it is away: it is told, the patient is not": (
        [PLAN, FIRST, *GONE, tick(DUE + 60)],
        [f"{AWAY} gateway-offline"],
    ),
    "so is one that has not reported for more than an hour": (
        [PLAN, FIRST, *reports(1, DUE - 61), tick(DUE + 60)],
        [f"{AWAY} gateway-offline"],
    ),
    "after an hour it is not yet: that becomes the cause": (
        [PLAN, FIRST, *reports(0, DUE - 60), tick(DUE + 1)],
        [f"{MISSED} not-measured", f"{DUE} p1 high cause absence-blood-pressure gateway-offline"],
    ),
    "two patients behind it are one alert": (
        [PLAN, OTHER, FIRST, came(bp(0, 120), patient="p2"), *GONE, tick(DUE + 60)],
        [f"{AWAY} gateway-offline"],
    ),
    "and two vitals": (
        [
            BOTH_VITALS,
            FIRST,
            came(sugar(0, 100)),
            *reports(1, 3 * DAYS - 60),
            report(3 * DAYS - 30, "offline"),
            tick(3 * DAYS + 60),
        ],
        ["4320 gateway/home-1 medium onset gateway-offline gateway-offline"],
    ),
    "back, it has two hours; then the patient is missed": (
        [PLAN, FIRST, *GONE, tick(DUE + 1), *reports(1500, 1700)],
        [
            f"{AWAY} gateway-offline",
            f"{BACK} gateway-offline",
            "1620 p1 high onset absence-blood-pressure not-measured",
        ],
    ),
    "nobody is whose measurement waited there": (
        [
            PLAN,
            FIRST,
            *GONE,
            tick(DUE + 1),
            report(1500),
            came(bp(1510, 120, ago=400)),
            *reports(1530, 1700),
        ],
        [f"{AWAY} gateway-offline", f"{BACK} gateway-offline"],
    ),
    "one that goes when the patient was told is the cause until it is back": (
        [
            PLAN,
            FIRST,
            *reports(1, DUE + 30),
            report(DUE + 40, "offline"),
            *reports(DUE + 90, DUE + 120),
        ],
        [
            f"{MISSED} not-measured",
            f"{DUE + 40} p1 high cause absence-blood-pressure gateway-offline",
            f"{DUE + 90} p1 high cause absence-blood-pressure not-measured",
        ],
    ),
    "who came by another one last is missed though the first is away": (
        [
            PLAN,
            FIRST,
            came(bp(10, 120), "home-2"),
            *both(GONE, reports(10, DUE + 60, home="home-2")),
        ],
        [f"{DUE + 10} p1 high onset absence-blood-pressure not-measured"],
    ),
    "it explains nothing of whom nothing is due": (
        [
            PLAN,
            FIRST,
            *reports(1, 600),
            report(610, "offline"),
            report(700),
            came(bp(710, 120)),
            *reports(720, DUE + 60),
        ],
        [],
    ),
    "one that is heard of for the first time when it goes": (
        [PLAN, FIRST, report(DUE - 30, "offline"), tick(DUE + 1), *reports(1500, 1700)],
        [
            f"{AWAY} gateway-offline",
            f"{BACK} gateway-offline",
            "1620 p1 high onset absence-blood-pressure not-measured",
        ],
    ),
    "a patient who is taken off the list leaves it away": (
        [
            PLAN,
            FIRST,
            *GONE,
            tick(DUE + 1),
            {"kind": "removed", "patient_id": "p1"},
            *reports(1500, 1700),
        ],
        [f"{AWAY} gateway-offline", f"{BACK} gateway-offline"],
    ),
}


@pytest.mark.parametrize("sentence", LOGS)
def test_what_is_told_of_a_home(sentence: str) -> None:
    log, told = LOGS[sentence]
    books = ADULT if BOTH_VITALS in log else BIRTH
    for cut in (5000, 1):
        assert [
            f"{minutes_after_eight(one.at_ms):.0f} {one.patient_id or one.subject} {one.severity} "
            f"{one.event} {one.ladder} {one.cause}"
            for one in transitions(log, books, cut)
        ] == told
