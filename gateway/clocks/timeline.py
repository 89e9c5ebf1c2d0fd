"""A device's clock as the home knows it: where it jumped, whether it is believed, when it is set.

A record's age is the difference between two readings of the device's own clock, so a clock that is
wrong by a year gives the right age, as long as nobody moved it in between. Each move begins a new
timeline: a stamp of the old one has its age by the old one. We know our own moves exactly; somebody
else's shows as a difference to our clock that changed between two visits. Where a stamp may belong
to either timeline, no age is given. (HL7 PHD: a time on a timeline that nobody synchronised is not
published; xDrip issue 120: read first, then change the clock.)
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.record import ClockMove, DeviceClock, Moment
from schemas.gatt.quirks import ClockWay
from schemas.reading import Coincidence

CLOCK_SET_SINCE_YEAR = 2015
"""A clock that shows less was never set: after each change of battery it repeats its times."""

FUTURE_TOLERANCE_MS = 60_000
"""Some clocks show whole minutes only; a record further ahead of its clock has another timeline."""

MOVED_BEYOND_MS = 90_000
"""A clock whose difference to ours changed by more was moved: whole minutes, and some drift."""

LAG_MOST_MS = 600_000
MOVES_MAX = 8
SESSIONS_KEPT = 5
WRONG_BEYOND_MS = {ClockWay.CURRENT_TIME_AFTER_NOTIFICATION: 600_000}
"""How wrong a clock may be before it is set; Omron's only beyond 10 min (blessed-bluez)."""
WRONG_BEYOND_OTHERS_MS = 60_000

