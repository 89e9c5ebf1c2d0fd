"""Silence in the log: who is missed, why, and what one cause explains for all behind it.

Every patient is looked at before every record. When silence is due is the engine's own function;
``oracle_absence`` holds that one by itself.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import msgspec

from alerts.engine.absence.expectation import Expectation, deadline_ms
from alerts.engine.readings.identity import alert_id
from schemas.kafka import GatewayReport, PatientReadings
from schemas.registry import PatientEntry
from schemas.vitals import VITALS
from tests.alerts.oracle_absence import in_hours
from tests.alerts.oracle_contexts import Contexts
from tests.alerts.oracle_expected import Absent, Home, Missed, expectation, speaking
from tests.alerts.oracle_patient import LONG_AGO_MS, Patient
from tests.alerts.oracle_problem import Gone
from tests.alerts.oracle_rules import HOUR, MINUTE
from tests.alerts.oracle_words import Said

OFFLINE = "gateway-offline"


def voices(patient: Patient) -> dict[str, Missed]:
    """Who speaks for each open alert."""
    found: dict[str, Missed] = {}
    for missed in sorted(patient.missed.values(), key=lambda one: one.rank):
        found.setdefault(missed.alert, missed)
    return found


class Silence(Contexts):
    """Absence, and causes."""

    absences: list[Absent]
    homes: dict[str, Home]
    told_away: dict[str, int]
    """Gateways of which somebody was told, and since when each is away."""
    gap_ms: int | None
    gaps: list[tuple[int, int]]
    """When the log went, and when it came back."""
    before_ms: int
    """Log time before the record that comes: what a plan brings too late is told now."""

    def plan(self, entry: PatientEntry) -> None:
        """If something else is expected, what was explained is judged afresh.

        Enabling a book for adults under 13 years is refused: it neither judges nor expects.
        """
        if entry.under_13:
            entry = msgspec.structs.replace(entry, books=[])
        patient = self.patients.get(entry.patient_id)
        before = [] if patient is None else self.expected(patient.entry)
        super().plan(entry)
        if patient is not None and self.expected(entry) != before:
            patient.explained_ms.clear()

    def expected(self, entry: PatientEntry) -> list[Expectation | None]:
        return [
            expectation(entry, rule) if self.speaks(entry, rule) else None for rule in self.absences
        ]

    def speaks(self, entry: PatientEntry, rule: Absent) -> bool:
        return rule in speaking([one for one in self.absences if one.book in entry.books])

    def report(self, report: GatewayReport) -> None:
        """Take what a gateway says; what it changes is said before the next record."""
        self.homes.setdefault(report.gateway_id, Home()).take(report)

    def note_gap(self, before_ms: int) -> None:
        """Ticks come every minute: without them the log was away."""
        self.before_ms = before_ms
        gap = self.gap_ms is not None and self.log_ms - before_ms > self.gap_ms
        if gap and before_ms > LONG_AGO_MS:
            self.gaps.append((before_ms, self.log_ms))

    def held_ms(self, due_ms: int) -> int:
        """A log that was away explains silence for two hours more.

        For no longer than two hours in all since a deadline, or four if it was away for two once.
        """
        if not self.gaps:
            return LONG_AGO_MS
        there_ms, most_ms = 0, 2 * HOUR
        back = [(gone_ms, came_ms) for gone_ms, came_ms in self.gaps if came_ms > due_ms]
        for (gone_ms, came_ms), (again_ms, _) in pairwise(back):
            if came_ms - gone_ms >= 2 * HOUR:
                most_ms = 4 * HOUR
            over_ms = came_ms + min(most_ms - there_ms, 2 * HOUR)
            there_ms += max(again_ms - came_ms, 5 * MINUTE)
            if over_ms <= max(again_ms, came_ms + 5 * MINUTE):
                return over_ms
        gone_ms, came_ms = self.gaps[-1]
        if came_ms > due_ms and came_ms - gone_ms >= 2 * HOUR:
            most_ms = 4 * HOUR
        return came_ms + min(most_ms - there_ms, 2 * HOUR)

    def silences(self) -> list[Said]:
        """What is due before the record that comes, or over: with a pause that begins."""
        found, record_ms = list[Said](), self.log_ms
        for _, patient in sorted(self.patients.items()):
            found += self.over(patient, list(patient.missed), self.before_ms)
        pauses_ms = {
            one.from_ms for patient in self.patients.values() for one in patient.entry.pauses
        }
        begins_ms = sorted(at_ms for at_ms in pauses_ms if self.before_ms < at_ms < record_ms)
        for self.log_ms in begins_ms:
            found += self.until()
            for _, patient in sorted(self.patients.items()):
                found += self.over(patient, list(patient.missed), self.log_ms)
            self.before_ms = self.log_ms
        self.log_ms = record_ms
        return sorted([*found, *self.until()], key=self.place)

    def until(self) -> list[Said]:
        """What is due in a time in which no pause begins."""
        found, away = list[Said](), list[tuple[int, str, int]]()
        for _, patient in sorted(self.patients.items()):
            due = list[Missed]()
            for rule in self.absences:
                if rule.key not in patient.missed:
                    away += self.look(patient, rule, due)
            for missed in sorted(due, key=lambda one: (one.due_ms, one.rank)):
                found += self.miss(patient, missed)
            found += self.causes(patient)
        return [*found, *self.gateways(away)]

    def place(self, one: Said) -> tuple[int, str, int]:
        numbers = {rule.id: number for number, rule in enumerate(self.absences)}
        return one.at_ms, one.patient_id, numbers.get(one.rule, -1)

    def causes(self, patient: Patient) -> Iterator[Said]:
        """What changed of why nothing came, when it did; what a report said of before, now."""
        home = self.homes.get(patient.gateway, Home())
        for at_ms in sorted({self.before_ms, *home.changes_ms()}):
            if not self.before_ms <= at_ms < self.log_ms:
                continue
            until_then = {k: one for k, one in patient.missed.items() if one.due_ms <= at_ms}
            for missed in until_then.values():
                cause = self.cause(patient, missed.rule, at_ms)
                changed, missed.cause = cause != missed.cause, cause
                if changed and voices(replace(patient, missed=until_then))[missed.alert] is missed:
                    yield self.of_silence("cause", patient, missed, at_ms)

    def gateways(self, away: list[tuple[int, str, int]]) -> Iterator[Said]:
        """One alert of each that is away: when, which, and since when it is."""
        for at_ms, gateway, gone_ms in sorted(away):
            yield from self.back(gateway, at_ms)
            if gateway not in self.told_away:
                self.told_away[gateway] = gone_ms
                yield self.of_gateway("onset", gateway, gone_ms, at_ms)
        for gateway in sorted(self.told_away):
            yield from self.back(gateway, self.log_ms)

    def back(self, gateway: str, until_ms: int) -> Iterator[Said]:
        gone_ms = self.told_away.get(gateway)
        back_ms = None if gone_ms is None else self.homes[gateway].back_after(gone_ms)
        if gone_ms is not None and back_ms is not None:
            at_ms = max(back_ms, self.before_ms)
            if at_ms < until_ms:
                del self.told_away[gateway]
                yield self.of_gateway("returned", gateway, gone_ms, at_ms)

    def look(
        self, patient: Patient, rule: Absent, due: list[Missed]
    ) -> Iterator[tuple[int, str, int]]:
        """Give when a gateway explains it, and since when; ``due`` takes what none does."""
        since_ms, expected = self.waits(patient, rule)
        due_ms = None if expected is None else deadline_ms(expected, since_ms, self.before_ms)
        if expected is None or due_ms is None:
            return
        home = self.homes.get(patient.gateway, Home())
        at_ms = max(due_ms, self.held_ms(due_ms), self.before_ms)
        # What a gateway explains is looked at again hour by hour.
        at_ms = max(at_ms, patient.explained_ms.get(rule.key, at_ms))
        while (at_ms := in_hours(expected, at_ms)) < self.log_ms:
            gone_ms, look_ms = self.explained(home, due_ms, at_ms)
            if look_ms is not None:
                if gone_ms is not None:
                    yield at_ms, patient.gateway, gone_ms
                at_ms = look_ms
            else:
                patient.explained_ms.pop(rule.key, None)
                cause = self.cause(patient, rule, at_ms)
                due.append(Missed(rule, at_ms, since_ms, cause))
                return
            patient.explained_ms[rule.key] = at_ms

    def explained(self, home: Home, due_ms: int, at_ms: int) -> tuple[int | None, int | None]:
        """Since when is the gateway away, if somebody is to be told now, and when to look next?

        Whoever looks between two looks finds what the last one found.
        """
        last_ms = due_ms + (at_ms - due_ms) // HOUR * HOUR
        while last_ms < at_ms:
            _, look_ms = self.explained_then(home, due_ms, last_ms)
            if look_ms is None:
                break
            if look_ms > at_ms:
                return None, look_ms
            last_ms = look_ms
        return self.explained_then(home, due_ms, at_ms)

    def explained_then(self, home: Home, due_ms: int, at_ms: int) -> tuple[int | None, int | None]:
        if home.came_and_went(due_ms, at_ms):
            return None, None
        there, turned_ms = home.at(at_ms)
        look_ms = due_ms + ((at_ms - due_ms) // HOUR + 1) * HOUR
        if there and turned_ms + 2 * HOUR > at_ms:
            return None, min(turned_ms + 2 * HOUR, look_ms)
        return (turned_ms, look_ms) if there is False else (None, None)

    def miss(self, patient: Patient, missed: Missed) -> Iterator[Said]:
        """One open alert per patient and ladder; the most severe rung that holds speaks."""
        ladder = missed.rule.ladder
        open_now = [one for one in voices(patient).values() if one.rule.ladder == ladder]
        missed.alert = open_now[0].alert if open_now else f"{missed.rule.key}/{missed.due_ms}"
        patient.missed[missed.rule.key] = missed
        if not open_now or missed.rank < open_now[0].rank:
            event = "worsened" if open_now else "onset"
            yield self.of_silence(event, patient, missed, missed.due_ms)

    def over(self, patient: Patient, keys: list[str], begun_ms: int) -> Iterator[Said]:
        """End which of these is not due any more; a step down is said, and the end of the last.

        Whatever the hour: an old measurement that comes at night ends no silence that goes on. Nor
        does a pause that has not begun.
        """
        before = voices(patient)
        for key in keys:
            since_ms, expected = self.waits(patient, patient.missed[key].rule)
            if expected is not None:
                expected = msgspec.structs.replace(expected, at_once=True)
            due_ms = None if expected is None else deadline_ms(expected, since_ms, begun_ms)
            if due_ms is None or due_ms > self.log_ms:
                del patient.missed[key]
        after = voices(patient)
        for alert, missed in before.items():
            if alert not in after:
                yield self.of_silence("returned", patient, missed, self.log_ms)
            elif after[alert] is not missed:
                yield self.of_silence("eased", patient, after[alert], self.log_ms)

    def waits(self, patient: Patient, rule: Absent) -> tuple[int, Expectation | None]:
        """Since when, and for what; None: for nothing."""
        contact_ms = patient.contacts.get(rule.vital, (LONG_AGO_MS, ""))[0]
        if not self.speaks(patient.entry, rule):
            return contact_ms, None
        expected = expectation(patient.entry, rule)
        since_ms = max(contact_ms, expected.from_ms)
        return since_ms, None if since_ms <= 0 else expected

    def cause(self, patient: Patient, rule: Absent, at_ms: int) -> str:
        contact_ms, address = patient.contacts.get(rule.vital, (LONG_AGO_MS, ""))
        home = self.homes.get(patient.gateway, Home())
        if home.at(at_ms)[0] is False:
            return OFFLINE
        return "device-silent" if home.silent(address, contact_ms, at_ms) else "not-measured"

    def contact(self, patient: Patient, record: PatientReadings) -> Iterator[Said]:
        """Any measurement or failed attempt; what is open ends if it is not due any more."""
        for one in record.readings:
            vital = one.reading.vital
            if VITALS[vital].amends or one.reading.outcome not in {"measured", "failed"}:
                continue
            before_ms = patient.contacts.get(vital, (LONG_AGO_MS, ""))[0]
            at_ms = one.stamp.measured_at_ms
            patient.contacts[vital] = max(before_ms, at_ms), one.reading.device.address
            if patient.gateway not in {"", record.gateway_id}:
                patient.explained_ms.clear()
            patient.gateway = record.gateway_id
            later = [
                key
                for key, missed in patient.missed.items()
                if missed.rule.vital == vital and at_ms > missed.since_ms
            ]
            yield from self.over(patient, later, self.log_ms)

    def forget_absences(self, patient: Patient, now: list[Absent]) -> None:
        """A version leaves out rules, or lets them wait for something else.

        What they told is closed with them.
        """
        patient.explained_ms.clear()
        before = {alert: replace(missed) for alert, missed in voices(patient).items()}
        left = {(rule.key, rule.vital): rule for rule in now}
        kept = {
            key: replace(missed, rule=left[key, missed.rule.vital])
            for key, missed in patient.missed.items()
            if (key, missed.rule.vital) in left
        }
        gone = {missed.alert for key, missed in patient.missed.items() if key not in kept}
        patient.missed = kept
        for alert, missed in before.items():
            if alert in gone:
                patient.gone.append(
                    Gone(missed.rule.ladder, missed.rank[0], missed.rule.id, alert, "")
                )

    def without_rule(self, patient: Patient, gone: Gone) -> Iterator[Said]:
        """Of silence too; a step down is said."""
        if gone.reading_id:
            yield from super().without_rule(patient, gone)
            return
        missed = voices(patient).get(gone.origin)
        if missed is None:
            closed = self.closed(patient, gone.ladder, gone.origin, (gone.rank, gone.rule), None)
            yield replace(closed, reading_id="")
        elif missed.rank[0] > gone.rank:
            yield self.of_silence("eased", patient, missed, self.log_ms)

    def of_silence(self, event: str, patient: Patient, missed: Missed, at_ms: int) -> Said:
        rule, name = missed.rule, patient.entry.patient_id
        return Said(
            event,
            name,
            rule.ladder,
            rule.id,
            rule.severity,
            at_ms,
            alert_id(name, rule.ladder, missed.alert),
            "",
            (missed.cause,),
        )

    def of_gateway(self, event: str, gateway: str, away_ms: int, at_ms: int) -> Said:
        name = alert_id(f"gateway/{gateway}", OFFLINE, str(away_ms))
        return Said(event, "", OFFLINE, OFFLINE, "medium", at_ms, name, "", (OFFLINE,))
