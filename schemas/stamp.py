"""When was it measured? The gateway's and the device's clocks in, the server's stamp out. No I/O.

The rules, in their order:

1. *Captured*, same boot at capture and at sending: the monotonic clock gives their distance, which
   is subtracted from the server's receipt, and so is the time that the message waited in the
   broker's queue while the bridge was down, if the broker tells. That counts the rest of the way as
   nothing, so it is an upper limit; where something kept the gateway's wall clock true, its time
   wins if earlier.
2. *Captured* in an earlier boot: the wall clock at capture if it was true; else somewhere between
   the last true wall time the gateway had seen and the start of the boot that sent it.
3. *Measured*: captured minus the age by the device's own clock, if the session read that clock.
   Device times count whole seconds, and both ends of the age do: the interval is one second each
   way, never beyond the capture.
4. *Measured*, where the session could not read that clock: by the stamp in the zone of whoever
   wears the device, if the stamps of its last sessions prove right (``schemas.local_time``).
   The interval allows for the smallest lag that they had, and a clock of whole minutes; in the hour
   that comes twice it holds both.
5. No trusted device time, newest of its session: measured when captured. The session's start is
   not on the wire; a session lasts seconds.
6. Otherwise any time until the capture: the interval begins at 0 and ``measured`` is its end. It
   waits, ``ambiguous-time``, unless a person assigned the device since 1970.

Everything that the gateway says is a claim: no input raises, and every stamp satisfies
``0 <= earliest <= measured <= latest <= received``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from schemas.kafka import Stamp, TimeQuality
from schemas.local_time import Proven, measured_at
from schemas.reading import Capture, DeviceTime, Reading

ZoneAt = Callable[[int], ZoneInfo | None]
DEVICE_RESOLUTION_MS = 1_000
WHOLE_MINUTE_MS = 60_000
FIRST_PLAUSIBLE_MS = 1_420_070_400_000
"""2015-01-01: a device clock that leads before it was never set."""


@dataclass(frozen=True, slots=True)
class Sending:
    """When a message left the gateway, by its clocks, and reached the server.

    ``waited_ms``: how long the broker says that it held the message.
    """

    received_ms: int
    boot_id: str
    monotonic_ms: int
    wall_ms: int | None = None
    waited_ms: int = 0

    @property
    def left_ms(self) -> int:
        """Give the latest server time at which the message can have left the gateway."""
        return self.received_ms - self.waited_ms


@dataclass(frozen=True, slots=True)
class _Interval:
    earliest_ms: int
    latest_ms: int

    @property
    def exact(self) -> bool:
        return self.earliest_ms == self.latest_ms


def stamp(reading: Reading, sending: Sending, zone_at: ZoneAt | None = None) -> Stamp:
    """Stamp a reading with the server's view of its time.

    ``zone_at`` gives the zone of whoever wore the device at an instant (UTC ms), None if unknown.
    """
    captured = _captured(reading.capture, sending)
    measured, quality = _measured(reading, captured, zone_at)
    return Stamp(
        received_at_ms=sending.received_ms,
        captured_at_ms=captured.latest_ms,
        measured_at_ms=measured[1],
        earliest_ms=measured[0],
        latest_ms=measured[2],
        quality=quality,
    )


def _captured(capture: Capture, sending: Sending) -> _Interval:
    """Find when the gateway's fsync held the bytes."""
    distance_ms = sending.monotonic_ms - capture.monotonic_ms
    if capture.boot_id == sending.boot_id and distance_ms >= 0:
        known_ms = [sending.left_ms - distance_ms]
        if capture.wall_ms is not None:
            known_ms.append(capture.wall_ms)
        elif sending.wall_ms is not None:
            known_ms.append(sending.wall_ms - distance_ms)
        return _exactly(min(known_ms), sending)
    if capture.wall_ms is not None:
        return _exactly(capture.wall_ms, sending)
    boot_ms = (sending.wall_ms or sending.left_ms) - max(sending.monotonic_ms, 0)
    if capture.boot_id == sending.boot_id:  # a monotonic clock that went back: it tells nothing
        boot_ms = sending.left_ms
    latest_ms = _clamp(boot_ms, 0, sending.received_ms)
    return _Interval(_clamp(capture.not_before_ms or 0, 0, latest_ms), latest_ms)


def _measured(
    reading: Reading, captured: _Interval, zone_at: ZoneAt | None
) -> tuple[tuple[int, int, int], TimeQuality]:
    """Find earliest, most likely and latest instant of the measurement."""
    latest_ms = captured.latest_ms
    age_ms = _trusted_age_ms(reading.device_time, captured)
    if age_ms is not None:
        measured_ms = latest_ms - age_ms
        interval = (
            max(captured.earliest_ms - age_ms - DEVICE_RESOLUTION_MS, 0),
            measured_ms,
            min(measured_ms + DEVICE_RESOLUTION_MS, latest_ms),
        )
        return interval, "device-clock" if captured.exact else "bounded"
    shown = _by_its_stamp(reading.device_time, captured, zone_at)
    if shown is not None:
        measured_ms = _clamp(shown.instants.latest_ms, 0, latest_ms)
        ahead_ms, behind_ms = max(-shown.lag_ms, 0), max(shown.lag_ms, 0)
        earliest_ms = shown.instants.earliest_ms - ahead_ms - WHOLE_MINUTE_MS
        interval = (
            _clamp(earliest_ms, 0, measured_ms),
            measured_ms,
            min(measured_ms + behind_ms + WHOLE_MINUTE_MS, latest_ms),
        )
        return interval, "bounded" if shown.instants.ambiguous else "device-clock"
    if reading.session_newest:
        interval = (captured.earliest_ms, latest_ms, latest_ms)
        return interval, "receipt" if captured.exact else "bounded"
    return (0, latest_ms, latest_ms), "untrusted"


def _by_its_stamp(
    device_time: DeviceTime | None, captured: _Interval, zone_at: ZoneAt | None
) -> Proven | None:
    if device_time is None or zone_at is None or not captured.exact:
        return None
    if not device_time.coincidences or (zone := zone_at(captured.latest_ms)) is None:
        return None
    return measured_at(device_time, zone, captured.latest_ms)


def _trusted_age_ms(device_time: DeviceTime | None, captured: _Interval) -> int | None:
    """Give the record's age by the device's clock if that can be believed."""
    if device_time is None or device_time.fault or device_time.age_ms is None:
        return None
    plausible = 0 <= device_time.age_ms <= captured.latest_ms - FIRST_PLAUSIBLE_MS
    return device_time.age_ms if plausible else None


def _exactly(instant_ms: int, sending: Sending) -> _Interval:
    instant_ms = _clamp(instant_ms, 0, sending.received_ms)
    return _Interval(instant_ms, instant_ms)


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))
