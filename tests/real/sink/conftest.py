"""The sink between a database and Apache Kafka."""

from tests.ingest.sink.conftest import bench, registry

__all__ = ["bench", "registry"]
