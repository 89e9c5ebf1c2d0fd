"""Kafka to the database: rows, keys, receipts and offsets in one transaction."""
