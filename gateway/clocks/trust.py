"""Whether a record's stamp is believed, and the age that it gives; each reason against it by name.

A wrong stamp is still sent, exactly as the device told it: whoever reads it sees why it does not
count. What is screened out has no age, so its reading waits for the end of its session; the newest
one is then known to have just been measured.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.clocks.timeline import FUTURE_TOLERANCE_MS, jump_ms, was_set
from gateway.record import DeviceClock, SessionFacts
from schemas.gatt.measurement import Stamp
from schemas.gatt.racp import SEQUENCE_MAX
from schemas.reading import Capture, DeviceTime, TimeScreen

AHEAD_OF_UTC_MOST = timedelta(hours=14, minutes=10)
"""The most easterly zone, and the 10 min that a clock may be wrong."""

_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Stamped:
    """A record's stamp, its own number if it has one, and when it was captured."""

    stamp: Stamp
    number: int | None
    capture: Capture


def device_time(record: Stamped, facts: SessionFacts, before: Stamped | None) -> DeviceTime | None:
    """Say what the device's clock told, exactly as sent; None for a stamp of zeros.

    ``before``: the record that came before it in its session, if both are numbered.
    """
    stamp = record.stamp
    if stamp.recorded.unknown:
        return None
    screens = _screens_of_stamp(record, facts)
    if before is not None:
        screens += _screens_of_order(record, before, facts)
    age_ms = None
    if facts.clock is not None and stamp.shown is not None and not (screens or stamp.fault):
        jumped_ms = jump_ms(stamp.shown, record.number, facts.moves)
        assert jumped_ms is not None, "it is screened"
        age_ms = max(_age_ms(stamp.shown, facts.clock, record.capture) - jumped_ms, 0)
    return DeviceTime(
        local=stamp.recorded.text,
        offset_min=stamp.offset_min,
        age_ms=age_ms,
        fault=stamp.fault,
        screens=screens,
        coincidences=[] if screens or stamp.fault else list(facts.coincidences),
    )


def _screens_of_stamp(record: Stamped, facts: SessionFacts) -> list[TimeScreen]:
    """Hold a stamp against the calendar, the device's clock and the moves of that clock."""
    stamp, clock = record.stamp, facts.clock
    shown = stamp.shown
    if shown is None:
        return [] if stamp.fault else ["year-unknown"]
    if not was_set(shown):
        default = (shown.month, shown.day) == (1, 1)
        return ["epoch-default" if default else "before-2015"]
    if clock is not None and not was_set(clock.local):
        return ["clock-unset"]
    jumped_ms = jump_ms(shown, record.number, facts.moves)
    if jumped_ms is None or (jumped_ms and clock is None):
        return ["clock-moved"]
    if clock is not None:
        age_ms = _age_ms(shown, clock, record.capture) - jumped_ms
        return ["in-the-future"] if age_ms < -FUTURE_TOLERANCE_MS else []
    if record.capture.wall_ms is not None:
        captured = datetime.fromtimestamp(record.capture.wall_ms / 1000, UTC).replace(tzinfo=None)
        return ["in-the-future"] if shown - captured > AHEAD_OF_UTC_MOST else []
    return []


def _screens_of_order(record: Stamped, before: Stamped, facts: SessionFacts) -> list[TimeScreen]:
    """Hold a numbered record against the one before it; numbers wrap, and may come downwards.

    Both by the clock as it runs now: a move that is known puts nothing out of order.
    """
    now, then = _recorded(record, facts), _recorded(before, facts)
    if record.number is None or before.number is None or now is None or then is None:
        return []
    numbers = SEQUENCE_MAX + 1
    step = (record.number - before.number + numbers // 2) % numbers - numbers // 2
    if step == 0:
        return []
    if now == then:
        return ["repeated-stamp"]
    return ["out-of-order"] if (step > 0) != (now > then) else []


def _recorded(record: Stamped, facts: SessionFacts) -> datetime | None:
    """Give a record's own time on the present timeline of its device's clock; None if unknown."""
    recorded, shown = record.stamp.recorded.naive, record.stamp.shown
    if recorded is None or shown is None or not was_set(recorded):
        return recorded
    jumped_ms = jump_ms(shown, record.number, facts.moves)
    return None if jumped_ms is None else recorded + jumped_ms * _MS


def _age_ms(shown: datetime, clock: DeviceClock, capture: Capture) -> int:
    """Give the time between a stamp and a capture by the device's clock, as if nobody moved it."""
    return (clock.local - shown) // _MS + capture.monotonic_ms - clock.monotonic_ms
