"""``vitalwire registry plan``: how a patient is watched, edited by people."""

import getpass
from collections.abc import Callable
from datetime import datetime
from typing import get_args

import click

from ingest.instants import to_ms
from ingest.registry import care_plan
from ingest.registry.terminal import JSON, NOW, Instant, clock_now, editing, instant_text, say
from schemas.registry import PatientEntry, Pause, PersonalLimit, Role, Schedule, ZonePeriod

_FROM = click.option("--from", "from_", type=Instant(), default=NOW, show_default=True)
_UNTIL = click.option("--until", type=Instant(), help="Default: without end.")


@click.group()
def plan() -> None:
    """How a patient is watched: books, personal limits, schedule, pauses, time zone."""


@plan.command()
@click.argument("patient_id")
@JSON
def show(*, patient_id: str, as_json: bool) -> None:
    r"""Show the care plan of PATIENT_ID.

    \b
    vitalwire registry plan show p-17
    """
    with editing() as store:
        entry = store.change_plan(patient_id, "none", lambda same: same)
    say(entry, "\n".join(_lines(entry)), as_json=as_json)


@plan.command()
@click.argument("patient_id")
@click.argument("book", nargs=-1)
@JSON
def books(*, patient_id: str, book: tuple[str, ...], as_json: bool) -> None:
    r"""Let exactly these BOOKs judge PATIENT_ID; none: no reading raises an alert.

    \b
    vitalwire registry plan books p-17 adult-standard adult-diabetes
    """
    with editing() as store:
        active = store.active_books()
        entry = store.change_plan(
            patient_id, "books", lambda plan: care_plan.with_books(plan, book, active)
        )
    for sentence in care_plan.not_in_force(entry.books, active):
        click.secho(sentence, fg="yellow", err=True)
    watching = ", ".join(entry.books) or "no book"
    say(entry, f"{patient_id} is watched by {watching}", as_json=as_json)


@plan.command()
@click.argument("patient_id")
@click.argument("name")
@click.option("--value", "values", multiple=True, required=True, help="'170 mmHg'; once a unit.")
@click.option("--role", type=click.Choice(get_args(Role)), required=True, help="Of the author.")
@click.option("--author", default=getpass.getuser, show_default="you")
@click.option("--reason", required=True)
@_FROM
@_UNTIL
@click.option("--yes", is_flag=True, help="Do not ask whether a rounded amount is right.")
@JSON
def limit(  # noqa: PLR0913  (click gives every option as an argument)
    *,
    patient_id: str,
    name: str,
    values: tuple[str, ...],
    role: Role,
    author: str,
    reason: str,
    from_: datetime,
    until: datetime | None,
    yes: bool,
    as_json: bool,
) -> None:
    r"""Give PATIENT_ID a limit of her own instead of the book's limit NAME.

    What is stated in one unit of a pair is completed in the other, rounded half-up, and shown.

    \b
    vitalwire registry plan limit p-17 low-glucose --value "80 mg/dL" \
        --role physician --reason "falls at night" --until 2027-01-31
    """
    with editing() as store:
        active = store.active_books()
        entry = store.change_plan(patient_id, "none", lambda same: same)
        stated = care_plan.state_limit(entry, active, name, values)
        if stated.added and not yes:
            click.confirm(
                f"{name} is {' = '.join(stated.values)}: is {' and '.join(stated.added)} right?",
                abort=True,
                err=True,
            )
        new = PersonalLimit(
            name,
            stated.values,
            author,
            role,
            reason,
            to_ms(from_),
            None if until is None else to_ms(until),
            to_ms(clock_now()),
        )
        entry = store.change_plan(
            patient_id, "limit", lambda plan: care_plan.with_limit(plan, active, new)
        )
    say(entry, f"{patient_id}: {_limit(new)}", as_json=as_json)


@plan.command("end-limit")
@click.argument("patient_id")
@click.argument("name")
@click.option("--at", type=Instant(), default=NOW, show_default=True)
@JSON
def end_limit(*, patient_id: str, name: str, at: datetime, as_json: bool) -> None:
    r"""Let the book's limit NAME hold for PATIENT_ID again.

    \b
    vitalwire registry plan end-limit p-17 severe-systolic
    """
    _change(
        patient_id,
        "end-limit",
        lambda plan: care_plan.without_limit(plan, name, to_ms(at)),
        f"the book's {name} holds again",
        as_json=as_json,
    )


