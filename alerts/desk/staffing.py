"""A rota as times and people: whether anybody is there now, when somebody will be, who is next.

All instants are UTC ms. A rota without a shift, or with a time that nobody can read, counts as
staffed always: what is withheld until the next shift must not wait for ever. Where shifts overlap
everybody of all of them is there. Who is on leave is nowhere in the chain.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from schemas.rota import OffHours, RotaEntry, Shift
from schemas.rota_times import Period, absences, is_readable, periods, zone_of

DAY_MS = 86_400_000
CHAIN_STEPS = 3
"""On duty, second, programme lead."""
_DAYS_AHEAD = 15
"""A shift of one day a week comes within a week, or in the next if clocks skip its hour."""


class Staffing:
    """Answers questions about one rota; remembers the periods of a few days."""

    def __init__(self, rota: RotaEntry) -> None:
        """Read a rota; what cannot be read in it is left out."""
        self.rota = rota
        self._zone = zone_of(rota)
        self._shifts = [shift for shift in rota.shifts if is_readable(shift)]
        self._absences = absences(rota)
        self._periods: dict[int, list[Period]] = {}

    def is_staffed(self, at_ms: int) -> bool:
        """Whether a shift runs."""
        return not self._shifts or bool(self._running(at_ms))

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
        """Give when the shift ends that runs, or that comes next; a day later without any.

        Of several that run, the one that runs longest.
        """
        if not self._shifts:
            return at_ms + DAY_MS
        running = self._running(self.next_staffed_ms(at_ms))
        assert running, "a shift runs when the next one begins"
        return max(period.until_ms for period in running)

    def people(self, step: int, at_ms: int, *, technical: bool = False) -> list[str]:
        """Name who is told at a step of the chain; steps go round, the technical chain has one.

        Of shifts that overlap, whose began first is named first.
        """
        if technical:
            return self._present([self.rota.technical], at_ms)
        there = self._there(at_ms)
        chain = (
            [one.on_duty for one in there],
            [one.second for one in there],
            [self.rota.programme_lead],
        )
        return self._present(chain[step % CHAIN_STEPS], at_ms)

    def leaves_open(self, step: int, at_ms: int) -> bool:
        """Whether the rota names nobody as second, as it may: nobody of them is missing."""
        return step % CHAIN_STEPS == 1 and not any(one.second for one in self._there(at_ms))

    def shift_lead(self, at_ms: int) -> list[str]:
        """Name who looks after the work list now: without a lead, who is on duty."""
        leads = [period.shift.lead for period in self._running(at_ms)]
        return self._present(leads, at_ms) or self.people(0, at_ms)

    def _present(self, lists: Iterable[Sequence[str]], at_ms: int) -> list[str]:
        """Name each person once, but for whoever is on leave."""
        away = {one.name for one in self._absences if one.from_ms <= at_ms < one.until_ms}
        named = dict.fromkeys(name for names in lists for name in names)
        return [name for name in named if name not in away]

    def _there(self, at_ms: int) -> Sequence[Shift | OffHours]:
        running = [period.shift for period in self._running(at_ms)]
        return running or [one for one in [self.rota.off_hours] if one is not None]

    def _running(self, at_ms: int) -> list[Period]:
        return [one for one in self._around(at_ms) if one.from_ms <= at_ms < one.until_ms]

    def _around(self, at_ms: int) -> list[Period]:
        """Give the periods from the day before an instant to two weeks after it, in order."""
        day = at_ms // DAY_MS
        if day not in self._periods:
            today = datetime.fromtimestamp(at_ms / 1000, self._zone).date()
            first, last = today - timedelta(days=2), today + timedelta(days=_DAYS_AHEAD)
            self._periods = {day: periods(self._shifts, self._zone, first, last)}
        return self._periods[day]


def routing(rotas: Iterable[RotaEntry], book: str) -> RotaEntry | None:
    """Find the rota that answers for a rule book; the one without books answers for the rest."""
    known = sorted(rotas, key=lambda rota: rota.programme)
    named = [rota for rota in known if book in rota.books]
    return next(iter(named or [rota for rota in known if not rota.books]), None)


def has_off_hours_routing(rotas: Iterable[RotaEntry], book: str) -> bool:
    """Whether somebody is told of a critical alert of this book outside every shift."""
    rota = routing(rotas, book)
    return rota is not None and rota.off_hours is not None and bool(rota.off_hours.on_duty)
