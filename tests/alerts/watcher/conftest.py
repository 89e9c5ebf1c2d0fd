"""The watcher's tests run against a real log."""

from tests.alert_log import log
from tests.servers import collected_garbage, kafka, mqtt

__all__ = ["collected_garbage", "kafka", "log", "mqtt"]
