"""How every producer of the alert side ends."""

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

_FORCED_CLOSE_WITHIN_S = 2.0


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
