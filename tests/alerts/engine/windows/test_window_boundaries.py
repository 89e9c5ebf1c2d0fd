"""Windows at their edges: ages, days, ladders beside one another, circumstances, full counters."""

from dataclasses import replace

import msgspec
import pytest

from alerts.engine.ladders.kinds import kinds_of
from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.engine.step import step
from alerts.rules.reader import read_book
from schemas.errors import MisconfiguredError
from schemas.kafka import ReadingsRecord, Tick
from tests.alerts.book_text import rule
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.engine.histories import reborn
from tests.alerts.engine.window_rules import (
    GATED,
    HIGH_TWICE,
    LOW_TWICE,
    LYING,
    MEAN,
    RISE,
    ROBIN,
    judged,
    rules,
    told,
    with_attributes,
)
from tests.alerts.readings import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Measured,
    at_once,
    fresh_state,
    pressure,
    record,
)

# -- a late reading completes a window: its age is that of the reading at which it is true --------


@pytest.mark.parametrize(
    ("age_ms", "newer", "expected"),
    [
        (4 * HOUR, False, ("onset", "high", ())),
        (4 * HOUR + 1, False, ("onset", "medium", ("delayed",))),
        (24 * HOUR, False, ("onset", "medium", ("delayed",))),
        (24 * HOUR + 1, False, ("stale", "medium", ("stale",))),
        (4 * HOUR, True, ("onset", "high", ())),
        (4 * HOUR + 1, True, ("stale", "medium", ("stale",))),  # there is a newer reading
    ],
)
def test_the_age_of_a_window_that_a_late_reading_completes(
    age_ms: int, newer: bool, expected: tuple[str, str, tuple[str, ...]]
) -> None:
    second, late = pressure(NOON, 150), pressure(NOON - MINUTE, 151)
    log: list[ReadingsRecord] = list(at_once(second))
    if newer:
        log += at_once(pressure(NOON + MINUTE, 142))  # inside the band: it does not return
    found = judged([*log, record(NOON + age_ms, [late])], HIGH_TWICE)
    assert [(one.event, one.severity, tuple(one.marks)) for one in found] == [expected]
    if expected[0] == "onset":
        assert found[0].evidence.measured_at_ms == NOON


def test_a_window_of_one_ladder_is_not_over_because_that_of_another_is() -> None:
    """The newest reading ends ``low`` and not ``high``: what is high is told, not filed."""
    log = [
        *at_once(pressure(NOON, 150), pressure(NOON + MINUTE, 142)),
        record(NOON + 2 * MINUTE, [pressure(NOON - MINUTE, 151)]),
    ]
    expected = [("onset", "high", "high")]
    assert told(log, HIGH_TWICE, LOW_TWICE) == expected
    assert told(log, LOW_TWICE, HIGH_TWICE) == expected


def test_a_window_that_the_newest_reading_has_ended_is_filed_and_pages_nobody() -> None:
    log = [
        *at_once(*(pressure(NOON + n * MINUTE, value) for n, value in enumerate((150, 120, 120)))),
        record(NOON + 5 * MINUTE, [pressure(NOON - MINUTE, 151)]),
    ]
    for text in ((HIGH_TWICE, LOW_TWICE), (LOW_TWICE, HIGH_TWICE)):
        assert told(log, *text) == [("resolved-before-seen", "medium", "high")]


MEANS = [
    rule(name, f"systolic {limit} mmHg", "window = { mean_days = 2, readings = 3, days = 1 }")
    for name, limit in (("mean-high", ">= 135"), ("mean-low", "<= 95"))
]


@pytest.mark.parametrize("text", [MEANS, MEANS[::-1]])
def test_a_mean_of_one_ladder_is_not_over_because_that_of_another_is(text: list[str]) -> None:
    """Day 1 begins an episode. On day 2 two readings are too few; the third comes late."""
    first = pressure(NOON - DAY, 140)
    known = [pressure(NOON + n * HOUR, 136) for n in range(2)]
    late = pressure(NOON - HOUR, 140)
    log = [*at_once(first, *known), record(NOON + 2 * HOUR, [late])]
    assert told(log, *text) == [("onset", "high", "mean-high")]


