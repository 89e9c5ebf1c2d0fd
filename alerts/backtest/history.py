"""Stored readings as columns, checked: what a back-test reads, wherever it comes from.

A table has a row per reading. Needed: ``patient_id``, ``vital``, ``measured_at`` and the vital's
quantities (``systolic``, ``diastolic``, ``pulse``, ``glucose``, …): numbers as received, or text
with ``HI`` and ``LO``; infinities mean the same. Optional: ``unit`` as received (default:
canonical), ``received_at`` (default: when measured), ``earliest_at``, ``time_quality`` (default:
device-clock), ``outcome`` (default: measured), ``status`` (flags with a space between; empty text:
nothing noticed; absent: not assessed), ``reading_id``, ``session_id`` (default: each one's own).
Times: timestamps (UTC if they name no zone), ISO 8601 text, or UTC ms as integers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from schemas.errors import InvalidInput
from schemas.kafka import TimeQuality
from schemas.vitals import VITALS

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Identities = npt.NDArray[np.uint64]

_NEEDED = ("patient_id", "vital", "measured_at")
_HEX_DIGITS = 32
_WORDS = {"HI": np.inf, "LO": -np.inf}
QUALITIES: tuple[TimeQuality, ...] = ("device-clock", "receipt", "bounded", "untrusted")


@dataclass(frozen=True, slots=True)
class Coded:
    """Texts as numbers into a short list of them; -1: absent."""

    code: Integers
    names: list[str]


@dataclass(frozen=True, slots=True)
class History:
    """Readings in the order in which they reached the clinic; times in UTC ms.

    ``values``: by quantity, as received; NaN: absent, infinite: HI and LO. ``rejected``: rows that
    could not be read, by reason. ``high`` and ``low``: the halves of each reading_id.
    """

    patient: Coded
    vital: Coded
    measured_ms: Integers
    received_ms: Integers
    earliest_ms: Integers
    quality: Integers
    unit: Coded
    status: Coded
    session: Coded
    measured: Booleans
    values: dict[str, Floats]
    high: Identities
    low: Identities
    rejected: dict[str, int]

    def __len__(self) -> int:
        """Count the readings."""
        return len(self.measured_ms)

    def since(self, at_ms: int) -> "History":
        """Leave out what was measured before an instant."""
        kept = np.flatnonzero(self.measured_ms >= at_ms)
        return History(
            patient=Coded(self.patient.code[kept], self.patient.names),
            vital=Coded(self.vital.code[kept], self.vital.names),
            measured_ms=self.measured_ms[kept],
            received_ms=self.received_ms[kept],
            earliest_ms=self.earliest_ms[kept],
            quality=self.quality[kept],
            unit=Coded(self.unit.code[kept], self.unit.names),
            status=Coded(self.status.code[kept], self.status.names),
            session=Coded(self.session.code[kept], self.session.names),
            measured=self.measured[kept],
            values={name: column[kept] for name, column in self.values.items()},
            high=self.high[kept],
            low=self.low[kept],
            rejected=self.rejected,
        )

    @property
    def patient_days(self) -> float:
        """Days from each patient's first to last reading, both counted, together."""
        if not len(self):
            return 0.0
        day = pd.DataFrame({"patient": self.patient.code, "day": self.measured_ms // 86_400_000})
        spans = day.groupby("patient")["day"].agg(["min", "max"])
        return float((spans["max"] - spans["min"] + 1).sum())


def history(frame: Any) -> History:  # noqa: ANN401 - pandas has no types here
    """Check a table and lay it out. Raises ``InvalidInput`` if a needed column is not there."""
    missing = [name for name in _NEEDED if name not in frame.columns]
    known = [quantity.name for vital in VITALS.values() for quantity in vital.quantities]
    quantities = [name for name in dict.fromkeys(known) if name in frame.columns]
    if missing or not quantities:
        lacks = ", ".join(missing) or "a column for any quantity, such as systolic"
        raise InvalidInput("columns", f"The table lacks {lacks}.")
    reasons: dict[str, Booleans] = {"vital": ~frame["vital"].isin(list(VITALS)).to_numpy()}
    reasons["patient"] = frame["patient_id"].isna().to_numpy()
    measured_ms, reasons["time"] = _instants(frame["measured_at"])
    received_ms, wrong = _instants(frame["received_at"]) if "received_at" in frame else (
        measured_ms, np.zeros(len(frame), np.bool_)
    )  # fmt: skip
    reasons["time"] = reasons["time"] | wrong | (received_ms < measured_ms - 1000)
    earliest_ms = _instants(frame["earliest_at"])[0] if "earliest_at" in frame else measured_ms
    values: dict[str, Floats] = {}
    reasons["value"] = np.zeros(len(frame), np.bool_)
    for name in quantities:
        values[name], wrong = _numbers(frame[name])
        reasons["value"] |= wrong
    rejected: dict[str, int] = {}
    kept = np.ones(len(frame), np.bool_)
    for reason, rows in reasons.items():
        if count := int((rows & kept).sum()):
            rejected[reason] = count
        kept &= ~rows
    order = np.flatnonzero(kept)
    patient = pd.factorize(frame["patient_id"])[0][order]
    order = order[np.lexsort((measured_ms[order], patient, received_ms[order]))]
    high, low = _identities(frame, measured_ms)
    return History(
        patient=_coded(frame, "patient_id", order),
        vital=_coded(frame, "vital", order),
        measured_ms=measured_ms[order],
        received_ms=received_ms[order],
        earliest_ms=np.minimum(earliest_ms, measured_ms)[order],
        quality=_quality(frame, order),
        unit=_coded(frame, "unit", order),
        status=_coded(frame, "status", order),
        session=_coded(frame, "session_id", order),
        measured=_measured(frame)[order],
        values={name: column[order] for name, column in values.items()},
        high=high[order],
        low=low[order],
        rejected=rejected,
    )


def _instants(column: Any) -> tuple[Integers, Booleans]:  # noqa: ANN401
    """Read times as UTC ms; also which of them cannot be read."""
    if pd.api.types.is_integer_dtype(column.dtype):
        return column.to_numpy(np.int64), np.zeros(len(column), np.bool_)
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    wrong = column.isna().to_numpy()
    if getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert(None)
    ms = column.to_numpy("datetime64[ms]").astype(np.int64)
    return np.where(wrong, 0, ms), wrong


def _numbers(column: Any) -> tuple[Floats, Booleans]:  # noqa: ANN401
    """Read values; also which of them are neither a number nor HI, LO or absent."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(np.float64, na_value=np.nan), np.zeros(len(column), np.bool_)
    absent = column.isna().to_numpy()
    text = column.astype("string").str.strip()
    words = text.map(_WORDS).to_numpy(np.float64, na_value=np.nan)
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    found: Floats = np.where(np.isnan(words), numbers, words)
    return found, np.isnan(found) & ~absent & (text != "").fillna(value=False).to_numpy(np.bool_)


def _coded(frame: Any, name: str, order: Integers) -> Coded:  # noqa: ANN401
    if name not in frame.columns:
        return Coded(np.full(len(order), -1, np.int64), [])
    code, names = pd.factorize(frame[name])
    return Coded(code.astype(np.int64)[order], [str(one) for one in names])


def _quality(frame: Any, order: Integers) -> Integers:  # noqa: ANN401
    """Give places in ``QUALITIES``; what nobody knows is untrusted."""
    coded = _coded(frame, "time_quality", order)
    if not coded.names:
        return np.zeros(len(order), np.int64)
    places = [QUALITIES.index(name) if name in QUALITIES else 3 for name in coded.names]
    return np.array([*places, 3], np.int64)[coded.code]


def _measured(frame: Any) -> Booleans:  # noqa: ANN401
    if "outcome" not in frame.columns:
        return np.ones(len(frame), np.bool_)
    measured: Booleans = (frame["outcome"] == "measured").to_numpy(np.bool_)
    return measured


def _identities(frame: Any, measured_ms: Integers) -> tuple[Identities, Identities]:  # noqa: ANN401
    """Give the halves of each reading_id; a reading without one is named by time and row."""
    size = len(frame)
    high = measured_ms.astype(np.uint64) << np.uint64(16)
    low = np.arange(1, size + 1, dtype=np.uint64)
    if "reading_id" not in frame.columns:
        return high, low
    text = frame["reading_id"].fillna("").astype(str)
    if bool((text.str.len() != _HEX_DIGITS).any()):
        text = text.str.replace("-", "", regex=False)
    named = (text.str.len() == _HEX_DIGITS).to_numpy(np.bool_)
    try:
        octets = _octets(text[named])
    except ValueError:
        named = text.str.fullmatch("[0-9a-fA-F]{32}").to_numpy(np.bool_)
        octets = _octets(text[named])
    high[named], low[named] = octets[:, 0], octets[:, 1]
    return high, low


def _octets(text: Any) -> Identities:  # noqa: ANN401
    """Read 32 hex digits each as two numbers, all at once. Raises ``ValueError``."""
    octets = np.frombuffer(bytes.fromhex("".join(text.to_numpy(dtype=object))), ">u8")
    found: Identities = octets.astype(np.uint64).reshape(-1, 2)
    return found
