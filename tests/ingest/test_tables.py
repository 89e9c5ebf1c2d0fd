import re

import pytest

from ingest.storage import hypertable_statements
from ingest.tables import copied_columns, create_table
from schemas.vitals import VITALS, Vital

ALL = pytest.mark.parametrize("vital", VITALS.values(), ids=VITALS.keys())


@ALL
def test_a_table_has_every_copied_column_and_fills_the_rest_itself(vital: Vital) -> None:
    statement = next(iter(create_table(vital, partitioned=True)))
    created = re.findall(r"^ {4}(\w+) ", statement, re.MULTILINE)
    assert created == [*(name for name, _ in copied_columns(vital)), "stored_at", "version"]
    assert statement.endswith("PARTITION BY RANGE (time)")


@ALL
def test_a_hypertable_begins_as_an_ordinary_table_without_a_unique_index(vital: Vital) -> None:
    statements = list(create_table(vital, partitioned=False))
    assert not any("PARTITION" in text or "UNIQUE" in text for text in statements)


@ALL
def test_compression_is_ordered_by_patient_and_segmented_by_nothing(vital: Vital) -> None:
    create, compress, policy = hypertable_statements(vital)
    assert f"create_hypertable('vitalwire.{vital.name}', by_range('time'" in create
    assert "compress_orderby = 'patient_id, time DESC'" in compress
    assert "compress_segmentby = ''" in compress
    assert "if_not_exists => true" in policy
    for statement in (create, compress, policy):
        assert statement.count("(") == statement.count(")")
