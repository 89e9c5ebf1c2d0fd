"""One payload at a time: our codecs and PyPI's bluetooth-sig, on the same packets of real devices.

Only packets that both take are timed: a refusal is cheap, and bluetooth-sig 0.6.0 refuses what is
urgent (HI, LO, a failed measurement). What either makes of those is in ``bench.truth``.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.rates import rates_per_s
from bench.record import Figure, Reference, Target
from bench.theirs import REFERENCE, decoder
from schemas.gatt import (
    blood_pressure,
    enhanced_blood_pressure,
    glucose,
    glucose_context,
    oximeter,
    thermometer,
    weight,
)

TIMES_FASTER = 5
VECTORS = Path(__file__).parent.parent / "tests" / "vectors"


@dataclass(frozen=True, slots=True)
class Contest:
    """A characteristic, who decodes it here and there, and the file of its packets."""

    characteristic: str
    ours: Callable[[bytes], object]
    theirs: str
    vectors: str

    def payloads(self) -> list[bytes]:
        """Give the packets that both take."""
        their_decode = decoder(self.theirs)
        packets = json.loads((VECTORS / f"{self.vectors}.json").read_text())
        payloads = [bytes.fromhex(packet["hex"]) for packet in packets]
        return [
            payload
            for payload in payloads
            if takes(self.ours, payload) and takes(their_decode, bytearray(payload))
        ]


CONTESTS = (
    Contest("2a35", blood_pressure.decode, "BloodPressureMeasurement", "blood_pressure"),
    Contest("2a18", glucose.decode, "GlucoseMeasurement", "glucose"),
    Contest("2a34", glucose_context.decode, "GlucoseMeasurementContext", "glucose_context"),
    Contest("2a9d", weight.decode, "WeightMeasurement", "weight"),
    Contest("2a5e", oximeter.decode, "PLXSpotCheckMeasurement", "oximetry"),
    Contest("2a1c", thermometer.decode, "TemperatureMeasurement", "temperature"),
    Contest(
        "2b34",
        enhanced_blood_pressure.decode,
        "EnhancedBloodPressureMeasurement",
        "enhanced_blood_pressure",
    ),
)


def takes(decode: Callable[[Any], object], payload: bytes | bytearray) -> bool:
    """Tell whether a decoder gives anything for a payload."""
    try:
        decode(payload)
    except Exception:  # noqa: BLE001 - whatever theirs may raise
        return False
    return True


def run() -> Iterator[Figure]:
    """Time each codec."""
    for contest in CONTESTS:
        payloads = contest.payloads()
        assert payloads, contest
        ours_per_s, theirs_per_s = rates_per_s(
            _each(contest.ours, payloads),
            _each(decoder(contest.theirs), [bytearray(payload) for payload in payloads]),
        )
        yield Figure(
            f"codecs.{contest.characteristic}",
            ours_per_s,
            "payloads/s",
            Reference(REFERENCE, theirs_per_s),
            Target(">=", TIMES_FASTER, of="ratio"),
        )


def _each(decode: Callable[[Any], object], payloads: list[Any]) -> Callable[[], int]:
    def all_of_them() -> int:
        for payload in payloads:
            decode(payload)
        return len(payloads)

    return all_of_them
