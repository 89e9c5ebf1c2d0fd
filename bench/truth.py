"""What either decoder makes of packets that matter: ours, bluetooth-sig's, and the truth.

The truth is written here by hand from ``tests/vectors``, where each packet has its source: neither
decoder is asked for it. bluetooth-sig 0.6.0 reads the exponent of a number as biased by 8, so that
124 mmHg become 0.00000124, and refuses what is most urgent.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from bench.record import Figure, Reference, Target
from bench.theirs import REFERENCE, decoder
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import Measurement, measure

VECTORS = Path(__file__).parent.parent / "tests" / "vectors"
REFUSED = "refused"
_THEIRS = {"2a35": "BloodPressureMeasurement", "2a18": "GlucoseMeasurement"}
_FILES = {"2a35": "blood_pressure", "2a18": "glucose"}


@dataclass(frozen=True, slots=True)
class Question:
    """A packet by its id in the vectors, what is asked, the answer, and where either has his."""

    what: str
    characteristic: str
    packet: str
    truth: str
    ours: Callable[[Measurement], str]
    theirs: Callable[[Any], str]

    @property
    def payload(self) -> bytes:
        """Look the packet up."""
        vectors = json.loads((VECTORS / f"{_FILES[self.characteristic]}.json").read_text())
        (found,) = (vector["hex"] for vector in vectors if vector["id"] == self.packet)
        return bytes.fromhex(found)


def _said(name: str) -> Callable[[Measurement], str]:
    """Give our value with its unit, or why there is none."""

    def text(measurement: Measurement) -> str:
        quantity = measurement.quantities[name]
        return quantity.absent or f"{float(quantity.value or 'nan'):g} {quantity.unit}"

    return text


def _pressure(data: Any) -> str:  # noqa: ANN401 - bluetooth-sig is there only for `make bench`
    unit = {"mmHg": "mm[Hg]"}.get(data.unit.value, data.unit.value)
    return f"{data.systolic:g} {unit}"


def _glucose(data: Any) -> str:  # noqa: ANN401
    if data.glucose_concentration == inf:
        return "positive-infinity"
    return f"{data.glucose_concentration:g} {data.unit}"


def _their_status(data: Any) -> str:  # noqa: ANN401
    module = __import__(type(data).__module__, fromlist=["BloodPressureMeasurementStatus"])
    status = module.BloodPressureMeasurementStatus(data.optional_fields.measurement_status)
    return " ".join(flag.name.lower().replace("_", "-") for flag in status) or "nothing"


def _our_status(measurement: Measurement) -> str:
    return " ".join(measurement.status or ()) or "nothing"


def _our_time(measurement: Measurement) -> str:
    shown = measurement.stamp and measurement.stamp.shown
    return str(shown) if shown else "unknown"


def _their_time(data: Any) -> str:  # noqa: ANN401
    return str(data.optional_fields.timestamp or "unknown")


def _outcome(measurement: Measurement) -> str:
    return measurement.outcome


QUESTIONS = (
    Question("systolic", "2a35", "B5", "124 mm[Hg]", _said("systolic"), _pressure),
    Question("systolic, exponent -1", "2a35", "B3", "18.9 mm[Hg]", _said("systolic"), _pressure),
    Question("systolic in kPa", "2a35", "B13", "16 kPa", _said("systolic"), _pressure),
    Question("glucose in kg/L", "2a18", "G2", "120 mg/dL", _said("glucose"), _glucose),
    Question("glucose in mol/L", "2a18", "G3", "5.9 mmol/L", _said("glucose"), _glucose),
    Question("HI", "2a18", "G8", "positive-infinity", _said("glucose"), _glucose),
    Question("LO", "2a18", "G9", "negative-infinity", _said("glucose"), _glucose),
    Question("failed measurement (NaN)", "2a35", "B6", "failed", _outcome, _pressure),
    Question("status bit 3", "2a35", "B5b", "pulse-above-range", _our_status, _their_status),
    Question("status bit 4", "2a35", "B5c", "pulse-below-range", _our_status, _their_status),
    Question("clock never set", "2a35", "B15", "unknown", _our_time, _their_time),
    Question("cut short", "2a35", "B19b", REFUSED, _said("systolic"), _pressure),
)


def run() -> Iterator[Figure]:
    """Ask both, print the answers side by side, count the right ones."""
    print(f"{'question':26}{'truth':20}{'ours':20}{REFERENCE}")
    right = [0, 0]
    for question in QUESTIONS:
        answers = _our_answer(question), _their_answer(question)
        right = [
            count + (answer == question.truth) for count, answer in zip(right, answers, strict=True)
        ]
        print(f"{question.what:26}{question.truth:20}{answers[0]:20}{answers[1]}")
    yield Figure(
        "truth.right",
        right[0],
        f"of {len(QUESTIONS)} answers",
        Reference(REFERENCE, right[1]),
        Target(">=", len(QUESTIONS)),
    )


def _our_answer(question: Question) -> str:
    try:
        return question.ours(measure(question.characteristic, question.payload))
    except MalformedPayload:
        return REFUSED


def _their_answer(question: Question) -> str:
    decode = decoder(_THEIRS[question.characteristic])
    try:
        data = decode(bytearray(question.payload))
    except Exception:  # noqa: BLE001 - whatever theirs may raise
        return REFUSED
    return question.theirs(data)
