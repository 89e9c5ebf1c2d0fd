"""The step of absence: contacts and passed deadlines; only few patients are walked through."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from alerts.engine.absence.attendance import NO_CONTACT_MS, Attendance, Key
from alerts.engine.absence.contacts import Contacts, Integers
from alerts.engine.absence.expectation import (
    Expectation,
    deadline_ms,
    in_hours,
    next_pause_ms,
    silent_ms,
)
from alerts.engine.absence.homes import (
    cause_of,
    explain_anew,
    explained_until,
    told_of_gateways,
)
from alerts.engine.absence.noticed import Noticed, Open
from alerts.engine.absence.surroundings import NEVER_MS


def step(
    attendance: Attendance,
    contacts: Contacts,
    log_ms: Integers,
    before_ms: int = NO_CONTACT_MS,
) -> list[Noticed]:
    """Move to the end of a batch; give what changed, row by row.

    ``log_ms``: log time by record; ``before_ms``: log time before the batch. Its gaps are
    noted already.
    """
    explain_anew(attendance, before_ms)
    woken = attendance.woken(int(log_ms[-1]))
    attendance.begin_early(contacts, woken, int(log_ms[-1]))
    rows = woken | attendance.waiting(contacts)
    noticed = list[Noticed]()
    walked = np.isin(contacts.row, np.fromiter(rows, np.int64, len(rows)))
    attendance.remember(contacts, np.flatnonzero(~walked))
    positions: dict[int, list[int]] = defaultdict(list)
    for position in np.flatnonzero(walked).tolist():
        positions[int(contacts.row[position])].append(position)
    stamps = log_ms.tolist()
    for row in sorted(rows):
        walk = _Walk(attendance, contacts, stamps, before_ms, row)
        noticed += walk.through(positions[row])
    return list(told_of_gateways(attendance, noticed, stamps, before_ms))


@dataclass(slots=True)
class _Walk:
    """One patient's contacts and deadlines of a batch, in the order of the log."""

    attendance: Attendance
    contacts: Contacts
    log_ms: list[int]
    before_ms: int
    row: int

    def through(self, positions: list[int]) -> Iterator[Noticed]:
        for position in positions:
            yield from self._due(self.log_ms[self.contacts.entry[position]])
            yield from self._contact(position)
        yield from self._due(self.log_ms[-1])

    def _due(self, until_ms: int) -> Iterator[Noticed]:
        """Look at each silence whose time has come before a record stamped ``until_ms``."""
        while (due := self._next(until_ms)) is not None:
            yield from self._look(*due)

    def _next(self, until_ms: int) -> tuple[Key, int] | None:
        """Give whose time comes first, and when; of one time the gravest, who speaks for all."""
        ranks = self.attendance.rungs.ranks
        times = enumerate(self.attendance.scheduled_ms[self.row].tolist())
        due = [(at_ms, ranks[rule], rule) for rule, at_ms in times if at_ms < until_ms]
        if not due:
            return None
        at_ms, _, rule = min(due)
        return (self.row, rule), at_ms

    def _look(self, key: Key, at_ms: int) -> Iterator[Noticed]:
        attendance = self.attendance
        if key in attendance.open:
            yield from self._look_at_open(key, at_ms)
            return
        since_ms, expectation = self._silence(key)
        due_ms = None if expectation is None else deadline_ms(expectation, since_ms, at_ms)
        entry = bisect_right(self.log_ms, at_ms)
        later_ms = self._not_before(expectation, due_ms, at_ms, entry)
        if due_ms is None or later_ms is None or later_ms > at_ms:
            self._wait(key, since_ms, later_ms)
            return
        gateway = int(attendance.gateway[self.row])
        explained = explained_until(attendance, gateway, due_ms, at_ms)
        if explained is not None:
            attendance.schedule(key, explained.look_ms)
            if explained.away_ms is not None:
                told = Open(explained.away_ms, since_ms, "gateway-offline", gateway)
                yield Noticed("onset", -1, -1, told, at_ms, entry)
            return
        self._look_later(key, gateway, at_ms)
        cause = cause_of(attendance, key, gateway, at_ms)
        yield from self._begun(key, Open(at_ms, since_ms, cause, gateway), entry)

    def _look_at_open(self, key: Key, at_ms: int) -> Iterator[Noticed]:
        """See whether it is over, if a plan was changed, and whether its cause still holds."""
        attendance = self.attendance
        if at_ms == NO_CONTACT_MS:
            yield from self._over(self._every_open(), 0, self.log_ms[0], self.before_ms)
            at_ms = self.before_ms
        elif self._paused_since(attendance.open[key].origin_ms, key, at_ms):
            yield from self._over(
                self._every_open(), bisect_right(self.log_ms, at_ms), at_ms, at_ms
            )
        if key not in attendance.open:
            return
        if at_ms == NO_CONTACT_MS:  # of the time before a log begins nothing is asked
            attendance.schedule(key, self.log_ms[0])
            return
        absence = attendance.open[key]
        self._look_later(key, absence.gateway, at_ms)
        cause = cause_of(attendance, key, absence.gateway, at_ms)
        if cause == absence.cause:
            return
        absence = attendance.open[key] = replace(absence, cause=cause)
        attendance.moved.add(self.row)
        if key in attendance.voices(self.row).values():
            entry = bisect_right(self.log_ms, at_ms)
            yield Noticed("cause", *key, absence, at_ms, entry, -1, f"{cause}/{at_ms}")

    def _every_open(self) -> list[Key]:
        every = [(self.row, rule) for rule in range(len(self.attendance.vital_of))]
        return [one for one in every if one in self.attendance.open]

    def _paused_since(self, told_ms: int, key: Key, at_ms: int) -> bool:
        """Tell whether a pause has begun since a silence was told."""
        expectation = self.attendance.expect(*key)
        return expectation is not None and next_pause_ms(expectation, told_ms) <= at_ms

    def _look_later(self, key: Key, gateway: int, at_ms: int) -> None:
        """Look at what is open when its gateway would be late, or a pause begins."""
        attendance, expectation = self.attendance, self.attendance.expect(*key)
        changes_ms = attendance.surroundings.changes_ms(attendance.gateways[gateway], at_ms)
        paused_ms = NEVER_MS if expectation is None else next_pause_ms(expectation, at_ms)
        attendance.schedule(key, min(changes_ms, paused_ms))

    def _begun(self, key: Key, absence: Open, entry: int) -> Iterator[Noticed]:
        """One problem is one alert: another rule of its ladder joins it, told if it is graver."""
        attendance, ranks = self.attendance, self.attendance.rungs.ranks
        name = f"{attendance.rungs.keys[key[1]]}/{absence.origin_ms}"
        voice = self._voice_of(attendance.rungs.ladders[key[1]])
        if voice is None:
            absence = replace(absence, alert=name)
        else:
            absence = replace(absence, alert=attendance.open[voice].alert)
        attendance.begin(key, absence)
        if voice is None:
            yield Noticed("onset", *key, absence, absence.origin_ms, entry)
        elif ranks[key[1]] < ranks[voice[1]]:
            yield Noticed("worsened", *key, absence, absence.origin_ms, entry, -1, name)

    def _voice_of(self, ladder: str) -> Key | None:
        """Give who speaks of a ladder."""
        ladders = self.attendance.rungs.ladders
        voices = self.attendance.voices(self.row).values()
        return next((one for one in voices if ladders[one[1]] == ladder), None)

    def _wait(self, key: Key, since_ms: int, due_ms: int | None) -> None:
        """Look again when silence is due: if nothing says since when, with the first contact."""
        self.attendance.schedule(key, NEVER_MS if due_ms is None else due_ms)
        if since_ms <= 0 and self.attendance.expect(*key) is not None:
            self.attendance.begin_with_contact(key)

    def _silence(self, key: Key) -> tuple[int, Expectation | None]:
        """Give since when a patient is silent, and what is expected; None: nothing is missed."""
        expectation = self.attendance.expect(*key)
        contact_ms = int(self.attendance.contact_ms[self.row, self.attendance.vital_of[key[1]]])
        if expectation is None:
            return contact_ms, None
        since_ms = max(contact_ms, expectation.from_ms)
        # a plan that does not say when it began, and nothing ever came
        return since_ms, None if since_ms <= 0 else expectation

    def _not_before(
        self, expectation: Expectation | None, due_ms: int | None, at_ms: int, entry: int
    ) -> int | None:
        """Leave time after the log came back, and the night to the patient.

        A plan may bring a silence whose time is over: it is told now, and under a name of now.
        """
        if expectation is None or due_ms is None:
            return None
        now_ms = max(self.before_ms, self.log_ms[entry - 1] if entry else self.before_ms, at_ms)
        held_ms = self.attendance.gaps.held_until_ms(due_ms, self.log_ms[entry])
        return in_hours(expectation, max(due_ms, held_ms, now_ms))

    def _contact(self, position: int) -> Iterator[Noticed]:
        attendance, contacts = self.attendance, self.contacts
        vital, at_ms = int(contacts.vital[position]), int(contacts.at_ms[position])
        moved = int(attendance.gateway[self.row]) not in {0, int(contacts.gateway[position])}
        attendance.remember_one(contacts, position)
        entry, place = int(contacts.entry[position]), int(contacts.place[position])
        self.before_ms = self.log_ms[entry]
        later = list[Key]()
        for rule, other in enumerate(attendance.vital_of):
            key = (self.row, rule)
            absence = attendance.open.get(key)
            began = other == vital and attendance.began(key)
            if began or (moved and absence is None):  # another gateway explains no silence any more
                attendance.schedule(key, NO_CONTACT_MS)
            if absence is None:
                continue
            elsewhere = absence.gateway != int(contacts.gateway[position])
            if elsewhere:
                attendance.move(key, int(contacts.gateway[position]))
            if elsewhere or other == vital:  # another gateway, or device, explains what is left
                attendance.schedule(key, self.before_ms)
            if other == vital and at_ms > absence.since_ms:
                later.append(key)
        yield from self._over(later, entry, self.before_ms, self.before_ms, place)

    def _over(
        self, keys: list[Key], entry: int, at_ms: int, begun_ms: int, place: int = -1
    ) -> Iterator[Noticed]:
        """End which of these is not due any more; say what that leaves of each alert.

        An old measurement that comes late may end none, or only the silence that is longer.
        Pauses that have begun by ``begun_ms`` count.
        """
        attendance = self.attendance
        before = attendance.voices(self.row)
        over = dict[Key, Open]()
        for key in keys:
            since_ms, expectation = self._silence(key)
            due_ms = None if expectation is None else silent_ms(expectation, since_ms, begun_ms)
            if due_ms is None or due_ms > at_ms:
                over[key] = attendance.end(key)
                self._wait(key, since_ms, due_ms)
        for name, voice in before.items():
            if voice not in over:
                continue
            left = attendance.voices(self.row).get(name)
            if left is None:
                yield Noticed("returned", *voice, over[voice], at_ms, entry, place)
                continue
            absence = replace(attendance.open[left], since_ms=self._silence(left)[0])
            attendance.open[left] = absence
            occasion = f"{attendance.rungs.keys[left[1]]}/{at_ms}"
            yield Noticed("eased", *left, absence, at_ms, entry, place, occasion)