_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Seen:
    """A device's clock showed ``local`` at this moment of ours."""

    local: datetime
    boot_id: str
    monotonic_ms: int
    wall_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ClockSet:
    """We set a clock, which was read as ``clock`` just before, at ``moment`` to ``shows``."""

    clock: DeviceClock
    moment: Moment
    shows: datetime


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the journal keeps of one device's clock: its moves, oldest first, and its last sight."""

    moves: tuple[ClockMove, ...] = ()
    seen: Seen | None = None
    coincidences: tuple[Coincidence, ...] = ()

    def met(self, coincidence: Coincidence) -> "Timeline":
        """Note the freshest stamp of a session that could not read the clock."""
        kept = (*self.coincidences, coincidence)[-SESSIONS_KEPT:]
        return replace(self, coincidences=kept)

    def sight(self, clock: DeviceClock, moment: Moment) -> "Timeline":
        """Note what the clock shows now (``moment``), and that somebody moved it, if so."""
        behind_ms = moment.monotonic_ms - clock.monotonic_ms
        wall_ms = None if moment.wall_ms is None else moment.wall_ms - behind_ms
        seen = Seen(clock.local, moment.boot_id, clock.monotonic_ms, wall_ms)
        moves = self.moves
        if self.seen is not None and (elapsed_ms := _elapsed_ms(self.seen, seen)) is not None:
            old_now = _later(self.seen.local, elapsed_ms)
            jump_ms = (seen.local - old_now) // _MS
            if abs(jump_ms) > MOVED_BEYOND_MS:
                began = _later(self.seen.local, jump_ms)
                moves = (*moves, ClockMove(jump_ms, old_until=old_now, new_since=began))
        return replace(self, moves=moves[-MOVES_MAX:], seen=seen)

    def set_to(
        self, local: datetime, clock: DeviceClock, moment: Moment, last_number: int | None
    ) -> "Timeline":
        """Note that we set the clock to ``local`` just now; ``last_number``: the last record."""
        old = _later(clock.local, moment.monotonic_ms - clock.monotonic_ms)
        move = ClockMove((local - old) // _MS, old, local, last_number)
        seen = Seen(local, moment.boot_id, moment.monotonic_ms, moment.wall_ms)
        return replace(self, moves=(*self.moves, move)[-MOVES_MAX:], seen=seen)

    def told(self, made: ClockSet) -> "Timeline":
        """Note what a person's command set; once, however often it is told."""
        sighted = self.sight(made.clock, made.moment)
        after = sighted.set_to(made.shows, made.clock, made.moment, None)
        return self if after.moves[-1] in self.moves else after

    def set_blindly(self, lag_ms: int, last_number: int) -> "Timeline":
        """Note that we set a clock that nobody can read, by about ``lag_ms``.

        Nobody knows what it showed then: of the stamps so far only later records are believed, and
        the sessions so far say nothing of the clock any more.
        """
        move = ClockMove(lag_ms, datetime.max, datetime.min, last_number)  # noqa: DTZ901
        return replace(self, moves=(*self.moves, move)[-MOVES_MAX:], coincidences=())


def guessed_lag_ms(
    coincidences: tuple[Coincidence, ...], way: ClockWay, moment: Moment, zone: ZoneInfo | None
) -> int | None:
    """Give how far a clock that can be set but not read is behind, if its stamps show it wrong.

    A stamp from the future does at once; one from the past only if that is the freshest of five
    sessions, for people measure and transfer later. None: leave it alone.
    """
    if way is not ClockWay.CONTOUR or moment.wall_ms is None or zone is None or not coincidences:
        return None
    lags_ms = [_lag_ms(one, zone) for one in coincidences]
    smallest_ms = min(lags_ms)
    late = len(lags_ms) >= SESSIONS_KEPT and smallest_ms > LAG_MOST_MS
    return smallest_ms if late or smallest_ms < -WRONG_BEYOND_OTHERS_MS else None


def _lag_ms(one: Coincidence, zone: ZoneInfo) -> int:
    captured = datetime.fromtimestamp(one.captured_ms / 1000, UTC).astimezone(zone)
    return (captured.replace(tzinfo=None) - datetime.fromisoformat(one.local)) // _MS


def was_set(moment: datetime) -> bool:
    """Tell whether a clock that shows this was ever set."""
    return moment.year >= CLOCK_SET_SINCE_YEAR


def jump_ms(shown: datetime, number: int | None, moves: tuple[ClockMove, ...]) -> int | None:
    """Give how far the clock was moved since the record; None if nobody can tell.

    ``shown``: the record's stamp; ``number``: the record's own, if it has one.
    """
    fits = [
        index
        for index in range(len(moves) + 1)
        if (index == 0 or shown >= _rounded_down(moves[index - 1].new_since))
        and (index == len(moves) or (shown <= moves[index].old_until))
        and not any(_is_after(number, move) for move in moves[index:])
    ]
    if len(fits) != 1 or (fits == [0] and len(moves) >= MOVES_MAX):
        return None  # the last: what was before the moves that are kept is forgotten
    return sum(move.jump_ms for move in moves[fits[0] :])


def _rounded_down(local: datetime) -> datetime:
    """Give the earliest stamp that a clock of whole minutes makes at this time."""
    return local.replace(second=0, microsecond=0)


def _is_after(number: int | None, move: ClockMove) -> bool:
    return number is not None and move.last_number is not None and number > move.last_number


def setting(
    clock: DeviceClock | None, way: ClockWay, moment: Moment, zone: ZoneInfo | None
) -> datetime | None:
    """Give the time, with its zone, to which a device's clock is to be set; None: leave it alone.

    A display shows local time. Nothing is set from a clock that nobody keeps true, in a zone that
    nobody told, or where the device's own cannot be read: the jump would be unknown.
    """
    true = None if zone is None else right_time(moment, zone)
    if clock is None or true is None:
        return None
    shows = _later(clock.local, moment.monotonic_ms - clock.monotonic_ms)
    wrong_ms = abs((true.replace(tzinfo=None) - shows) // _MS)
    return true if wrong_ms > WRONG_BEYOND_MS.get(way, WRONG_BEYOND_OTHERS_MS) else None


def right_time(moment: Moment, zone: ZoneInfo) -> datetime | None:
    """Give the time of a zone by our own clock; None if nobody keeps it true."""
    if moment.wall_ms is None:
        return None
    return datetime.fromtimestamp(moment.wall_ms / 1000, UTC).astimezone(zone)


def _elapsed_ms(before: Seen, after: Seen) -> int | None:
    """Give the time between two sights by a clock of ours that did not jump; None: there is none.

    Within one boot the wall clock is not asked: it may have been corrected meanwhile.
    """
    if before.boot_id == after.boot_id:
        return after.monotonic_ms - before.monotonic_ms
    if before.wall_ms is None or after.wall_ms is None:
        return None
    return after.wall_ms - before.wall_ms


def _later(local: datetime, ms: int) -> datetime:
    """Add to a device's time, which may be at either end of the calendar."""
    try:
        return local + ms * _MS
    except OverflowError:
        return datetime.max if ms > 0 else datetime.min  # noqa: DTZ901  (a device has no zone)
