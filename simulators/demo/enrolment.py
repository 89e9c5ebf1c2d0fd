"""Enters the demo's patients and devices into the registry, as a person would."""

from datetime import UTC, datetime, timedelta

from ingest.database import connect
from ingest.registry import entries
from ingest.registry.assignments import NewAssignment
from ingest.registry.rotas import put_rota
from ingest.registry.store import RegistryStore
from schemas.registry import PatientEntry
from schemas.rota import Channel, Contact, OffHours, RotaEntry, Shift
from simulators.residents import BOOKS
from simulators.scenario import HomePlan

_WHO = "demo"
_SINCE = timedelta(days=1)  # the devices were in the home before their first reading


TRIAL_PATIENT = "trial"
_TEAM = ("nurse", "second nurse", "physician", "technician")
ROTA = RotaEntry(
    "demo",
    contacts=[Contact(name, [Channel("log")]) for name in _TEAM],
    shifts=[Shift("06:00", "22:00", ["nurse"], ["second nurse"])],
    off_hours=OffHours(["nurse"], ["second nurse"]),
    programme_lead=["physician"],
    technical=["technician"],
)
"""Everybody is told by a line in the log of the desk."""


def enrol(database_url: str, plans: list[HomePlan], now: datetime) -> None:
    """Add each home's patient and devices, and assign them; one transaction for all."""
    since_ms = _milliseconds(now - _SINCE)
    with connect(database_url, _WHO) as connection, connection.transaction():
        store = RegistryStore(connection, _WHO, now)
        put_rota(connection, ROTA, _WHO, now)
        for plan in plans:
            store.add_patient(
                PatientEntry(
                    patient_id=plan.patient_id,
                    pseudonym=plan.pseudonym,
                    books=plan.books,
                    care_plan_from_ms=since_ms,
                    simulated=True,
                )
            )
            for kind, address in plan.devices.items():
                device_id = f"{plan.gateway_id}-{kind}"
                store.add_device(device_id, address, f"Simulated {kind}")
                store.assign(NewAssignment(device_id, plan.patient_id, since_ms))


def enrol_trial(database_url: str, addresses: list[str], now: datetime) -> list[str]:
    """Give these real devices to the one patient of a trial; give the addresses that were new."""
    with connect(database_url, _WHO) as connection, connection.transaction():
        store = RegistryStore(connection, _WHO, now)
        put_rota(connection, ROTA, _WHO, now)
        patients = {patient.patient_id for patient in entries.patients(connection)}
        known = {device.address for device in entries.devices(connection)}
        if TRIAL_PATIENT not in patients:
            since_ms = _milliseconds(now - _SINCE)
            books = list(BOOKS)
            store.add_patient(PatientEntry(TRIAL_PATIENT, "Trial patient", books, "UTC", since_ms))
        new = [address for address in addresses if address not in known]
        for address in new:
            device_id = f"trial-{address.replace(':', '').lower()}"
            store.add_device(device_id, address)
            store.assign(NewAssignment(device_id, TRIAL_PATIENT, _milliseconds(now - _SINCE)))
    return new


def _milliseconds(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)
