"""What alerts.state.v1 keeps of absence: by names, so that changed rules find their own."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from msgspec.structs import replace

from alerts.engine.absence.attendance import NO_CONTACT_MS, Attendance
from alerts.engine.absence.gaps import Gap
from alerts.engine.absence.noticed import Open
from alerts.engine.absence.surroundings import AFRESH_AFTER_MS
from schemas.alert import Cause, Severity


class KeptOpen(msgspec.Struct, frozen=True, omit_defaults=True):
    """An ``Open`` by its gateway's name; of a patient's also where and how gravely it was told.

    ``alert`` "": written by a release in which each rule's absence was an alert of its own.
    """

    origin_ms: int
    since_ms: int
    cause: Cause
    gateway: str
    ladder: str = ""
    severity: Severity = "info"
    alert: str = ""
    notify: bool = False


class KeptSilence(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A patient's contacts by vital (UTC ms, and what stands for the device) and open absences."""

    contacts: dict[str, tuple[int, int]] = {}
    gateway: str = ""
    open: dict[str, KeptOpen] = {}


class KeptAway(msgspec.Struct, frozen=True, omit_defaults=True):
    """A partition's gateways of which somebody was told that they are away, and its log's gaps.

    ``held_until_ms``: what a release wrote that knew no gaps, only until when silence was held.
    """

    away: dict[str, KeptOpen] = {}
    held_until_ms: int | None = None
    gaps: list[Gap] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(KeptAway)


def keep_rows(
    attendance: Attendance, rows: Sequence[int], vitals: Sequence[str], rules: Sequence[str]
) -> list[KeptSilence]:
    """Write down patients; ``vitals`` and ``rules`` are the names of their numbers."""
    here = np.array(rows, np.int64)
    contacts: list[dict[str, tuple[int, int]]] = [{} for _ in rows]
    for vital, contact_ms, devices in zip(
        vitals, attendance.contact_ms[here].T, attendance.device[here].T, strict=True
    ):
        places = np.flatnonzero(contact_ms > NO_CONTACT_MS)
        told = zip(contact_ms[places].tolist(), devices[places].tolist(), strict=True)
        for place, contact in zip(places.tolist(), told, strict=True):
            contacts[place][vital] = contact
    gateways = attendance.gateway[here].tolist()
    return [
        KeptSilence(
            contacts=contacts[place],
            gateway=attendance.gateways[gateways[place]],
            open=_open_of(attendance, row, rules) if attendance.open else {},
        )
        for place, row in enumerate(rows)
    ]


def _open_of(attendance: Attendance, row: int, rules: Sequence[str]) -> dict[str, KeptOpen]:
    return {
        rule: _kept(attendance, attendance.open[row, number])
        for number, rule in enumerate(rules)
        if (row, number) in attendance.open
    }


def restore_rows(
    attendance: Attendance,
    rows: Sequence[int],
    kept: Sequence[KeptSilence],
    vitals: Mapping[str, int],
    rules: Sequence[str],
) -> None:
    """Put different patients back; what no rule waits for is left out. ``vitals``: by name."""
    attendance.gateway[rows] = [attendance.number_of(one.gateway) for one in kept]
    contacts = [
        (row, vitals[vital], at_ms, device)
        for row, one in zip(rows, kept, strict=True)
        for vital, (at_ms, device) in one.contacts.items()
        if vital in vitals
    ]
    row, number, at_ms, device = np.array(contacts, np.int64).reshape(-1, 4).T
    attendance.contact_ms[row, number] = at_ms
    attendance.device[row, number] = device
    for patient, one in zip(rows, kept, strict=True):
        if one.open or attendance.open:
            _restore_open(attendance, patient, one, rules)
    attendance.look_again(rows)


def _restore_open(
    attendance: Attendance, row: int, kept: KeptSilence, rules: Sequence[str]
) -> None:
    for number, rule in enumerate(rules):
        if (row, number) in attendance.open:
            attendance.end((row, number))
        told = kept.open.get(rule)
        if told is not None and told.ladder in {"", attendance.rungs.ladders[number]}:
            attendance.begin((row, number), _open(attendance, with_alert(rule, told)))


def with_alert(rule: str, kept: KeptOpen) -> KeptOpen:
    """Give an open absence with the name of its alert, whichever release wrote it down."""
    return kept if kept.alert else replace(kept, alert=f"{rule}/{kept.origin_ms}")


def encode_away(attendance: Attendance) -> bytes:
    """Write down what is not one patient's; nothing of nothing."""
    kept = KeptAway(
        {
            attendance.gateways[number]: _kept(attendance, told)
            for number, told in attendance.away.items()
        },
        gaps=attendance.gaps.known,
    )
    return b"" if kept == KeptAway() else _encoder.encode(kept)


def restore_away(attendance: Attendance, value: bytes) -> None:
    """Put it back; the next step looks which gateway came back meanwhile."""
    kept = _decoder.decode(value) if value else KeptAway()
    attendance.gaps.known = kept.gaps
    if kept.held_until_ms is not None:
        came_ms = kept.held_until_ms - AFRESH_AFTER_MS
        attendance.gaps.known = [Gap(came_ms, came_ms)]
    attendance.away = {
        attendance.number_of(name): _open(attendance, told) for name, told in kept.away.items()
    }
    attendance.perhaps_back |= attendance.away.keys()


def _kept(attendance: Attendance, told: Open) -> KeptOpen:
    gateway = attendance.gateways[told.gateway]
    return KeptOpen(told.origin_ms, told.since_ms, told.cause, gateway, alert=told.alert)


def _open(attendance: Attendance, kept: KeptOpen) -> Open:
    gateway = attendance.number_of(kept.gateway)
    return Open(kept.origin_ms, kept.since_ms, kept.cause, gateway, kept.alert)
