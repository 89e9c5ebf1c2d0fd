"""What the engine tells, in the oracle's words: they must be the same."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TypeVar

from schemas.alert import Transition
from tests.alerts.oracle_because import told
from tests.alerts.oracle_silence import OFFLINE
from tests.alerts.oracle_words import Said

OF_DATES = {"inactive"}


def once(transitions: Sequence[Transition]) -> list[Transition]:
    """Leave out what a date brings a second time, under the same name.

    Whoever starts anew, or reads a changed plan, says it again within the hour.
    """
    kept: dict[object, Transition] = {}
    for number, one in enumerate(transitions):
        kept.setdefault(one.event_id if one.event in OF_DATES else number, one)
    return list(kept.values())


def said(transitions: Sequence[Transition]) -> list[Said]:
    return [
        Said(
            one.event,
            one.patient_id,
            one.ladder,
            one.rule,
            one.severity,
            one.at_ms,
            one.alert_id,
            one.evidence.reading_id,
            (*one.marks, *([one.cause] if one.cause else [])),
            told(one),
        )
        for one in once(transitions)
    ]


_Told = TypeVar("_Told", Said, Transition)


def behind(told: Sequence[_Told]) -> list[_Told]:
    """Let what is told of silence follow the rest: between the two the order says nothing.

    Nor does it of several silences of one moment; what is told of one of them stays in its order.
    """

    def key(one: _Told) -> tuple[bool, int, str]:
        silence = one.ladder == OFFLINE or one.ladder.startswith("absence-")
        return (True, one.at_ms, one.alert_id) if silence else (False, 0, "")

    return sorted(told, key=key)


_shown = {""}
"""Tests of which a difference was shown."""


def show_first(heard: Sequence[Said], expected: Sequence[Said]) -> None:
    """Print where they part, of each test once, and now.

    A search for the smallest example takes minutes, and a time limit that ends it would take along
    what was found.
    """
    test = os.environ.get("PYTEST_CURRENT_TEST", "?")
    if test in _shown:
        return
    for number, (one, other) in enumerate(zip_longest(heard, expected)):
        same = one is not None and other is not None and other.because in {None, one.because}
        if not same or replace(one, because=None) != replace(other, because=None):
            _shown.add(test)
            said = f"They part at transition {number + 1}.\nengine: {one}\noracle: {other}\n"
            sys.stderr.write(said)
            return


def agree(found: Sequence[Transition], expected: Sequence[Said]) -> None:
    """See that they say the same, and for the same reasons where a reading has spoken."""
    heard, expected = behind(said(found)), behind(expected)
    show_first(heard, expected)
    assert [replace(one, because=None) for one in heard] == [
        replace(one, because=None) for one in expected
    ]
    for one, other in zip(heard, expected, strict=True):
        assert other.because in {None, one.because}, one
    named = once(found)
    assert len({one.event_id for one in named}) == len(named), "an event has a name of its own"
