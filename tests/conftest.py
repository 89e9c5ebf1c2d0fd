"""What holds for every test."""

import gc
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import Phase, settings

from tests.whole_run import give_time, longest_first, try_a_part

# No deadline: a slow machine is not a wrong answer. In CI the same examples each time: a red run
# is then about the change at hand, and new examples are found on people's machines. Of two runs of
# one commit in CI the second would try the same ones again: it is told a part of them
# (setup/prove_inside). More than all of them is the engine's (tests/alerts/engine/scenes.py).
settings.register_profile("here", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
# A mutant is noticed or not: nobody wants the smallest example of what it breaks.
found_at_once = [Phase.explicit, Phase.generate]
settings.register_profile("mutants", deadline=None, derandomize=True, phases=found_at_once)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    part = float(os.environ.get("VITALWIRE_TEST_EXAMPLES", "1"))
    if part < 1:
        try_a_part(items, part)
    if "PYTEST_XDIST_WORKER" in os.environ:
        items[:] = longest_first(items)
    give_time(items, part)


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of every later search for garbage.

    The fixtures of brokers and of the gateway look for what a test left behind, each time; through
    the whole suite's modules and tests that takes longer than many a test.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def each_test_has_the_log_to_itself() -> Iterator[None]:
    """Undo what a command that ran in this process said about the whole process's log."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
