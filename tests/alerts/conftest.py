"""What tests of alerts ask for that let Kafka be away."""

from tests.servers import collected_garbage

__all__ = ["collected_garbage"]
