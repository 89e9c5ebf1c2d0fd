"""What is remembered of the readings of one vital: a slot of at most 1 KiB for each patient.

A slot holds the ids of the 32 readings that came last, the 10 newest eligible readings (``ring``),
in which windows of N of M are counted, and sums over the 8 newest local days (``days``), of which
means are made. Ring and recent ids are written round and round; ``ordered`` puts a ring in order.

Numpy moves a structured element field by field; as plain bytes (``_plain``) it is one copy.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from alerts.engine.readings.columns import Booleans, Integers
from alerts.engine.readings.identity import Identities
from alerts.rules.flags import known_flags
from schemas.vitals import Vital

RECENT_MAX = 32
"""Ids kept to drop what is delivered twice; older duplicates are stale."""
RING_MAX = 10
"""Eligible readings kept: a window of 8, and room for readings that come late."""
DAYS_MAX = 8
"""Local days kept: a mean over 7 and the day before them, from which an episode is told."""
DAY_READINGS_MAX = 255
"""Readings of a day that count; nobody measures more often."""
SLOTS_FIRST = 256

Structured: TypeAlias = npt.NDArray[Any]
"""Elements of ``Layout.entry`` or ``Layout.day``."""


class Layout:
    """How a slot of a vital's memory is laid out; alerts.state.v1 keeps exactly these bytes.

    An entry: ``at_ms``, ``high`` and ``low`` (the reading_id), ``seq``, ``milli`` (values in
    thousandths of their unit), ``codes`` (four bits a quantity: unit, and how it is absent),
    ``flags`` (a bit a flag the device can set, above them one for each that it cannot, the highest:
    it said so, the one below: it came too old to end anything), ``mark``.
    A day: its number plus 1 (0: none), readings with a value, readings with HI or LO, and of each
    quantity the sum in tenths of its canonical unit and how many there are.
    """

    def __init__(self, vital: Vital, flags: str = "") -> None:
        """Lay out a vital's slot."""
        width = len(vital.quantities)
        flags = flags or f"<u{flags_bits(len(known_flags(vital.name))) // 8}"
        self.entry = np.dtype(
            [
                ("at_ms", "<i8"),
                ("high", "<u8"),
                ("low", "<u8"),
                ("seq", "<u4"),
                ("milli", "<i4", (width,)),
                ("codes", "<u2"),
                ("flags", flags),
                ("mark", "u1"),
            ]
        )
        self.day = np.dtype(
            [
                ("day", "<u2"),
                ("readings", "u1"),
                ("beyond", "u1"),
                ("total", "<i4", (width,)),
                ("count", "u1", (width,)),
            ]
        )
        self.slot = np.dtype(
            [
                ("recent", "<u8", (RECENT_MAX,)),
                ("ring", self.entry, (RING_MAX,)),
                ("days", self.day, (DAYS_MAX,)),
                ("forgotten_day", "<u2"),
                ("recent_count", "u1"),
                ("ring_count", "u1"),
                ("baseline_until_ms", "<i8"),
                ("baseline_total", "<i4", (width,)),
                ("baseline_count", "u1", (width,)),
            ]
        )


def flags_bits(known: int) -> int:
    """Tell how wide flags are kept, of which so many are known."""
    return next(bits for bits in (16, 32, 64) if 2 * known < bits)


