"""Who wears which device: edited in PostgreSQL, published to registry.v1, looked up by all."""
