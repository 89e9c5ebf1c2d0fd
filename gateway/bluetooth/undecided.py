"""Visits of an earlier run of which a later one is still to tell what their newest record was.

A meter that cannot show its last record was in the middle of its visit, or had broken one off, when
the daemon ended. Such a visit is open in the journal: nothing more has to be kept of it, for its
records are there, and the cursor, if the visit had not ended, is where it was before.
"""

from collections.abc import Mapping

from gateway.decoding.session_end import NO_MEMORY, Memory, Undecided, undecided
from gateway.journal.journal import Journal


def taken_up(journal: Journal) -> Mapping[str, list[Undecided]]:
    """Give them by their device, the oldest first, and leave them open.

    Raises ``UnavailableError`` if the disk refuses.
    """
    found: dict[str, list[Undecided]] = {}
    # One in whose middle the daemon ended is the last of its device.
    for facts in sorted(journal.left_open, key=lambda facts: facts.undecided is None):
        address = facts.device.address
        earlier = found.setdefault(address, [])
        known = journal.devices.cursor(address)
        from_them = known is not None and known.record in {one.record for one in earlier}
        memory = NO_MEMORY if from_them else Memory(known=known)
        records = journal.records_of(facts.session_id)
        waits = undecided(facts, records, memory) if facts.newest is None else None
        if waits is not None:
            journal.keep_facts(waits.facts)
            earlier.append(waits)
            earlier.sort(key=lambda one: one.seq)
    journal.sendable()  # what is settled is found like all that is held
    return found
