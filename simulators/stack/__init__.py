"""The servers of the clinic, embedded: PostgreSQL, a Kafka-compatible broker, an MQTT broker.

Each is a child process that ends with its parent, on loopback or a private socket, with its data
under one directory. They are for the demo and for tests; production runs the real ones.
"""
