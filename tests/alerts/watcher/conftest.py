"""The watcher's tests run against a real log."""

from tests.alert_log import log
from tests.servers import kafka, mqtt

__all__ = ["kafka", "log", "mqtt"]
