"""What a run of all tests tries, and in which order."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import settings

EXAMPLES_LIMIT_S = 600
"""Hypothesis looks up to 300 s for a smaller example of what it has found, before it tells it."""
OWN = "_hypothesis_internal_use_settings"
SERVERS = {"browser", "demo", "kafka", "log", "mqtt", "postgres", "world"}
_LONG, _SERVER, _EXAMPLES, _PLAIN = 200, 100, 20, 1


def try_a_part(items: Iterable[pytest.Item], part: float) -> None:
    """Lower the number of examples of each property: its own number, or the profile's."""
    functions = {_function(item): OWN for item in items}
    machines = {getattr(item, "cls", None): "settings" for item in items}
    for holder, name in [*functions.items(), *machines.items()]:
        found = getattr(holder, name, None)
        if isinstance(found, settings):
            fewer = max(1, round(part * found.max_examples))
            setattr(holder, name, settings(found, max_examples=fewer))


def give_time(items: Iterable[pytest.Item], times: float = 1) -> None:
    """Let many examples take long: they compute, and hang on nobody, but a busy machine is slow.

    ``times``: how often as many examples are tried; of fewer each may still be slow.
    """
    for item in items:
        if _draws(item) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(EXAMPLES_LIMIT_S * max(1, times)))


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Begin with the files that take longest.

    A worker takes file by file: what is long and comes last is waited for by all the others.
    """
    weights: Counter[object] = Counter()
    for item in items:
        weights[item.path] += _weight(item)
    return sorted(items, key=lambda item: -weights[item.path])


def _weight(item: pytest.Item) -> int:
    """Tell how long a test takes, roughly: its limit says so, its servers, or its examples."""
    if item.get_closest_marker("timeout") is not None:
        return _LONG
    if not SERVERS.isdisjoint(getattr(item, "fixturenames", ())):
        return _SERVER
    return _EXAMPLES if _draws(item) else _PLAIN


def _draws(item: pytest.Item) -> bool:
    return getattr(_function(item), "is_hypothesis_test", False)


def _function(item: pytest.Item) -> object:
    test = getattr(item, "obj", None)
    return getattr(test, "__func__", test)
