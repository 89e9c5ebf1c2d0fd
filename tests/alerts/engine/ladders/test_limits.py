"""A reading against the limits of its rule: what holds, by how far, whose it is, how it is said."""

from decimal import Decimal

import msgspec
import numpy as np
import pytest

from alerts.engine.ladders import limits
from alerts.engine.ladders.findings import Summed, summed
from alerts.engine.ladders.ladder import Rung, arrange
from alerts.engine.readings.sight import Sight
from alerts.engine.transitions import wording
from alerts.rules.condition import Beyond, HasStatus, Limit
from alerts.rules.reader import read_book
from alerts.rules.values import HI, LO, Sums
from schemas.alert import LimitInForce
from schemas.reading import Quantity
from schemas.registry import PersonalLimit
from tests.alerts.book_text import GLUCOSE, head, rule
from tests.alerts.engine.window_rules import HEAD, RISE
from tests.alerts.readings import quantity

GOAL = """
[limits.goal]
value = ["150 mmHg"]
allowed = [["120 mmHg"], ["200 mmHg"]]
relaxing = "up"

"""

SUGAR = head("sugar", GLUCOSE)


def rung(when: str, *more: str) -> Rung:
    text = HEAD + GOAL + rule("one", when, *more) + rule("keep", "systolic > limit.goal")
    rungs = [
        each for ladder in arrange([read_book("e.toml", text)]).ladders for each in ladder.rungs
    ]
    return next(each for each in rungs if each.rule.id == "one")


def limit(when: str, *more: str) -> Limit:
    (found,) = rung(when, *more).rule.condition.tests()
    assert isinstance(found, Limit)
    return found


def sight(unit: str = "mm[Hg]", **values: object) -> Sight:
    made = {name: quantity(value, unit) for name, value in values.items()}
    return Sight("r", "blood_pressure", 0, "device-clock", made, [])


@pytest.mark.parametrize(
    ("operator", "below", "at", "above"),
    [
        ("<", True, False, False),
        ("<=", True, True, False),
        (">", False, False, True),
        (">=", False, True, True),
    ],
)
def test_what_holds_at_the_limit_itself(operator: str, below: bool, at: bool, above: bool) -> None:
    test = limit(f"systolic {operator} 140 mmHg")
    found = [limits.holds(test, sight(systolic=value), {}) for value in ("139.9", 140, "140.1")]
    assert found == [below, at, above]
    beyond = [limits.holds(test, sight(systolic=value), {}) for value in ("LO", "HI")]
    assert beyond == [operator.startswith("<"), operator.startswith(">")]
    assert not limits.holds(test, sight(systolic="NaN"), {})
    assert not limits.holds(test, sight(systolic="twelve"), {})
    assert not limits.holds(test, sight(diastolic=200), {})
    assert not limits.holds(test, sight("stone", systolic=1), {})


def test_a_derived_field_needs_all_its_parts_in_one_unit() -> None:
    test = limit("map >= 93.3 mmHg")
    assert limits.holds(test, sight(systolic=120, diastolic=80), {})
    assert not limits.holds(test, sight(systolic="119.8", diastolic=80), {})
    assert not limits.holds(test, sight(systolic=200), {})
    assert not limits.holds(test, sight(systolic="HI", diastolic=80), {})
    mixed = msgspec.structs.replace(
        sight(systolic=120),
        quantities={"systolic": Quantity("mm[Hg]", "120"), "diastolic": Quantity("kPa", "12")},
    )
    assert not limits.holds(test, mixed, {})
    assert limits.field_text(test, mixed) == ("", "")
    assert limits.field_text(test, sight(systolic=120, diastolic=80)) == ("93.3 mmHg", "mm[Hg]")
    # 280.5 / 3 is 93.5; 281 / 3 is 93.66…, rounded half up
    assert limits.field_text(test, sight(systolic=121, diastolic=80))[0] == "93.7 mmHg"


def test_flags_and_sides_hold_as_they_were_reported() -> None:
    flag, high = HasStatus("irregular-pulse"), Beyond(0, "systolic", HI)
    seen = msgspec.structs.replace(sight(systolic=120), status=["irregular-pulse"])
    assert limits.holds(flag, seen, {})
    assert not limits.holds(flag, sight(systolic=120), {})
    assert not limits.holds(flag, msgspec.structs.replace(seen, status=None), {})
    found = [limits.holds(high, sight(systolic=value), {}) for value in ("HI", "LO", 300)]
    assert found == [True, False, False]
    assert [limits.side_of(quantity(value, "mm[Hg]")) for value in ("HI", "LO", "NaN", 5)] == [
        HI,
        LO,
        0,
        0,
    ]
    assert limits.side_of(None) == 0


def test_how_far_beyond_its_limit_a_value_is() -> None:
    test = limit("systolic > 160 mmHg")
    assert limits.excess(test, sight(systolic=200), {}) == pytest.approx(0.25)
    low = limit("systolic <= 80 mmHg")
    assert limits.excess(low, sight(systolic=60), {}) == pytest.approx(0.25)
    assert limits.excess(test, sight(systolic="HI"), {}) == float("inf")
    assert limits.excess(HasStatus("irregular-pulse"), sight(systolic=100), {}) == float("inf")
    either = rung("systolic > 160 mmHg or diastolic > 100 mmHg")
    assert wording.excess(either, sight(systolic=176, diastolic=120), {}) == pytest.approx(0.2)
    assert wording.excess(either, sight(systolic=100, diastolic=80), {}) == 0.0, "none holds"