def test_a_late_reading_may_lower_a_mean_and_says_nothing() -> None:
    log = [
        *at_once(*(pressure(NOON - DAY + n * HOUR, 140) for n in range(2))),
        *at_once(*(pressure(NOON + n * HOUR, 120) for n in range(2))),
        record(NOON + 2 * HOUR, [pressure(NOON - HOUR, 100)]),
    ]
    assert told(log, *MEANS) == []


# -- circumstances ---------------------------------------------------------------------------------

AFTER_REST = 'requires = { rest = ["yes", "long"] }'


def test_a_rule_that_asks_for_circumstances_is_judged_in_them_alone() -> None:
    text = (
        rule("lying", "systolic > 150 mmHg", LYING),
        rule("rested", "systolic > 140 mmHg", AFTER_REST),
    )
    cases: list[tuple[dict[str, str], list[str]]] = [
        ({}, []),
        ({"position": "sitting", "rest": "no"}, []),
        ({"position": "lying"}, ["lying"]),
        ({"rest": "long"}, ["rested"]),
        ({"position": "lying", "rest": "yes"}, ["lying", "rested"]),
    ]
    for attributes, expected in cases:
        found = told([with_attributes(pressure(NOON, 160), **attributes)], *text)
        assert [name for _, _, name in found] == expected, attributes


def test_a_window_keeps_the_circumstances_of_each_reading_also_after_a_restart() -> None:
    """Standing readings neither count nor keep it from returning; the ring keeps a bit for each."""
    window = "window = { matching = 2, of = 4 }"
    text = (
        rule("rested", "systolic >= 145 mmHg", window, AFTER_REST),
        rule("lying", "systolic >= 145 mmHg", window, LYING),
    )
    counted = [
        with_attributes(pressure(NOON, 150), position="lying"),
        with_attributes(pressure(NOON + MINUTE, 150), rest="yes"),
        with_attributes(pressure(NOON + 2 * MINUTE, 150), position="lying"),
    ]
    for restart in (False, True):
        state = fresh_state(ROBIN, rules=rules(*text))
        assert step(state, counted[:2]).transitions == []
        if restart:
            state = reborn(state, rules(*text), [ROBIN])
        found = step(state, counted[2:]).transitions
        assert [(one.event, one.rule) for one in found] == [("onset", "lying")]


def test_a_vital_may_ask_for_seven_circumstances_and_no_more() -> None:
    def asking(count: int) -> RuleSet:
        return rules(
            *(
                rule(f"r{n}", "systolic > 150 mmHg", f'requires = {{ c{n} = ["yes"] }}')
                for n in range(count)
            )
        )

    vital = asking(7).vitals[0]
    assert len(kinds_of(vital).requirements) == 7
    found = step(
        fresh_state(ROBIN, rules=asking(7)), [with_attributes(pressure(NOON, 160), c6="yes")]
    ).transitions
    assert [one.rule for one in found] == ["r6"]
    vital = asking(8).vitals[0]
    with pytest.raises(MisconfiguredError, match="ask for 8 circumstances"):
        kinds_of(vital)


# -- baselines -------------------------------------------------------------------------------------


def risen(before: list[Measured], after: int, therapy_ms: int = NOON) -> list[str]:
    entry = msgspec.structs.replace(ROBIN, therapy_start_ms=therapy_ms)
    log = at_once(*before, pressure(therapy_ms + HOUR, after))
    return [name for event, _, name in told(log, RISE, patient=entry) if event == "onset"]


def test_a_baseline_is_made_of_the_days_before_the_therapy() -> None:
    def before(*back_ms: int) -> list[Measured]:
        return [pressure(NOON - ms, 120 + n) for n, ms in enumerate(back_ms)]

    assert risen(before(10 * DAY, 1), 141) == ["rise"], "from the first instant to the last"
    assert risen(before(10 * DAY + 1, 1), 141) == [], "one is too old"
    assert risen(before(HOUR, 0), 141) == [], "one was measured when the therapy began"
    assert risen(before(2 * HOUR, HOUR), 140) == [], "120.5 on average: 19.5 higher"


