"""Many payloads at once: numpy columns with canonical values, and the one-at-a-time decoder.

Both decode the same mixture, on one core: packets of real devices, each kind as often as any other
(in kPa, with HI, or failed ones too, which in a clinic are rare).
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np

from bench.rates import rates_per_s
from bench.record import Figure, Reference, Target
from ingest.redecode.decoders import DECODERS
from ingest.redecode.numbers import canonical
from ingest.redecode.payloads import Integers, ragged
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.measurement import measure

PAYLOADS_PER_S = 5_000_000
BATCH = 1 << 14
"""As many as fit a core's cache as columns: `vitalwire redecode` takes about as many at once."""
ONE_AT_A_TIME = 2_000
VECTORS = Path(__file__).parent.parent / "tests" / "vectors"
FILES = {"2a35": "blood_pressure", "2a18": "glucose"}


def run() -> Iterator[Figure]:
    """Time each characteristic."""
    for characteristic, name in FILES.items():
        payloads = mixture(name)
        lengths = np.array([len(payload) for payload in payloads])
        vectorised_per_s, single_per_s = rates_per_s(
            _vectorised(characteristic, b"".join(payloads), lengths),
            _one_at_a_time(characteristic, payloads[:ONE_AT_A_TIME]),
        )
        yield Figure(
            f"vectorised_decode.{characteristic}",
            vectorised_per_s,
            "payloads/s",
            Reference("one at a time", single_per_s),
            Target(">=", PAYLOADS_PER_S),
        )


def mixture(name: str) -> list[bytes]:
    """Give a batch."""
    packets = json.loads((VECTORS / f"{name}.json").read_text())
    payloads = [bytes.fromhex(packet["hex"]) for packet in packets]
    return Random(3).choices(payloads, k=BATCH)


def _vectorised(characteristic: str, buffer: bytes, lengths: Integers) -> Callable[[], int]:
    decode, starts = DECODERS[characteristic], np.cumsum(lengths) - lengths

    def a_batch() -> int:
        columns = decode(ragged(buffer, starts, lengths))
        for quantity in columns.vital.quantities:
            canonical(columns.quantities[quantity.name], quantity)
        return len(lengths)

    return a_batch


def _one_at_a_time(characteristic: str, payloads: list[bytes]) -> Callable[[], int]:
    def each() -> int:
        for payload in payloads:
            try:
                measure(characteristic, payload)
            except MalformedPayload:
                continue
        return len(payloads)

    return each
