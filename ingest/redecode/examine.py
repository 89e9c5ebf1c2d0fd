"""Stored rows against today's decoder: which would say something else. No I/O."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from ingest.redecode.columns import NONE, Codes16
from ingest.redecode.compare import unchanged
from ingest.redecode.decoders import DECODERS
from ingest.redecode.derived import Derived, Layout, derive, quirk_in_force, same
from ingest.redecode.payloads import joined
from schemas.errors import InvalidInput
from schemas.gatt.quirks import QUIRKS, Quirk


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row in the layout's columns, its version, and the decimal places of what was received.

    ``model``: the device's, as it said itself or else as the registry knows it. ``address``: as the
    registry knows it now.
    """

    values: tuple[Any, ...]
    version: int
    scales: tuple[int | None, ...]
    model: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A row whose bytes say something else now: ``fields`` gives before and after by column."""

    layout: Layout
    row: StoredRow
    stored: Mapping[str, Any]
    derived: Derived
    fields: dict[str, tuple[Any, Any]]

    @property
    def reading_id(self) -> UUID:
        """Name of the reading."""
        name: UUID = self.stored["reading_id"]
        return name

    def corrected(self) -> tuple[Any, ...]:
        """Give the row as it is to be stored, in the layout's columns."""
        return tuple(
            self.derived.columns.get(column, value)
            for column, value in zip(self.layout.columns, self.row.values, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that stays as it is although its bytes say something else now, and why."""

    reading_id: UUID
    model: str | None
    reason: str


def examine(layout: Layout, rows: Sequence[StoredRow]) -> Iterator[Difference | Refusal]:
    """Give what differs; by the vectorised decoder first, by the exact one where it must."""
    quirks = Quirks(layout)
    for row in _suspects(layout, rows, quirks):
        stored = layout.named(row.values)
        try:
            derived = derive(layout, stored, quirks.of(row))
        except InvalidInput as error:
            yield Refusal(stored["reading_id"], row.model, error.reason)
            continue
        fields = {
            name: (stored[name], derived.columns[name])
            for name in layout.derived
            if not same(stored[name], derived.columns[name])
        }
        if fields:
            yield Difference(layout, row, stored, derived, fields)


class Quirks:
    """Finds the quirks of rows, of each kind of device once."""

    def __init__(self, layout: Layout) -> None:
        """Remember where a row has what a quirk is known by."""
        self._attributes = layout.place("attributes")
        self._manufacturer = layout.place("device_manufacturer")
        self._known: dict[tuple[str | None, str | None, str | None], Quirk | None] = {}

    def of(self, row: StoredRow) -> Quirk | None:
        """Find a row's quirk."""
        attributes = row.values[self._attributes]
        key = (row.model, row.values[self._manufacturer], attributes.get("quirk"))
        if key not in self._known:
            self._known[key] = quirk_in_force(*key[:2], attributes)
        return self._known[key]

    def places(self, rows: Sequence[StoredRow]) -> Codes16:
        """Give the place of each row's quirk in the table, NONE without one."""
        found = (self.of(row) for row in rows)
        return np.array(
            [NONE if quirk is None else QUIRKS.index(quirk) for quirk in found], np.int32
        )


def _suspects(layout: Layout, rows: Sequence[StoredRow], quirks: Quirks) -> Iterable[StoredRow]:
    characteristics: dict[str, list[StoredRow]] = {}
    place = layout.place("characteristic")
    for row in rows:
        characteristics.setdefault(row.values[place], []).append(row)
    raw = layout.place("raw")
    for characteristic, group in characteristics.items():
        decode = DECODERS.get(characteristic)
        payloads = joined([row.values[raw] for row in group])
        decoded = decode(payloads, quirks.places(group)) if decode else None
        if decoded is None or decoded.vital is not layout.vital:
            yield from group
            continue
        values, scales = [row.values for row in group], [row.scales for row in group]
        for number in np.flatnonzero(~unchanged(layout, values, scales, decoded)).tolist():
            yield group[number]
