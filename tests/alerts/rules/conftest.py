"""Activating a book is tested against a real database."""

from tests.servers import database_url, migrated_url, postgres, stack_folder

__all__ = ["database_url", "migrated_url", "postgres", "stack_folder"]
