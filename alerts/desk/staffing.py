"""A rota as times and people: whether anybody is there now, when somebody will be, who is next.

All instants are UTC ms. A shift is meant in the rota's zone, so it lasts an hour more or less in
the nights in which clocks are moved. A rota without a shift, or with a time that nobody can read,
counts as staffed always: what is withheld until the next shift must not wait for ever.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.rota import DAYS, RotaEntry, Shift
from schemas.time_zone import zone_named

DAY_MS = 86_400_000
CHAIN_STEPS = 3
"""On duty, second, programme lead."""
_DAYS_AHEAD = 15
"""A shift of one day a week comes within a week, or in the next if clocks skip its hour."""


@dataclass(frozen=True, slots=True)
class Period:
    """A shift on one day, from (inclusive) until (exclusive)."""

    from_ms: int
    until_ms: int
    shift: Shift


class Staffing:
    """Answers questions about one rota; remembers the periods of a few days."""

    def __init__(self, rota: RotaEntry) -> None:
        """Read a rota; what cannot be read in it is left out."""
        self.rota = rota
        self._zone = zone_named(rota.zone) or ZoneInfo("UTC")
        self._shifts = [shift for shift in rota.shifts if _readable(shift)]
        self._periods: dict[int, list[Period]] = {}

    def is_staffed(self, at_ms: int) -> bool:
        """Whether a shift runs."""
        return not self._shifts or self._at(at_ms) is not None

    def next_staffed_ms(self, at_ms: int) -> int:
        """Give the instant itself if it is staffed, else the begin of the next shift."""
        if self.is_staffed(at_ms):
            return at_ms
        return min(period.from_ms for period in self._around(at_ms) if period.from_ms > at_ms)

    def after_staffed(self, at_ms: int, duration_ms: int) -> int:
        """Give when so much staffed time has passed since an instant, and somebody is there.

        What is due as a shift ends is due when the next one begins: nobody is there at its end.
        """
        if not self._shifts:
            return at_ms + duration_ms
        left_ms, reached_ms = duration_ms, at_ms
        while True:
            for period in self._around(reached_ms):
                begin_ms = max(period.from_ms, reached_ms)
                if begin_ms >= period.until_ms:
                    continue
                if left_ms < period.until_ms - begin_ms:
                    return begin_ms + left_ms
                left_ms -= period.until_ms - begin_ms
                reached_ms = period.until_ms

    def end_of_shift_ms(self, at_ms: int) -> int:
        """Give when the shift ends that runs, or that comes next; a day later without any."""
        if not self._shifts:
            return at_ms + DAY_MS
        running = self._at(self.next_staffed_ms(at_ms))
        assert running is not None, "a shift runs when the next one begins"
        return running.until_ms

    def people(self, step: int, at_ms: int, *, technical: bool = False) -> list[str]:
        """Name who is told at a step of the chain; steps go round, the technical chain has one."""
        if technical:
            return self.rota.technical
        period, off_hours = self._at(at_ms), self.rota.off_hours
        present = period.shift if period else off_hours
        chain = (
            present.on_duty if present else [],
            present.second if present else [],
            self.rota.programme_lead,
        )
        return chain[step % CHAIN_STEPS]

    def shift_lead(self, at_ms: int) -> list[str]:
        """Name who looks after the work list now: without a lead, who is on duty."""
        period = self._at(at_ms)
        return (period.shift.lead if period else []) or self.people(0, at_ms)

    def _at(self, at_ms: int) -> Period | None:
        running = (one for one in self._around(at_ms) if one.from_ms <= at_ms < one.until_ms)
        return next(running, None)

    def _around(self, at_ms: int) -> list[Period]:
        """Give the periods from the day before an instant to two weeks after it, in order."""
        day = at_ms // DAY_MS
        if day not in self._periods:
            self._periods = {day: self._made(at_ms)}
        return self._periods[day]

    def _made(self, at_ms: int) -> list[Period]:
        today = datetime.fromtimestamp(at_ms / 1000, self._zone).date()
        found = []
        for ahead in range(-2, _DAYS_AHEAD + 1):
            date = today + timedelta(days=ahead)
            for shift in self._shifts:
                if DAYS[date.weekday()] in shift.days:
                    begins, ends = _times(shift)
                    last = date + timedelta(days=1) if ends <= begins else date
                    from_ms = _instant(datetime.combine(date, begins, self._zone))
                    until_ms = _instant(datetime.combine(last, ends, self._zone))
                    if from_ms < until_ms:  # in the hour that clocks skip there is no shift
                        found.append(Period(from_ms, until_ms, shift))
        return sorted(found, key=lambda period: period.from_ms)


def routing(rotas: Iterable[RotaEntry], book: str) -> RotaEntry | None:
    """Find the rota that answers for a rule book; the one without books answers for the rest."""
    known = sorted(rotas, key=lambda rota: rota.programme)
    named = [rota for rota in known if book in rota.books]
    return next(iter(named or [rota for rota in known if not rota.books]), None)


def has_off_hours_routing(rotas: Iterable[RotaEntry], book: str) -> bool:
    """Whether somebody is told of a critical alert of this book outside every shift."""
    rota = routing(rotas, book)
    return rota is not None and rota.off_hours is not None and bool(rota.off_hours.on_duty)


def _readable(shift: Shift) -> bool:
    try:
        begins, ends = _times(shift)
    except ValueError:
        return False
    return bool(shift.days) and begins.tzinfo is None and ends.tzinfo is None


def _times(shift: Shift) -> tuple[time, time]:
    return time.fromisoformat(shift.begins), time.fromisoformat(shift.ends)


def _instant(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)
