"""Silence in the log: who is missed, why, and what one cause explains for all behind it.

Every patient is looked at before every record. When silence is due is the engine's own function;
``oracle_absence`` holds that one by itself.
"""

from collections.abc import Iterator

from alerts.engine.absence.expectation import Expectation, deadline_ms
from alerts.engine.readings.identity import alert_id
from schemas.kafka import GatewayReport, PatientReadings
from schemas.registry import PatientEntry
from schemas.vitals import VITALS
from tests.alerts.oracle_contexts import Contexts
from tests.alerts.oracle_expected import Absent, Home, Missed, expectation, speaking
from tests.alerts.oracle_patient import LONG_AGO_MS, Patient
from tests.alerts.oracle_problem import Gone
from tests.alerts.oracle_rules import HOUR, SEVERITIES
from tests.alerts.oracle_words import Said

OFFLINE = "gateway-offline"


class Silence(Contexts):
    """Absence, and causes."""

    absences: list[Absent]
    homes: dict[str, Home]
    told_away: dict[str, int]
    """Gateways of which somebody was told, and since when each is away."""
    turned: set[str]
    gap_ms: int | None
    held_ms: int
    before_ms: int
    """Log time before the record that comes: what a plan brings too late is told now."""

    def plan(self, entry: PatientEntry) -> None:
        """If something else is expected, what was explained is judged afresh."""
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
        at_ms, online = report.received_at_ms, report.health.state == "online"
        home = self.homes.get(report.gateway_id)
        if home is None:
            home = self.homes[report.gateway_id] = Home(online, at_ms, at_ms)
            turned = not online
        elif at_ms < home.reported_ms:
            return
        else:
            turned = online != home.online or at_ms - home.reported_ms > HOUR
        if turned:
            home.online, home.since_ms = online, at_ms
        home.reported_ms = at_ms
        for device in report.health.devices:
            if device.last_seen_s is not None:
                heard_ms = at_ms - device.last_seen_s * 1000
                before_ms = home.heard_ms.get(device.address, 0)
                home.heard_ms[device.address] = max(before_ms, heard_ms)
                turned |= heard_ms - before_ms > HOUR
        if turned:
            self.turned.add(report.gateway_id)

    def note_gap(self, before_ms: int) -> None:
        """A log that was away explains silence, for two hours more."""
        self.before_ms = before_ms
        gap = self.gap_ms is not None and self.log_ms - before_ms > self.gap_ms
        if gap and before_ms > LONG_AGO_MS:
            self.held_ms = max(self.held_ms, self.log_ms + 2 * HOUR)

    def silences(self) -> list[Said]:
        """What is due before the record that comes."""
        found, told = list(self.gateways()), dict(self.told_away)
        for name in sorted(self.patients):
            for rule in self.absences:
                found += self.look(self.patients[name], rule, told)
        first: dict[str, Said] = {}
        for one in sorted(found, key=lambda one: one.at_ms):
            if one.ladder == OFFLINE and one.event == "onset":
                first.setdefault(one.alert_id, one)
        others = [one for one in found if one.ladder != OFFLINE or one.event != "onset"]
        return sorted([*others, *first.values()], key=self.place)

    def place(self, one: Said) -> tuple[int, str, int]:
        numbers = {rule.id: number for number, rule in enumerate(self.absences)}
        return one.at_ms, one.patient_id, numbers.get(one.rule, -1)

    def gateways(self) -> Iterator[Said]:
        for gateway in sorted(self.turned):
            home = self.homes[gateway]
            away = home.away_since(self.log_ms) is not None
            if gateway in self.told_away and not away:
                yield self.of_gateway("returned", gateway, self.told_away.pop(gateway), self.log_ms)
            for patient in self.patients.values():
                for missed in patient.missed.values():
                    if missed.gateway == gateway:
                        cause = OFFLINE if away else self.cause(patient, missed.rule)
                        if cause != missed.cause:
                            missed.cause = cause
                            yield self.of_silence("cause", patient, missed, self.log_ms)
        self.turned.clear()

    def look(self, patient: Patient, rule: Absent, told: dict[str, int]) -> Iterator[Said]:
        """``told``: the gateways of which somebody was told before."""
        since_ms, due_ms = self.due(patient, rule)
        missed = patient.missed.get(rule.key)
        if missed is not None:
            if due_ms is None or due_ms > self.log_ms:
                del patient.missed[rule.key]
                yield self.of_silence("returned", patient, missed, self.log_ms)
            return
        if due_ms is None:
            return
        home = self.homes.get(patient.gateway)
        afresh_ms = home.since_ms + 2 * HOUR if home is not None and home.online else LONG_AGO_MS
        at_ms = max(due_ms, afresh_ms, self.held_ms, self.before_ms)
        # What a gateway explains is looked at again hour by hour.
        at_ms = max(at_ms, patient.explained_ms.get(rule.key, at_ms))
        while at_ms < self.log_ms:
            away_ms = None if home is None else home.away_since(at_ms)
            if away_ms is None:
                patient.explained_ms.pop(rule.key, None)
                yield self.miss(patient, rule, since_ms, at_ms)
                return
            if patient.gateway not in told:
                self.told_away[patient.gateway] = away_ms
                yield self.of_gateway("onset", patient.gateway, away_ms, at_ms)
            at_ms += HOUR
            patient.explained_ms[rule.key] = at_ms

    def miss(self, patient: Patient, rule: Absent, since_ms: int, at_ms: int) -> Said:
        missed = Missed(rule, at_ms, since_ms, self.cause(patient, rule), patient.gateway)
        patient.missed[rule.key] = missed
        return self.of_silence("onset", patient, missed, at_ms)

    def due(self, patient: Patient, rule: Absent) -> tuple[int, int | None]:
        contact_ms = patient.contacts.get(rule.vital, (LONG_AGO_MS, ""))[0]
        if not self.speaks(patient.entry, rule):
            return contact_ms, None
        expected = expectation(patient.entry, rule)
        since_ms = max(contact_ms, expected.from_ms)
        return since_ms, None if since_ms <= 0 else deadline_ms(expected, since_ms)

    def cause(self, patient: Patient, rule: Absent) -> str:
        contact_ms, address = patient.contacts.get(rule.vital, (LONG_AGO_MS, ""))
        home = self.homes.get(patient.gateway)
        heard_ms = None if home is None else home.heard_ms.get(address)
        silent = heard_ms is not None and heard_ms <= contact_ms
        return "device-silent" if silent else "not-measured"

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
            for rule in self.absences:
                missed = patient.missed.get(rule.key)
                if rule.vital != vital or missed is None or at_ms <= missed.since_ms:
                    continue
                due_ms = self.due(patient, rule)[1]
                if due_ms is None or due_ms > self.log_ms:
                    del patient.missed[rule.key]
                    yield self.of_silence("returned", patient, missed, self.log_ms)

    def forget_absences(self, patient: Patient, now: list[Absent]) -> None:
        """A version leaves out rules: what they told is closed with them."""
        patient.explained_ms.clear()
        left = {rule.key: rule for rule in now}
        for key, missed in list(patient.missed.items()):
            if key in left:
                missed.rule = left[key]
                continue
            rank, origin = SEVERITIES.index(missed.rule.severity), f"{key}/{missed.due_ms}"
            patient.gone.append(Gone(missed.rule.ladder, rank, missed.rule.id, origin, ""))
            del patient.missed[key]

    def of_silence(self, event: str, patient: Patient, missed: Missed, at_ms: int) -> Said:
        rule, name = missed.rule, patient.entry.patient_id
        return Said(
            event,
            name,
            rule.ladder,
            rule.id,
            rule.severity,
            at_ms,
            alert_id(name, rule.ladder, f"{rule.key}/{missed.due_ms}"),
            "",
            (missed.cause,),
        )

    def of_gateway(self, event: str, gateway: str, away_ms: int, at_ms: int) -> Said:
        name = alert_id(f"gateway/{gateway}", OFFLINE, str(away_ms))
        return Said(event, "", OFFLINE, OFFLINE, "medium", at_ms, name, "", (OFFLINE,))
