"""The case that records make."""

from alerts.desk.case import Case
from alerts.desk.fold import Desk
from schemas.alert import Action, Transition


def fold(*records: Transition | Action) -> Desk:
    desk = Desk()
    for record in records:
        take(desk, record)
    return desk


def take(desk: Desk, record: Transition | Action) -> None:
    if isinstance(record, Transition):
        desk.found(record)
    else:
        desk.done(record)


def case_of(*records: Transition | Action) -> Case:
    case = fold(*records).case("a")
    assert case is not None
    return case
