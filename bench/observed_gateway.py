"""`python -m bench.observed_gateway FILE …`: the shipped command line, but each fsync is noted.

A line of FILE: the payload in hex, and when the journal's fsync had returned, by the clock of
``time.monotonic``, which all processes of a machine share.
"""

import sys
import time

import vitalwire
from gateway.journal.journal import Journal
from gateway.record import Notification, Record, SessionFacts


def main() -> None:
    """Put a note behind what writes a notification, and run what the arguments say."""
    appended = open(sys.argv.pop(1), "a", buffering=1)  # noqa: SIM115, PTH123 - until the end
    append, hold_back = Journal.append, Journal.hold_back

    def note(payload: bytes) -> None:
        appended.write(f"{payload.hex()} {time.monotonic():.6f}\n")

    def appended_to(
        journal: Journal, notification: Notification, *, newest: bool = False
    ) -> Record:
        record = append(journal, notification, newest=newest)
        note(notification.payload)
        return record

    def held_back(journal: Journal, notification: Notification, facts: SessionFacts) -> bool:
        found_room = hold_back(journal, notification, facts)
        note(notification.payload)
        return found_room

    Journal.append = appended_to  # type: ignore[assignment, method-assign]
    Journal.hold_back = held_back  # type: ignore[assignment, method-assign]
    vitalwire.main()


if __name__ == "__main__":
    main()
