"""What rules say of one reading by itself: as a batch would, flags and circumstances included."""

import msgspec

from alerts.engine.ladders.alone import true_rungs, untrue_rungs
from alerts.engine.ladders.ladder import Ladder, arrange
from alerts.engine.readings.sight import Sight
from alerts.rules.reader import read_book
from alerts.rules.values import Requirement
from schemas.reading import Quantity
from schemas.registry import PersonalLimit
from tests.alerts.book_text import rule
from tests.alerts.engine.window_rules import HEAD, LYING

GOAL = """
[limits.goal]
value = ["150 mmHg"]
allowed = [["120 mmHg"], ["200 mmHg"]]
relaxing = "up"

"""
TEXT = (
    rule("severe", "systolic > 180 mmHg", ladder="bp", severity="critical")
    + rule("own", "systolic > limit.goal", ladder="bp")
    + rule("irregular", "status is irregular-pulse", ladder="bp", severity="medium").replace(
        'band = ["5 mmHg"]\n', ""
    )
    + rule("regular", "not status is irregular-pulse", ladder="bp", severity="medium").replace(
        'band = ["5 mmHg"]\n', ""
    )
    + rule("lying", "systolic > 100 mmHg", LYING, ladder="bp", severity="medium")
    + rule(
        "twice",
        "systolic > 100 mmHg",
        "window = { matching = 2, of = 3 }",
        ladder="bp",
        severity="medium",
    )
)
SEEN = Sight("r", "blood_pressure", 0, "device-clock", {"systolic": Quantity("mm[Hg]", "160")})


def ladder() -> Ladder:
    (found,) = arrange([read_book("edges.toml", HEAD + GOAL + TEXT)]).ladders
    return found


def names(rungs: int) -> set[str]:
    return {rung.rule.id for n, rung in enumerate(ladder().rungs) if rungs >> n & 1}


def true_of(
    sight: Sight,
    own: dict[str, PersonalLimit] | None = None,
    met: dict[Requirement, bool] | None = None,
) -> set[str]:
    return names(true_rungs(ladder(), sight, own or {}, met or {}))


def test_a_flag_is_set_clear_or_was_not_looked_for() -> None:
    def seen(*flags: str) -> Sight:
        return msgspec.structs.replace(SEEN, status=list(flags))

    assert true_of(seen("irregular-pulse")) == {"own", "irregular"}
    assert true_of(seen("body-moved")) == {"own", "regular"}
    assert true_of(seen()) == {"own", "regular"}
    assert true_of(msgspec.structs.replace(SEEN, status=None)) == {"own"}, "neither is known"


def test_the_patients_own_limit_stands_in_for_that_of_the_book() -> None:
    own = PersonalLimit("goal", ["170 mmHg"], "Dr. Ito", "physician", "frail", 0, 1, 0)
    assert true_of(SEEN, {"goal": own}) == set()
    lower = msgspec.structs.replace(own, values=["130 mmHg"])
    assert true_of(SEEN, {"goal": lower}) == {"own"}
    assert true_of(SEEN, {"other": own}) == {"own"}


def test_a_rule_that_asks_for_circumstances_is_true_where_they_are_known() -> None:
    lying = Requirement("position", ("lying",))
    assert true_of(SEEN, met={}) == {"own"}
    assert true_of(SEEN, met={lying: False}) == {"own"}
    assert true_of(SEEN, met={lying: True}) == {"own", "lying"}


def test_it_is_untrue_where_it_is_in_any_circumstances() -> None:
    assert names(untrue_rungs(ladder(), SEEN, {})) == {"severe", "irregular", "regular"}
    low = msgspec.structs.replace(SEEN, quantities={"systolic": Quantity("mm[Hg]", "100")})
    assert names(untrue_rungs(ladder(), low, {})) >= {"severe", "own", "lying"}
