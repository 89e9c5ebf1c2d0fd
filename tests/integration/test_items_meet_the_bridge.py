"""The gateway writes items, the bridge judges them: both must mean the same by every word."""

import json
from pathlib import Path

import pytest

from gateway.decode import decode
from gateway.record import Entry, Record, SessionFacts
from ingest.plausibility import check
from schemas.errors import InvalidInput
from schemas.reading import Capture, Device, Item, Reading
from schemas.vitals import VITALS

VECTORS = Path(__file__).parent.parent / "vectors"
PACKETS = [
    (vector["id"], vital.characteristic, vector["hex"])
    for vital in VITALS.values()
    for vector in json.loads((VECTORS / f"{vital.name}.json").read_text())
]
SHORT = {"B19a", "B19b"}
UNPHYSICAL = {"B3": "systolic", "G5": "glucose"}  # packets of test suites, not of patients


def item(characteristic: str, payload: str) -> Item:
    device = Device("C0:FF:EE:00:00:01")
    record = Record(
        stream="0011223344556677",
        seq=1,
        address=device.address,
        characteristic=characteristic,
        payload=bytes.fromhex(payload),
        session_id="s1",
        capture=Capture(boot_id="ab" * 16, monotonic_ms=5),
    )
    return decode(Entry(record, SessionFacts("s1", device)), "home-1")


@pytest.mark.parametrize(
    ("characteristic", "payload"),
    [packet[1:] for packet in PACKETS if packet[0] not in SHORT | set(UNPHYSICAL)],
    ids=[packet[0] for packet in PACKETS if packet[0] not in SHORT | set(UNPHYSICAL)],
)
def test_what_a_device_sends_is_a_reading_that_the_bridge_accepts(
    characteristic: str, payload: str
) -> None:
    reading = item(characteristic, payload)
    assert isinstance(reading, Reading)
    check(reading)


@pytest.mark.parametrize(
    ("characteristic", "payload", "quantity"),
    [(*packet[1:], UNPHYSICAL[packet[0]]) for packet in PACKETS if packet[0] in UNPHYSICAL],
    ids=UNPHYSICAL.keys(),
)
def test_what_no_patient_can_have_is_refused(
    characteristic: str, payload: str, quantity: str
) -> None:
    reading = item(characteristic, payload)
    assert isinstance(reading, Reading)
    with pytest.raises(InvalidInput, match=quantity) as caught:
        check(reading)
    assert caught.value.reason == "implausible"
