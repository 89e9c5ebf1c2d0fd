"""Judges canaries: readings that a watcher made up, to show that whoever is ill would be found.

The very rules of a shipped book judge them, in a state that is made for each one and thrown away:
no canary moves what is known of a patient, and what is said of it follows from its record alone.
Its ladders are made once: what is worked out for a ladder is remembered by it, so that ladders made
for each canary would stay, one set a minute.
"""

from collections.abc import Iterable

import msgspec

from alerts.engine.ladders.ladder import RuleSet
from alerts.engine.state.partition_state import PartitionState
from alerts.engine.state.plans import Plans
from alerts.engine.step import step
from schemas.alert import CANARY, Transition
from schemas.kafka import Canary, PatientReadings

CANARY_BOOK = "adult-diabetes"
"""The shipped book, whatever a clinic has activated in its place."""
_NOBODY = "canary"
"""A patient of the state that is thrown away; no record names it."""


def judge_canaries(canaries: Iterable[Canary], rules: RuleSet) -> list[Transition]:
    """Give what the rules found; nothing of a canary that they did not find critical."""
    return [_retold(one, found) for one in canaries for found in _found(one, rules)]


def _found(canary: Canary, rules: RuleSet) -> list[Transition]:
    record = PatientReadings(_NOBODY, "", "", canary.received_at_ms, [canary.reading])
    found = step(PartitionState(rules, Plans(rules)), [record]).transitions
    return [one for one in found if one.event == "onset" and one.severity == "critical"]


def _retold(canary: Canary, found: Transition) -> Transition:
    """Say it so that nobody, whatever program reads it, takes it for a patient's."""
    return msgspec.structs.replace(
        found,
        alert_id=f"{CANARY}{canary.name}",
        event_id=f"{CANARY}{canary.name}",
        patient_id="",
        subject=f"{CANARY}{canary.name}",
        severity="info",
        notify=False,
        title="Canary",
        reason="A made-up reading, to show that alerting works.",
        advice="Nothing is to be done: it is about no patient.",
    )
