"""The projector's tests run against a real log and a real database."""

from tests.alert_log import log
from tests.servers import database_url, kafka, migrated_url, postgres, stack_folder

__all__ = ["database_url", "kafka", "log", "migrated_url", "postgres", "stack_folder"]
