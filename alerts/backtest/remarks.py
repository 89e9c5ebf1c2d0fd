"""What a table of readings does not say, and what is assumed instead."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

_DATED = r"\d{4}-\d\d-\d\d"
_ZONED = r"\d:\d\d.*(?:Z|[+-]\d\d(?::?\d\d)?)$"
"""How ISO 8601 ends a time that is not a clock's in some place."""


def remarks(
    frame: Any,  # noqa: ANN401 - pandas has no types here
    read: Sequence[str],
    quantities: Sequence[str],
    empty: int,
) -> Iterator[str]:
    """Say what was taken for granted of a table.

    ``read``: the columns that somebody reads (another one may be a name with a typo);
    ``quantities``: those among them that hold values; ``empty``: how many rows have none of theirs.
    """
    if "unit" not in frame.columns:
        yield "There is no column unit: pressures are taken as mmHg, glucose as mg/dL."
    if "received_at" not in frame.columns:
        yield "There is no column received_at: each reading counts as arrived when it was measured."
    if zoneless := int(_names_no_zone(frame["measured_at"]).sum()):
        yield (
            f"{_which(zoneless, 'time', 'names no zone and is', 'name no zone and are')} taken as "
            "UTC; if clocks in the clinic showed them, write 2026-03-02T08:00+01:00, or shifts and "
            "days are counted wrongly."
        )
    unread = [str(name) for name in frame.columns if name not in read]
    if unread:
        yield f"Columns that nobody reads: {', '.join(unread)}."
    if empty:
        known = ", ".join(quantities)
        hold = _which(empty, "row", "holds no value of its vital", "hold no value of their vital")
        yield f"{hold}; the columns with values are {known}."


def counted(count: int, noun: str) -> str:
    """Say how many there are: ``1 row``, ``1,200 rows``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _which(count: int, noun: str, one: str, many: str) -> str:
    return f"{counted(count, noun)} {one if count == 1 else many}"


def _names_no_zone(column: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401
    """Tell which times might be meant in any zone."""
    rows = np.zeros(len(column), np.bool_)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return rows
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        aware = getattr(column.dtype, "tz", None) is not None
        return rows if aware else column.notna().to_numpy()
    text = column.fillna("").astype(str)
    naive = text.str.match(_DATED) & ~text.str.contains(_ZONED, regex=True)
    return np.asarray(naive, np.bool_)
