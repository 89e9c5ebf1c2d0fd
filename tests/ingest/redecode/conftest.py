"""Two patients; the cuff is p-1's."""

import pytest

from ingest.registry.assignments import NewAssignment
from ingest.registry.store import RegistryStore
from schemas.registry import PatientEntry
from tests.ingest.factories import CUFF
from tests.ingest.redecode.stored import Database
from tests.servers import NOW


@pytest.fixture
def registry(connection: Database) -> RegistryStore:
    store = RegistryStore(connection, "test", NOW)
    for name in ("p-1", "p-2"):
        store.add_patient(PatientEntry(name, name))
    store.add_device("cuff-1", CUFF, "as the label says")
    store.assign(NewAssignment("cuff-1", "p-1", 0))
    connection.execute("DELETE FROM vitalwire.outbox")
    connection.execute("DELETE FROM vitalwire.audit_log")
    return store
