"""The gateway writes items, the bridge judges them: both must mean the same by every word."""

import json
from pathlib import Path

import pytest

from gateway.decoding.decode import decode
from gateway.record import Entry, Record, SessionFacts
from ingest.plausibility import check
from schemas.errors import InvalidInput
from schemas.reading import Capture, Device, Item, Reading

VECTORS = Path(__file__).parent.parent / "vectors"
FILES = {
    "blood_pressure": "2a35",
    "enhanced_blood_pressure": "2b34",
    "glucose": "2a18",
    "glucose_context": "2a34",
    "weight": "2a9d",
    "oximetry": "2a5e",
    "temperature": "2a1c",
}
PACKETS = [
    (vector["id"], characteristic, vector["hex"])
    for name, characteristic in FILES.items()
    for vector in json.loads((VECTORS / f"{name}.json").read_text())
    if "error" not in vector["fields"]
]
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
    [packet[1:] for packet in PACKETS if packet[0] not in UNPHYSICAL],
    ids=[packet[0] for packet in PACKETS if packet[0] not in UNPHYSICAL],
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
