"""The rotas of all programmes, and which of them answers for a rule book."""

from alerts.desk.case import Case
from alerts.desk.staffing import Staffing, routing
from alerts.desk.technical import is_of_the_desk, is_technical, programme_of
from schemas.rota import RotaEntry

_NOBODY = RotaEntry("")


class Rotas:
    """Keeps each programme's rota; remembers what was asked of them until one changes."""

    def __init__(self) -> None:
        """Know none."""
        self._rotas: dict[str, RotaEntry] = {}
        self._staffing: dict[tuple[str, str, bool], Staffing] = {}

    def put(self, rota: RotaEntry) -> bool:
        """Take a rota, or replace it; tell whether it is another one than before."""
        before = self._rotas.get(rota.programme)
        self._rotas[rota.programme] = rota
        self._staffing.clear()
        return before != rota

    def remove(self, programme: str) -> bool:
        """Forget a rota; tell whether there was one."""
        self._staffing.clear()
        return self._rotas.pop(programme, None) is not None

    def zone(self) -> str:
        """Name the time zone that all rotas are meant in; empty if they differ, or there is none.

        The clinic's own, then: a nurse reads times as her rota has them.
        """
        zones = {rota.zone for rota in self._rotas.values()}
        return zones.pop() if len(zones) == 1 else ""

    def get(self, programme: str) -> RotaEntry | None:
        """Give a programme's rota."""
        return self._rotas.get(programme)

    def staffing_of(self, case: Case) -> Staffing:
        """Give who answers for an alert: by an empty rota if none does.

        For trouble of a programme its own rota does; for technical alerts that no programme has, if
        every rota names books, the first of them: somebody must hear of them.
        """
        programme, book, technical = "", case.demand.book, is_technical(case.demand)
        if is_of_the_desk(case):
            programme = programme_of(case)
        key = programme, book, technical
        if key not in self._staffing:
            rota = self._rotas.get(programme) or routing(self._rotas.values(), book)
            if rota is None and technical:
                rota = next((self._rotas[name] for name in sorted(self._rotas)), None)
            self._staffing[key] = Staffing(rota or _NOBODY)
        return self._staffing[key]
