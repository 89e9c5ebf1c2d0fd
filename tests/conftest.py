"""What holds for every test."""

import gc
import os

from hypothesis import Phase, settings

# No deadline: a slow machine is not a wrong answer. In CI the same examples each time: a red run
# is then about the change at hand, and new examples are found on people's machines.
settings.register_profile("here", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
# A mutant is noticed or not: nobody wants the smallest example of what it breaks.
found_at_once = [Phase.explicit, Phase.generate]
settings.register_profile("mutants", deadline=None, derandomize=True, phases=found_at_once)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of every later search for garbage.

    The fixtures of brokers and of the gateway look for what a test left behind, each time; through
    the whole suite's modules and tests that takes longer than many a test.
    """
    gc.collect()
    gc.freeze()
