"""Everything the page shows, folded from the four topics it reads. Decides; does no I/O.

The server decides what is shown and in which order; a browser only puts it on the screen.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import tzinfo

import msgspec

from alerts.desk.case import Case
from alerts.desk.fold import Desk, Sections, sections
from alerts.desk.rotas import Rotas
from alerts.feed.cards import Card, card
from alerts.feed.chart import chart
from alerts.feed.course import Course, course, in_words
from alerts.feed.latest import LatestReadings
from alerts.feed.order import (
    BEYOND_SHOWN_MAX,
    SETTLED_SHOWN_MAX,
    SHOWN_MAX,
    Order,
    arranged,
    beyond,
)
from alerts.feed.outlook import Outlook, due_ms, outlook
from alerts.feed.rows import Row, is_shown, row
from alerts.records import CanaryDecided, CanaryFound, Record, Removed
from schemas.alert import Action, Transition
from schemas.kafka import (
    Canary,
    Corrections,
    EngineReport,
    PatientReadings,
    Tick,
    Withdrawals,
)
from schemas.registry import PATIENT_KEY, PatientEntry, RegistryEntry
from schemas.rota import ROTA_KEY, RotaEntry

ROWS_SHOWN = 14
AT_HAND_MAX = 500
"""So many settled alerts are not packed: those to which something is done yet."""


@dataclass(slots=True)
class Changes:
    """What a batch changed. ``news`` are the transitions that nobody had seen before."""

    alert_ids: set[str] = field(default_factory=set)
    news: list[Transition] = field(default_factory=list)
    readings: bool = False
    patients: bool = False


class Overview(msgspec.Struct, frozen=True):
    """The alert list: ``cards`` by no order, ``order`` says which is where.

    ``simulated``: how many of the ``patients`` known are simulated.
    """

    cards: list[Card]
    order: Order
    patients: int
    simulated: int


class Update(msgspec.Struct, frozen=True):
    """What changed of an ``Overview``: the changed cards, and the order of all."""

    cards: list[Card]
    order: Order


class PatientView(msgspec.Struct, frozen=True):
    """One patient's alerts, most urgent first, and last readings, newest first.

    ``waiting``: how many alerts, whosever, need somebody.
    """

    patient_id: str
    patient: str
    simulated: bool
    registered: bool
    books: list[str]
    alerts: list[Card]
    readings: list[Row]
    waiting: int


class BeyondView(msgspec.Struct, frozen=True):
    """Some of what is open and found no room: from number ``first`` of ``total``.

    ``number``: the page, of ``pages``; ``waiting``: how many alerts need somebody, with those that
    are shown elsewhere.
    """

    number: int
    pages: int
    first: int
    total: int
    alerts: list[Card]
    waiting: int


class AlertView(msgspec.Struct, frozen=True):
    """One alert by itself; ``waiting``: how many alerts, whosever, need somebody."""

    card: Card
    waiting: int


class Board:
    """Takes records, gives what is to be shown."""

    def __init__(self, desk: Desk | None = None) -> None:
        """Start empty, or with the alerts of which a bookmark tells."""
        self.desk = desk or Desk(at_hand_max=AT_HAND_MAX)
        self._latest = LatestReadings()
        self._patients: dict[str, PatientEntry] = {}
        self._rotas = Rotas()
        self._told: set[str] = set()  # what the pages show by now
        self.reports: dict[int, EngineReport] = {}
        self.oldest_stamp_ms: int | None = None
        self.newest_stamp_ms: int | None = None

    def take(self, records: Iterable[Record]) -> Changes:
        """Fold records in the order in which the log gave them."""
        changes = Changes()
        for record in records:
            self._take(record, changes)
        return changes

    def overview(self) -> Overview:
        """Give all that the page shows of alerts."""
        shown, order = self._shown()
        self._told = {*shown}
        unregistered = {case.patient_id for case in shown.values()} - {"", *self._patients}
        return Overview(
            [self._card(case) for case in shown.values()],
            order,
            patients=len(self._patients) + len(unregistered),  # who may be real
            simulated=sum(patient.simulated for patient in self._patients.values()),
        )

    def update(self, alert_ids: Iterable[str]) -> Update:
        """Give what a page that showed the list before these alerts changed needs.

        Among it what did not fit before, and does now that another one is answered.
        """
        shown, order = self._shown()
        came, self._told = shown.keys() - self._told, {*shown}
        known = [case for case in map(self.desk.case, alert_ids) if case is not None]
        alert_ids = {
            one.alert_id for case in known for one in (case, *self.desk.family(case))
        }  # what one of them carried may stand for itself now
        sent = sorted(came | (alert_ids & shown.keys()))
        return Update([self._card(shown[one]) for one in sent], order)

    def rows(self, count: int = ROWS_SHOWN) -> list[Row]:
        """Give the readings that arrived last."""
        recent = self._latest.recent(count)
        return [row(who, reading, self._patients.get(who)) for who, reading in recent]

    def patient(self, patient_id: str) -> PatientView | None:
        """Give one patient's page; None if nothing is known of such a patient."""
        entry = self._patients.get(patient_id)
        parts = sections(
            self._standing(
                case for case in self.desk.cases_of(patient_id) if case.patient_id == patient_id
            )
        )
        cases = [*parts.waiting, *parts.acknowledged, *parts.work, *parts.settled]
        readings = self._latest.of(patient_id)
        if entry is None and not cases and not readings:
            return None
        return PatientView(
            patient_id=patient_id,
            patient=entry.pseudonym if entry else patient_id,
            simulated=bool(entry and entry.simulated),
            registered=entry is not None,
            books=entry.books if entry else [],
            alerts=[self._card(case) for case in cases[:SHOWN_MAX]],
            readings=[row(patient_id, reading, entry) for reading in readings],
            waiting=self._waiting(),
        )

    def alert(self, alert_id: str) -> AlertView | None:
        """Give one alert's page; None if it is not known."""
        case = self.desk.case(alert_id)
        return None if case is None else AlertView(self._card(case), self._waiting())

    def beyond(self, number: int) -> BeyondView:
        """Give a page of what found no room, from 1 on; the last one for a number beyond it.

        As alerts are answered the others move up: whoever goes on to the next page misses none.
        """
        parts = self._parts()
        left = beyond(parts, self._waits_since_ms)
        pages = max(1, -(-len(left) // BEYOND_SHOWN_MAX))
        number = min(max(1, number), pages)
        first = (number - 1) * BEYOND_SHOWN_MAX
        cases = left[first : first + BEYOND_SHOWN_MAX]
        cards = [self._card(case) for case in cases]
        return BeyondView(number, pages, first + 1, len(left), cards, len(parts.waiting))

    @property
    def zone(self) -> str:
        """Name the clinic's time zone; empty if its rotas do not tell."""
        return self._rotas.zone()

    def chart_of(self, alert_id: str, zone: tzinfo) -> str | None:
        """Draw an alert's readings with the limit; None if there is nothing to draw."""
        case = self.desk.case(alert_id)
        if case is None or (drawn := self._course(case)) is None:
            return None
        return chart(drawn, case.raised.title, case.raised.reason, zone)

    def _waiting(self) -> int:
        return len(sections(self._standing(self.desk.open_cases())).waiting)

    def _card(self, case: Case) -> Card:
        patient = self._patients.get(case.patient_id)
        drawn = self._course(case)
        said = in_words(drawn) if drawn else ""
        before = self.desk.before(case)
        return card(case, patient, self._ahead(case, before), before, said)

    def _ahead(self, case: Case, before: Iterable[Case]) -> Outlook:
        """Give what comes next of all that stands on a card."""
        alike = [one for one in before if one.attention == case.attention]
        own, *others = (outlook(one, self._rotas.staffing_of(one)) for one in (case, *alike))
        coming = [one for one in (own, *others) if one.what]
        return replace(min(coming, key=lambda one: one.at_ms, default=own), due_ms=own.due_ms)

    def _course(self, case: Case) -> Course | None:
        return course(case.raised, self._latest.of(case.patient_id))

    def _due_ms(self, case: Case) -> int:
        return due_ms(case, self._rotas.staffing_of(case))

    def _shown(self) -> tuple[dict[str, Case], Order]:
        return arranged(self._parts(), self._waits_since_ms)

    def _parts(self) -> Sections:
        cases = [*self.desk.open_cases(), *self.desk.settled_cases(SETTLED_SHOWN_MAX)]
        return sections(self._standing(cases), self._due_ms)

    def _waits_since_ms(self, case: Case) -> int:
        """Give since when a card waits: what it came back from may have waited before it."""
        waiting = [one for one in self.desk.before(case) if one.attention == "unacknowledged"]
        return min(one.waits_since_ms for one in (case, *waiting))

    def _standing(self, cases: Iterable[Case]) -> list[Case]:
        """Leave out what stands on the card of its successor."""
        known = list(cases)
        carried = {
            one.alert_id for case in known if not case.settled for one in self.desk.before(case)
        }
        return [case for case in known if case.alert_id not in carried]

    def _take(self, record: Record, changes: Changes) -> None:
        match record:
            case Transition():
                if self.desk.found(record):
                    changes.alert_ids.add(record.alert_id)
                    changes.news.append(record)
            case Action():
                changes.alert_ids |= self.desk.done(record)
            case PatientReadings():
                shown = [reading for reading in record.readings if is_shown(reading)]
                changes.readings |= self._latest.take(
                    msgspec.structs.replace(record, readings=shown)
                )
                self._stamp(record.received_at_ms)
            case Corrections():
                changes.readings |= self._latest.correct(record)
                self._stamp(record.received_at_ms)
            case Withdrawals():
                changes.readings |= self._latest.withdraw(record)
                self._stamp(record.received_at_ms)
            case Tick() | Canary():
                self._stamp(record.received_at_ms)
            case CanaryFound() | CanaryDecided():
                pass  # the watcher's: it is about nobody
            case EngineReport():
                self.reports[record.partition] = record
            case _:
                changes.patients |= self._take_entry(record)

    def _take_entry(self, entry: RegistryEntry | Removed) -> bool:
        """Take an entry of the registry; tell whether it changes what is on any card."""
        match entry:
            case PatientEntry():
                before = self._patients.get(entry.patient_id)
                self._patients[entry.patient_id] = entry
                return before != entry
            case RotaEntry():
                return self._rotas.put(entry)
            case Removed(key=key):
                patient = self._patients.pop(key.removeprefix(PATIENT_KEY), None)
                gone = self._rotas.remove(key.removeprefix(ROTA_KEY))
                return patient is not None or gone
            case _:
                return False  # whose device it is, and what the rules say, was decided before

    def _stamp(self, received_at_ms: int) -> None:
        self.newest_stamp_ms = max(self.newest_stamp_ms or 0, received_at_ms)
        self.oldest_stamp_ms = min(self.oldest_stamp_ms or received_at_ms, received_at_ms)