@plan.command()
@click.argument("patient_id")
@click.argument("vital")
@click.option("--window", "windows", multiple=True, help="'06:00-11:00', local; repeatable.")
@click.option("--grace", "grace_min", default=120, show_default=True, help="Minutes.")
@JSON
def schedule(
    *, patient_id: str, vital: str, windows: tuple[str, ...], grace_min: int, as_json: bool
) -> None:
    r"""Say when PATIENT_ID measures VITAL; without --window nothing is expected.

    \b
    vitalwire registry plan schedule p-17 blood_pressure --window 06:00-11:00 --window 17:00-22:00
    """
    pairs = [(begins, ends) for begins, _, ends in (window.partition("-") for window in windows)]
    _change(
        patient_id,
        "schedule",
        lambda plan: care_plan.with_schedule(plan, Schedule(vital, pairs, grace_min)),
        f"{vital} is expected at {', '.join(windows) or 'no time'}",
        as_json=as_json,
    )


@plan.command()
@click.argument("patient_id")
@_FROM
@_UNTIL
@click.option("--reason", required=True, help="A hospital stay, a journey.")
@JSON
def pause(
    *, patient_id: str, from_: datetime, until: datetime | None, reason: str, as_json: bool
) -> None:
    r"""Expect no readings of PATIENT_ID for a time; those that come are judged.

    \b
    vitalwire registry plan pause p-17 --until 2026-12-14 --reason "in hospital"
    """
    new = Pause(to_ms(from_), None if until is None else to_ms(until), reason)
    _change(
        patient_id,
        "pause",
        lambda plan: care_plan.with_pause(plan, new),
        "nothing is expected in the pause",
        as_json=as_json,
    )


@plan.command()
@click.argument("patient_id")
@click.argument("name", metavar="ZONE")
@_FROM
@JSON
def zone(*, patient_id: str, name: str, from_: datetime, as_json: bool) -> None:
    r"""Let PATIENT_ID live in ZONE from --from on; earlier days stay what they were.

    \b
    vitalwire registry plan zone p-17 America/New_York --from 2026-12-01
    """
    new = ZonePeriod(to_ms(from_), name, to_ms(clock_now()))
    _change(
        patient_id,
        "zone",
        lambda plan: care_plan.with_zone(plan, new),
        f"lives in {name} from {instant_text(to_ms(from_))}",
        as_json=as_json,
    )


@plan.command()
@click.argument("patient_id")
@click.argument("start", type=Instant())
@JSON
def therapy(*, patient_id: str, start: datetime, as_json: bool) -> None:
    r"""Say when the first dose was given: what was measured before it is the baseline.

    \b
    vitalwire registry plan therapy p-17 2026-12-01T09:00Z
    """
    _change(
        patient_id,
        "therapy",
        lambda plan: care_plan.with_therapy(plan, to_ms(start)),
        f"therapy began {instant_text(to_ms(start))}",
        as_json=as_json,
    )


def _change(
    patient_id: str,
    action: str,
    change: Callable[[PatientEntry], PatientEntry],
    sentence: str,
    *,
    as_json: bool,
) -> None:
    with editing() as store:
        entry = store.change_plan(patient_id, action, change)
    say(entry, f"{patient_id}: {sentence}", as_json=as_json)


def _lines(entry: PatientEntry) -> list[str]:
    """Show a plan, one fact a line."""
    child = ", under 13" if entry.under_13 else ""
    lines = [
        f"{entry.pseudonym} ({entry.patient_id}{child})",
        f"  books: {', '.join(entry.books) or 'none'}",
        f"  watched from {instant_text(entry.care_plan_from_ms)}, zone {entry.zone}",
    ]
    lines += [f"  zone {one.zone} from {instant_text(one.from_ms)}" for one in entry.zones]
    lines += [f"  limit {_limit(one)}" for one in entry.limits]
    for one in entry.schedules:
        windows = ", ".join(f"{begins}-{ends}" for begins, ends in one.windows)
        lines.append(f"  {one.vital} at {windows}, grace {one.grace_min} min")
    lines += [f"  pause {_period(one.from_ms, one.until_ms)}: {one.reason}" for one in entry.pauses]
    if entry.therapy_start_ms is not None:
        lines.append(f"  therapy began {instant_text(entry.therapy_start_ms)}")
    return lines


def _limit(one: PersonalLimit) -> str:
    period = _period(one.valid_from_ms, one.valid_until_ms)
    value = " = ".join(one.values)
    return f"{one.name} {value}, {period}, by {one.author} ({one.role}): {one.reason}"


def _period(from_ms: int, until_ms: int | None) -> str:
    ends = "until further notice" if until_ms is None else f"until {instant_text(until_ms)}"
    return f"from {instant_text(from_ms)} {ends}"