def test_a_baseline_of_more_readings_than_its_counter_holds_stays_one() -> None:
    """Somebody measures every half hour: at 256 readings an 8-bit counter must not begin anew."""
    many = [pressure(NOON - (600 - n) * 20 * MINUTE, 120) for n in range(300)]
    entry = msgspec.structs.replace(ROBIN, therapy_start_ms=NOON)
    log = [*at_once(*many), *at_once(pressure(NOON + HOUR, 139), pressure(NOON + 2 * HOUR, 140))]
    found = judged(log, RISE, patient=entry)
    assert [(one.event, one.at_ms) for one in found] == [("onset", NOON + 2 * HOUR)]


# -- days ------------------------------------------------------------------------------------------


def on_days(*days: float, value: int = 140) -> list[ReadingsRecord]:
    return [
        each
        for day in days
        for each in at_once(
            *(pressure(NOON + int(day * DAY) + n * MINUTE, value) for n in range(2))
        )
    ]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ((0, 1), []),  # the first day of an episode does not count
        ((0, 1, 2), [2]),
        ((0, 1, 7), [7]),
        ((0, 1, 8), []),  # day 1 is outside the seven days that end on day 8
        ((0, 28, 29), [29]),  # a gap of 28 days: day 28 goes on
        ((0, 29, 30), []),  # 29 days: it begins anew
        ((0, 29, 30, 31), [31]),
    ],
)
def test_the_days_of_a_mean(days: tuple[int, ...], expected: list[int]) -> None:
    onsets = [one for one in judged(on_days(*days), MEAN) if one.event == "onset"]
    assert [(one.at_ms - NOON) // DAY for one in onsets] == expected


def test_a_mean_that_holds_a_hi_does_not_return_and_says_so() -> None:
    low = [pressure(NOON + 3 * DAY + n * MINUTE, 100) for n in range(8)]
    beyond = pressure(NOON + 2 * DAY + HOUR, "HI")
    log = on_days(0, 1, 2)
    returned = ("returned", "high", "mean")
    assert returned in told([*log, *at_once(*low)], MEAN)
    assert returned not in told([*log, *at_once(beyond, *low)], MEAN)
    later = [pressure(NOON + 9 * DAY + n * MINUTE, 100) for n in range(2)]
    between = [pressure(NOON + 8 * DAY + n * MINUTE, 100) for n in range(2)]
    after = told([*log, *at_once(beyond, *low, *between, *later)], MEAN)
    assert returned in after, "seven days later the HI is outside"


def test_of_n_of_m_the_days_and_the_minutes_between_count() -> None:
    apart = rule(
        "apart", "systolic >= 145 mmHg", 'window = { matching = 2, of = 3, apart = "15min" }'
    )
    within = rule(
        "within", "systolic >= 145 mmHg", 'window = { matching = 2, of = 3, within = "1h" }'
    )
    days = rule("days", "systolic >= 145 mmHg", "window = { matching = 2, of = 3, days = 2 }")

    def pair(gap_ms: int, text: str) -> bool:
        return bool(told(at_once(pressure(NOON, 150), pressure(NOON + gap_ms, 150)), text))

    assert [pair(ms, apart) for ms in (15 * MINUTE - 1, 15 * MINUTE)] == [False, True]
    assert [pair(ms, within) for ms in (HOUR, HOUR + 1)] == [True, False]
    assert [pair(ms, days) for ms in (12 * HOUR - 1, 12 * HOUR)] == [False, True]


def test_a_window_looks_back_at_m_readings_and_not_before_the_plan() -> None:
    values = [150, 120, 120, 150]
    log = at_once(*(pressure(NOON + n * MINUTE, value) for n, value in enumerate(values)))
    assert told(log, HIGH_TWICE) == []
    assert told(log[1:], HIGH_TWICE.replace("of = 3", "of = 4")) == []
    assert told(log, HIGH_TWICE.replace("of = 3", "of = 4")) == [("onset", "high", "high")]
    began = msgspec.structs.replace(ROBIN, care_plan_from_ms=NOON + 1)
    late_plan = at_once(pressure(NOON, 150), pressure(NOON + MINUTE, 150))
    assert told(late_plan, HIGH_TWICE, patient=began) == []
    in_time = msgspec.structs.replace(ROBIN, care_plan_from_ms=NOON)
    assert told(late_plan, HIGH_TWICE, patient=in_time) == [("onset", "high", "high")]


def test_flagged_and_censored_readings_in_windows() -> None:
    """Flagged ones are skipped; a HI counts as high, and as one of the M."""

    def story(*measured: Measured) -> list[tuple[str, str]]:
        rule_set = arrange([read_book("edges.toml", GATED + HIGH_TWICE)])
        found = by_cuts(at_once(*measured), ROBIN, rules=rule_set)
        return [(one.event, one.rule) for one in found]

    def after(minutes: int, value: object, *flags: str) -> Measured:
        return pressure(NOON + minutes * MINUTE, value, 80, *flags)

    skipped = after(1, 120, "body-moved"), after(2, 120, "body-moved")
    assert story(after(0, 150), *skipped, after(3, 150)) == [("onset", "high")]
    assert story(after(0, "HI"), after(1, 150)) == [("onset", "high")]
    assert story(after(0, 150), after(1, "LO"), after(2, 120), after(3, 150)) == []
    dated_by_its_receipt = replace(after(1, 150), time="receipt", session="other")
    assert story(after(0, 150), dated_by_its_receipt) == [("onset", "high")]
    of_any_time = replace(after(1, 150), time="untrusted")
    assert story(after(0, 150), of_any_time) == []


# -- late readings ---------------------------------------------------------------------------------


def test_a_flagged_newest_reading_ends_no_window_that_a_late_one_completes() -> None:
    """It never returns an alert: what is high is told although the ring looks calm."""
    rule_set = arrange([read_book("edges.toml", GATED + HIGH_TWICE)])

    def story(*flags: str) -> list[str]:
        values = [(0, 150), (1, 120), (2, 120)]
        log = [
            *at_once(*(pressure(NOON + n * MINUTE, value) for n, value in values)),
            *at_once(pressure(NOON + 3 * MINUTE, 120, 80, *flags)),
            record(NOON + 5 * MINUTE, [pressure(NOON - MINUTE, 151)]),
        ]
        return [one.event for one in by_cuts(log, ROBIN, rules=rule_set)]

    assert story() == ["resolved-before-seen"]
    assert story("body-moved") == ["onset"]


def test_a_repeat_that_denies_a_lesser_rung_ends_its_wait() -> None:
    text = (
        GATED
        + rule("severe", "systolic > 180 mmHg", ladder="bp", severity="critical")
        + rule("high", "systolic > 160 mmHg", ladder="bp")
        + rule("raised", "systolic > 140 mmHg", ladder="bp", severity="medium")
    )
    rule_set = arrange([read_book("edges.toml", text)])

    def story(first: int, *repeats: int) -> list[tuple[str, str]]:
        measured = [pressure(NOON, first, 80, "body-moved")]
        measured += [pressure(NOON + (1 + n) * MINUTE, value) for n, value in enumerate(repeats)]
        log = [*at_once(*measured), Tick(NOON + HOUR)]
        found = by_cuts(log, ROBIN, rules=rule_set)
        return [(one.event, one.rule) for one in found]

    assert story(170) == [("repeat-asked", "high"), ("onset", "high")]
    assert story(170, 120) == [("repeat-asked", "high")]
    assert story(150, 120) == [("repeat-asked", "raised")]
    assert story(170, 150) == [("repeat-asked", "high"), ("onset", "raised")]
    assert story(190, 170) == [("repeat-asked", "severe"), ("onset", "high")]
