"""Sentences of the specification about glucose: a log by hand, and what must be said of it."""

import pytest

from tests.alerts.judge.nights import (
    ADULT,
    DAYS,
    HI,
    HOURS,
    LO,
    Line,
    at,
    changed,
    judged,
    plan,
    sugar,
    tick,
    together,
)

LOW = sugar(0, 50)
OPENED = "critical onset glucose-low"
FRAIL: Line = {
    "name": "very-low-glucose",
    "values": ["70 mg/dL", "3.9 mmol/L"],
    "author": "Dr Ito",
    "role": "physician",
    "reason": "frail",
    "valid_from": at(-DAYS),
    "entered_at": at(-DAYS),
}
NIGHTS: dict[str, tuple[list[Line], list[str]]] = {
    "below 54 mg/dL is critical at once": ([sugar(0, 53)], [OPENED]),
    "54 mg/dL is not": ([sugar(0, 54)], ["medium onset glucose-low"]),
    "2.9 mmol/L is": ([sugar(0, "2.9", "mmol/L")], [OPENED]),
    "3.0 mmol/L is not: a unit has its column": (
        [sugar(0, "3.0", "mmol/L")],
        ["medium onset glucose-low"],
    ),
    "70 mg/dL and 3.9 mmol/L are in range": ([sugar(0, 70), sugar(9, "3.9", "mmol/L")], []),
    "two low ones in 24 h are high, whatever their units": (
        [sugar(0, 69), sugar(300, "3.8", "mmol/L")],
        ["medium onset glucose-low", "high worsened glucose-low"],
    ),
    "though one had returned between them": (
        [sugar(0, 60), sugar(60, 120), sugar(300, 65)],
        ["medium onset glucose-low", "medium returned glucose-low", "high onset glucose-low"],
    ),
    "but not in 25 h": (
        [sugar(0, 60), sugar(25 * HOURS, 65)],
        ["medium onset glucose-low", "medium again glucose-low"],
    ),
    "LO is critical": ([sugar(0, LO)], [OPENED]),
    "63 mg/dL is not back from 50": ([LOW, sugar(20, 63)], [OPENED, "critical again glucose-low"]),
    "64 mg/dL is": ([LOW, sugar(20, 64)], [OPENED, "high eased glucose-low"]),
    "3.5 mmol/L is not": (
        [LOW, sugar(20, "3.5", "mmol/L")],
        [OPENED, "critical again glucose-low"],
    ),
    "3.6 mmol/L is": ([LOW, sugar(20, "3.6", "mmol/L")], [OPENED, "high eased glucose-low"]),
    "HI ends no low alert": ([LOW, sugar(30, HI)], [OPENED, "critical onset glucose-high"]),
    "an hour old is fresh": ([sugar(60, 60, ago=60)], ["medium onset glucose-low"]),
    "older is delayed, and one severity lower": (
        [sugar(61, 60, ago=61)],
        ["info onset glucose-low [delayed]"],
    ),
    "but below 54": ([sugar(300, 53, ago=300)], [f"{OPENED} [delayed]"]),
    "and LO": ([sugar(300, LO, ago=300)], [f"{OPENED} [delayed]"]),
    "a delayed HI is high": ([sugar(61, HI, ago=61)], ["high onset glucose-high [delayed]"]),
    "24 h are delayed": ([sugar(1440, 50, ago=1440)], [f"{OPENED} [delayed]"]),
    "more are stale, whatever it says": (
        [sugar(1500, 40, ago=1440.1)],
        ["medium stale glucose-low [stale]"],
    ),
    "a stale reading returns nothing": ([LOW, sugar(60, 120, ago=3000)], [OPENED]),
    "nor does a delayed one": ([LOW, sugar(200, 120, ago=190)], [OPENED]),
    "nor one whose time is that of its receipt": (
        [LOW, sugar(10, 120, time_quality="receipt")],
        [OPENED],
    ),
    "which may return what is not critical": (
        [sugar(0, 60), sugar(10, 120, time_quality="receipt")],
        ["medium onset glucose-low", "medium returned glucose-low"],
    ),
    "and pages": ([sugar(0, 45, time_quality="receipt", session_newest=True)], [OPENED]),
    "without a clock, and not the newest: stale": (
        [sugar(0, 45, time_quality="untrusted", session_newest=False)],
        ["medium stale glucose-low [stale]"],
    ),
    "a time of the future is none": ([sugar(0, 45, ago=-30)], [OPENED]),
    "an old one whose newer is back is resolved before seen": (
        [sugar(0, 120), sugar(5, 45, ago=30)],
        ["medium resolved-before-seen glucose-low"],
    ),
    "so is one that came with it": (
        [together(sugar(30, 45, ago=25), sugar(30, 120, ago=1))],
        ["medium resolved-before-seen glucose-low"],
    ),
    "what is as old as another ends it not": (
        [together(sugar(5, 45, ago=1), sugar(5, 120, ago=1))],
        [OPENED],
    ),
    "a control solution is nobody's blood": ([sugar(0, 40, outcome="control-solution")], []),
    "the same reading again is dropped": ([LOW, LOW | {"received_at": at(30)}], [OPENED]),
    "what was measured before the plan is not judged": (
        [plan(*ADULT, care_plan_from=at(0)), sugar(5, 40, ago=6)],
        [],
    ),
    "no books: nobody judges": ([plan(), LOW], []),
    "a limit of one's own is the one that counts": (
        [plan(*ADULT, limits=[FRAIL]), sugar(0, 65)],
        [OPENED],
    ),
    "HI counts in two of three": (
        [sugar(0, HI), sugar(30, 260)],
        ["critical onset glucose-high", "high eased glucose-high"],
    ),
    "10.0 mmol/L is not above 180 mg/dL, nor 13.9 above 250": (
        [sugar(0, "10.0", "mmol/L"), sugar(5, "13.9", "mmol/L")],
        ["info onset glucose-high"],
    ),
    "a rule that comes and is critical and fresh opens": (
        [plan("adult-standard"), LOW, plan(*ADULT), tick(5)],
        [OPENED],
    ),
    "two hours later it stands": (
        [plan("adult-standard"), LOW, tick(120), plan(*ADULT), tick(121)],
        ["medium standing glucose-low [standing]"],
    ),
    "one that went comes back fresh and critical, and opens: who was called is called no more": (
        [LOW, plan("adult-standard"), tick(10), plan(*ADULT), tick(20)],
        [OPENED, "critical retired glucose-low", OPENED],
    ),
    "and stands, once it is not fresh": (
        [LOW, plan("adult-standard"), tick(61), plan(*ADULT), tick(62)],
        [OPENED, "critical retired glucose-low", "medium standing glucose-low [standing]"],
    ),
    "not if it was over before its rule went": (
        [LOW, sugar(5, 120), plan("adult-standard"), tick(10), plan(*ADULT), tick(20)],
        [OPENED, "critical returned glucose-low"],
    ),
    "taken and given back between two records, it never went": (
        [LOW, plan("adult-standard"), plan(*ADULT), tick(20)],
        [OPENED],
    ),
    "what a foreign reading ended is open again": (
        [LOW, sugar(10, 120), changed("withdrawals", 30, sugar(10, 120))],
        [OPENED, "critical returned glucose-low", "critical reopened glucose-low"],
    ),
    "a foreign reading is the other's, by its age there": (
        [
            LOW,
            changed("withdrawals", 120, LOW),
            LOW | {"patient_id": "p2", "received_at": at(120)},
        ],
        [OPENED, "critical retracted glucose-low", f"{OPENED} [delayed]"],
    ),
    "a correction that leaves less eases": (
        [LOW, changed("corrections", 60, LOW, quantities=sugar(0, 60)["quantities"])],
        [OPENED, "medium eased glucose-low"],
    ),
    "nobody's device with a critical reading is high": (
        [LOW | {"patient_id": None}],
        ["high onset unassigned-glucose"],
    ),
    "with any other nothing": ([sugar(0, 60) | {"patient_id": None}], []),
}


@pytest.mark.parametrize("sentence", NIGHTS)
def test_what_is_said_of(sentence: str) -> None:
    log, told = NIGHTS[sentence]
    assert judged(log, ADULT) == told
    assert judged(log, ADULT, cut=1) == told
