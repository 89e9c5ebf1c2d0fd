"""What a topic of Kafka holds, read from its beginning to its end."""

from kafka import TopicPartition

from ingest import kafka_clients


def values(bootstrap: str, topic: str) -> list[bytes]:
    """Give the records' values, in log order within each partition."""
    consumer = kafka_clients.consumer(bootstrap, "test")
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    consumer.seek_to_beginning(*partitions)
    found: list[bytes] = []
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for records in consumer.poll(timeout_ms=200).values():
            found += [record.value for record in records]
    consumer.close(autocommit=False)
    return found
