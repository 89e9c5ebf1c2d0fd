"""From columns to what a ring and the sums over days keep of readings, and back to values."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from typing import TypeAlias

import numpy as np

from alerts.engine.ladders.kinds import Kinds
from alerts.engine.readings.columns import ASSESSED, Booleans, Columns, Integers, status_of
from alerts.engine.readings.identity import name_of
from alerts.engine.readings.sight import Sight
from alerts.engine.state.memory import Layout, Memory, Structured, flags_bits
from alerts.rules.values import HI, LO, Chosen, Requirement, Values
from schemas.alert import Evidence
from schemas.reading import Absence, Quantity, value_text
from schemas.units import accepted
from schemas.vitals import VITALS, Vital

_MILLI = 1000
_MICRO = 1_000_000
_MICRO_IN_TENTH = _MICRO // 10
_MILLI_MAX = 2**31 - 1
_UNIT_BITS = 2
_STATES = (0, HI, LO)
_ABSENT = 3
_RECEIPT = 1
"""In a mark: the time is that of receipt; above it a bit for each requirement that is met."""
_DIGEST_BYTES = 4
_TIME_QUALITIES = ("device-clock", "receipt")


def entries_of(layout: Layout, columns: Columns) -> Structured:
    """Make what a ring keeps of readings."""
    entries = np.zeros(len(columns), layout.entry)
    values = columns.values
    known = ~np.isnan(values.number)
    milli = np.rint(np.where(known, values.number, 0.0) * _MILLI)
    entries["at_ms"] = columns.measured_ms
    entries["high"], entries["low"] = columns.high, columns.low
    entries["seq"] = columns.seq & 0xFFFFFFFF
    entries["milli"] = np.clip(milli, -_MILLI_MAX, _MILLI_MAX)
    state = np.where(known, 0, _ABSENT).astype(np.int8)
    for code in (1, 2):
        state[values.beyond == _STATES[code]] = code
    nibble = values.unit | state << _UNIT_BITS
    for quantity in range(nibble.shape[1]):  # numpy is slow along short rows
        entries["codes"] |= nibble[:, quantity].astype(np.uint16) << np.uint16(4 * quantity)
    highest = np.uint64(layout.entry["flags"].itemsize * 8 - 1)
    assessed = (columns.flags & ASSESSED != 0).astype(np.uint64) << highest
    entries["flags"] = (columns.flags & ~ASSESSED).astype(np.uint64) | assessed
    entries["mark"] = np.where(columns.device_clock, 0, _RECEIPT) | columns.met << 1
    return entries


def note_late(entries: Structured, late: Booleans) -> None:
    """Note which readings came too old to end what they contradict, for a rule of their patient."""
    place = _late_place(entries)
    entries["flags"] |= late.astype(entries.dtype["flags"].type) << place


def came_late(entries: Structured) -> Booleans:
    """Tell which readings did."""
    late: Booleans = entries["flags"] >> _late_place(entries) & 1 == 1
    return late


def _late_place(entries: Structured) -> int:
    """Give the bit of a ring's flags below the highest, which no flag takes."""
    return entries.dtype["flags"].itemsize * 8 - 2


def values_of_entries(
    entries: Structured, kinds: Kinds, chosen: Mapping[str, Chosen] | None = None
) -> Values:
    """Give back the values of what rings keep, one row an entry."""
    milli = entries["milli"]
    nibble = entries["codes"].astype(np.int64)[:, None] >> 4 * np.arange(milli.shape[1])
    state = nibble >> _UNIT_BITS & 3
    beyond = np.array([*_STATES, 0], np.int8)[state]
    highest = np.uint64(entries.dtype["flags"].itemsize * 8 - 1)
    said = entries["flags"].astype(np.uint64)
    flags = (said & ~(np.uint64(3) << highest - np.uint64(1))).astype(np.int64)
    flags |= np.where(said >> highest == 1, ASSESSED, 0)
    return Values(
        number=np.where(state == 0, milli / _MILLI, np.nan),
        unit=(nibble & 3).astype(np.int8),
        beyond=beyond,
        status=status_of(flags, kinds.flags, kinds.known_flags),
        met=met_of(entries["mark"].astype(np.int64) >> 1, kinds.requirements),
        chosen=chosen or {},
    )


def met_of(met: Integers, requirements: Sequence[Requirement]) -> dict[Requirement, Booleans]:
    """Say of each requirement which readings meet it."""
    return {one: met >> number & 1 == 1 for number, one in enumerate(requirements)}


@lru_cache(maxsize=256)
def circumstances(requirements: tuple[Requirement, ...]) -> bytes:
    """Name what rules ask for by digests, in the order of the bits that a ring keeps of it."""
    names = (f"{one.attribute}={'|'.join(one.words)}" for one in requirements)
    return b"".join(hashlib.sha256(name.encode()).digest()[:_DIGEST_BYTES] for name in names)


def remark(memory: Memory, slot: int, asked: bytes, asks: bytes) -> None:
    """Give each bit of a ring its place among what the books ask for now: both ``circumstances``.

    What nobody asked for then is not known to be met.
    """
    if asked == asks:
        return
    was, now = _digests(asked), _digests(asks)
    mark = memory.table["ring"]["mark"][slot]
    met, moved = mark >> 1, np.zeros_like(mark)
    for place, name in enumerate(now):
        if name in was:
            moved |= (met >> was.index(name) & 1) << place
    memory.table["ring"]["mark"][slot] = mark & _RECEIPT | moved << 1


def _digests(joined: bytes) -> list[bytes]:
    return [joined[n : n + _DIGEST_BYTES] for n in range(0, len(joined), _DIGEST_BYTES)]


