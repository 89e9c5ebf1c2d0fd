"""Stored readings as columns, checked: what a back-test reads, wherever it comes from.

A table has a row per reading. Needed: ``patient_id``, ``vital`` (a file of one vital needs none,
see ``naming``), ``measured_at`` and the vital's
quantities (``systolic``, ``diastolic``, ``pulse``, ``glucose``, …): numbers as received, or text
with ``HI`` and ``LO``, a comma for a point; infinities mean the same. Optional: ``unit`` as
received (default: canonical), ``received_at`` (default: when measured), ``earliest_at``,
``time_quality`` (default: device-clock), ``outcome`` (default: measured), ``status`` (flags with a
space between; ``none`` or empty text: nothing noticed; absent, as an empty cell of a CSV is: not
assessed), ``reading_id`` (default: named by
what it says), ``session_id`` (default: each one's own). Times: timestamps (UTC if they name no
zone), ISO 8601 text, or UTC ms as integers. What the bridge would refuse is left out and counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from alerts.backtest.checked import doubtful, numbers, units, without_value
from alerts.backtest.naming import KNOWN, require_columns
from alerts.backtest.remarks import remarks
from schemas.kafka import TimeQuality
from schemas.vitals import VITALS

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Identities = npt.NDArray[np.uint64]

_EARLIEST_MS = 10**11
"""Before this instant, in 1973, nobody measured: what is smaller counts seconds, not ms."""
_NO_FLAG = "none"
"""A CSV cannot tell an empty text from none at all."""
_HEX_DIGITS = 32
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
    could not be read, by reason; ``remarks``: what was taken for granted, in words. ``high`` and
    ``low``: the halves of each reading_id.
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
    remarks: list[str]

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
            remarks=self.remarks,
        )

    @property
    def distinct(self) -> int:
        """Count the readings, each once however often it is there."""
        named = {"patient": self.patient.code, "high": self.high, "low": self.low}
        return len(self) - int(pd.DataFrame(named).duplicated().sum())

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
    quantities = require_columns(frame.columns)
    reasons: dict[str, Booleans] = {"vital": ~frame["vital"].isin(list(VITALS)).to_numpy()}
    reasons["patient"] = frame["patient_id"].isna().to_numpy()
    measured_ms, reasons["time"] = _instants(frame["measured_at"])
    received_ms, wrong = _received(frame, measured_ms)
    reasons["time"] = reasons["time"] | wrong | (received_ms < measured_ms - 1000)
    earliest_ms = _instants(frame["earliest_at"])[0] if "earliest_at" in frame else measured_ms
    values: dict[str, Floats] = {}
    reasons["value"] = np.zeros(len(frame), np.bool_)
    for name in quantities:
        values[name], wrong = numbers(frame[name])
        reasons["value"] |= wrong
    received = units(frame["unit"]) if "unit" in frame else None
    reasons["unit"], reasons["implausible"] = doubtful(frame["vital"], received, values)
    kept, rejected = _sifted(reasons, len(frame))
    order = np.flatnonzero(kept)
    patient = pd.factorize(frame["patient_id"])[0][order]
    order = order[np.lexsort((measured_ms[order], patient, received_ms[order]))]
    high, low = _identities(frame, measured_ms, values)
    measured = _measured(frame)
    empty = int((without_value(frame["vital"], values) & kept & measured).sum())
    return History(
        patient=_coded(frame, "patient_id", order),
        vital=_coded(frame, "vital", order),
        measured_ms=measured_ms[order],
        received_ms=received_ms[order],
        earliest_ms=np.minimum(earliest_ms, measured_ms)[order],
        quality=_quality(frame, order),
        unit=_coded(frame if received is None else frame.assign(unit=received), "unit", order),
        status=_coded(frame, "status", order),
        session=_coded(frame, "session_id", order),
        measured=measured[order],
        values={name: column[order] for name, column in values.items()},
        high=high[order],
        low=low[order],
        rejected=rejected,
        remarks=list(remarks(frame, KNOWN, quantities, empty)),
    )


def _sifted(reasons: dict[str, Booleans], rows: int) -> tuple[Booleans, dict[str, int]]:
    """Tell which rows stay, and how many go by each reason, each by the first that it has."""
    kept, rejected = np.ones(rows, np.bool_), {}
    for reason, wrong in reasons.items():
        if count := int((wrong & kept).sum()):
            rejected[reason] = count
        kept &= ~wrong
    return kept, rejected


def _received(frame: Any, measured_ms: Integers) -> tuple[Integers, Booleans]:  # noqa: ANN401
    """Give when each came to the clinic: where nothing is said, when it was measured."""
    if "received_at" not in frame.columns:
        return measured_ms, np.zeros(len(frame), np.bool_)
    absent = frame["received_at"].isna().to_numpy()
    received_ms, wrong = _instants(frame["received_at"])
    return np.where(absent, measured_ms, received_ms), wrong & ~absent


def _instants(column: Any) -> tuple[Integers, Booleans]:  # noqa: ANN401
    """Read times as UTC ms; also which of them cannot be read."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        ms = np.where(column.isna(), 0, column).astype(np.int64)  # a gap makes floats of integers
        return ms, ms < _EARLIEST_MS
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    wrong = column.isna().to_numpy()
    if getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert(None)
    ms = column.to_numpy("datetime64[ms]").astype(np.int64)
    return np.where(wrong, 0, ms), wrong


def _coded(frame: Any, name: str, order: Integers) -> Coded:  # noqa: ANN401
    if name not in frame.columns:
        return Coded(np.full(len(order), -1, np.int64), [])
    code, names = pd.factorize(frame[name])
    words = ("" if name == "status" and one == _NO_FLAG else str(one) for one in names)
    return Coded(code.astype(np.int64)[order], list(words))


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


def _identities(
    frame: Any,  # noqa: ANN401
    measured_ms: Integers,
    values: Mapping[str, Floats],
) -> tuple[Identities, Identities]:
    """Give the halves of each reading_id; a reading without one is named by what it says.

    So the same row twice is one reading, as the same delivery twice is.
    """
    high = measured_ms.astype(np.uint64) << np.uint64(16)
    if "reading_id" not in frame.columns:
        return high, _by_content(frame, measured_ms, values)
    low = np.zeros(len(frame), np.uint64)
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
    if not named.all():
        low[~named] = _by_content(frame, measured_ms, values)[~named]
    return high, low


def _by_content(
    frame: Any,  # noqa: ANN401
    measured_ms: Integers,
    values: Mapping[str, Floats],
) -> Identities:
    """Number the readings of a patient, a vital, an instant and these values."""
    said = pd.DataFrame({"ms": measured_ms, **values}).assign(
        patient=frame["patient_id"].to_numpy(), vital=frame["vital"].to_numpy()
    )
    number = said.groupby(list(said.columns), dropna=False, sort=False).ngroup()
    found: Identities = (number.to_numpy() + 1).astype(np.uint64)
    return found


def _octets(text: Any) -> Identities:  # noqa: ANN401
    """Read 32 hex digits each as two numbers, all at once. Raises ``ValueError``."""
    octets = np.frombuffer(bytes.fromhex("".join(text.to_numpy(dtype=object))), ">u8")
    found: Identities = octets.astype(np.uint64).reshape(-1, 2)
    return found
