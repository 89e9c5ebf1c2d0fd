from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from ingest import database
from ingest.registry.assignments import NewAssignment
from ingest.registry.care_plan import RefusedEdit, with_pause
from ingest.registry.store import RegistryStore
from schemas.registry import REGISTRY_DECODER, DeviceEntry, PatientEntry, Pause
from tests.ingest.factories import CUFF
from tests.servers import NOW

DAY_MS = 86_400_000
ANNA = PatientEntry(
    "anna", "Blue Heron", ["adult-standard"], "Europe/Berlin", DAY_MS, simulated=True
)
BEN = PatientEntry("ben", "Red Fox")


@pytest.fixture
def store(connection: Connection[TupleRow]) -> RegistryStore:
    editing = RegistryStore(connection, "a nurse", NOW)
    editing.add_patient(ANNA)
    editing.add_patient(BEN)
    editing.add_device("cuff-1", CUFF)
    return editing


def table(connection: Connection[TupleRow], columns: str, name: str) -> list[TupleRow]:
    return connection.execute(
        f"SELECT {columns} FROM vitalwire.{name} ORDER BY 1".encode()
    ).fetchall()


def test_every_edit_leaves_an_audit_row_and_an_outbox_row(
    store: RegistryStore, other: Connection[TupleRow]
) -> None:
    store.assign(NewAssignment("cuff-1", "anna", DAY_MS))
    store.unassign("cuff-1", 2 * DAY_MS)
    audited = table(other, "audit_id, action, subject, who", "audit_log")
    assert [row[1:] for row in audited] == [
        ("patient.add", "patient/anna", "a nurse"),
        ("patient.add", "patient/ben", "a nurse"),
        ("device.add", "device/cuff-1", "a nurse"),
        ("assign", "device/cuff-1", "a nurse"),
        ("unassign", "device/cuff-1", "a nurse"),
    ]
    sent = table(other, "outbox_id, key, value", "outbox")
    assert [row[1] for row in sent] == [row[2] for row in audited]
    assert REGISTRY_DECODER.decode(bytes(sent[0][2])) == ANNA
    last = REGISTRY_DECODER.decode(bytes(sent[-1][2]))
    assert isinstance(last, DeviceEntry)
    assert [(one.valid_from_ms, one.valid_until_ms) for one in last.assignments] == [
        (DAY_MS, 2 * DAY_MS)
    ]


def test_the_same_again_changes_nothing(store: RegistryStore, other: Connection[TupleRow]) -> None:
    first = store.assign(NewAssignment("cuff-1", "anna", DAY_MS, user_slot=2))
    before = table(other, "*", "audit_log"), table(other, "*", "outbox")
    assert not store.add_patient(ANNA)
    assert not store.add_device("cuff-1", CUFF)
    assert store.assign(NewAssignment("cuff-1", "anna", DAY_MS, user_slot=2)) == first
    assert (table(other, "*", "audit_log"), table(other, "*", "outbox")) == before


def test_a_plan_that_nobody_would_read_is_refused(
    store: RegistryStore, other: Connection[TupleRow]
) -> None:
    before = table(other, "*", "care_plans"), table(other, "*", "outbox")
    pause = Pause(DAY_MS, reason="x" * 1_000_000)
    with pytest.raises(RefusedEdit, match="patient/anna would have 1,000,") as refused:
        store.change_plan("anna", "pause", lambda plan: with_pause(plan, pause))
    assert refused.value.way_out == "Write shorter reasons."
    assert (table(other, "*", "care_plans"), table(other, "*", "outbox")) == before


def test_an_overlap_says_whose_the_device_is_and_until_when(
    store: RegistryStore, other: Connection[TupleRow]
) -> None:
    store.assign(NewAssignment("cuff-1", "anna", 0, 10 * DAY_MS))
    with pytest.raises(RefusedEdit) as refused:
        store.assign(NewAssignment("cuff-1", "ben", 9 * DAY_MS))
    assert "is patient anna's" in refused.value.cause
    assert "until 1970-01-11T00:00:00+00:00" in refused.value.cause
    assert "unassign cuff-1" in refused.value.way_out
    assert len(table(other, "*", "assignments")) == 1
    store.assign(NewAssignment("cuff-1", "ben", 10 * DAY_MS))


