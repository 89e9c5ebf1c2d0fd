"""Looks at everything that a gateway depends on, one thing after another; changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from gateway.admission.live import Overview
from gateway.bedside import checks_machine, words
from gateway.bedside.advice import Level, advice
from gateway.bedside.checks_bluetooth import PAIRINGS, bluetooth
from gateway.bedside.checks_clinic import broker
from gateway.bedside.finding import Finding, bad, good, notice, skipped
from gateway.bedside.overview import ask_daemon, gather, look_if_any
from gateway.bedside.patient import Patient
from schemas.errors import VitalwireError

WAITING_LONG_S = 3600


async def examine(patient: Patient) -> AsyncIterator[Finding]:
    """Give the findings one after another, as soon as each is known."""
    yield checks_machine.settings(patient)
    yield checks_machine.disk(patient)
    seen = look_if_any(patient.state)  # once: what is said of it later is of the same moment
    yield checks_machine.journal(patient, seen)
    live = await asyncio.to_thread(ask_daemon, patient.state)
    overview = Overview(live=live)
    unknown: VitalwireError | None = None
    try:
        overview = gather(patient.state, seen, live, patient.clock)
    except VitalwireError as error:  # of the record of devices: what is left is told all the same
        unknown = error
        yield bad("Paired devices", words.clause(error.cause), error.way_out)
    yield checks_machine.program(patient, overview)
    yield checks_machine.clock(patient)
    async for finding in bluetooth(patient, overview):
        if unknown is not None and finding.check == PAIRINGS:
            yield skipped(PAIRINGS, "they are looked at once the record of devices is mended")
        else:
            yield finding
    yield await asyncio.to_thread(broker, patient)
    if unknown is None:
        yield _waiting(overview)
        for finding in _devices(overview):
            yield finding


def _waiting(overview: Overview) -> Finding:
    check = "Readings waiting"
    if overview.journal is None:
        return skipped(check, "there is no journal yet")
    stuck = overview.live.stuck if overview.live is not None else 0
    if stuck:
        return bad(
            check,
            f"{words.counted(stuck, 'reading')} {'was' if stuck == 1 else 'were'} sent again and "
            "again without an answer",
            "Tell your contact at the clinic; nothing is lost.",
        )
    held, oldest_s = overview.journal.held, overview.oldest_waiting_s
    if not held:
        return good(check, "none: the clinic has everything")
    since = f", the oldest came {words.ago(oldest_s)}" if oldest_s is not None else ""
    said = f"{words.counted(held, 'reading')}{since}"
    if oldest_s is not None and oldest_s > WAITING_LONG_S:
        return notice(check, said, "They leave by themselves once the broker answers.")
    return good(check, said)


def _devices(overview: Overview) -> Iterator[Finding]:
    for one in advice(overview):
        if one.level is Level.PROBLEM and overview.live is not None:
            yield bad("Gateway says", one.what, one.do)
        elif one.level is Level.NOTICE:
            yield notice("Devices", one.what, one.do)
