"""`python -m bench.observed_gateway FILE …`: the shipped command line, but each append is noted.

A line of FILE: the payload in hex, and when the journal's fsync had returned, by the clock of
``time.monotonic``, which all processes of a machine share.
"""

import sys
import time

import vitalwire
from gateway.journal import Journal, Notification
from gateway.record import Record


def main() -> None:
    """Put the note behind ``Journal.append`` and run what the arguments say."""
    appended = open(sys.argv.pop(1), "a", buffering=1)  # noqa: SIM115, PTH123 - until the end
    append = Journal.append

    def noted(journal: Journal, notification: Notification) -> Record:
        record = append(journal, notification)
        now_s = time.monotonic()
        appended.write(f"{notification.payload.hex()} {now_s:.6f}\n")
        return record

    Journal.append = noted  # type: ignore[assignment, method-assign]
    vitalwire.main()


if __name__ == "__main__":
    main()
