"""Equal is equal; what differs is named; nothing is overlooked because it stands on one side."""

from msgspec.structs import replace

from alerts.replay.compare import Difference, compare
from schemas.alert import Evidence, Transition

EVIDENCE = Evidence("r1", "glucose", 1_000, "device-clock", {"glucose": "52 mg/dL"})
ONSET = Transition(
    "e1", "a1", "p1", "glucose-low", "glucose-below-54", "onset", "critical", 1_000, "Low",
    "Glucose 52 mg/dL is below 54 mg/dL", EVIDENCE, "adult-diabetes", "0",
)  # fmt: skip
RETURNED = replace(ONSET, event_id="e2", event="returned", at_ms=2_000)


def test_the_same_in_another_order_and_written_twice_is_the_same() -> None:
    found = compare([ONSET, RETURNED, ONSET], [RETURNED, ONSET])
    assert found.same
    assert [event.event for event in found.events] == ["onset", "returned"]


def test_a_value_that_differs_is_named() -> None:
    other = replace(ONSET, severity="high")
    (event,) = compare([ONSET], [other]).events
    assert event.differences == [Difference("severity", "critical", "high")]
    assert not event.same


def test_an_event_of_one_side_is_missing_on_the_other() -> None:
    found = compare([ONSET], [RETURNED])
    assert [(event.event_id, event.missing) for event in found.events] == [
        ("e1", "replayed"),
        ("e2", "written"),
    ]
    assert not found.same


def test_an_event_that_a_former_release_named_otherwise_is_the_same_and_told() -> None:
    found = compare([replace(ONSET, event_id="old"), RETURNED], [ONSET, RETURNED])
    assert found.same
    assert found.renamed == 1
    assert [(event.event_id, event.written_as) for event in found.events] == [
        ("e1", "old"),
        ("e2", ""),
    ]


def test_a_name_explains_one_event_and_no_other_difference() -> None:
    once, twice = replace(ONSET, event_id="old"), replace(ONSET, event_id="older")
    found = compare([once, twice], [ONSET])
    assert (found.same, found.renamed) == (False, 1)
    assert [(event.event_id, event.missing) for event in found.events] == [
        ("e1", ""),
        ("older", "replayed"),
    ]
    graver = compare([replace(once, severity="high")], [ONSET])
    assert (graver.same, graver.renamed) == (False, 0)
    assert {event.missing for event in graver.events} == {"replayed", "written"}
