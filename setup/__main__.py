"""`python3 -m setup gateway|server|analysis|demo|test`, run by the Makefile and the Dockerfile."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):
    found = f"{sys.version_info[0]}.{sys.version_info[1]}"
    sys.exit(f"setup: python3 is {found}; 3.11 or later is needed (make PYTHON=python3.11 ...)")

from setup.environment import main

sys.exit(main(sys.argv[1:]))
