"""What holds for every test."""

import os

from hypothesis import settings

# No deadline: a slow machine is not a wrong answer. In CI the same examples each time: a red run
# is then about the change at hand, and new examples are found on people's machines.
settings.register_profile("here", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
