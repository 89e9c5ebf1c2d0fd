"""A desk in virtual time that begins where its bookmark says, or reads all beside one that does."""

from collections import Counter
from dataclasses import dataclass, field

from alerts.desk.bookmark import Bookmark, Days, bookmark
from alerts.desk.core import Core
from alerts.records import Place
from schemas.alert import Action, Transition
from schemas.topics import ACTIONS, ALERTS
from tests.alerts.desk.virtual_desk import VirtualDesk

PARTITIONS = 2


@dataclass
class MarkedDesk(VirtualDesk):
    """``mark``: where it began; ``actions_first``: which topic it reads first."""

    mark: Bookmark | None = None
    actions_first: bool = False
    days: Days = field(default_factory=Days)
    read: int = 0
    """Records of the log at its last start."""

    def put(self, record: Transition | Action) -> None:
        super().put(record)
        place, offset = self.places()[-1]
        self.days.note(place, offset, record.at_ms)

    def places(self) -> list[tuple[Place, int]]:
        """Give partition and offset of each record."""
        ends: Counter[Place] = Counter()
        found: list[tuple[Place, int]] = []
        for record in self.log:
            events = isinstance(record, Transition)
            partition = sum(record.patient_id.encode()) % PARTITIONS
            place = (ALERTS, partition) if events else (ACTIONS, 0)
            found.append((place, ends[place]))
            ends[place] += 1
        return found

    def bookmark(self) -> Bookmark | None:
        """Give what it writes down by now."""
        reached = {place: offset + 1 for place, offset in self.places()}
        log_ms = max((one.at_ms for one in self.log if isinstance(one, Transition)), default=0)
        return bookmark(self.core.desk, self.days, reached, log_ms)

    def restart(self) -> None:
        """Forget everything; read what the bookmark holds, and the log behind it."""
        self.core, self.days, self.read = Core(), Days(), 0
        if self.rota is not None:
            self.core.put_rota(self.rota)
        for one in self.mark.carried if self.mark else ():
            self._take(one)
        placed = zip(self.places(), self.log, strict=True)
        for (place, offset), record in sorted(placed, key=self._order):
            if self.mark is not None and offset < self.mark.offsets.get(place, 0):
                continue
            self.read += 1
            self.days.note(place, offset, record.at_ms)
            if self.mark is None or not self.mark.leaves_out(record, place, offset):
                self._take(record)
        self.core.desk.forget()

    def _order(self, placed: tuple[tuple[Place, int], Transition | Action]) -> tuple[bool, int]:
        (place, offset), _ = placed
        return (place[0] == ACTIONS) != self.actions_first, offset
