"""Who is silent: the last contacts of every patient, and deadlines in a heap: nobody is scanned.

``alerts.engine.absence.silence`` moves it. Invariants: however the log is cut into calls, the
events are the same; the cost of a call grows with the contacts and with the deadlines that pass,
not with the patients.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from alerts.engine.absence.agenda import Agenda
from alerts.engine.absence.contacts import Contacts, Integers
from alerts.engine.absence.expectation import Expectation
from alerts.engine.absence.gaps import Gaps
from alerts.engine.absence.noticed import Open
from alerts.engine.absence.rungs import Rungs
from alerts.engine.absence.surroundings import NEVER_MS, Surroundings

NO_CONTACT_MS = -(2**62)

Key = tuple[int, int]
"""(row of the patient, number of the rule)."""

Expect = Callable[[int, int], Expectation | None]
"""What is expected of a patient's row by a rule; None: nothing."""


@dataclass(slots=True)
class Attendance:
    """One partition: the last contacts of every patient, and what is open.

    ``rungs``: the rules; ``vital_of``: the number of the vital that each waits for; ``lengths_ms``:
    for how long; ``vitals``: how many. ``gaps``: when the log itself was away.
    """

    rungs: Rungs
    vital_of: Sequence[int]
    lengths_ms: Sequence[int]
    vitals: int
    expect: Expect
    surroundings: Surroundings
    gaps: Gaps = field(default_factory=Gaps)
    open: dict[Key, Open] = field(default_factory=dict)
    moved: set[int] = field(default_factory=set)
    """Rows of which the last step changed what is open, also where nobody is told of it."""
    away: dict[int, Open] = field(default_factory=dict)
    """By gateway: those that somebody was told of."""
    gateways: list[str] = field(default_factory=lambda: [""])
    """By number; 0 stands for none."""
    turned: set[int] = field(default_factory=set)
    """Gateways of which the next step must say anew what they explain."""
    perhaps_back: set[int] = field(default_factory=set)
    """Gateways of which must be found out whether they are back, if somebody was told of them."""
    contact_ms: Integers = field(init=False)
    device: Integers = field(init=False)
    gateway: Integers = field(init=False)
    begins_ms: Integers = field(init=False)
    """By (row, rule): since when something is expected; ``NEVER_MS``: nothing is."""
    scheduled_ms: Integers = field(init=False)
    _agenda: Agenda = field(default_factory=Agenda)
    _to_schedule: set[int] = field(default_factory=set)
    """Rows of which somebody changed something since the last step."""
    _numbers: dict[str, int] = field(default_factory=lambda: {"": 0})
    _waits: npt.NDArray[np.bool_] = field(init=False)
    """By (row, vital): something is open that a contact ends, or begins with one."""
    _missed: npt.NDArray[np.bool_] = field(init=False)
    """By row: something is open, which another gateway would explain."""
    _unbegun: set[Key] = field(default_factory=set)
    """Who never sent anything under a plan that does not say when it began."""
    _open_of: dict[int, set[Key]] = field(default_factory=lambda: defaultdict(set))
    _rules_of: list[list[int]] = field(init=False)
    """By vital."""

    def __post_init__(self) -> None:
        """Start with nobody."""
        self._rules_of = [
            [rule for rule, other in enumerate(self.vital_of) if other == vital]
            for vital in range(self.vitals)
        ]
        self.contact_ms = np.empty((0, self.vitals), np.int64)
        self.device = np.empty((0, self.vitals), np.int64)
        self.gateway = np.empty(0, np.int64)
        self.begins_ms = np.empty((0, len(self.vital_of)), np.int64)
        self.scheduled_ms = np.empty((0, len(self.vital_of)), np.int64)
        self._waits = np.empty((0, self.vitals), np.bool_)
        self._missed = np.empty(0, np.bool_)

    def grow(self, rows: int) -> None:
        """Make room for so many rows in all, and for as many again: rows come one by one."""
        if rows <= len(self.gateway):
            return
        more = max(rows, 2 * len(self.gateway)) - len(self.gateway)
        self.contact_ms = _longer(self.contact_ms, more, NO_CONTACT_MS)
        self.device = _longer(self.device, more, 0)
        self.gateway = _longer(self.gateway, more, 0)
        self.begins_ms = _longer(self.begins_ms, more, NEVER_MS)
        self.scheduled_ms = _longer(self.scheduled_ms, more, NEVER_MS)
        self._waits = _longer(self._waits, more, 0)
        self._missed = _longer(self._missed, more, 0)

    def number_of(self, gateway_id: str) -> int:
        """Give the number of a gateway."""
        number = self._numbers.setdefault(gateway_id, len(self.gateways))
        if number == len(self.gateways):
            self.gateways.append(gateway_id)
        return number

    def look_again(self, rows: Iterable[int]) -> None:
        """Judge patients afresh: somebody changed what is expected, or what is known.

        When is only found out in the next step: whoever follows or restores many patients gets
        each of them scheduled once, by the last that is known, and not by the first.
        """
        self._to_schedule.update(rows)

    def schedule(self, key: Key, at_ms: int) -> None:
        """Look at a patient's silence next when log time has passed this."""
        self.scheduled_ms[key] = at_ms
        if at_ms < NEVER_MS:
            self._agenda.add(at_ms, *key)

    def woken(self, until_ms: int) -> set[int]:
        """Give the rows with something scheduled before; they are looked at now."""
        self._schedule_all()
        at_ms, row, rule = self._agenda.before(until_ms)
        return set(row[self.scheduled_ms[row, rule] == at_ms].tolist())  # else scheduled anew

    def _schedule_all(self) -> None:
        """Schedule those who are to be looked at again.

        A deadline is never earlier than its silence is long; what is scheduled before that is
        looked at anyway. So nothing is pushed twice for a patient of whom nothing is new.
        """
        if not self._to_schedule:
            return
        rows = np.fromiter(self._to_schedule, np.int64, len(self._to_schedule))
        rows.sort()
        self._to_schedule.clear()
        earliest_ms = self._earliest_of(rows)
        sooner = earliest_ms < self.scheduled_ms[rows]
        self.scheduled_ms[rows] = np.where(sooner, earliest_ms, self.scheduled_ms[rows])
        at, rule = np.nonzero(sooner)
        self._agenda.add_many(np.array([earliest_ms[at, rule], rows[at], rule]))

    def _earliest_of(self, rows: Integers) -> Integers:
        """Give it of patients by every rule, open or not: of a million after each start."""
        from_ms = self.begins_ms[rows]
        vitals = np.array(self.vital_of, np.int64)
        since_ms = np.maximum(self.contact_ms[np.ix_(rows, vitals)], from_ms)
        earliest_ms = since_ms + np.array(self.lengths_ms, np.int64)
        earliest_ms[from_ms == NEVER_MS] = NEVER_MS
        for place in np.flatnonzero(self._missed[rows]).tolist():
            for rule in range(len(self.vital_of)):
                if (int(rows[place]), rule) in self.open:
                    earliest_ms[place, rule] = NO_CONTACT_MS
        return earliest_ms

    def _earliest_ms(self, key: Key, contact_ms: int) -> int:
        """Give a time before which a silence that is not open need not be looked at."""
        expected = self.expect(*key)
        if expected is None:
            return NEVER_MS
        return max(contact_ms, expected.from_ms) + expected.absent_for_ms

    def waiting(self, contacts: Contacts) -> set[int]:
        """Give the rows whose open absence one of these contacts may end, or what explains one."""
        row = contacts.row
        return set(row[self._waits[row, contacts.vital] | self.moves(contacts)].tolist())

    def moves(self, contacts: Contacts) -> npt.NDArray[np.bool_]:
        """Tell which contacts come by another gateway than their patient's last one.

        Or by the first, if something is open: of that no gateway was known.
        """
        before = self.gateway[contacts.row]
        known = (before != 0) | self._missed[contacts.row]
        moved: npt.NDArray[np.bool_] = known & (before != contacts.gateway)
        return moved

    def remember(self, contacts: Contacts, chosen: Integers) -> None:
        """Take contacts after which nothing happens, at once; ``chosen``: positions, in order."""
        row, vital = contacts.row[chosen], contacts.vital[chosen]
        np.maximum.at(self.contact_ms, (row, vital), contacts.at_ms[chosen])
        self.device[row, vital] = contacts.device[chosen]  # numpy: of equal places the last counts
        self.gateway[row] = contacts.gateway[chosen]

    def remember_one(self, contacts: Contacts, position: int) -> None:
        """Take one contact; ``remember`` would take ten times as long for it."""
        row, vital = int(contacts.row[position]), int(contacts.vital[position])
        at_ms = int(contacts.at_ms[position])
        self.contact_ms[row, vital] = max(self.contact_ms[row, vital], at_ms)
        self.device[row, vital] = contacts.device[position]
        self.gateway[row] = contacts.gateway[position]

    def voices(self, row: int) -> dict[str, Key]:
        """Give who speaks for each open alert of a patient: the gravest of the rules that hold."""
        found: dict[str, Key] = {}
        for rule in self.rungs.gravest_first:
            absence = self.open.get((row, rule))
            if absence is not None:
                found.setdefault(absence.alert, (row, rule))
        return found

    def begin(self, key: Key, absence: Open) -> None:
        """Keep an absence that somebody is told of; since when it counts is known then."""
        self.open[key] = absence
        self.moved.add(key[0])
        self._missed[key[0]] = True
        self._unbegun.discard(key)
        self._waits[key[0], self.vital_of[key[1]]] = True
        self._open_of[absence.gateway].add(key)

    def move(self, key: Key, gateway: int) -> None:
        """Explain what is open by the gateway that the patient's readings come by now."""
        absence = self.open[key]
        self._open_of[absence.gateway].discard(key)
        self.open[key] = replace(absence, gateway=gateway)
        self._open_of[gateway].add(key)

    def begin_with_contact(self, key: Key) -> None:
        """Count a silence from the first contact on: the plan does not say when it began."""
        self._unbegun.add(key)
        self._waits[key[0], self.vital_of[key[1]]] = True

    def begin_early(self, contacts: Contacts, walked: set[int], until_ms: int) -> None:
        """Begin silences with their first contacts: until when nobody need look is all they tell.

        Left is who is ``walked`` through anyway, and whose silence may be due within the step.
        """
        first = self._waits[contacts.row, contacts.vital]
        if not first.any():
            return
        left = walked.union(contacts.row[self.moves(contacts)].tolist())
        columns = contacts.row[first], contacts.vital[first], contacts.at_ms[first]
        for row, vital, at_ms in zip(*(column.tolist() for column in columns), strict=True):
            keys = self._keys(row, vital)
            if row in left or any(key in self.open for key in keys):
                continue
            begun = {key: self._earliest_ms(key, at_ms) for key in keys if key in self._unbegun}
            if min(begun.values(), default=NEVER_MS) < until_ms:
                left.add(row)  # its next contact too: what came between is told
                continue
            for key, earliest_ms in begun.items():
                self.schedule(key, earliest_ms)
            self._unbegun.difference_update(begun)
            self._waits[row, vital] = False

    def began(self, key: Key) -> bool:
        """Tell, at a contact, whether it is that first one."""
        if key not in self._unbegun:
            return False
        self._unbegun.discard(key)
        self._settle(key)
        return True

    def end(self, key: Key) -> Open:
        """Forget it, and give it."""
        absence = self.open.pop(key)
        self.moved.add(key[0])
        self._settle(key)
        self._missed[key[0]] = any(
            (key[0], rule) in self.open for rule in range(len(self.vital_of))
        )
        self._open_of[absence.gateway].discard(key)
        return absence

    def _settle(self, key: Key) -> None:
        """Note whether a contact of this vital still means something."""
        row, vital = key[0], self.vital_of[key[1]]
        self._waits[row, vital] = any(
            one in self.open or one in self._unbegun for one in self._keys(row, vital)
        )

    def _keys(self, row: int, vital: int) -> list[Key]:
        return [(row, rule) for rule in self._rules_of[vital]]

    def open_of(self, gateway: int) -> list[Key]:
        """List what is open of patients whose readings came by a gateway when it began."""
        return sorted(self._open_of.get(gateway, ()))


def _longer(array: npt.NDArray, more: int, fill: int) -> npt.NDArray:  # type: ignore[type-arg]
    return np.concatenate([array, np.full((more, *array.shape[1:]), fill, array.dtype)])
