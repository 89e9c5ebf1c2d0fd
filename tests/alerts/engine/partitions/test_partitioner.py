"""Many keys at once go where kafka-python puts each."""

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from alerts.engine.partitions.partitioner import partitions_of


@given(keys=st.lists(st.text(max_size=20)), partitions=st.integers(1, 100))
def test_many_keys_go_where_kafka_python_puts_each(keys: list[str], partitions: int) -> None:
    expected = {key: (murmur2(key.encode()) & 0x7FFF_FFFF) % partitions for key in keys}
    assert partitions_of(keys, partitions) == expected
