"""Patients' entries in a log from a file: what the registry would refuse is left out, and told."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from alerts.rules.book import Book
from alerts.rules.entry import entry_of
from schemas.day_time import minute_of_day
from schemas.errors import InvalidInput
from schemas.personal_limits import amount_of, objection
from schemas.registry import BookEntry, PatientEntry, PersonalLimit
from schemas.time_zone import zone_named
from schemas.units import same, ucum
from schemas.vitals import VITALS, Quantity


class Admitted:
    """What books allow in care plans."""

    def __init__(self, books: Sequence[Book]) -> None:
        """Take the books by which a log is judged."""
        self._books = {book.name: entry_of(book, "", 0) for book in books}

    def take(self, entry: PatientEntry) -> tuple[PatientEntry, list[str]]:
        """Give an entry without the limits that are not allowed, and a sentence for each."""
        refused = [(one, self._refusal(entry, one)) for one in entry.limits]
        limits = [one for one, why in refused if why is None]
        who = f"patient {entry.patient_id}"
        told = [
            f"Refused: {who}, limit {one.name}: {why} The book's holds."
            for one, why in refused
            if why
        ]
        zones = [entry.zone, *(period.zone for period in entry.zones)]
        told += [
            f"Refused: {who}, zone: {zone!r} is no time zone, UTC is taken."
            for zone in zones
            if zone_named(zone) is None
        ]
        told += [f"Refused: {who}, schedule{why}" for why in _unreadable(entry)]
        return msgspec.structs.replace(entry, limits=limits), told

    def _refusal(self, entry: PatientEntry, limit: PersonalLimit) -> str | None:
        having = [book for book in self._watching(entry) if _names(book, limit.name)]
        if not having:
            return "no book given for the patient has it."
        if not limit.values:
            return "it states no value."
        try:
            refusals = [_refused_by(book, limit) for book in having]
        except InvalidInput as error:
            return f"{error.detail}."
        return next(filter(None, refusals), None)

    def _watching(self, entry: PatientEntry) -> Iterator[BookEntry]:
        named = [self._books[name] for name in entry.books if name in self._books]
        yield from named or self._books.values()


def _unreadable(entry: PatientEntry) -> Iterator[str]:
    """Say what of a patient's schedules the engine leaves out."""
    for schedule in entry.schedules:
        if schedule.vital not in VITALS:
            yield f": there is no vital {schedule.vital!r}."
        for window in schedule.windows:
            if None in map(minute_of_day, window):
                yield (
                    f" of {schedule.vital}: {window[0]!r}-{window[1]!r} are no times of day such as"
                    " '06:00'-'11:00', the window is left out."
                )


def _refused_by(book: BookEntry, limit: PersonalLimit) -> str | None:
    (allowed,) = (one for one in book.limits if one.name == limit.name)
    stated = {ucum(amount_of(text)[0]) for text in allowed.value}
    given: dict[str, Decimal] = {}
    for unit, number in map(amount_of, limit.values):
        if ucum(unit) not in stated:
            return f"{book.name} does not state it in {unit}."
        if ucum(unit) in given:
            return "it states one unit twice."
        given[ucum(unit)] = number
    if not same(given, _quantity(allowed.quantity)):
        return f"{' and '.join(limit.values)} are not the same."
    objected = objection(book.name, allowed, limit)
    return None if objected is None else objected.problem


def _quantity(name: str) -> Quantity:
    return next(filter(None, (vital.quantity(name) for vital in VITALS.values())))


def _names(book: BookEntry, name: str) -> bool:
    return any(limit.name == name for limit in book.limits)
