"""A book whose rules wait for a second reading."""

import functools
from dataclasses import replace

from alerts.engine.ladders.ladder import RuleSet, arrange
from alerts.rules.load import load_books
from schemas.alert import Transition
from schemas.kafka import ReadingsRecord
from tests.alerts.engine.cuts import judged as by_cuts
from tests.alerts.readings import BASIC, MINUTE, TRIAL

WITHIN = 10 * MINUTE
CONFIRM = {"bp-severe": WITHIN, "bp-low": WITHIN, "trial-not-low-diastolic": 5 * MINUTE}


@functools.cache
def rules(*, trial: bool = False) -> RuleSet:
    """The basic books, and the trial's, with rungs that wait for a repeat."""
    books = load_books(BASIC) + (load_books(TRIAL) if trial else [])
    return arrange(
        [
            replace(
                book,
                rules=tuple(
                    replace(rule, confirm_within_ms=CONFIRM.get(rule.id, 0)) for rule in book.rules
                ),
            )
            for book in books
        ]
    )


def judged(*log: ReadingsRecord) -> list[Transition]:
    return by_cuts(log, rules=rules())


def events(*log: ReadingsRecord) -> list[str]:
    return [one.event for one in judged(*log)]
