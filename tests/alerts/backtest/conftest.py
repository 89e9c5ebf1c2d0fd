"""History is read from a real database too."""

from tests.servers import database_url, migrated_url, postgres, stack_folder

__all__ = ["database_url", "migrated_url", "postgres", "stack_folder"]
