"""What may be changed in a care plan, and what is refused. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

import msgspec

from schemas.day_time import DAY_MIN, clock_at, minute_of_day
from schemas.errors import InvalidInput, VitalwireError
from schemas.personal_limits import amount_of, objection
from schemas.registry import (
    SHIPPED_BOOKS,
    BookEntry,
    BookLimit,
    PatientEntry,
    Pause,
    PersonalLimit,
    Schedule,
    ZonePeriod,
)
from schemas.time_zone import zone_named
from schemas.units import completed, same, ucum
from schemas.vitals import VITALS, Quantity

ADULT = 13
"""Years from which the limits of adults hold."""
_NEAR = 0.8
_ONLY_BY_FOLDER = "it judges only if the engines' folder has it."


class RefusedEdit(VitalwireError):
    """The editor's fault: what was asked contradicts the registry. Nothing was changed."""

    exit_code = 2


class PlanDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of a patient's entry is kept as one document."""

    limits: list[PersonalLimit] = []
    schedules: list[Schedule] = []
    pauses: list[Pause] = []
    zones: list[ZonePeriod] = []
    therapy_start_ms: int | None = None


def details_of(entry: PatientEntry) -> PlanDetails:
    """Take the document out of an entry."""
    return PlanDetails(
        entry.limits, entry.schedules, entry.pauses, entry.zones, entry.therapy_start_ms
    )


@dataclass(frozen=True, slots=True)
class Stated:
    """A personal limit as the books want it; ``added``: amounts that nobody typed."""

    values: list[str]
    added: list[str]


def state_limit(
    entry: PatientEntry, books: Sequence[BookEntry], name: str, amounts: Sequence[str]
) -> Stated:
    """State a limit in every unit of its book: what is missing is rounded half-up, to be shown."""
    _, limit = _limits(entry, books, name)[0]
    given = dict(_amount(text) for text in amounts)
    if len(given) < len(amounts) or not given:
        raise RefusedEdit("State the limit once in each unit.", "Use --value once for each.")
    written = {ucum(unit): unit for unit in (_amount(text)[0] for text in limit.value)}
    for unit in given:
        if ucum(unit) not in written:
            raise RefusedEdit(
                f"Limit {name} is not stated in {unit}.", f"Use {' or '.join(written.values())}."
            )
    known = {ucum(unit): number for unit, number in given.items()}
    if not same(known, _quantity(limit.quantity)):
        raise RefusedEdit(
            f"{' and '.join(amounts)} are not the same.", "State one: the other is shown."
        )
    whole = completed(known, _quantity(limit.quantity), written)
    values = {unit: f"{number} {written[unit]}" for unit, number in whole.items()}
    return Stated(
        list(values.values()), [text for unit, text in values.items() if unit not in known]
    )


def with_limit(entry: PatientEntry, books: Sequence[BookEntry], new: PersonalLimit) -> PatientEntry:
    """Give the patient a limit of her own; raise ``RefusedEdit`` where a book does not allow it."""
    for book, limit in _limits(entry, books, new.name):
        objected = objection(book.name, limit, new)
        if objected is not None:
            raise RefusedEdit(objected.problem, objected.advice)
    return msgspec.structs.replace(entry, limits=[*entry.limits, new])


def without_limit(entry: PatientEntry, name: str, at_ms: int) -> PatientEntry:
    """End a personal limit: from ``at_ms`` on the book's holds again."""
    ended = [
        msgspec.structs.replace(one, valid_until_ms=max(at_ms, one.valid_from_ms))
        if one.name == name and (one.valid_until_ms is None or one.valid_until_ms > at_ms)
        else one
        for one in entry.limits
    ]
    if ended == entry.limits:
        raise RefusedEdit(
            f"Patient {entry.patient_id} has no limit {name} of her own.", "Show the plan."
        )
    return msgspec.structs.replace(entry, limits=ended)


def with_books(
    entry: PatientEntry, books: Iterable[str], active: Sequence[BookEntry]
) -> PatientEntry:
    """Put a patient under these books; refuse those for older patients to a child."""
    after = msgspec.structs.replace(entry, books=list(dict.fromkeys(books)))
    refuse_adult_books(after, active)
    return after


def not_in_force(names: Iterable[str], active: Sequence[BookEntry]) -> list[str]:
    """Say of which books it is not known whether they judge: a slip of the finger leaves one out.

    Where no book was ever put in force, engines judge by those of their folder: by those that come
    along, if nobody changed it.
    """
    known = [book.name for book in active] or SHIPPED_BOOKS
    said = []
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1, _NEAR)
            meant = f" (is {near[0]} meant?)" if near else ""
            said.append(f"{name} was never put in force{meant}: {_ONLY_BY_FOLDER}")
    return said