class Memory:
    """The slots of one vital; a patient has one from the first reading on."""

    def __init__(self, vital: Vital) -> None:
        """Start with nobody."""
        self.layout = Layout(vital)
        self._former = Layout(vital, "<u2" if len(known_flags(vital.name)) < 16 else "<u4")
        """Of the release before: nothing of what a device cannot set."""
        self.slot_of = np.full(SLOTS_FIRST, -1, np.int32)
        """By row; -1: none."""
        self.began_late = np.zeros(SLOTS_FIRST, np.bool_)
        """By row: a former release kept nothing of the vital. To be told when a book judges it."""
        self.used = 0
        self._take(np.zeros(SLOTS_FIRST, self.layout.slot))

    def _take(self, table: Structured) -> None:
        self.table = table
        self._recent = table["recent"]
        self._recents = self._plain("recent", RECENT_MAX * 8, 1)
        self._ring = self._plain("ring", self.layout.entry.itemsize, RING_MAX)
        self._days = self._plain("days", self.layout.day.itemsize * DAYS_MAX, 1)
        self._day = self._plain("days", self.layout.day.itemsize, DAYS_MAX)

    def _plain(self, name: str, itemsize: int, count: int) -> Structured:
        """Look at a field as plain bytes, shape (slots, count)."""
        offset = self.layout.slot.fields[name][1]  # type: ignore[index]
        return np.ndarray(
            (len(self.table), count),
            dtype=f"V{itemsize}",
            buffer=self.table.data,
            offset=offset,
            strides=(self.layout.slot.itemsize, itemsize),
        )

    def reserve(self, rows: int) -> None:
        """Make room for so many rows."""
        if rows > len(self.slot_of):
            more = np.full(rows - len(self.slot_of), -1, np.int32)
            self.slot_of = np.concatenate([self.slot_of, more])
            self.began_late = np.concatenate([self.began_late, np.zeros(len(more), np.bool_)])

    def reserve_slots(self, slots: int) -> None:
        """Make room for so many slots, or for all rows: zeros that nobody used take no memory."""
        if slots > len(self.table):
            most = max(slots, len(self.table) * 3 // 2, len(self.slot_of))
            table = np.zeros(most, self.layout.slot)
            used = self.used * self.layout.slot.itemsize
            table.view(np.uint8)[:used] = self.table.view(np.uint8)[:used]
            self._take(table)

    def slots(self, row: Integers) -> Integers:
        """Find the slots of rows, or make them."""
        slot = self.slot_of[row]
        if (slot < 0).any():
            new = np.unique(row[slot < 0])
            self.reserve_slots(self.used + len(new))
            self.slot_of[new] = np.arange(self.used, self.used + len(new))
            self.used += len(new)
            slot = self.slot_of[row]
        return slot.astype(np.int64)

    def seen(self, slot: Integers, identity: Identities) -> Booleans:
        """Tell which ids are among the recent ones."""
        recent = self._recents[slot, 0].view("<u8").reshape(-1, RECENT_MAX)
        same, known = recent == identity[:, None], np.zeros(len(slot), np.bool_)
        if same.any():  # numpy is slow along short rows
            known[np.flatnonzero(same) // RECENT_MAX] = True
        return known

    def remember(self, slot: Integers, identity: Identities) -> None:
        """Remember one reading for each of different slots."""
        count = self.table["recent_count"]
        before = count[slot]
        self._recent[slot, before % RECENT_MAX] = identity
        count[slot] = _counted(before, RECENT_MAX)

    def remember_one(self, slot: int, identity: int) -> bool:
        """Remember one reading; tell whether it was new."""
        name = np.uint64(identity)
        if bool((self._recent[slot] == name).any()):
            return False
        count = self.table["recent_count"]
        before = int(count[slot])
        self._recent[slot, before % RECENT_MAX] = name
        count[slot] = before + 1 if before + 1 < 2 * RECENT_MAX else RECENT_MAX
        return True

    def remember_run(self, slot: int, identities: Identities) -> None:
        """Remember readings that are new and different, one after the other."""
        before, kept = int(self.table["recent_count"][slot]), identities[-RECENT_MAX:]
        count = before + len(identities)
        self._recent[slot, (count - len(kept) + np.arange(len(kept))) % RECENT_MAX] = kept
        if count >= 2 * RECENT_MAX:
            count = RECENT_MAX + count % RECENT_MAX
        self.table["recent_count"][slot] = count

    def knows(self, slot: int, identity: int) -> bool:
        """Tell whether a reading is one of those that came last."""
        return bool((self._recent[slot] == np.uint64(identity)).any())

    def forget_one(self, slot: int, identity: int) -> None:
        """Forget that a reading came: it may come again."""
        recent = self._recent[slot]
        recent[recent == np.uint64(identity)] = 0

    def push(self, slot: Integers, entries: Structured) -> None:
        """Take one eligible reading for each of different slots, newer than what the ring holds."""
        count = self.table["ring_count"]
        before = count[slot]
        self._ring[slot, before % RING_MAX] = entries.view(f"V{self.layout.entry.itemsize}")
        count[slot] = _counted(before, RING_MAX)

    def last(self, slot: Integers, number: int) -> tuple[Structured, Booleans]:
        """Give the last readings of rings, newest first, and which of them there are.

        Shape (slots, number) both.
        """
        count = self.table["ring_count"][slot].astype(np.int64)
        back = count[:, None] - 1 - np.arange(number)
        found = self._ring[slot[:, None], back % RING_MAX].view(self.layout.entry)
        return found, back >= np.where(count < RING_MAX, 0, count - RING_MAX)[:, None]

    def ring(self, slot: int) -> Structured:
        """Give a ring's readings, oldest first."""
        count = int(self.table["ring_count"][slot])
        kept = min(count, RING_MAX)
        place = (count - kept + np.arange(kept)) % RING_MAX
        found: Structured = self._ring[slot, place].view(self.layout.entry)
        return found

    def full(self, row: int) -> bool:
        """Tell whether a patient's ring holds as many readings as it can."""
        slot = int(self.slot_of[row])
        return slot >= 0 and int(self.table["ring_count"][slot]) >= RING_MAX

    def put_ring(self, slot: int, entries: Structured) -> None:
        """Replace a ring; the newest of the readings are kept."""
        kept = entries[-RING_MAX:]
        self._ring[slot, : len(kept)] = kept.view(f"V{self.layout.entry.itemsize}")
        self.table["ring_count"][slot] = len(kept)

    def days(self, slot: Integers) -> Structured:
        """Copy the sums over days, shape (slots, ``DAYS_MAX``), in no order."""
        days: Structured = self._days[slot, 0].view(self.layout.day)
        return days.reshape(-1, DAYS_MAX)

    def forgotten(self, slot: Integers | int) -> npt.NDArray[np.uint16]:
        """Give the newest days that are kept no more, as ``day`` in ``Layout``; 0: none."""
        found: npt.NDArray[np.uint16] = self.table["forgotten_day"][slot]
        return found

    def put_days(self, slot: Integers, days: Structured) -> None:
        """Write them back."""
        whole = days.reshape(-1).view(f"V{self.layout.day.itemsize * DAYS_MAX}")
        self._days[slot, 0] = whole

    def put_day(self, slot: Integers, place: Integers, day: Structured) -> None:
        """Write one of them back for each slot."""
        self._day[slot, place] = day.view(f"V{self.layout.day.itemsize}")

    def encoded(self, rows: Integers) -> list[bytes]:
        """Give patients' slots as bytes; none of who has no slot."""
        slots, size = self.slot_of[rows], self.layout.slot.itemsize
        places, found = np.flatnonzero(slots >= 0), [b""] * len(slots)
        whole = self.table.view(f"V{size}")[slots[places]].tobytes()  # else field by field
        for place, begin in zip(places.tolist(), range(0, len(whole), size), strict=True):
            found[place] = whole[begin : begin + size]
        return found

    def restore(self, rows: Integers, encoded: Sequence[bytes]) -> Booleans:
        """Put slots of different rows back; tell which are laid out in a way that is known."""
        size, former = self.layout.slot.itemsize, self._former.slot.itemsize
        if former != size:
            encoded = [self._renewed(one) if len(one) == former else one for one in encoded]
        known = np.fromiter((len(one) == size for one in encoded), np.bool_, len(encoded))
        some = encoded if known.all() else [one for one in encoded if len(one) == size]
        slot = self.slots(rows[known])
        self.table.view(f"V{size}")[slot] = np.frombuffer(b"".join(some), f"V{size}")
        return known

    def _renewed(self, encoded: bytes) -> bytes:
        """Lay a slot of the release before out as slots are now."""
        former = np.frombuffer(encoded, self._former.slot)
        slot = np.zeros(1, self.layout.slot)
        for name in self.layout.slot.names or ():
            if name != "ring":
                slot[name] = former[name]
        for name in self.layout.entry.names or ():
            slot["ring"][name] = former["ring"][name]
        was, now = (8 * one.entry["flags"].itemsize for one in (self._former, self.layout))
        kind = self.layout.entry["flags"].type
        said = former["ring"]["flags"].astype(kind) >> kind(was - 1)
        slot["ring"]["flags"] &= kind((1 << was - 1) - 1)
        slot["ring"]["flags"] |= said << kind(now - 1)
        return slot.tobytes()

    def restore_recent(self, row: int, recent: Identities) -> None:
        """Put back the ids alone, oldest first, of a patient of whom nothing else was kept."""
        slot = self.slots(np.array([row]))
        kept = recent[-RECENT_MAX:]
        self.table[slot] = np.zeros((), self.layout.slot)
        self._recent[slot[0], : len(kept)] = kept
        self.table["recent_count"][slot] = len(kept)


def _counted(before: npt.NDArray[np.uint8], most: int) -> npt.NDArray[np.uint8]:
    """Count on: up to ``most`` how many there are, then only where the next one goes."""
    after = before + np.uint8(1)
    return np.where(after == 2 * most, np.uint8(most), after)
