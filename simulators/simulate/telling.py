"""What a simulated device says about itself: lines for a person, JSON lines for a program."""

import sys

import msgspec

from schemas.clock import Clock
from simulators.peripherals.clock import utc

__all__ = ["Teller"]


class Teller:
    """Writes one line for each thing that happens."""

    def __init__(self, clock: Clock, *, as_json: bool) -> None:
        """Stamp lines by `clock`; ``as_json`` for whoever is not a person at a terminal."""
        self._clock = clock
        self._as_json = as_json

    def tell(self, event: str, **details: object) -> None:
        """Say that something happened: `event` as a word, `details` by name."""
        now = utc(self._clock)
        if self._as_json:
            line = msgspec.json.encode({"at": now, "event": event, **details}).decode()
        else:
            said = "  ".join(f"{name} {value}" for name, value in details.items())
            line = f"{now:%H:%M:%S}  {event:<14}  {said}".rstrip()
        self._write(line)

    def explain(self, text: str) -> None:
        """Tell a person what to do; a program does not need it."""
        if not self._as_json:
            self._write(text)

    def _write(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()  # a pipe would keep it back