def test_slots_of_one_device_do_not_overlap_each_other_but_the_whole(store: RegistryStore) -> None:
    store.assign(NewAssignment("cuff-1", "anna", 0, user_slot=1))
    store.assign(NewAssignment("cuff-1", "ben", 0, user_slot=2))
    with pytest.raises(RefusedEdit, match=r"slot 1.* is patient anna's .* without end"):
        store.assign(NewAssignment("cuff-1", "ben", DAY_MS))
    with pytest.raises(RefusedEdit, match="Name one with --slot"):
        store.unassign("cuff-1", DAY_MS)
    assert store.unassign("cuff-1", DAY_MS, 2).assignment.patient_id == "ben"


def test_what_never_was_leaves_the_assignments_and_stays_in_the_audit(
    store: RegistryStore, other: Connection[TupleRow]
) -> None:
    store.assign(NewAssignment("cuff-1", "anna", 0, DAY_MS))
    store.assign(NewAssignment("cuff-1", "ben", DAY_MS))
    removed = store.unassign("cuff-1", DAY_MS).assignment
    assert (removed.patient_id, removed.valid_until_ms) == ("ben", removed.valid_from_ms)
    assert table(other, "patient_id", "assignments") == [("anna",)]
    action, before, after = table(other, "action, before::text, after::text", "audit_log")[-1]
    assert action == "unassign"
    assert "ben" in before
    assert "ben" not in after


def test_what_contradicts_the_registry_is_refused(store: RegistryStore) -> None:
    with pytest.raises(RefusedEdit, match="anna exists with other data"):
        store.add_patient(PatientEntry("anna", "Somebody else"))
    with pytest.raises(RefusedEdit, match="Already taken"):
        store.add_patient(PatientEntry("carl", BEN.pseudonym))
    with pytest.raises(RefusedEdit, match="Already taken"):
        store.add_device("cuff-2", CUFF)
    with pytest.raises(RefusedEdit, match="no patient nobody"):
        store.assign(NewAssignment("cuff-1", "nobody", 0))
    with pytest.raises(RefusedEdit, match="no device nothing"):
        store.assign(NewAssignment("nothing", "anna", 0))
    with pytest.raises(RefusedEdit, match="end before it begins"):
        store.assign(NewAssignment("cuff-1", "anna", DAY_MS, DAY_MS))
    with pytest.raises(RefusedEdit, match="no user slot"):
        store.assign(NewAssignment("cuff-1", "anna", 0, user_slot=255))
    with pytest.raises(RefusedEdit, match="not assigned at"):
        store.unassign("cuff-1", DAY_MS)


@pytest.mark.parametrize("bad", ["", "a b", "a/b", "é", "x" * 65])
def test_names_that_would_break_keys_are_refused(store: RegistryStore, bad: str) -> None:
    with pytest.raises(RefusedEdit, match="is no patient id"):
        store.add_patient(PatientEntry(bad, "Green Owl"))
    with pytest.raises(RefusedEdit, match="is no device id"):
        store.add_device(bad, "C0:FF:EE:00:00:09")


def test_a_zone_or_an_address_that_is_none_is_refused(store: RegistryStore) -> None:
    with pytest.raises(RefusedEdit, match="no time zone"):
        store.add_patient(PatientEntry("carl", "Green Owl", zone="Mars/Olympus"))
    with pytest.raises(RefusedEdit, match="no Bluetooth address"):
        store.add_device("cuff-9", "c0:ff:ee:00:00:09")


def test_two_editors_at_once_cannot_give_one_device_to_two_patients(
    store: RegistryStore, database_url: str
) -> None:
    def assign(patient_id: str) -> str:
        with database.connect(database_url, "test") as connection:
            editing = RegistryStore(connection, patient_id, NOW)
            try:
                editing.assign(NewAssignment("cuff-1", patient_id, 0))
            except RefusedEdit:
                return "refused"
        return "assigned"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(assign, ["anna", "ben"])) == ["assigned", "refused"]
