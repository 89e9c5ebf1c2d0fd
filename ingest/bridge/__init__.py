"""MQTT to Kafka: parse once, attribute, produce; PUBACK only after Kafka has it."""