def test_whose_limit_it_is() -> None:
    test = limit("systolic > limit.goal")
    own = PersonalLimit("goal", ["170 mmHg"], "Dr. Ito", "physician", "frail", 5, 9, 1)
    seen = sight(systolic=160)
    assert limits.holds(test, seen, {})
    assert not limits.holds(test, seen, {"goal": own})
    assert limits.holds(test, seen, {"other": own})
    assert limits.excess(test, sight(systolic=187), {"goal": own}) == pytest.approx(0.1)
    assert limits.in_force((test,), seen, {}, None) == [
        LimitInForce("systolic", ">", ["150 mmHg"], "goal")
    ]
    assert limits.in_force((test,), seen, {"goal": own}, None) == [
        LimitInForce("systolic", ">", ["170 mmHg"], "goal", "Dr. Ito", "physician", "frail", 5, 9)
    ]
    assert limits.in_force((HasStatus("irregular-pulse"),), seen, {}, None) == []
    assert limits.limit_text(test, {"goal": own}, "mm[Hg]") == "170 mmHg"
    assert limits.limit_text(test, {}, "stone") == "150 mmHg", "in the first unit of the book"


def test_a_limit_is_shown_in_the_unit_of_the_reading_first() -> None:
    text = SUGAR + rule("low", "glucose < (70 mg/dL, 3.9 mmol/L)").replace(
        "blood_pressure", "glucose"
    ).replace('["5 mmHg"]', '["10 mg/dL", "0.6 mmol/L"]')
    (ladder,) = arrange([read_book("e.toml", text)]).ladders
    (test,) = ladder.rungs[0].rule.condition.tests()
    assert isinstance(test, Limit)

    def shown(unit: str) -> list[str]:
        seen = Sight("r", "glucose", 0, "device-clock", {"glucose": Quantity(unit, "3")}, [])
        (one,) = limits.in_force((test,), seen, {}, None)
        return one.amounts

    assert shown("mmol/L") == ["3.9 mmol/L", "70 mg/dL"]
    assert shown("mg/dL") == ["70 mg/dL", "3.9 mmol/L"]


def sums(of: Limit, total: int, count: int, before: int = 0, days: int = 0) -> Summed:
    def row(first: int) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
        return np.array([[first, 0, 0, 0]], np.int64)

    unit = np.zeros((1, 4), np.int8)
    (one,) = summed((of,), Sums(row(total), row(count), unit, row(before), row(days)))
    return one


def test_a_mean_and_a_rise_are_shown_to_a_tenth() -> None:
    mean = limit("systolic >= 135 mmHg", "window = { mean_days = 7, readings = 12, days = 3 }")
    seen = sight(systolic=120)
    assert limits.field_text(mean, seen, sums(mean, 4050, 3)) == ("135 mmHg", "mm[Hg]")
    assert limits.field_text(mean, seen, sums(mean, 4051, 3)) == ("135 mmHg", "mm[Hg]")
    assert limits.field_text(mean, seen, sums(mean, 4052, 3))[0] == "135.1 mmHg"
    assert limits.field_text(mean, seen, sums(mean, 2701, 2))[0] == "135.1 mmHg", "half up"
    assert limits.field_text(mean, seen, sums(mean, 0, 0)) == ("", "mm[Hg]")
    middle = limit("map >= 93.3 mmHg", "window = { mean_days = 7, readings = 12, days = 3 }")
    of_two = np.array([[2400, 1600, 0, 0]], np.int64), np.full((1, 4), 2, np.int64)
    (both,) = summed((middle,), Sums(*of_two, np.zeros((1, 4), np.int8), None, None))
    assert limits.field_text(middle, seen, both)[0] == "93.3 mmHg", "(120 + 2 * 80) / 3"
    text = HEAD + RISE
    (ladder,) = arrange([read_book("e.toml", text)]).ladders
    (rise,) = ladder.rungs[0].rule.condition.tests()
    assert isinstance(rise, Limit)
    assert limits.field_text(rise, seen, sums(rise, 1410, 1, 2410, 2)) == ("20.5 mmHg", "mm[Hg]")
    assert limits.field_text(rise, seen, sums(rise, 1410, 1)) == ("", "mm[Hg]")
    assert sums(rise, 1400, 1, 2400, 2).holding == [True]
    assert sums(rise, 1399, 1, 2400, 2).holding == [False]
    (one,) = limits.in_force((rise,), seen, {}, sums(rise, 1410, 1, 2410, 2))
    assert (one.field, one.relation, one.amounts) == ("systolic rise", ">=", ["20 mmHg"])


def test_durations_are_said_in_hours_and_minutes() -> None:
    minute = 60_000
    said = [
        wording.duration_text(ms)
        for ms in (0, minute - 1, minute, 59 * minute, 60 * minute, 61 * minute, -5, 310 * minute)
    ]
    assert said == ["0 min", "0 min", "1 min", "59 min", "1 h", "1 h 1 min", "0 min", "5 h 10 min"]
    days = [wording.duration_text(hours * 60 * minute) for hours in (24, 47, 48, 49, 72)]
    assert days == ["24 h", "47 h", "2 days", "49 h", "3 days"]


def test_personal_limits_are_read_as_those_of_a_book() -> None:
    found = limits.statement(("60 mg/dL", "3.3 mmol/L"))
    assert found == (("mg/dL", Decimal(60)), ("mmol/L", Decimal("3.3")))
