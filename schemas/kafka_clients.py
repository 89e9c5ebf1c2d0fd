"""What kafka-python's clients leave to whoever uses them: how they end, and what they may make."""

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaTimeoutError

_FORCED_CLOSE_WITHIN_S = 2.0


def create_no_topic(client: KafkaConsumer | KafkaProducer) -> None:
    """Leave it to `vitalwire ingest setup` to make the topics of a broker that lost them.

    kafka-python 3.0.12 takes ``allow_auto_create_topics`` and does not hand it on (its
    net/manager.py): a client that asks about a topic would make it, with another number of
    partitions. Call it before the client asks about any.
    """
    consumes = isinstance(client, KafkaConsumer)
    cluster = client._cluster if consumes else client._metadata  # noqa: SLF001
    cluster.config["allow_auto_create_topics"] = False


def hang_up(producer: KafkaProducer, within_s: float) -> None:
    """Close a producer; records that were not acknowledged by then fail.

    kafka-python's close() flushes first and, if a record is still under way, raises and leaves its
    thread and sockets behind. Ending the thread fails such records; then nothing is left to flush.
    """
    try:
        producer.close(timeout=within_s)
    except KafkaTimeoutError:
        producer._sender.force_close()  # noqa: SLF001  (nothing public ends the thread)
        producer.close(timeout=_FORCED_CLOSE_WITHIN_S)