def refuse_adult_books(entry: PatientEntry, active: Sequence[BookEntry]) -> None:
    """Refuse a plan that judges a child by the limits of adults; a book not active is taken so."""
    if not entry.under_13:
        return
    from_age = {book.name: book.from_age_years for book in active}
    refused = [name for name in entry.books if from_age.get(name, ADULT) >= ADULT]
    if refused:
        raise RefusedEdit(
            f"Patient {entry.patient_id} is under {ADULT}, and {' and '.join(refused)} is for older"
            " ones.",
            "Children need limits by age, sex and height: write a book with from_age = 0.",
        )


def with_schedule(entry: PatientEntry, new: Schedule) -> PatientEntry:
    """Say when a vital is measured; without windows nothing is expected any more."""
    if new.vital not in VITALS or VITALS[new.vital].amends:
        raise RefusedEdit(f"There is no vital {new.vital!r}.", "Such as blood_pressure, glucose.")
    windows = []
    for begins, ends in new.windows:
        begins_min, ends_min = _minute(begins), _minute(ends)
        if begins_min >= ends_min:
            raise RefusedEdit(
                f"The window {begins}-{ends} ends before it begins.", "Write it as 06:00-11:00."
            )
        windows.append((clock_at(begins_min), clock_at(ends_min)))
    if not 0 <= new.grace_min <= DAY_MIN:
        raise RefusedEdit("A grace is at most a day, and not negative.", "Give minutes.")
    others = [one for one in entry.schedules if one.vital != new.vital]
    whole = msgspec.structs.replace(new, windows=windows)
    schedules = [*others, whole] if windows else others
    return msgspec.structs.replace(entry, schedules=schedules)


def with_pause(entry: PatientEntry, new: Pause) -> PatientEntry:
    """Expect nothing for a time."""
    if new.until_ms is not None and new.until_ms <= new.from_ms:
        raise RefusedEdit("The pause would end before it begins.", "Check --until.")
    if not new.reason.strip():
        raise RefusedEdit("A pause has a reason.", "Use --reason.")
    others = [one for one in entry.pauses if one.from_ms != new.from_ms]
    pauses = sorted([*others, new], key=lambda one: one.from_ms)
    return msgspec.structs.replace(entry, pauses=pauses)


def with_therapy(entry: PatientEntry, start_ms: int) -> PatientEntry:
    """Say when the first dose was given."""
    return msgspec.structs.replace(entry, therapy_start_ms=start_ms)


def with_zone(entry: PatientEntry, new: ZonePeriod) -> PatientEntry:
    """Move a patient to another time zone from an instant on.

    What it replaces stays if it has begun: what was measured since then has its days.
    """
    require_zone(new.zone)
    begun_ms = new.entered_at_ms
    others = [one for one in entry.zones if one.from_ms != new.from_ms or one.from_ms <= begun_ms]
    zones = sorted([*others, new], key=lambda one: one.order)
    return msgspec.structs.replace(entry, zones=zones)


def require_zone(zone: str) -> None:
    """Refuse what is no time zone."""
    if zone_named(zone) is None:
        raise RefusedEdit(f"{zone!r} is no time zone.", "Use an IANA name such as Europe/Berlin.")


def _limits(
    entry: PatientEntry, books: Sequence[BookEntry], name: str
) -> list[tuple[BookEntry, BookLimit]]:
    mine = [book for book in books if book.name in entry.books]
    found = [(book, limit) for book in mine for limit in book.limits if limit.name == name]
    if found:
        return found
    known = ", ".join(limit.name for book in mine for limit in book.limits) or "none"
    raise RefusedEdit(
        f"No active book of patient {entry.patient_id} has a limit {name}; they have: {known}.",
        "A book is made active with `vitalwire rules activate`.",
    )


def _amount(text: str) -> tuple[str, Decimal]:
    try:
        return amount_of(text)
    except InvalidInput as error:
        raise RefusedEdit(f"{error.detail}.", "Write it as '170 mmHg'.") from error


def _quantity(name: str) -> Quantity:
    for vital in VITALS.values():
        if found := vital.quantity(name):
            return found
    raise RefusedEdit(f"There is no quantity {name!r}.", "The book is of another release.")


def _minute(text: str) -> int:
    minute = minute_of_day(text)
    if minute is None:
        raise RefusedEdit(f"{text!r} is no time of day.", "Write it as 06:00.")
    return minute
