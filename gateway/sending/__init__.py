"""From the journal to the broker, and what the server tells this home."""