def with_circumstances(columns: Columns, kinds: Kinds, chosen: dict[str, Chosen]) -> Values:
    """Give the values of a batch with everything that a rule may ask for."""
    values = columns.values
    return Values(
        values.number,
        values.unit,
        values.beyond,
        status_of(columns.flags, kinds.flags, kinds.known_flags),
        met_of(columns.met, kinds.requirements),
        chosen,
    )


def tenths_of(values: Values, vital: Vital) -> Integers:
    """Give values in tenths of the canonical unit, rounded half up; 0 where there is none.

    In millionths first: a decimal that has at most six places is exact there.
    """
    number = np.where(np.isnan(values.number), 0.0, values.number)
    micro = np.rint(number * _MICRO)
    for index, quantity in enumerate(vital.quantities):
        for code, conversion in enumerate(quantity.units.values(), start=1):
            here = values.unit[:, index] == code
            if here.any():
                shifted = number[here, index] - float(conversion.zero)
                canonical = shifted * float(conversion.multiplier) / float(conversion.divisor)
                micro[here, index] = np.rint(canonical * _MICRO)
    tenths: Integers = (micro.astype(np.int64) + _MICRO_IN_TENTH // 2) // _MICRO_IN_TENTH
    return tenths


Entry: TypeAlias = tuple[int, int, int, int, Sequence[int], int, int, int]
"""An entry of a ring as Python has it: ``at_ms``, ``high``, ``low``, ``seq``, ``milli``, …"""


def is_receipt(entry: Entry) -> bool:
    """Tell whether an entry's time is that of receipt; else it is the device's own."""
    return bool(entry[-1] & _RECEIPT)


def by_receipt(entries: Structured) -> Booleans:
    """Tell of which entries that is so."""
    found: Booleans = entries["mark"] & _RECEIPT == 1
    return found


def sight_of_entry(entry: Entry, vital: Vital, kinds: Kinds) -> Sight:
    """Describe a reading that a ring keeps."""
    at_ms, high, low, _, milli, codes, flags, mark = entry
    quantities = {}
    for place, quantity in enumerate(vital.quantities):
        kept = _kept(vital.name, place)(int(milli[place]) << 4 | codes >> 4 * place & 15)
        if kept is not None:
            quantities[quantity.name] = kept[0]
    status, silent = _reported(flags, kinds.known_flags)
    return Sight(
        reading_id=name_of(high, low),
        vital=vital.name,
        measured_at_ms=at_ms,
        time_quality=_TIME_QUALITIES[mark & _RECEIPT],
        quantities=quantities,
        status=status,
        silent=silent,
    )


def evidence_of_entries(entries: Structured, vital: Vital, kinds: Kinds) -> list[Evidence]:
    """Show readings that rings keep: the evidence of their sights, made of all at once."""
    names = [quantity.name for quantity in vital.quantities]
    cells = entries["milli"].astype(np.int64) << 4 | _nibbles(entries)
    said = [
        [kept and kept[1] for kept in map(_kept(vital.name, place), cells[:, place].tolist())]
        for place in range(len(names))
    ]
    ids = np.stack([entries["high"], entries["low"]], axis=1).astype(">u8").tobytes().hex()
    rows = zip(
        zip(*said, strict=True),
        entries["at_ms"].tolist(),
        entries["flags"].tolist(),
        (entries["mark"] & _RECEIPT).tolist(),
        strict=True,
    )
    found = []
    for number, (texts, at_ms, flags, receipt) in enumerate(rows):
        status, silent = _reported(flags, kinds.known_flags)
        found.append(
            Evidence(
                ids[32 * number : 32 * number + 32],
                vital.name,
                at_ms,
                _TIME_QUALITIES[receipt],
                {name: text for name, text in zip(names, texts, strict=True) if text},
                status,
                silent,
            )
        )
    return found


def censored(entries: Structured) -> Booleans:
    """Tell of which readings that rings keep a value is HI or LO."""
    state = _nibbles(entries) >> _UNIT_BITS
    found: Booleans = ((state != 0) & (state != _ABSENT)).any(axis=1)
    return found


def _nibbles(entries: Structured) -> Integers:
    codes = entries["codes"].astype(np.int64)[:, None]
    nibbles: Integers = codes >> 4 * np.arange(entries["milli"].shape[1]) & 15
    return nibbles


@cache
def _kept(vital: str, place: int) -> Callable[[int], tuple[Quantity, str] | None]:
    """Give back values from a cell of four bits of code below the thousandths.

    As they were received, and as people read them; None if there is none.
    """
    units = accepted(VITALS[vital].quantities[place])

    @lru_cache(maxsize=1 << 14)
    def kept(cell: int) -> tuple[Quantity, str] | None:
        unit, state = units[cell & 3], cell >> _UNIT_BITS & 3
        if state == _ABSENT:
            return None
        absent: Absence = "positive-infinity" if _STATES[state] == HI else "negative-infinity"
        quantity = Quantity(unit, absent=absent) if state else Quantity(unit, _text(cell >> 4))
        return quantity, value_text(quantity)

    return kept


def _reported(flags: int, known: tuple[str, ...]) -> tuple[list[str] | None, list[str]]:
    """Give the flags that a device set, None if it looked for none, and those it cannot set."""
    status, silent = _names(flags, known)
    return None if status is None else list(status), list(silent)


@lru_cache(maxsize=1024)
def _names(flags: int, known: tuple[str, ...]) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    here = tuple(name for place, name in enumerate(known) if flags >> place & 1)
    silent = tuple(name for place, name in enumerate(known) if flags >> len(known) + place & 1)
    return here if flags >> flags_bits(len(known)) - 1 else None, silent


def _text(milli: int) -> str:
    whole, rest = divmod(milli, _MILLI)
    return f"{Decimal(milli) / _MILLI:f}" if rest else str(whole)
