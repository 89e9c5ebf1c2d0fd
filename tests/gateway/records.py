"""Rows of the journal for tests."""

from datetime import datetime
from decimal import Decimal

from gateway.record import (
    BLOOD_PRESSURE,
    DeviceClock,
    Entry,
    Notification,
    Record,
    SessionFacts,
)
from schemas.gatt import blood_pressure, date_time, glucose
from schemas.reading import Capture, Device

ADDRESS = "C0:00:00:00:00:01"
BOOT = "0" * 32
STREAM = "a" * 16
SHOWN = datetime(2026, 3, 14, 7, 5, 9)  # noqa: DTZ001  (a device's clock has no zone)
CLOCK_READ = DeviceClock(SHOWN, 1_000)


def notification(
    payload: bytes,
    characteristic: str = BLOOD_PRESSURE,
    *,
    at_ms: int = 1_000,
    session_id: str = "session",
) -> Notification:
    """What a device sent."""
    return Notification(ADDRESS, characteristic, payload, session_id, Capture(BOOT, at_ms))


def record(seq: int, payload: bytes, characteristic: str = BLOOD_PRESSURE) -> Record:
    """What the journal made of it."""
    capture = Capture(BOOT, 1_000 + seq)
    return Record(STREAM, seq, ADDRESS, characteristic, payload, "session", capture)


def entry(row: Record, clock: DeviceClock | None = CLOCK_READ, *, ended: bool = False) -> Entry:
    """A record of a session that did, or did not, read the device's clock."""
    return Entry(row, SessionFacts("session", Device(ADDRESS), clock, ended=ended))


def cuff_payload(stamp: datetime | None = SHOWN) -> bytes:
    """120/80."""
    measurement = blood_pressure.BloodPressureMeasurement(
        systolic=Decimal(120),
        diastolic=Decimal(80),
        mean=Decimal(93),
        timestamp=date_time.of(stamp) if stamp else None,
    )
    return blood_pressure.encode(measurement)


def meter_payload(sequence: int, stamp: datetime = SHOWN) -> bytes:
    """A record without value."""
    measurement = glucose.GlucoseMeasurement(sequence=sequence, base_time=date_time.of(stamp))
    return glucose.encode(measurement)


BEFORE_DERIVED = """
    ALTER TABLE doubted DROP COLUMN checksum;
    ALTER TABLE segments DROP COLUMN checksum;
    ALTER TABLE salvages DROP COLUMN checksum;
    PRAGMA user_version = 9;
"""
"""Makes of a journal one of layout 9."""
BEFORE_PROOF = f"""
    {BEFORE_DERIVED}
    ALTER TABLE cursors DROP COLUMN checksum;
    ALTER TABLE timelines DROP COLUMN checksum;
    ALTER TABLE observation DROP COLUMN checksum;
    UPDATE rows SET checksum = max(checksum, ~checksum);
    PRAGMA user_version = 8;
"""
"""Makes of a journal one of layout 8."""
BEFORE_CHECKSUMS = f"""
    {BEFORE_PROOF}
    DROP TABLE damaged_rows;
    DROP TABLE salvaged;
    DROP TABLE salvages;
    ALTER TABLE rows DROP COLUMN checksum;
    ALTER TABLE sessions DROP COLUMN checksum;
    ALTER TABLE anteroom DROP COLUMN checksum;
    PRAGMA user_version = 7;
"""
"""Makes of a journal one of layout 7."""
