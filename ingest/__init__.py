"""The clinic's intake: registry, bridge (MQTT to Kafka) and sink (Kafka to the database)."""
